//! What becomes of one load balancer that is watched: a task each.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballast_netns::{
    Failure,
    claims::{Claim, Ear},
};
use tokio::{
    io::unix::AsyncFd,
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{self, Instant},
};

use super::{
    Conflict, Said, Watched,
    judge::{Situation, Standing, Verdict},
    now, place,
    process::Voice,
};

/// How often it is looked whether its namespace is still the same.
const LOOKED: Duration = Duration::from_secs(2);
/// How soon it is looked for again where it could not be opened.
const AGAIN: Duration = Duration::from_secs(1);
/// So many claims are looked at, at one time. More say no more.
const TOGETHER: usize = 32;

/// What the task shares with who started it.
pub(super) struct Ward {
    pub(super) watched: watch::Sender<Watched>,
    /// It was plugged in again.
    pub(super) plugged: Arc<Notify>,
    /// What it was let go of for, until it is plugged in again.
    pub(super) lost: Arc<Mutex<Option<Conflict>>>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Ward {
    pub(super) fn start(watched: Watched, lease: watch::Receiver<u64>, voice: Voice) -> Self {
        let (watched, told) = watch::channel(watched);
        let (plugged, lost) = (Arc::<Notify>::default(), Arc::<Mutex<Option<Conflict>>>::default());
        let mut attendant = Attendant {
            told,
            lease,
            voice,
            plugged: Arc::clone(&plugged),
            lost: Arc::clone(&lost),
            standing: Standing::default(),
            disputed: None,
        };
        let task = tokio::spawn(async move { attendant.attend().await });
        Self { watched, plugged, lost, task }
    }

    pub(super) fn lost(&self) -> Option<Conflict> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Once this has ended, nothing of it is open.
    pub(super) async fn end(self) {
        drop(self.watched);
        let _ended = self.task.await;
    }
}

struct Attendant {
    told: watch::Receiver<Watched>,
    lease: watch::Receiver<u64>,
    voice: Voice,
    plugged: Arc<Notify>,
    lost: Arc<Mutex<Option<Conflict>>>,
    standing: Standing,
    /// What is to be answered soon, if it still is ours then: a claim of who is about to get it is none to tell of.
    disputed: Option<Claim>,
}

impl Attendant {
    async fn attend(&mut self) {
        loop {
            let watched = self.told.borrow_and_update().clone();
            self.standing.contested(watched.contested, now());
            let asked = watched.clone();
            let opened = spawn_blocking(move || place::open(&asked)).await;
            let ears = match opened {
                Ok(Ok(Some(open))) => {
                    let ears: io::Result<Vec<_>> = open.ears.into_iter().map(awaited).collect();
                    ears.ok().map(|ears| (ears, open.number))
                }
                Ok(Ok(None)) => None,
                Ok(Err(failure)) => {
                    place::told(&watched, &failure);
                    None
                }
                Err(_) => return,
            };
            let goes_on = match ears {
                Some((ears, number)) => {
                    let goes_on = self.listen(&watched, &ears, number).await;
                    let ears: Vec<Ear> = ears.into_iter().map(AsyncFd::into_inner).collect();
                    // The kernel waits for its own readers, for some milliseconds.
                    let _closed = spawn_blocking(move || drop(ears)).await;
                    goes_on
                }
                None => self.rest().await,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// There is nothing to listen to yet. `false`: nobody wants it any more.
    async fn rest(&mut self) -> bool {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let again = async {
            // What was let go of is nothing until it is plugged in again.
            if lost { std::future::pending().await } else { time::sleep(AGAIN).await }
        };
        tokio::select! {
            () = again => true,
            () = self.plugged.notified() => self.was_plugged(),
            changed = self.told.changed() => changed.is_ok(),
        }
    }

    fn was_plugged(&mut self) -> bool {
        self.standing.plugged(now());
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = None;
        true
    }

    /// Until something is to be opened anew. `false`: nobody wants it any more.
    async fn listen(&mut self, opened: &Watched, ears: &[AsyncFd<Ear>], number: u64) -> bool {
        let mut watched = opened.clone();
        let mut looks = time::interval_at(Instant::now() + LOOKED, LOOKED);
        loop {
            let due = self.standing.next();
            tokio::select! {
                changed = self.told.changed() => {
                    if changed.is_err() {
                        return false;
                    }
                    watched = self.told.borrow_and_update().clone();
                    self.standing.contested(watched.contested, now());
                    let same = Watched { leaving: opened.leaving, contested: opened.contested, ..watched.clone() };
                    if same != *opened {
                        return true;
                    }
                }
                () = self.plugged.notified() => return self.was_plugged(),
                claims = heard(ears) => match claims {
                    Ok(claims) => self.judge(&watched, &claims).await,
                    // The link is gone or down: it is looked for again.
                    Err(_) => break,
                },
                () = until(due) => {
                    if self.standing.announces(self.situation(&watched)) {
                        act(&watched, place::announce).await;
                        self.tell_defended(&watched);
                    }
                }
                _ = looks.tick() => {
                    if place::number(&watched.namespace) != Some(number) {
                        return true;
                    }
                }
            }
        }
        self.rest().await
    }

    fn situation(&self, watched: &Watched) -> Situation {
        Situation { now: now(), lease: *self.lease.borrow(), leaving: watched.leaving }
    }

    async fn judge(&mut self, watched: &Watched, claims: &[Claim]) {
        for claim in claims.iter().copied() {
            match self.standing.claimed(self.situation(watched)) {
                Verdict::Nothing => {}
                Verdict::Defend => self.disputed = Some(claim),
                Verdict::LetGo => self.let_go(watched, claim).await,
            }
        }
    }

    async fn let_go(&mut self, watched: &Watched, Claim { address, mac }: Claim) {
        act(watched, place::withdraw).await;
        let conflict = Conflict { id: watched.id.clone(), address, mac, withdrawn: true };
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(conflict.clone());
        if watched.leaving {
            // As it was ordered, and a little earlier.
            return;
        }
        tracing::warn!(load_balancer.id = %watched.id, "{} says that {address} is theirs: it is let go of", words(mac));
        self.voice.say(Said::Conflict(conflict));
    }

    fn tell_defended(&mut self, watched: &Watched) {
        let Some(Claim { address, mac }) = self.disputed.take() else { return };
        let (id, by) = (watched.id.clone(), words(mac));
        tracing::warn!(load_balancer.id = %id, "{by} says that {address} is theirs: it is not, and announced again");
        self.voice.say(Said::Conflict(Conflict { id, address, mac, withdrawn: false }));
    }
}

fn words(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

async fn act(watched: &Watched, deed: fn(&Watched) -> Result<(), Failure>) {
    let asked = watched.clone();
    if let Ok(Err(failure)) = spawn_blocking(move || deed(&asked)).await {
        place::told(watched, &failure);
    }
}

#[expect(deprecated, reason = "an ear has its socket for life")]
fn awaited(ear: Ear) -> io::Result<AsyncFd<Ear>> {
    AsyncFd::new(ear)
}

/// For ever, when nothing is due.
async fn until(due: Option<u64>) {
    match due {
        Some(due) => time::sleep(Duration::from_millis(due.saturating_sub(now()))).await,
        None => std::future::pending().await,
    }
}

/// The claims that are there, once there are any. There are at most two ears, one for each version of IP.
async fn heard(ears: &[AsyncFd<Ear>]) -> io::Result<Vec<Claim>> {
    tokio::select! {
        claims = heard_by(ears.first()) => claims,
        claims = heard_by(ears.get(1)) => claims,
    }
}

async fn heard_by(ear: Option<&AsyncFd<Ear>>) -> io::Result<Vec<Claim>> {
    let Some(ear) = ear else { return std::future::pending().await };
    loop {
        let mut ready = ear.readable().await?;
        let mut claims = Vec::new();
        for _ in 0..TOGETHER {
            match ready.try_io(|ear| ear.get_ref().hear()) {
                Ok(claim) => claims.extend(claim?),
                Err(_would_block) => break,
            }
        }
        if !claims.is_empty() {
            return Ok(claims);
        }
    }
}
