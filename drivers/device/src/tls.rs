//! What is asked of TLS, in the words of OpenSSL. Pure.

/// What is offered where nothing is asked for: forward secrecy and authenticated encryption only.
const MODERN_CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:\
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/// As they are called, the oldest first.
pub const VERSIONS: [&str; 5] = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const MODERN_VERSIONS: [usize; 2] = [3, 4];

/// The ciphers of a list as OpenSSL has it, as `table` calls them on the device, in their order; and those that it does not
/// have.
#[must_use]
pub fn ciphers<'t>(asked: &str, table: &[(&str, &'t str)]) -> (Vec<&'t str>, Vec<String>) {
    let asked = if asked.is_empty() { MODERN_CIPHERS } else { asked };
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for cipher in asked.split(':').filter(|cipher| !cipher.is_empty()) {
        match table.iter().find(|(name, _)| *name == cipher) {
            Some((_, theirs)) if found.contains(theirs) => {}
            Some((_, theirs)) => found.push(*theirs),
            None => unknown.push(cipher.to_owned()),
        }
    }
    (found, unknown)
}

/// Positions in [`VERSIONS`], each once, the oldest first. What is not known is none.
#[must_use]
pub fn versions(asked: &[String]) -> Vec<usize> {
    if asked.is_empty() {
        return MODERN_VERSIONS.to_vec();
    }
    (0..VERSIONS.len()).filter(|at| asked.iter().any(|version| version == VERSIONS[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphers_are_those_that_both_know_in_the_order_in_which_they_are_asked_for() {
        let table = [("A", "a"), ("B", "b"), ("ECDHE-RSA-AES128-GCM-SHA256", "modern")];
        assert_eq!(ciphers("B:X:A:B", &table), (vec!["b", "a"], vec!["X".to_owned()]));
        assert_eq!(ciphers("", &table).0, ["modern"]);
    }

    #[test]
    fn versions_are_in_order_and_modern_where_nothing_is_asked_for() {
        let asked =
            |versions: &[&str]| super::versions(&versions.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(asked(&[]), [3, 4]);
        assert_eq!(asked(&["TLSv1.3", "TLSv1.1", "nope"]), [2, 4]);
    }
}
