//! One pass over a load balancer: a look at the host, the steps from there to what is desired, and what becomes of them.

use std::{fs::File, path::Path, thread, time::Instant};

use ballast_abi::{DriverError, Effect, steps::step};
use ballast_failpoint as failpoint;
use ballast_l4::desired::Protocol;
use ballast_namespace::{
    execute, finish,
    l4::{kept::Kept, knowledge::Knowledge},
};
use ballast_netns::netlink::Netlink;

use super::HaproxyNs;
use crate::{
    config::Config,
    desired::Desired,
    execute::{Order, Orders, Target, Work},
    failure::{Failure, Step},
    files::Files,
    observe::{self, Observed, Subject},
    plan::{is_another_process, plan, plan_removal, replaces},
    preview, project as projects,
    validate::Validated,
};

/// What came of a deploy.
pub(super) struct Brought {
    pub(super) effect: Effect,
    /// Listeners that do not listen.
    pub(super) silent: Vec<String>,
}

impl HaproxyNs {
    /// What is known of members of what is to be forwarded.
    pub(super) fn know(&self, validated: &Validated, desired: &mut Desired) -> Result<Knowledge, DriverError> {
        let Some(asked) = &mut desired.forwarded else { return Ok(Knowledge::default()) };
        asked.settle_idle(self.forwards.idle, |protocol| usual_idle(protocol, &self.config));
        let Some(watch) = &self.watch else {
            return Err(DriverError::unsupported("this host's kernel forwards neither UDP nor SCTP"));
        };
        let kept = Kept::read(&Files::of(&self.state_dir, validated.id.as_str()))?.unwrap_or_default();
        let knowledge = watch.knowledge(validated.id.as_str(), asked, &kept, validated.known.as_ref());
        desired.service = Some(asked.service(&knowledge));
        Ok(knowledge)
    }

    pub(super) fn bring_up(&self, id: &str, target: &Target<'_>) -> Result<Brought, Failure> {
        let desired = target.desired;
        let files = Files::of(&self.state_dir, id);
        let look = || self.work(id, &files, Some(target));
        let (mut work, observed) = step(|| "look", look)?;
        if finish::has_begun(&files) {
            work.host.inside(|| finish::undo(&files))?;
            self.leaving().remove(id);
        }
        let mut steps = step(|| "plan", || plan(desired, &observed));
        if let Some(wait) = self.pace.wait(id, Instant::now()).filter(|_| replaces(&steps)) {
            step(|| "pace", || thread::sleep(wait));
            let (again, observed) = step(|| "look", look)?;
            (work, steps) = (again, plan(desired, &observed));
        }
        if replaces(&steps) {
            self.pace.note(id, Instant::now());
        }
        let done = work.bring_up(&steps, target);
        if is_another_process(&steps) {
            // What the one before has counted is noted, and is not to be added once more.
            self.seen.forget(id);
        }
        done?;
        let effect = preview::effect_of(&steps).max(work.effect);
        let Some(target) = target.of_host() else { return Ok(Brought { effect, silent: Vec::new() }) };
        if desired.silent {
            // Nobody can be reached from there.
            return Ok(Brought { effect, silent: Vec::new() });
        }
        match &desired.shared {
            Some(name) => work.ping(desired, &projects::files(&self.state_dir, name))?,
            None => work.ping(desired, &files)?,
        }
        work.host.watch_members(target)?;
        failpoint::at("bring up: members are checked");
        let silent = if steps.is_empty() { Vec::new() } else { work.silent_listeners(desired)? };
        Ok(Brought { effect, silent })
    }

    pub(super) fn take_away(&self, id: &str) -> Result<(), Failure> {
        let files = Files::of(&self.state_dir, id);
        let (mut work, observed) = self.work(id, &files, None)?;
        self.announcer.cancel(id);
        self.pinger.remove(id);
        self.watch.iter().for_each(|watch| watch.remove(id));
        work.take_away(&plan_removal(&observed))?;
        self.secrets_dir.remove(id)
    }

    /// Looks at the host, and takes up what the steps will need. To be called by a thread of its own.
    pub(super) fn work<'a>(
        &'a self,
        id: &'a str,
        files: &'a Files,
        target: Option<&Target<'_>>,
    ) -> Result<(Work<'a>, Observed), Failure> {
        let desired = target.map(|target| target.desired);
        let mut host = Netlink::open()?;
        let host_namespace = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
        let netns = self.netns(id);
        let folder = self.secrets_dir.folder(None, id);
        let secrets = Some((&folder, target.map(|target| target.secrets)));
        let subject = Subject { secrets, ..self.subject(id, files, &netns) };
        let (mut observed, namespace) = observe::observe(subject, desired, observe::ask, (&mut host, &host_namespace))?;
        observed.member = self.member(id, observed.state.as_ref())?;
        let shared = target.and_then(|target| Some((target.desired.shared.as_ref()?, target)));
        if let Some(((name, target), namespace)) = shared.zip(namespace.as_ref()) {
            observed.shared = self.serves(name, id, &Self::part(id, namespace, target)?)?;
        }
        let host = execute::Work {
            id,
            files,
            netns,
            announcer: &self.announcer,
            announcements: self.config.send_gratuitous_arp,
            stock: &self.stock,
            watch: self.watch.as_ref(),
            host,
            host_namespace,
            namespace,
        };
        let work = self.work_with(files, host, &observed, Box::new(move |order: Order<'_>| self.obey(id, order)));
        Ok((work, observed))
    }

    pub(super) fn work_with<'a>(
        &'a self,
        files: &'a Files,
        host: execute::Work<'a>,
        observed: &Observed,
        order: Orders<'a>,
    ) -> Work<'a> {
        let id = host.id;
        Work {
            id,
            files,
            host,
            haproxy: &self.config.haproxy,
            pinger: &self.pinger,
            confinement: &self.confinement,
            fence: &self.fence,
            seen: self.seen.of(id),
            processes: observed.noted().map(<[i32]>::to_vec),
            state: observed.state.clone().unwrap_or_default(),
            unsettled: observed.unsettled,
            starter: None,
            starting: None,
            running: observed.page.clone(),
            view: None,
            order,
            secrets_dir: &self.secrets_dir,
            secrets: self.secrets_dir.folder(None, id),
            effect: Effect::None,
        }
    }

    pub(super) fn subject<'a>(&'a self, id: &'a str, files: &'a Files, netns: &'a Path) -> Subject<'a> {
        let (confinement, fence, tables) = (&self.confinement, &self.fence, self.forwards.udp);
        Subject { id, files, netns, confinement, fence, tables, secrets: None }
    }
}

/// Seconds, of a listener whose timeouts are the API's usual ones: as haproxy would have it. Without any, the kernel
/// would keep a connection for days. What it has for UDP and SCTP are minutes.
fn usual_idle(protocol: Protocol, config: &Config) -> Option<u32> {
    match protocol {
        Protocol::Tcp => Some(config.timeout_tunnel.unwrap_or(config.timeout_client.max(config.timeout_server))),
        Protocol::Udp | Protocol::Sctp => None,
    }
}
