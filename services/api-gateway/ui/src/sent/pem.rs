//! Texts of PEM, as far as it is told what of them may be shown.

/// What may be shown again.
const PUBLIC: [&str; 4] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CRL"];
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A text without the private keys in it, and they. What has no end is one to the end of the text.
pub(super) fn without_keys(text: &str) -> (String, String) {
    let (mut rest, mut others, mut keys) = (text, String::new(), String::new());
    while let Some((before, label, from)) = begun(rest) {
        if label.ends_with("PRIVATE KEY") {
            others += before;
            let end = end_of(from);
            keys += &from[..end];
            keys.push('\n');
            rest = &from[end..];
        } else {
            let upto = before.len() + BEGIN.len();
            others += &rest[..upto];
            rest = &rest[upto..];
        }
    }
    (others + rest, keys.trim_end().to_owned())
}

/// The blocks of a text that anybody may see.
pub(super) fn public(text: &str) -> String {
    let (mut rest, mut blocks) = (text, Vec::new());
    while let Some((_, label, from)) = begun(rest) {
        let end = end_of(from);
        let block = &from[..end];
        let is_whole = block.ends_with(&format!("{END}{label}{DASHES}")) && block.matches(BEGIN).count() == 1;
        if is_whole && PUBLIC.contains(&label) {
            blocks.push(block);
        }
        // One that has no end of its own may have another one in it.
        rest = if is_whole { &from[end..] } else { &from[BEGIN.len()..] };
    }
    blocks.join("\n")
}

/// What is before the next block, its label, and the text from it on.
fn begun(text: &str) -> Option<(&str, &str, &str)> {
    let at = text.find(BEGIN)?;
    let (before, from) = text.split_at(at);
    let label = from[BEGIN.len()..].split(['-', '\n', '\r']).next().unwrap_or_default();
    Some((before, label, from))
}

/// Where the block ends that begins here.
fn end_of(from: &str) -> usize {
    let end = from.find(END).map(|at| at + END.len());
    let end = end.and_then(|at| Some(at + from[at..].find(DASHES)? + DASHES.len()));
    end.unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";

    #[test]
    fn keys_are_parted_from_what_else_there_is_whatever_they_are_called_and_wherever_they_are() {
        for label in
            ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
        {
            let key = format!("-----BEGIN {label}-----\nkey\n-----END {label}-----");
            for text in
                [format!("{key}{CERTIFICATE}"), format!("{CERTIFICATE}{key}"), format!("\n{key}\n{CERTIFICATE}\n")]
            {
                let (others, keys) = without_keys(&text);
                assert_eq!((others.trim(), keys.as_str()), (CERTIFICATE, key.as_str()), "{text}");
            }
        }
        let cut = format!("{CERTIFICATE}-----BEGIN PRIVATE KEY-----\nkey");
        assert_eq!(without_keys(&cut), (CERTIFICATE.to_owned(), "-----BEGIN PRIVATE KEY-----\nkey".to_owned()));
        assert_eq!(without_keys("plain"), ("plain".to_owned(), String::new()));
    }

    #[test]
    fn only_whole_certificates_and_lists_are_shown_again() {
        let list = "-----BEGIN X509 CRL-----\nMIIC\n-----END X509 CRL-----";
        assert_eq!(public(&format!("subject=x\n{CERTIFICATE}\nnonsense{list}")), format!("{CERTIFICATE}\n{list}"));
        for hidden in [
            "nonsense",
            "-----BEGIN CERTIFICATE-----\ncut",
            "-----BEGIN PARAMETERS-----\nx\n-----END PARAMETERS-----",
            "-----BEGIN CERTIFICATE-----\nx\n-----END OTHER-----",
            "--BEGIN PRIVATE KEY--\nx\n--END PRIVATE KEY--",
        ] {
            assert_eq!(public(hidden), "", "{hidden}");
            assert_eq!(public(&format!("{hidden}\n{CERTIFICATE}")), CERTIFICATE, "{hidden}");
        }
    }
}
