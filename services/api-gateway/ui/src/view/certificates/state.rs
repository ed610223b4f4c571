//! How it stands with a certificate, in a word: made of its validity, of ACME's state, and of what its keeper says.

use ballast_proto::v2::{Acme, AcmeState, Certificate, UsedSecret, Validity};

use super::super::{
    badge::{Badge, Tone},
    time::Moment,
};

/// Who has fewer days left needs attention.
const SOON: i32 = 14;

/// Words of states, as can be asked for.
pub(crate) const WORDS: [&str; 9] =
    ["VALID", "ENDS_SOON", "EXPIRED", "NOT_YET_VALID", "NOT_ISSUED", "RENEWING", "NOT_RENEWED", "REFUSED", "UNKNOWN"];

/// How it stands with one, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) badge: Badge,
    /// Empty: the word says all.
    pub(crate) why: String,
    /// Empty: nothing.
    pub(crate) todo: String,
}

impl State {
    fn of(tone: Tone, word: &'static str, why: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { badge: Badge::new(tone, word), why: why.into(), todo: todo.into() }
    }

    fn well() -> Self {
        Self::of(Tone::Good, "VALID", "", "")
    }

    /// Somebody has to do something.
    pub(crate) const fn needs_attention(&self) -> bool {
        matches!(self.badge.tone, Tone::Bad | Tone::Warn)
    }
}

/// `ends within a day`, `ends in 5 days`
fn soon(days: i32) -> String {
    match days {
        ..=0 => "ends within a day".to_owned(),
        1 => "ends in 1 day".to_owned(),
        days => format!("ends in {days} days"),
    }
}

pub(super) fn of_kept(one: &Certificate, is_used: bool, now: jiff::Timestamp) -> State {
    let rotate = if one.acme.is_some() { "Mend what it names." } else { "Rotate it." };
    // What nobody is served by hurts nobody.
    let bad = if is_used { Tone::Bad } else { Tone::Warn };
    if let Some(acme) = &one.acme
        && let Some(state) = of_acme(one, acme, bad, now)
    {
        return state;
    }
    match one.validity() {
        Validity::Expired => State::of(bad, "EXPIRED", "has ended: clients refuse it", rotate),
        Validity::NotYetValid => State::of(Tone::Warn, "NOT_YET_VALID", "clients refuse it until then", ""),
        Validity::NotIssued => State::of(Tone::Busy, "NOT_ISSUED", "", ""),
        Validity::Valid if one.expires_in_days < SOON => {
            State::of(Tone::Warn, "ENDS_SOON", soon(one.expires_in_days), rotate)
        }
        Validity::Valid => State::well(),
        Validity::Unspecified => State::of(Tone::Idle, "UNKNOWN", "", ""),
    }
}

/// None: it is as any other one.
fn of_acme(one: &Certificate, acme: &Acme, bad: Tone, now: jiff::Timestamp) -> Option<State> {
    let next = Moment::end(acme.next_attempt_at.as_ref(), now).map(|next| next.ago);
    let again = match next {
        Some(next) if next.starts_with("in ") => format!("It is tried again {next}."),
        _ => "It is tried again at once.".to_owned(),
    };
    let has_ended = one.validity() == Validity::Expired;
    Some(match acme.state() {
        AcmeState::Failed if one.version == 0 => State::of(bad, "NOT_ISSUED", &acme.last_error, again),
        AcmeState::Failed if has_ended => {
            State::of(bad, "EXPIRED", format!("has ended, and was not renewed: {}", acme.last_error), again)
        }
        AcmeState::Failed => {
            let why = format!("{}; it {}", acme.last_error, soon(one.expires_in_days));
            State::of(Tone::Warn, "NOT_RENEWED", why, again)
        }
        AcmeState::Pending if acme.last_error.is_empty() => {
            State::of(Tone::Busy, "NOT_ISSUED", "it is being issued", "")
        }
        AcmeState::Pending => State::of(Tone::Warn, "NOT_ISSUED", &acme.last_error, again),
        AcmeState::Renewing if !has_ended => State::of(Tone::Busy, "RENEWING", &acme.last_error, ""),
        AcmeState::Renewing | AcmeState::Valid | AcmeState::Unspecified => return None,
    })
}

pub(super) fn of_foreign(secret: &UsedSecret) -> State {
    if !secret.problem.is_empty() {
        let todo = "Mend it where it is kept, and look again. What was there before is served.";
        return State::of(Tone::Bad, "REFUSED", &secret.problem, todo);
    }
    let renew = "Put a new one where it is kept, and look again.";
    match secret.validity() {
        Validity::Expired => State::of(Tone::Bad, "EXPIRED", "has ended: clients refuse it", renew),
        Validity::NotYetValid => State::of(Tone::Warn, "NOT_YET_VALID", "clients refuse it until then", ""),
        Validity::Valid if secret.not_after.is_some() && secret.expires_in_days < SOON => {
            State::of(Tone::Warn, "ENDS_SOON", soon(secret.expires_in_days), renew)
        }
        Validity::Valid => State::well(),
        Validity::NotIssued | Validity::Unspecified => State::of(Tone::Idle, "UNKNOWN", "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::samples, *};

    fn word(one: &Certificate, used: bool) -> (Tone, &'static str) {
        let state = of_kept(one, used, samples::now());
        (state.badge.tone, state.badge.word)
    }

    #[test]
    fn every_state_has_its_word_and_what_is_not_used_is_less_bad() {
        let of = |validity: Validity, days: i32| Certificate {
            validity: validity.into(),
            expires_in_days: days,
            acme: None,
            version: 1,
            ..samples::certificate("web")
        };
        assert_eq!(word(&of(Validity::Valid, 14), true), (Tone::Good, "VALID"));
        assert_eq!(word(&of(Validity::Valid, 13), true), (Tone::Warn, "ENDS_SOON"));
        assert_eq!(word(&of(Validity::Expired, -1), true), (Tone::Bad, "EXPIRED"));
        assert_eq!(word(&of(Validity::Expired, -1), false), (Tone::Warn, "EXPIRED"));
        assert_eq!(word(&of(Validity::NotYetValid, 90), true), (Tone::Warn, "NOT_YET_VALID"));
        let acme = |state: AcmeState, error: &str, version| {
            let last_error = error.to_owned();
            let acme = Some(Acme { state: state.into(), last_error, ..Acme::default() });
            Certificate { acme, version, ..of(Validity::Valid, 20) }
        };
        assert_eq!(word(&acme(AcmeState::Pending, "", 0), false), (Tone::Busy, "NOT_ISSUED"));
        assert_eq!(word(&acme(AcmeState::Pending, "no listener names it", 0), false), (Tone::Warn, "NOT_ISSUED"));
        assert_eq!(word(&acme(AcmeState::Failed, "x", 0), true), (Tone::Bad, "NOT_ISSUED"));
        assert_eq!(word(&acme(AcmeState::Failed, "x", 1), true), (Tone::Warn, "NOT_RENEWED"));
        assert_eq!(word(&acme(AcmeState::Renewing, "", 1), true), (Tone::Busy, "RENEWING"));
        assert_eq!(word(&acme(AcmeState::Valid, "", 1), true), (Tone::Good, "VALID"));
        let ended = Certificate { validity: Validity::Expired.into(), ..acme(AcmeState::Failed, "x", 1) };
        assert_eq!(word(&ended, true), (Tone::Bad, "EXPIRED"));
    }

    #[test]
    fn every_word_is_explained() {
        for word in WORDS {
            assert!(ballast_explain::of(ballast_explain::Kind::Certificate, word).is_some(), "{word}");
        }
    }
}
