//! Certificates: those that are kept here, and what others keep and load balancers use, as a Barbican's. How it stands with each.

pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod plan;
pub(crate) mod same;
pub(crate) mod uses;

use ballast_proto::v2::{Acme, AcmeState, Certificate, CertificateKind, UsedSecret, Validity};

use super::{
    badge::{Badge, Tone},
    parts::{Named, name_or_id},
    time::Moment,
};

/// Who has fewer days left needs attention.
const SOON: i32 = 14;
/// Where certificates are found by their references, below whatever address.
const PATHS: [&str; 2] = ["/v1/containers/", "/v1/secrets/"];

pub(crate) fn path_of(id: &str) -> String {
    format!("/ui/certificates/{id}")
}

/// One of them: it is kept here, or in use, or both.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    Kept(&'a Certificate),
    /// What is kept elsewhere.
    Foreign(&'a UsedSecret),
}

/// One of them, with who uses it by whatever reference.
#[derive(Debug, Clone)]
pub(crate) struct Known<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) used: Vec<&'a UsedSecret>,
}

/// The id that a reference has, if it is one as ours are: another service's may look alike.
fn id_in(reference: &str) -> Option<&str> {
    PATHS.iter().find_map(|path| Some(reference.rsplit_once(path)?.1))
}

/// Whether a reference names this certificate.
pub(crate) fn names(reference: &str, certificate: &Certificate) -> bool {
    id_in(reference) == Some(&certificate.id)
}

impl<'a> Known<'a> {
    /// All of them.
    pub(crate) fn all(kept: &'a [Certificate], used: &'a [UsedSecret]) -> Vec<Self> {
        let is_of = |one: &Certificate, secret: &UsedSecret| {
            secret.project_id == one.project_id && names(&secret.reference, one)
        };
        let own = kept.iter().map(|one| Self {
            source: Source::Kept(one),
            used: used.iter().filter(|secret| is_of(one, secret)).collect(),
        });
        let foreign = used.iter().filter(|secret| !kept.iter().any(|one| is_of(one, secret)));
        own.chain(foreign.map(|secret| Self { source: Source::Foreign(secret), used: vec![secret] })).collect()
    }

    /// The one that a reference of a project names; none: it is not known here.
    pub(crate) fn find<'b>(all: &'b [Self], reference: &str, project_id: &str) -> Option<&'b Self> {
        all.iter().find(|one| match one.source {
            Source::Kept(kept) => kept.project_id == project_id && names(reference, kept),
            Source::Foreign(secret) => secret.project_id == project_id && secret.reference == reference,
        })
    }

    /// What it is called, and where it is.
    pub(crate) fn named(&self) -> Named {
        match self.source {
            Source::Kept(one) => Named { name: name_or_id(&one.name, &one.id), path: Some(path_of(&one.id)) },
            Source::Foreign(secret) => foreign(&secret.reference, &secret.project_id, &secret.names),
        }
    }

    /// Unique among all.
    pub(crate) fn key(&self) -> String {
        match self.source {
            Source::Kept(one) => one.id.clone(),
            Source::Foreign(secret) => format!("{} {}", secret.project_id, secret.reference),
        }
    }

    pub(crate) fn project(&self) -> &'a str {
        match self.source {
            Source::Kept(one) => &one.project_id,
            Source::Foreign(secret) => &secret.project_id,
        }
    }

    /// DNS names and addresses that it is for, or is to be for.
    pub(crate) fn names(&self) -> &'a [String] {
        match self.source {
            Source::Kept(Certificate { names, acme: Some(acme), .. }) if names.is_empty() => &acme.domains,
            Source::Kept(one) => &one.names,
            Source::Foreign(secret) => &secret.names,
        }
    }

    /// When it ends, where that is known.
    pub(crate) fn ends(&self, now: jiff::Timestamp) -> Option<Moment> {
        match self.source {
            Source::Kept(one) => Moment::end(one.not_after.as_ref(), now),
            Source::Foreign(secret) => Moment::end(secret.not_after.as_ref(), now),
        }
    }

    /// Seconds; what has no end is last, and what was never issued first.
    fn end(&self) -> i64 {
        match self.source {
            Source::Kept(one) => one.not_after.as_ref().map_or(0, |time| time.seconds),
            Source::Foreign(secret) => secret.not_after.as_ref().map_or(i64::MAX, |time| time.seconds),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self.source {
            Source::Kept(one) => kind(one.kind()),
            Source::Foreign(_) => "secret",
        }
    }

    pub(crate) const fn origin(&self) -> &'static str {
        match self.source {
            Source::Kept(Certificate { acme: Some(_), .. }) => "ACME",
            Source::Kept(_) => "own",
            Source::Foreign(_) => "Barbican",
        }
    }

    /// Whether a listener or a pool names it.
    pub(crate) const fn is_used(&self) -> bool {
        !self.used.is_empty()
    }

    pub(crate) fn state(&self, now: jiff::Timestamp) -> State {
        match self.source {
            Source::Kept(one) => of_kept(one, self.is_used(), now),
            Source::Foreign(secret) => of_foreign(secret),
        }
    }
}

