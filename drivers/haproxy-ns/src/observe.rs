//! What is on the host now. Nothing of it is remembered from an earlier pass.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::Path,
};

use ballast_namespace::observe::{self, Observed as Host, is_new};
use ballast_netns::{attach::Interface, netlink::Netlink};

use crate::{
    confinement::Confinement,
    desired::Desired,
    failure::{Failure, Step, chain},
    fence::Fence,
    files::{Files, read_optional},
    haproxy::{
        process,
        runtime::{self, Change},
        socket,
    },
    page::{Page, kept},
    secrets::{Folder, Seen, Told},
    state::State,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) host: Host,
    pub(crate) process: Process,
    /// The text of haproxy.cfg.
    pub(crate) config: Option<String>,
    /// What that says, if it is known.
    pub(crate) page: Option<Page>,
    /// haproxy.cfg.new exists: nobody knows which of the two runs.
    pub(crate) unsettled: bool,
    /// The process is set otherwise than haproxy.cfg says.
    pub(crate) drifted: bool,
    /// Servers that the process has still and haproxy.cfg no longer, as changes that take them away.
    pub(crate) leaving: Vec<Change>,
    /// The process runs as another user or group than it is to.
    pub(crate) foreign: bool,
    /// The process was started with a fence and is to have none, or the other way round.
    pub(crate) unfenced: bool,
    /// The process is not in the load balancer's control group, or that is set otherwise than it should be.
    pub(crate) unconfined: bool,
    /// There is a control group.
    pub(crate) grouped: bool,
    pub(crate) state: Option<State>,
    /// The directory exists.
    pub(crate) directory: bool,
    /// The haproxy of its project in which it has a part.
    pub(crate) member: Option<String>,
    /// How its secrets are, beside what they are to be.
    pub(crate) secrets: Seen,
    /// That one serves it as it should.
    pub(crate) shared: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Process {
    #[default]
    None,
    /// The process of the pid file lives, is in the namespace, and answers within its time.
    Answering(i32),
    /// There are processes, and none that can be spoken to.
    Deaf(Vec<i32>),
}

impl Observed {
    /// What was plugged: by the state, or by what is found when the state is lost.
    pub(crate) fn interface(&self) -> Option<Interface> {
        self.host.interface(self.state.as_ref().and_then(|state| state.interface.as_ref()))
    }

    /// Its processes, as they were noted. `None`: there may be others.
    pub(crate) fn noted(&self) -> Option<&[i32]> {
        self.state.as_ref().filter(|_| !self.unsettled)?.processes.as_deref()
    }
}

/// Whose traces are looked for, and where.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a str,
    pub(crate) files: &'a Files,
    pub(crate) netns: &'a Path,
    pub(crate) confinement: &'a Confinement,
    pub(crate) fence: &'a Fence,
    /// This kernel has tables of rules.
    pub(crate) tables: bool,
    /// Its own, and what they are, where that is known.
    /// `None`: those of its load balancers are their business.
    pub(crate) secrets: Option<(&'a Folder, Option<&'a Told>)>,
}

/// What a process was asked and said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) pid: i32,
    pub(crate) answer: Result<String, Failure>,
}

/// Asks the process of the pid file, when it lives.
pub(crate) fn ask(subject: Subject<'_>) -> Option<Said> {
    let pid = process::current(subject.files, subject.id)?;
    Some(Said { pid, answer: socket::ask(subject.files, runtime::QUESTION) })
}

