//! A deploy. What haproxy refuses of certificates costs the change of that one alone: the content before it goes on to be
//! served, and its listener has a fault.

use std::{collections::BTreeMap, time::Instant};

use ballast_abi::{DeployReply, DriverError, LoadBalancer, ObjectFault, steps};
use ballast_namespace::clients::Handover;
use ballast_netns::{identity::Identity, locks::hold, namespace};

use super::{HaproxyNs, pass::Brought};
use crate::{
    execute::Target,
    failure::Failure,
    files::{Files, read_optional},
    page::{Page, kept},
    report,
    secrets::{Kind, Named, Told},
    users,
    validate::{self, Validated},
};

/// Contents that stay as they are, by file.
pub(super) type Held = BTreeMap<String, String>;

struct Asked<'a> {
    validated: &'a Validated,
    generation: u64,
    identity: Option<Identity>,
    shared: Option<String>,
}

/// What came of one attempt.
struct Attempt {
    brought: Result<Brought, Failure>,
    page: Option<Page>,
    shared: Option<String>,
}

impl HaproxyNs {
    /// Deploys it, with what was handed over where it ran before.
    pub(super) fn bring(
        &self,
        load_balancer: &LoadBalancer,
        generation: u64,
        handover: &Handover,
    ) -> Result<DeployReply, DriverError> {
        let start = Instant::now();
        let (validated, mut faults) = validate::validate(load_balancer, &self.config, self.forwards)?;
        let id = validated.id.as_str();
        let lock = self.locks.of(id);
        let _guard = hold(&lock);
        let shared = self.shared_by(load_balancer);
        let identity = match &shared {
            Some(_) => None,
            None => self.identities.of(id).map_err(users::none_left)?,
        };
        if !handover.is_empty() && self.is_silent(id)? {
            // Before the first client comes.
            self.recall(id, handover);
        }
        let asked = Asked { validated: &validated, generation, identity, shared };
        let mut held = Held::new();
        let (Brought { effect, silent }, shared) = loop {
            let Attempt { brought, page, shared } = self.attempt(&asked, &held)?;
            let failure = match brought {
                Ok(brought) => break (brought, shared),
                Err(failure) => failure,
            };
            let running = self.running(id, shared.as_deref())?;
            let Some((secret, before)) = refused(&failure, page.as_ref(), running.as_ref()) else {
                return Err(failure.into());
            };
            faults.extend(faults_of(&validated, &secret, &failure));
            held.insert(secret.file, before);
        };
        self.secrets.forget(id);
        faults.extend(silent.into_iter().map(|listener| report::silent(id, listener)));
        if shared.is_some() {
            // Nothing of it runs as anybody.
            self.identities.forget(id);
        }
        if !handover.is_empty() {
            self.recall(id, handover);
        }
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let effect_is = effect.as_str_name();
        tracing::info!(load_balancer = %load_balancer.id, generation, milliseconds, effect = effect_is, "deployed");
        Ok(DeployReply { faults, effect: effect.into(), ..DeployReply::default() })
    }

    fn attempt(&self, asked: &Asked<'_>, held: &Held) -> Result<Attempt, DriverError> {
        let Asked { validated, generation, identity, shared } = asked;
        let (desired, knowledge) = self.desired(validated, *generation, (*identity, shared.clone()), held)?;
        let (listeners, told, pools) = (Self::listeners(validated), Self::told(validated), &validated.pools);
        let id = validated.id.as_str();
        let named = desired.page.iter().flat_map(|page| &page.secrets);
        let secrets = match desired.plug {
            Some(_) => Told::of(&self.secrets, id, named.filter(|one| !held.contains_key(&one.file)))?,
            None => Told::default(),
        };
        let target = Target {
            desired: &desired,
            knowledge: &knowledge,
            pools,
            listeners: &listeners,
            told: &told,
            secrets: &secrets,
        };
        let here = steps::here();
        let bring_up = || here.around(|| self.bring_up(id, &target));
        let brought = namespace::on_own_thread("deploy", bring_up).map_err(Failure::from)?;
        Ok(Attempt { brought, page: desired.page, shared: desired.shared })
    }

    /// What runs says of it, as far as it is known.
    fn running(&self, id: &str, shared: Option<&str>) -> Result<Option<Page>, Failure> {
        if let Some(name) = shared {
            return Ok(self.page_of(name).and_then(|page| page.part(id)));
        }
        let files = Files::of(&self.state_dir, id);
        let config = read_optional(&files.config())
            .map_err(|error| Failure::io(format!("read {}", files.config().display()), error))?;
        Ok(config.as_deref().and_then(|text| kept::read(&files, text)))
    }
}

/// The secret that haproxy has refused, and the content of it that runs. `None`: it is something else, or there is none
/// before it.
fn refused(failure: &Failure, asked: Option<&Page>, running: Option<&Page>) -> Option<(Named, String)> {
    let (Failure::Refused { said, .. } | Failure::RefusedObject { said, .. }) = failure else { return None };
    let secret = asked?.secrets.iter().find(|one| said.contains(&one.path()))?;
    let before = running?.secrets.iter().find(|one| one.path() == secret.path())?;
    (before.digest != secret.digest).then(|| (secret.clone(), before.digest.clone()))
}

/// Of all that use it.
fn faults_of(validated: &Validated, secret: &Named, failure: &Failure) -> Vec<ObjectFault> {
    let what = match secret.kind {
        Kind::Certificate => "certificate",
        Kind::Ca => "CA",
        Kind::Crl => "revocation list",
    };
    let (path, reference) = (secret.path(), &secret.reference);
    let detail = failure.to_string();
    let why = detail.split_once(&format!("{path}: ")).map(|(_, words)| words.replace(&path, reference));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let message = format!("haproxy refused the {what} {reference}, and serves the one before it{why}");
    let error = DriverError::invalid_argument(message).with_detail(detail);
    let is_it = |kind, one: &ballast_abi::Secret| Named::of(kind, one, &secret.folder).path() == path;
    let listeners = validated.listeners.iter().filter(|listener| {
        let Some(tls) = &listener.tls else { return false };
        let of_clients = |clients: &ballast_namespace::validate::tls::ClientCertificates| {
            is_it(Kind::Ca, &clients.ca) || clients.crl.as_ref().is_some_and(|crl| is_it(Kind::Crl, crl))
        };
        tls.certificates.iter().any(|one| is_it(Kind::Certificate, one)) || tls.clients.as_ref().is_some_and(of_clients)
    });
    let pools = validated.pools.iter().filter(|pool| {
        let Some(tls) = &pool.tls else { return false };
        let all = [(Kind::Certificate, &tls.certificate), (Kind::Ca, &tls.ca), (Kind::Crl, &tls.crl)];
        all.into_iter().any(|(kind, one)| one.as_ref().is_some_and(|one| is_it(kind, one)))
    });
    let ids = listeners.map(|listener| &listener.id).chain(pools.map(|pool| &pool.id));
    ids.map(|id| ObjectFault { object_id: id.as_str().to_owned(), fault: Some(error.clone().into()) }).collect()
}
