//! Where the objects of the device are.

use ballast_device::{AsciiSet, Child, Key, RESERVED, encoded};

use crate::kind::Kind;

/// A key of two parts has a plus sign between them.
const IN_PATHS: AsciiSet = RESERVED.remove(b'+');

/// The collection to which an object is added.
pub(crate) fn collection(key: &Key<Kind>) -> String {
    match &key.child {
        None => key.kind.collection().to_owned(),
        Some(_) => format!("{}/{}/{}", key.kind.collection(), encoded(&key.name, &IN_PATHS), key.kind.wrapper()),
    }
}

/// As the vendor writes it: a port is `80+tcp`, a member `web+80`.
fn segment(kind: Kind, child: &Child) -> String {
    let Child { name, port } = child;
    match (kind, port) {
        (Kind::ServerPort | Kind::VirtualPort, Some(port)) => format!("{port}+{name}"),
        (_, Some(port)) => format!("{name}+{port}"),
        (_, None) => name.clone(),
    }
}

pub(crate) fn of(key: &Key<Kind>) -> String {
    let last = match &key.child {
        None => key.name.clone(),
        Some(child) => segment(key.kind, child),
    };
    format!("{}/{}", collection(key), encoded(&last, &IN_PATHS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_by_segments() {
        let key = Key::child(Kind::ServerPort, "a b", Child::at("tcp", 80_u16));
        assert_eq!(of(&key), "slb/server/a%20b/port/80+tcp");
        assert_eq!(collection(&key), "slb/server/a%20b/port");
        let key = Key::child(Kind::Member, "g", Child::at("a+b", 80_u16));
        assert_eq!(of(&key), "slb/service-group/g/member/a+b+80");
    }
}