/// What is kept elsewhere is called by its first name, or by where it is.
pub(crate) fn foreign(reference: &str, project_id: &str, names: &[String]) -> Named {
    let pairs = [("reference", reference), ("project", project_id)];
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let name = names.first().map_or(reference, String::as_str);
    Named { name: name.to_owned(), path: Some(format!("/ui/certificates/secret?{query}")) }
}

pub(crate) const fn kind(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Unspecified | CertificateKind::Certificate => "certificate",
        CertificateKind::Ca => "CA",
        CertificateKind::Crl => "CRL",
    }
}

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

fn of_kept(one: &Certificate, is_used: bool, now: jiff::Timestamp) -> State {
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

fn of_foreign(secret: &UsedSecret) -> State {
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

/// Who needs attention first, then who ends first; the same order at each look.
pub(crate) fn sorted<'a, 'b>(all: &'b [Known<'a>], now: jiff::Timestamp) -> Vec<(&'b Known<'a>, State)> {
    let mut all: Vec<_> = all.iter().map(|one| (one, one.state(now))).collect();
    all.sort_by_cached_key(|(one, state)| (state.badge.tone, one.end(), one.named().name, one.key()));
    all
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

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

    #[test]
    fn what_is_used_by_another_spelling_of_its_reference_is_one_and_another_projects_is_not() {
        let kept = [samples::certificate("web")];
        let secret = |project: &str, reference: String| UsedSecret {
            project_id: project.to_owned(),
            reference,
            ..samples::secret("web")
        };
        let id = &kept[0].id;
        let used = [
            secret("web", format!("/v1/containers/{id}")),
            secret("web", format!("http://10.0.0.1:9696/v1/secrets/{id}")),
            secret("other", format!("/v1/containers/{id}")),
            secret("web", "http://barbican/v1/containers/x".to_owned()),
        ];
        let all = Known::all(&kept, &used);
        assert_eq!(
            all.iter().map(|one| (one.origin(), one.used.len())).collect::<Vec<_>>(),
            [("ACME", 2), ("Barbican", 1), ("Barbican", 1)]
        );
        assert!(Known::find(&all, &format!("x/v1/secrets/{id}"), "web").is_some_and(|one| one.origin() == "ACME"));
        assert!(Known::find(&all, "nosuch", "web").is_none());
    }

    #[test]
    fn who_needs_attention_comes_first_and_then_who_ends_first() {
        let refused = UsedSecret { problem: "no key".to_owned(), ..samples::secret("a") };
        let later = UsedSecret { not_after: samples::before(-90 * 86_400), ..samples::secret("b") };
        let sooner = UsedSecret { not_after: samples::before(-30 * 86_400), ..samples::secret("c") };
        let used = [later, sooner, refused].map(|one| UsedSecret { expires_in_days: 30, ..one });
        let all = Known::all(&[], &used);
        let sorted = sorted(&all, samples::now());
        assert_eq!(sorted.iter().map(|(one, _)| one.named().name).collect::<Vec<_>>(), ["a", "c", "b"]);
        assert!(sorted[0].1.needs_attention() && !sorted[1].1.needs_attention());
    }
}
