//! What a form would make of a certificate, beside the form.

use std::collections::BTreeSet;

use ballast_proto::v2::Certificate;

use super::super::{
    sheet::{Difference, Sheet},
    time::Moment,
};

/// What differs when one takes the place of another.
pub(crate) fn differences(sheet: &Sheet, before: &Certificate, after: &Certificate) -> Vec<Difference> {
    let mut all = sheet.differences();
    if before.version == after.version {
        return all;
    }
    let set = |one: &Certificate| one.names.iter().cloned().collect::<BTreeSet<_>>();
    let (was, is) = (set(before), set(after));
    let listed = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let gone = listed(was.difference(&is).collect());
    let new = listed(is.difference(&was).collect());
    let mut one = |label, before: String, after: String| {
        if before != after {
            let shown = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
            all.push(Difference { label, before: shown(before), after: shown(after) });
        }
    };
    one("Names that go", gone, String::new());
    one("Names that come", String::new(), new);
    one("Ends", end(before), end(after));
    one("Key", before.key_type.clone(), after.key_type.clone());
    one("Issuer", before.issuer.clone(), after.issuer.clone());
    one("Subject", before.subject.clone(), after.subject.clone());
    one("SHA-256", before.fingerprint.clone(), after.fingerprint.clone());
    all
}

fn end(one: &Certificate) -> String {
    let end = one.not_after.as_ref().and_then(|time| jiff::Timestamp::new(time.seconds, 0).ok());
    end.map(|end| end.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// What a new one says.
pub(crate) fn facts(one: &Certificate, now: jiff::Timestamp) -> Vec<(&'static str, String)> {
    let ends = Moment::end(one.not_after.as_ref(), now).map(|end| format!("{} ({})", end.shown, end.ago));
    let names = one.acme.as_ref().map_or(&one.names, |acme| &acme.domains);
    let mut facts = vec![
        ("For", names.join(", ")),
        ("Ends", ends.unwrap_or_default()),
        ("Key", one.key_type.clone()),
        ("Subject", one.subject.clone()),
        ("Issuer", one.issuer.clone()),
        ("SHA-256", one.fingerprint.clone()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

#[cfg(test)]
mod tests {
    use super::{super::super::samples, *};

    #[test]
    fn what_goes_and_what_comes_is_said_and_the_same_once_more_is_no_change() {
        let before = Certificate { version: 1, ..samples::certificate("web") };
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let old = Certificate { names: names(&["a", "b"]), ..before.clone() };
        let new = Certificate {
            names: names(&["b", "c"]),
            version: 2,
            key_type: "Ed25519".to_owned(),
            not_after: samples::before(-400 * 86_400),
            ..before
        };
        let said: Vec<_> = differences(&Sheet::default(), &old, &new)
            .into_iter()
            .map(|one| format!("{}: {} -> {}", one.label, one.before, one.after))
            .collect();
        assert_eq!(said[..2], ["Names that go: a -> nothing", "Names that come: nothing -> c"]);
        assert!(said[2].starts_with("Ends: ") && said[3] == "Key: ECDSA P-256 -> Ed25519", "{said:?}");
        assert_eq!(differences(&Sheet::default(), &old, &Certificate { version: 1, ..new }), []);
    }
}
