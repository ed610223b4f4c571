//! What is told of references that are not taken: of several that first at which Octavia looks first.

use ballast_model::{
    certificate::{Certificate, Validity},
    fault::{Choices, Facts, Fault, Referred, Tls},
    time::Timestamp,
    tls::Purpose,
};

use crate::secrets::{Flaw, Refused};

/// A reference, what it is named for, and why it is not taken.
pub(super) type Refusal = (String, Purpose, Refused);

/// As Octavia looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    NoBundle,
    NoCertificate,
    NotThere,
    CaInvalid,
    CrlInvalid,
    Nameless,
    Unfit,
}

const fn place((_, purpose, refused): &Refusal) -> Place {
    match (purpose, refused) {
        (Purpose::Certificate, Refused::Bad(Flaw::Unreadable, _)) => Place::NoBundle,
        (Purpose::Certificate, Refused::Bad(Flaw::Nameless, _)) => Place::Nameless,
        (Purpose::Certificate, Refused::Bad(Flaw::Unfit, _)) => Place::Unfit,
        (Purpose::Certificate, _) => Place::NoCertificate,
        (_, Refused::Gone(_) | Refused::Away(_) | Refused::Bad(Flaw::Other, _)) => Place::NotThere,
        (Purpose::Ca, Refused::Bad(..)) => Place::CaInvalid,
        (Purpose::Crl, Refused::Bad(..)) => Place::CrlInvalid,
    }
}

/// # Errors
/// [`Tls::SecretsNotFound`] or [`Referred`], if there is a refusal.
pub(super) fn refuse(refusals: Vec<Refusal>) -> Result<(), Fault> {
    let Some(first) = refusals.iter().map(place).min() else { return Ok(()) };
    let same: Vec<Refusal> = refusals.into_iter().filter(|one| place(one) == first).collect();
    let fact: Facts = match (first, same.as_slice()) {
        (Place::NoCertificate | Place::NotThere, [(reference, _, Refused::Bad(_, why))]) => {
            Referred::Unusable { reference: reference.clone(), why: why.clone() }.into()
        }
        (Place::NoCertificate | Place::NotThere, all) => {
            let references: Choices = all.iter().map(|(reference, ..)| reference).collect();
            Tls::SecretsNotFound { references }.into()
        }
        (_, []) => return Ok(()),
        (place, [(reference, _, refused), ..]) => {
            let (reference, why) = (reference.clone(), refused.why().to_owned());
            match place {
                Place::CaInvalid => Referred::CaInvalid { reference, why },
                Place::CrlInvalid => Referred::CrlInvalid { reference, why },
                Place::Nameless => Referred::Nameless { reference },
                Place::Unfit => Referred::Unfit { reference, why },
                Place::NoBundle | Place::NoCertificate | Place::NotThere => Referred::NoBundle { reference, why },
            }
            .into()
        }
    };
    Err(fact.into())
}

/// Why a certificate that is kept here is not taken for this; none: it is taken. One that a CA renews by itself is waited for.
pub(super) fn own_refused(own: &Certificate, purpose: Purpose, now: Timestamp) -> Option<Refused> {
    if own.kind != purpose {
        let why = format!("it is a certificate of the kind {}, and not {}", own.kind.as_str(), purpose.as_str());
        let flaw = if purpose == Purpose::Certificate { Flaw::Other } else { Flaw::Unreadable };
        return Some(Refused::Bad(flaw, why));
    }
    let has_ended = own.content.as_ref().is_some_and(|content| content.validity(now) == Validity::Expired);
    let why = "it has expired: give the certificate of this reference a new certificate_chain first";
    (has_ended && own.acme.is_none()).then(|| Refused::Bad(Flaw::Unfit, why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(reference: &str, purpose: Purpose, refused: Refused) -> Refusal {
        (reference.to_owned(), purpose, refused)
    }

    fn told(refusals: Vec<Refusal>) -> Facts {
        refuse(refusals).unwrap_err().facts().clone()
    }

    fn gone() -> Refused {
        Refused::Gone("gone".to_owned())
    }

    fn flawed(flaw: Flaw) -> Refused {
        Refused::Bad(flaw, "why".to_owned())
    }

    #[test]
    fn nothing_that_is_refused_is_nothing_to_tell() {
        refuse(Vec::new()).unwrap();
    }

    #[test]
    fn of_several_that_is_told_at_which_octavia_looks_first() {
        let (reference, why) = ("r".to_owned(), "why".to_owned());
        let not_there =
            |references: &[&str]| Facts::from(Tls::SecretsNotFound { references: references.iter().collect() });
        // From the last to the first: each comes before all that were there.
        let mut all = Vec::new();
        for (purpose, refused, told_then) in [
            (
                Purpose::Certificate,
                flawed(Flaw::Unfit),
                Referred::Unfit { reference: reference.clone(), why: why.clone() }.into(),
            ),
            (Purpose::Certificate, flawed(Flaw::Nameless), Referred::Nameless { reference: reference.clone() }.into()),
            (
                Purpose::Crl,
                flawed(Flaw::Unreadable),
                Referred::CrlInvalid { reference: reference.clone(), why: why.clone() }.into(),
            ),
            (
                Purpose::Ca,
                flawed(Flaw::Unfit),
                Referred::CaInvalid { reference: reference.clone(), why: why.clone() }.into(),
            ),
            (Purpose::Crl, gone(), not_there(&["r"])),
            (
                Purpose::Certificate,
                flawed(Flaw::Other),
                Referred::Unusable { reference: reference.clone(), why: why.clone() }.into(),
            ),
            (Purpose::Certificate, flawed(Flaw::Unreadable), Referred::NoBundle { reference, why }.into()),
        ] {
            all.push(one("r", purpose, refused));
            assert_eq!(told(all.clone()), told_then);
        }
    }

    #[test]
    fn all_that_are_not_there_are_told_in_their_order_and_one_with_its_reason() {
        let certificates = |all: &[&str]| {
            let away = || Refused::Away("away".to_owned());
            all.iter()
                .map(|named| one(named, Purpose::Certificate, if *named == "b" { away() } else { gone() }))
                .collect()
        };
        let references = ["c", "b", "a"].iter().collect();
        assert_eq!(told(certificates(&["c", "b", "a"])), Tls::SecretsNotFound { references }.into());
        let mut both: Vec<Refusal> = certificates(&["c"]);
        both.push(one("d", Purpose::Certificate, flawed(Flaw::Other)));
        both.push(one("e", Purpose::Ca, gone()));
        let references = ["c", "d"].iter().collect();
        assert_eq!(told(both), Tls::SecretsNotFound { references }.into());
    }
}
