//! One certificate: what it says, how it stands with it, and where it is used. No private key is known here.

use askama::Template;
use ballast_proto::v2::{Acme, AcmeState, Certificate, UsedSecret};

use super::{
    super::{parts::Named, time::Moment},
    Known, Source, State, path_of,
    uses::{self, Names},
};

/// How far it is with the CA that issues it.
struct Issuing {
    domains: Vec<String>,
    state: &'static str,
    last_error: String,
    next: Option<Moment>,
    failures: u32,
}

impl Issuing {
    fn of(acme: &Acme, now: jiff::Timestamp) -> Self {
        let state = match acme.state() {
            AcmeState::Unspecified => "not known",
            AcmeState::Pending => "it is being issued for the first time",
            AcmeState::Valid => "it is issued, and renews itself",
            AcmeState::Renewing => "the next one is being issued",
            AcmeState::Failed => "the last attempt failed",
        };
        Self {
            domains: acme.domains.clone(),
            state,
            last_error: acme.last_error.clone(),
            next: Moment::end(acme.next_attempt_at.as_ref(), now),
            failures: acme.failures,
        }
    }
}

#[derive(Template)]
#[template(path = "certificate.html")]
pub(crate) struct One {
    name: String,
    description: String,
    state: State,
    /// Of what is kept here: where its forms are.
    path: Option<String>,
    facts: Vec<(&'static str, String)>,
    ends: Option<Moment>,
    moments: Vec<(&'static str, Moment)>,
    names: Vec<String>,
    issuing: Option<Issuing>,
    users: Vec<Named>,
    chain: String,
    /// How many there are in the chain.
    links: usize,
    may_write: bool,
    here: String,
}

impl One {
    pub(crate) fn of(one: &Known<'_>, names: &Names, may_write: bool, now: jiff::Timestamp) -> Self {
        let named = one.named();
        let mut page = Self {
            state: one.state(now),
            path: None,
            facts: vec![("Kind", one.kind().to_owned()), ("Where from", one.origin().to_owned())],
            ends: one.ends(now),
            moments: Vec::new(),
            names: one.names().to_vec(),
            issuing: None,
            users: uses::users(one).into_iter().map(|user| uses::named(user, names)).collect(),
            chain: String::new(),
            links: 0,
            may_write,
            description: String::new(),
            here: named.path.unwrap_or_default(),
            name: named.name,
        };
        match one.source {
            Source::Kept(kept) => page.kept(kept, now),
            Source::Foreign(secret) => page.foreign(secret, now),
        }
        page.facts.retain(|(_, value)| !value.is_empty());
        page
    }

    fn kept(&mut self, one: &Certificate, now: jiff::Timestamp) {
        let version = if one.version == 0 { "not issued yet".to_owned() } else { one.version.to_string() };
        self.facts.extend([
            ("Version", version),
            ("Subject", one.subject.clone()),
            ("Issuer", one.issuer.clone()),
            ("Key", one.key_type.clone()),
            ("Serial", one.serial.clone()),
            ("SHA-256", one.fingerprint.clone()),
            ("Project", one.project_id.clone()),
            ("Reference", one.reference.clone()),
            ("Id", one.id.clone()),
        ]);
        let moments = [("Valid from", &one.not_before), ("Made", &one.created_at), ("Changed", &one.updated_at)];
        self.moments =
            moments.into_iter().filter_map(|(name, time)| Some((name, Moment::end(time.as_ref(), now)?))).collect();
        self.description.clone_from(&one.description);
        // Those that it is to be for stand below its CA.
        self.names.clone_from(&one.names);
        self.path = Some(path_of(&one.id));
        self.issuing = one.acme.as_ref().map(|acme| Issuing::of(acme, now));
        self.chain.clone_from(&one.certificate_chain);
        self.links = one.certificate_chain.matches("-----BEGIN ").count();
    }

    fn foreign(&mut self, one: &UsedSecret, now: jiff::Timestamp) {
        self.facts.extend([("Reference", one.reference.clone()), ("Project", one.project_id.clone())]);
        let moments = [("Valid from", &one.not_before), ("Looked at", &one.looked_at)];
        self.moments =
            moments.into_iter().filter_map(|(name, time)| Some((name, Moment::end(time.as_ref(), now)?))).collect();
    }

    /// In a sentence, for who does not see.
    pub(crate) fn summary(&self) -> String {
        format!("{}: {}.", self.name, self.state.badge.word)
    }
}
