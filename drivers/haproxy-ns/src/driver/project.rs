//! The haproxy that load balancers of a project share: one pass over it, under its own lock, within the pass of the load
//! balancer that asks for it. Who waits for the lock has written down what it asks for, so one change takes all along.

mod counted;
mod secrets;

use std::{fs::File, io, thread, time::Instant};

use ballast_abi::{Effect, LoadBalancer};
use ballast_namespace::{execute, l4::knowledge::Knowledge};
use ballast_netns::{
    identity::Identity,
    locks::hold,
    namespace::{self, Look},
    netlink::Netlink,
};

use super::{HaproxyNs, PURPOSE};
use crate::{
    config::ProcessModel,
    counters::Base,
    desired::Desired,
    execute::{Obeyed, Order, Target, Work},
    failure::{Failure, Step, chain},
    fence::{Fence, View},
    files::Files,
    haproxy::{
        blame,
        servers::{Knowledge as OfServers, Members},
        socket,
    },
    observe::{self, Observed, Subject},
    page::{
        Page,
        shared::{self, Part, Parts},
    },
    plan::{Planned, is_another_process, plan_end, plan_project, replaces},
    preview::effect_of,
    project::{self, parts, retreat::retreat},
    secrets::Told,
    state::State,
    validate::{Pool, Validated},
};

/// Who asks for a change, and what for.
struct Asked<'a> {
    id: &'a str,
    /// What it is to have; `None`: nothing.
    part: Option<Part>,
    pools: &'a [Pool],
    told: &'a Members<bool>,
    /// What its secrets are.
    secrets: &'a Told,
    /// What it has counted before it came.
    base: Base,
}

impl<'a> Asked<'a> {
    /// With which nothing is begun.
    fn nothing_of(id: &'a str, part: Option<&Part>, told: &'a Members<bool>, secrets: &'a Told) -> Self {
        Self { id, part: part.cloned(), pools: &[], told, secrets, base: Base::default() }
    }

    /// What was counted of it, if it leaves.
    fn left(&self, files: &Files) -> Result<Option<Base>, Failure> {
        match self.part {
            Some(_) => Ok(None),
            None => Ok(State::read(files)?.and_then(|mut state| state.bases.remove(self.id))),
        }
    }
}

/// A haproxy of a project, looked at.
struct Pass<'a> {
    work: Work<'a>,
    desired: Desired,
    steps: Vec<Planned>,
}

impl HaproxyNs {
    /// The name of the haproxy that is to serve this load balancer beside others; `None`: it has one of its own.
    pub(super) fn shared_by(&self, load_balancer: &LoadBalancer) -> Option<String> {
        let name = || project::name(&load_balancer.project_id, &load_balancer.id);
        (self.config.process_model == ProcessModel::PerProject).then(name)
    }

    /// The one that it has a part in.
    pub(super) fn member(&self, id: &str, state: Option<&State>) -> Result<Option<String>, Failure> {
        match state.and_then(|state| state.shared.clone()) {
            Some(name) => Ok(Some(name)),
            None => project::of(&self.state_dir, id),
        }
    }

    pub(super) fn part(id: &str, namespace: &File, target: &Target<'_>) -> Result<Part, Failure> {
        let Target { desired, listeners, pools, .. } = *target;
        let namespace = shared::name(id, namespace).step(|| "look at a namespace".to_owned())?;
        let page =
            desired.page.clone().unwrap_or_else(|| Page::empty(id, "", &crate::config::Config::default(), false));
        let members = |pool: &Pool| pool.members.iter().map(|member| member.id.as_str().to_owned()).collect();
        let pools = pools.iter().map(|pool| (pool.id.as_str().to_owned(), members(pool))).collect();
        Ok(Part { namespace, page, listeners: listeners.to_vec(), pools, echoes: desired.echoes.clone() })
    }

