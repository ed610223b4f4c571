//! Certificates: those that are kept here, and what others keep and load balancers use, as a Barbican's. How it stands with each.

pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod plan;
pub(crate) mod same;
pub(crate) mod state;
pub(crate) mod uses;

use ballast_proto::v2::{Certificate, CertificateKind, UsedSecret};

pub(crate) use self::state::State;
use super::{
    parts::{Named, name_or_id},
    time::Moment,
};

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
            Source::Kept(one) => state::of_kept(one, self.is_used(), now),
            Source::Foreign(secret) => state::of_foreign(secret),
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

/// Who needs attention first, then who ends first; the same order at each look.
pub(crate) fn sorted<'a, 'b>(all: &'b [Known<'a>], now: jiff::Timestamp) -> Vec<(&'b Known<'a>, State)> {
    let mut all: Vec<_> = all.iter().map(|one| (one, one.state(now))).collect();
    all.sort_by_cached_key(|(one, state)| (state.badge.tone, one.end(), one.named().name, one.key()));
    all
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

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