/// Looks at the host. `desired`: what is asked for, if anything; what was plugged before is in the state. `ask`: what its
/// process says. The calling thread is in the host's namespace, and is again afterwards.
pub(crate) fn observe(
    subject: Subject<'_>,
    desired: Option<&Desired>,
    ask: impl FnOnce(Subject<'_>) -> Option<Said>,
    host: (&mut Netlink, &File),
) -> Result<(Observed, Option<File>), Failure> {
    observe_from(on_disk(subject)?, subject, desired, ask, host)
}

/// The same, of one whose files have been looked at.
pub(crate) fn observe_from(
    mut observed: Observed,
    subject: Subject<'_>,
    desired: Option<&Desired>,
    ask: impl FnOnce(Subject<'_>) -> Option<Said>,
    host: (&mut Netlink, &File),
) -> Result<(Observed, Option<File>), Failure> {
    let Subject { id, files, netns, tables, .. } = subject;
    let wanted = desired.and_then(Desired::wanted);
    if wanted.is_some() && is_new(files, netns)? {
        return Ok((observed, None));
    }
    if observed.unsettled {
        process::settle(files, id)?;
    }
    let noted = observed.state.as_ref().and_then(|state| state.interface.as_ref());
    let neighbours = observed.state.as_ref().and_then(|state| Some(&state.plug.as_ref()?.neighbours));
    let subject_of_host = observe::Subject { files, netns, noted, neighbours, tables };
    let (seen, file) = observe::observe(subject_of_host, wanted, host)?;
    observed.host = seen;
    compare_secrets(&mut observed, subject, desired);
    match desired {
        // What is to go need not say anything first.
        None => observed.process = deaf(&observed, files, id)?,
        Some(desired) => listen(&mut observed, subject, desired, ask(subject), file.as_ref())?,
    }
    Ok((observed, file))
}

/// One that is served by another haproxy than its own has none of its own.
fn compare_secrets(observed: &mut Observed, subject: Subject<'_>, desired: Option<&Desired>) {
    let Some(page) = desired.and_then(|desired| desired.page.as_ref()) else { return };
    let Some((folder, told)) = subject.secrets else { return };
    observed.secrets = folder.look(&page.secrets, &page.lists(), told);
}

/// Looks at a haproxy that is shared, which has no network of its own.
pub(crate) fn of_project(
    subject: Subject<'_>,
    desired: &Desired,
    ask: impl FnOnce(Subject<'_>) -> Option<Said>,
) -> Result<Observed, Failure> {
    let mut observed = on_disk(subject)?;
    if !observed.directory {
        return Ok(observed);
    }
    if observed.unsettled {
        process::settle(subject.files, subject.id)?;
    }
    listen(&mut observed, subject, desired, ask(subject), None)?;
    Ok(observed)
}

/// The same of one that is to end, which need not say anything first.
pub(crate) fn to_end(subject: Subject<'_>) -> Result<Observed, Failure> {
    let mut observed = on_disk(subject)?;
    if observed.unsettled {
        process::settle(subject.files, subject.id)?;
    }
    observed.process = deaf(&observed, subject.files, subject.id)?;
    Ok(observed)
}

/// What its files say.
pub(crate) fn on_disk(subject: Subject<'_>) -> Result<Observed, Failure> {
    let Subject { id, files, confinement, .. } = subject;
    let mut observed = Observed {
        directory: files.directory.exists(),
        state: State::read(files)?,
        unsettled: files.new_config().exists(),
        grouped: confinement.has(id),
        config: read_optional(&files.config()).step(|| format!("read {}", files.config().display()))?,
        ..Observed::default()
    };
    observed.page = observed.config.as_deref().and_then(|text| kept::read(files, text));
    // What is to be in it is not known yet.
    let seen = subject.secrets.map(|(folder, _)| folder.look(&[], &[], None)).unwrap_or_default();
    observed.secrets = Seen { complete: false, ..seen };
    Ok(observed)
}

/// What the process is like, by what it `said`: whether it answers, and whether somebody has used its socket. Members
/// that are pinged no more count as well.
fn listen(
    observed: &mut Observed,
    subject: Subject<'_>,
    desired: &Desired,
    said: Option<Said>,
    namespace: Option<&File>,
) -> Result<(), Failure> {
    let Subject { id, files, .. } = subject;
    match said {
        Some(Said { pid, answer: Ok(answer) }) if namespace.is_none_or(|namespace| is_in(pid, namespace)) => {
            observed.process = Process::Answering(pid);
            observed.unconfined = !(subject.confinement.holds(id, pid) && subject.fence.has_limited(pid));
            let status = process::status(pid);
            observed.foreign = desired.identity.is_some_and(|identity| status.identity != Some(identity));
            observed.unfenced = !subject.fence.holds(status.bounding);
            let pinged = desired.pinged();
            let same = observed.config.as_ref() == Some(&desired.config);
            let page = observed.page.as_ref().or(desired.page.as_ref().filter(|_| same));
            observed.drifted = page.is_some_and(|page| runtime::differs(&answer, page, &pinged));
            observed.leaving = page.map(|page| runtime::leaving(&answer, page)).unwrap_or_default();
        }
        said => {
            if let Some(Said { pid, answer: Err(failure) }) = said {
                tracing::warn!(load_balancer = %id, pid, "{}", chain(&failure));
            }
            observed.process = deaf(observed, files, id)?;
        }
    }
    Ok(())
}

fn deaf(observed: &Observed, files: &Files, id: &str) -> Result<Process, Failure> {
    let pids = process::known(observed.noted(), files, id)?;
    Ok(if pids.is_empty() { Process::None } else { Process::Deaf(pids) })
}

/// Whether the process runs in this namespace: the name may have been given to another one.
fn is_in(pid: i32, namespace: &File) -> bool {
    let its = fs::metadata(format!("/proc/{pid}/ns/net"));
    matches!((its, namespace.metadata()), (Ok(its), Ok(named)) if (its.dev(), its.ino()) == (named.dev(), named.ino()))
}