    /// Does what a load balancer orders.
    pub(super) fn obey(&self, id: &str, order: Order<'_>) -> Result<Obeyed, Failure> {
        let (none, secrets) = (Members::new(), Told::default());
        match order {
            Order::Serve { namespace, target, base } => {
                let Some(name) = &target.desired.shared else { return Ok(Obeyed::NOTHING) };
                let part = Some(Self::part(id, namespace, target)?);
                let (pools, told, secrets) = (target.pools, target.told, target.secrets);
                let asked = Asked { id, part, pools, told, secrets, base: base.clone() };
                self.change(name, &asked)
            }
            Order::Tell(lines) => {
                let state = State::read(&Files::of(&self.state_dir, id))?;
                let Some(name) = self.member(id, state.as_ref())? else { return Ok(Obeyed::NOTHING) };
                let files = project::files(&self.state_dir, &name);
                lines.iter().try_for_each(|line| socket::ask(&files, line).map(drop))?;
                Ok(Obeyed::NOTHING)
            }
            Order::Leave => {
                let state = State::read(&Files::of(&self.state_dir, id))?;
                let Some(name) = self.member(id, state.as_ref())? else { return Ok(Obeyed::NOTHING) };
                let asked = Asked::nothing_of(id, None, &none, &secrets);
                self.change(&name, &asked)
            }
        }
    }

    /// Makes the process serve what each is to have. What haproxy does not take of it is left as it was, and is a failure of
    /// the one whose it is. With it what was counted of one that leaves.
    fn change(&self, name: &str, asked: &Asked<'_>) -> Result<Obeyed, Failure> {
        let files = project::files(&self.state_dir, name);
        // For who is at it now. It may just be ended, folder and all. Who has secrets waits: they are changed with the lock.
        if asked.part.as_ref().is_none_or(|part| part.page.secrets.is_empty()) {
            let _ = note(&files, asked);
        }
        let lock = self.locks.of(name);
        let _guard = hold(&lock);
        if asked.part.is_some() {
            project::make(&self.state_dir)?;
            let taken = |taken| Failure::io("find a user for the haproxy of a project", io::Error::other(taken));
            let identity = self.identities.of(name).map_err(taken)?;
            files.make(identity)?;
            self.put_secrets(name, asked, identity)?;
        } else if !files.directory.exists() {
            return Ok(Obeyed::NOTHING);
        }
        note(&files, asked)?;
        self.keep_base(name, &files, asked)?;
        let served = parts::served(&files)?;
        let (mut wanted, mut waited) = (self.wanted(&files, asked)?, false);
        let (mut tried, mut refused) = (Parts::new(), None);
        let effect = loop {
            // Without a fence for it all of its load balancers go over to their own.
            if wanted.is_empty() || self.projects.is_none() {
                let left = self.keep_last(name, &files, asked.id)?;
                self.end(name, &files)?;
                self.secrets_dir.remove(name)?;
                return refused.map_or(Ok(Obeyed { left, effect: Effect::Restart }), Err);
            }
            let mut pass = self.pass(name, &files, &wanted)?;
            if !waited && replaces(&pass.steps) {
                waited = true;
                if let Some(wait) = self.pace.wait(name, Instant::now()) {
                    thread::sleep(wait);
                    wanted = self.wanted(&files, asked)?;
                    continue;
                }
            }
            let Err(failure) = self.run(name, &mut pass, &wanted, asked) else { break effect_of(&pass.steps) };
            let blamed = blamed(&failure, &pass.desired, asked);
            if !matches!(failure, Failure::Refused { .. } | Failure::RefusedObject { .. }) {
                return Err(failure);
            }
            let before = wanted.clone();
            let back = retreat(&mut wanted, &served, blamed, asked.id);
            back.iter().try_for_each(|id| self.secrets_dir.folder(Some(name), id).restore())?;
            if back.is_empty() {
                return Err(failure);
            }
            tracing::warn!(project = %name, "haproxy refused it, so {} stay as they were: {}", back.join(", "), chain(&failure));
            if back.iter().any(|id| id == asked.id) {
                refused = Some(failure);
            }
            tried.extend(back.into_iter().filter_map(|id| Some((id.clone(), before.get(&id)?.clone()))));
        };
        self.settle(&files, &served, &wanted, &tried)?;
        if refused.is_none() {
            self.keep_secrets(name, asked)?;
        }
        refused.map_or_else(|| Ok(Obeyed { left: asked.left(&files)?, effect }), Err)
    }

    /// After haproxy has taken what was `wanted` in the end: what it has refused is not tried again for others.
    fn settle(&self, files: &Files, served: &Parts, wanted: &Parts, tried: &Parts) -> Result<(), Failure> {
        if wanted != served {
            parts::note_served(files, wanted)?;
        }
        if tried.is_empty() {
            return Ok(());
        }
        let now = parts::read(files)?;
        for (id, _) in tried.iter().filter(|(id, part)| now.get(*id) == Some(*part)) {
            match wanted.get(id) {
                Some(before) => parts::write(files, id, before)?,
                None => project::forget(files, id)?,
            }
        }
        Ok(())
    }

