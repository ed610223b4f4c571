//! The names of our objects on the device, within its limits: 29 characters for a monitor, 14 for a partition.
//!
//! An object of a load balancer begins with its owner, `bl_` and the start of the hash of the load balancer's full id, so
//! that what it owns can be told from all else. Servers belong to an address, not to a load balancer.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

/// All that Ballast made, but for partitions.
pub const PREFIX: &str = "bl_";
/// Servers that Ballast made.
pub const SERVER: &str = "bl_s_";
const MARKER: &str = "_id";

/// The start of the names of all that a load balancer owns. 15 characters.
pub fn owner(load_balancer: &str) -> String {
    format!("{PREFIX}{}", hash(load_balancer, 12))
}

/// An object's name: the owner, a letter for its kind, and the hash of what it is made of. 28 characters.
pub fn object(owner: &str, letter: char, id: &str) -> String {
    format!("{owner}_{letter}{}", hash(id, 11))
}

/// The object that says which load balancer the owner is. 18 characters.
pub fn marker(owner: &str) -> String {
    format!("{owner}{MARKER}")
}

pub fn is_marker(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(MARKER)
}

/// Whether the object of this name belongs to the owner.
pub fn is_of(owner: &str, name: &str) -> bool {
    name.strip_prefix(owner).is_some_and(|rest| rest.starts_with('_'))
}

pub fn server(address: IpAddr) -> String {
    format!("{SERVER}{}", hash(&address.to_string(), 20))
}

/// A tenant's partition. 14 characters.
pub fn partition(project: &str) -> String {
    format!("bl{}", hash(project, 12))
}

pub fn is_partition(name: &str) -> bool {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.strip_prefix("bl").is_some_and(|rest| rest.len() == 12 && rest.bytes().all(hexadecimal))
}

fn hash(text: &str, length: usize) -> String {
    let mut digest = hex::encode(Sha256::digest(text.as_bytes()));
    digest.truncate(length);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_device_whatever_the_ids() {
        let owner = owner(&"x".repeat(64));
        let monitor = object(&owner, 'h', &"y".repeat(500));
        assert!(monitor.len() <= 29 && marker(&owner).len() <= 29, "{monitor}");
        assert_eq!(partition("a project with any name").len(), 14);
        assert!(is_partition(&partition("")) && !is_partition("blue"));
        assert!(is_of(&owner, &monitor) && is_of(&owner, &marker(&owner)));
        assert!(!is_of(&owner, &server(IpAddr::from([10, 0, 0, 1]))));
    }
}