    /// What each is to have, of those whose namespaces are there: the others are mended by passes of their own.
    fn wanted(&self, files: &Files, asked: &Asked<'_>) -> Result<Parts, Failure> {
        let mut wanted = parts::read(files)?;
        wanted.remove(asked.id);
        wanted.retain(|id, part| parts::is_there(id, part, &self.config.netns_dir));
        wanted.extend(asked.part.clone().map(|part| (asked.id.to_owned(), part)));
        Ok(wanted)
    }

    fn run(&self, name: &str, pass: &mut Pass<'_>, wanted: &Parts, asked: &Asked<'_>) -> Result<(), Failure> {
        if pass.steps.is_empty() {
            return Ok(());
        }
        if replaces(&pass.steps) {
            self.pace.note(name, Instant::now());
        }
        self.equip(name, pass, wanted)?;
        let listeners: Vec<String> = wanted.values().flat_map(|part| part.listeners.clone()).collect();
        let (knowledge, pools, told) = (&Knowledge::default(), asked.pools, asked.told);
        let (desired, secrets) = (&pass.desired, asked.secrets);
        let target = Target { desired, knowledge, pools, listeners: &listeners, told, secrets };
        let done = pass.work.bring_up(&pass.steps, &target);
        if is_another_process(&pass.steps) {
            self.seen.forget(name);
        }
        done
    }

    /// What is needed to start it: a network namespace with nothing in it, and those of its load balancers to be entered.
    fn equip(&self, name: &str, pass: &mut Pass<'_>, wanted: &Parts) -> Result<(), Failure> {
        let made = || namespace::on_own_thread("make-namespace", || namespace::make(|| Ok(())))?;
        pass.work.host.namespace = Some(self.stock.take(PURPOSE).map_or_else(made, Ok)?);
        let mut namespaces = Vec::new();
        for (id, part) in wanted {
            if part.page.frontends.is_empty() && part.page.backends.is_empty() {
                continue;
            }
            if let Look::Present(file) = namespace::look(&self.netns(id))? {
                namespaces.push((part.namespace.clone(), file));
            }
        }
        let at = pass.work.files.directory.clone();
        let (folder, log) = (Some(at.clone()), self.config.log.clone());
        let secrets = Some(self.secrets_dir.process(name)).filter(|path| path.exists());
        pass.work.view = Some(View { at, folder, secrets, log, namespaces });
        Ok(())
    }

    fn fence_of_projects(&self) -> Result<&std::sync::Arc<Fence>, Failure> {
        let none = || Failure::io("find what a haproxy of a project may do", io::ErrorKind::Unsupported);
        self.projects.as_ref().ok_or_else(none)
    }

    /// Looks at the process, and plans what makes it serve this.
    fn pass<'a>(&'a self, name: &'a str, files: &'a Files, wanted: &Parts) -> Result<Pass<'a>, Failure> {
        let desired = self.desired_of(name, wanted)?;
        let fence = self.fence_of_projects()?;
        let observed = observe::of_project(self.subject_of(name, files, fence), &desired, observe::ask)?;
        let steps = plan_project(&desired, &observed);
        Ok(Pass { work: self.work_on(name, files, fence, &observed)?, desired, steps })
    }

    fn desired_of(&self, name: &str, wanted: &Parts) -> Result<Desired, Failure> {
        let taken = |taken| Failure::io("find a user for the haproxy of a project", io::Error::other(taken));
        self.desired_by(name, wanted, self.identities.of(name).map_err(taken)?)
    }

    fn desired_by(&self, name: &str, wanted: &Parts, identity: Option<Identity>) -> Result<Desired, Failure> {
        let project = wanted.values().next().map(|part| part.page.project.clone()).unwrap_or_default();
        let page = Page::empty(name, &project, &self.config, self.skip_ca_bundle).with_parts(wanted);
        let echoes = wanted.values().flat_map(|part| part.echoes.clone()).collect();
        Desired::of_project(page, echoes, identity, self.config.old_processes)
    }

    pub(super) fn subject_of<'a>(&'a self, name: &'a str, files: &'a Files, fence: &'a Fence) -> Subject<'a> {
        let (confinement, netns) = (&self.confinement, self.config.netns_dir.as_path());
        Subject { id: name, files, netns, confinement, fence, tables: false, secrets: None }
    }

    fn work_on<'a>(
        &'a self,
        name: &'a str,
        files: &'a Files,
        fence: &'a std::sync::Arc<Fence>,
        observed: &Observed,
    ) -> Result<Work<'a>, Failure> {
        let host = execute::Work {
            id: name,
            files,
            // It has none with a name.
            netns: files.directory.join("none"),
            announcer: &self.announcer,
            announcements: 0,
            stock: &self.stock,
            watch: None,
            host: Netlink::open()?,
            host_namespace: File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?,
            namespace: None,
        };
        Ok(Work { fence, ..self.work_with(files, host, observed, Box::new(|_| Ok(Obeyed::NOTHING))) })
    }

    /// With its last load balancer.
    fn end(&self, name: &str, files: &Files) -> Result<(), Failure> {
        let fence = self.projects.as_ref().unwrap_or(&self.fence);
        let subject = self.subject_of(name, files, fence);
        let observed = observe::to_end(subject)?;
        let mut work = self.work_on(name, files, fence, &observed)?;
        work.take_away(&plan_end(&observed))?;
        project::remove_empty(&self.state_dir);
        self.seen.forget(name);
        self.pace.forget(name);
        self.identities.forget(name);
        tracing::info!(project = %name, "the haproxy of this project has ended");
        Ok(())
    }

    /// What a change would do to the process of a project: the steps, and how many other load balancers it serves. To be
    /// called with its lock.
    pub(super) fn foresee_in(
        &self,
        name: &str,
        id: &str,
        part: &Part,
    ) -> Result<(Vec<Planned>, Desired, Observed), Failure> {
        let files = project::files(&self.state_dir, name);
        let (none, secrets) = (Members::new(), Told::default());
        let asked = Asked::nothing_of(id, Some(part), &none, &secrets);
        let wanted = self.wanted(&files, &asked)?;
        let desired = match files.directory.exists() {
            true => self.desired_of(name, &wanted)?,
            // One that is not here yet is not given a user of its own.
            false => self.desired_by(name, &wanted, self.identities.anyone())?,
        };
        let observed =
            observe::of_project(self.subject_of(name, &files, self.fence_of_projects()?), &desired, observe::ask)?;
        Ok((plan_project(&desired, &observed), desired, observed))
    }

    /// Whether the haproxy of its project serves this load balancer as it is to, and lacks nothing.
    pub(super) fn serves(&self, name: &str, id: &str, part: &Part) -> Result<bool, Failure> {
        let files = project::files(&self.state_dir, name);
        if !files.directory.exists() {
            return Ok(false);
        }
        let lock = self.locks.of(name);
        let _guard = hold(&lock);
        let folder = self.secrets_dir.folder(Some(name), id);
        let complete = || folder.look(&part.page.secrets, &part.page.lists(), None).complete;
        if parts::served(&files)?.get(id) != Some(part) || !(part.page.secrets.is_empty() || complete()) {
            return Ok(false);
        }
        let (none, secrets) = (Members::new(), Told::default());
        let asked = Asked::nothing_of(id, Some(part), &none, &secrets);
        Ok(self.pass(name, &files, &self.wanted(&files, &asked)?)?.steps.is_empty())
    }

    /// Names, by id, of what is asked for.
    pub(super) fn listeners(validated: &Validated) -> Vec<String> {
        validated.listeners.iter().map(|listener| listener.id.as_str().to_owned()).collect()
    }

    pub(super) fn told(validated: &Validated) -> Members<bool> {
        OfServers::told(validated)
    }
}

fn note(files: &Files, asked: &Asked<'_>) -> Result<(), Failure> {
    match &asked.part {
        Some(part) => parts::write(files, asked.id, part),
        None => project::forget(files, asked.id),
    }
}

/// Whose fault it is that haproxy refuses it, where it says so.
fn blamed<'a>(failure: &Failure, desired: &'a Desired, asked: &Asked<'a>) -> Option<&'a str> {
    let page = desired.page.as_ref()?;
    let proxy = blame::proxy(failure, &desired.config);
    // A name that two of them have is the fault of who comes with it.
    let is_mine = |proxy: &&str| asked.part.as_ref().is_some_and(|part| part.page.has(proxy));
    match proxy.filter(is_mine) {
        Some(_) => Some(asked.id),
        None => page.owner_of_secret(&failure.to_string()).or_else(|| page.owner(proxy?)),
    }
}
