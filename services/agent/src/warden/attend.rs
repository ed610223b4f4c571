//! What becomes of one load balancer that is watched: a task each.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballast_netns::{
    Failure,
    claims::{Claim, Ear},
};
use tokio::{
    io::unix::AsyncFd,
    net::UdpSocket,
    sync::{Notify, watch},
    task::spawn_blocking,
    time::{self, Instant},
};

use super::{
    Conflict, Said, Watched,
    judge::{Situation, Standing, Verdict},
    now,
    place::{self, Seat},
    process::Voice,
    side::{Duel, Sitting},
    talk,
};

/// How often it is looked whether its namespace is still the same.
const LOOKED: Duration = Duration::from_secs(2);
/// How soon it is looked for again where it could not be opened.
const AGAIN: Duration = Duration::from_secs(1);
/// How long nothing is read of a socket that says why it cannot be.
const REFUSED: Duration = Duration::from_millis(10);
/// So many claims are looked at, at one time. More say no more.
const TOGETHER: usize = 32;

/// What the task shares with who started it.
pub(super) struct Ward {
    pub(super) watched: watch::Sender<Watched>,
    /// It was plugged in again.
    pub(super) plugged: Arc<Notify>,
    /// What it was let go of for, until it is plugged in again.
    pub(super) lost: Arc<Mutex<Option<Conflict>>>,
    /// How one of two sides stands, as it was said last.
    shown: Arc<Mutex<Option<super::Standing>>>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Ward {
    pub(super) fn start(watched: Watched, lease: watch::Receiver<u64>, voice: Voice) -> Self {
        let (watched, told) = watch::channel(watched);
        let (plugged, lost) = (Arc::<Notify>::default(), Arc::<Mutex<Option<Conflict>>>::default());
        let shown = Arc::<Mutex<Option<super::Standing>>>::default();
        let mut attendant = Attendant {
            told,
            lease,
            voice,
            plugged: Arc::clone(&plugged),
            lost: Arc::clone(&lost),
            shown: Arc::clone(&shown),
            standing: Standing::default(),
            duel: None,
            disputed: None,
        };
        let task = tokio::spawn(async move { attendant.attend().await });
        Self { watched, plugged, lost, shown, task }
    }

    pub(super) fn lost(&self) -> Option<Conflict> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn shown(&self) -> Option<super::Standing> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
    shown: Arc<Mutex<Option<super::Standing>>>,
    standing: Standing,
    /// Of one of two sides.
    duel: Option<Duel>,
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
                    ears.ok().map(|ears| (ears, self.sit(&watched, open.seat, open.number), open.number))
                }
                Ok(Ok(None)) => None,
                Ok(Err(failure)) => {
                    place::told(&watched, &failure);
                    None
                }
                Err(_) => return,
            };
            let goes_on = match ears {
                Some((ears, mut seat, number)) => {
                    let goes_on = self.listen(&watched, (&ears, seat.as_mut()), number).await;
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
    async fn listen(&mut self, opened: &Watched, open: (&[AsyncFd<Ear>], Option<&mut Sat>), number: u64) -> bool {
        let (ears, mut sat) = open;
        let mut watched = opened.clone();
        let mut looks = time::interval_at(Instant::now() + LOOKED, LOOKED);
        self.of_side(&watched, sat.as_deref_mut(), Word::Told).await;
        loop {
            let due = self.standing.next();
            let look = self.duel.as_ref().filter(|_| sat.is_some()).map(Duel::next);
            tokio::select! {
                changed = self.told.changed() => {
                    if changed.is_err() {
                        self.of_side(&watched, sat, Word::End).await;
                        return false;
                    }
                    watched = self.told.borrow_and_update().clone();
                    self.standing.contested(watched.contested, now());
                    if !is_same(opened, &watched) {
                        return true;
                    }
                    self.of_side(&watched, sat.as_deref_mut(), Word::Told).await;
                }
                datagram = heard_of_side(sat.as_deref()) => {
                    self.of_side(&watched, sat.as_deref_mut(), Word::Heard(&datagram.0, datagram.1)).await;
                }
                () = until(look) => self.of_side(&watched, sat.as_deref_mut(), Word::Nothing).await,
                () = self.plugged.notified() => return self.was_plugged(),
                claims = heard(ears) => match claims {
                    Ok(claims) => self.judge(&watched, sat.as_deref_mut(), &claims).await,
                    // The link is gone or down: it is looked for again.
                    Err(_) => break,
                },
                () = until(due) => {
                    if self.standing.announces(self.situation(&watched)) {
                        act(&watched, place::announce).await;
                        if let (Some(side), true) = (&watched.side, self.is_active()) {
                            let vips = Watched { addresses: side.vips.clone(), ..watched.clone() };
                            act(&vips, place::announce).await;
                        }
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

    fn is_active(&self) -> bool {
        self.duel.as_ref().is_some_and(Duel::is_active)
    }

    /// One of two sides, in this place. `None`: it is none, or cannot sit there.
    fn sit(&mut self, watched: &Watched, seat: Option<Seat>, number: u64) -> Option<Sat> {
        let Some(side) = &watched.side else {
            self.duel = None;
            return None;
        };
        let mut seat = seat?;
        let socket = seat.socket.take().and_then(|socket| UdpSocket::from_std(socket).ok())?;
        self.duel = self.duel.take().filter(|duel| duel.number() == side.number);
        let duel = self.duel.get_or_insert_with(|| Duel::new(watched, side));
        duel.sit((number, seat.link));
        Some(Sat { seat, socket })
    }

    async fn of_side(&mut self, watched: &Watched, sat: Option<&mut Sat>, word: Word<'_>) {
        let (Some(Sat { seat, socket }), Some(duel), Some(side)) = (sat, &mut self.duel, &watched.side) else { return };
        let is_ours = Situation { now: now(), lease: *self.lease.borrow(), leaving: watched.leaving }.is_ours();
        let mut sitting = Sitting { duel, seat, socket, voice: &self.voice, shown: &self.shown, is_ours };
        match word {
            Word::Told => sitting.told(watched, side).await,
            Word::Nothing => sitting.look(watched, side).await,
            Word::Heard(bytes, from) => sitting.heard(watched, side, (bytes, from)).await,
            Word::Others(claim) => sitting.yield_to(watched, side, claim).await,
            Word::End => sitting.resign(watched, side).await,
        }
    }

    /// Somebody says that the VIP's address is theirs. Between the two sides that is settled by themselves.
    async fn judge_of_side(&mut self, watched: &Watched, sat: Option<&mut Sat>, claim: Claim) {
        let Some(duel) = self.duel.as_mut() else { return };
        let (is_peer, is_active) = (duel.is_peer(claim.mac), duel.is_active());
        let situation = Situation { now: now(), lease: *self.lease.borrow(), leaving: watched.leaving };
        match situation.is_ours() {
            true if is_active && !is_peer => {
                if self.standing.claimed(situation) == Verdict::Defend {
                    self.disputed = Some(claim);
                }
            }
            true => {}
            false if !is_peer => self.of_side(watched, sat, Word::Others(claim)).await,
            false if duel.hears() => {}
            false => duel.doubt(claim),
        }
    }

    async fn judge(&mut self, watched: &Watched, mut sat: Option<&mut Sat>, claims: &[Claim]) {
        for claim in claims.iter().copied() {
            if watched.side.as_ref().is_some_and(|side| side.has(claim.address)) {
                self.judge_of_side(watched, sat.as_deref_mut(), claim).await;
                continue;
            }
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

/// One of two sides, as it sits in its namespace.
struct Sat {
    seat: Seat,
    socket: UdpSocket,
}

/// What one of two sides is told.
enum Word<'a> {
    /// What the agent says of it.
    Told,
    Heard(&'a [u8], SocketAddr),
    /// That time has passed.
    Nothing,
    /// That somebody else has its addresses.
    Others(Claim),
    End,
}

/// Whether what is open is that of both.
fn is_same(opened: &Watched, watched: &Watched) -> bool {
    let place = |one: &Watched| (one.namespace.clone(), one.mac, one.addresses.clone());
    let vips = |one: &Watched| one.side.as_ref().map(|side| (side.number, side.vips.clone()));
    place(opened) == place(watched) && vips(opened) == vips(watched)
}

/// The next datagram. Of what cannot be read there is none.
async fn heard_of_side(sat: Option<&Sat>) -> (Vec<u8>, SocketAddr) {
    let Some(Sat { socket, .. }) = sat else { return std::future::pending().await };
    let mut bytes = vec![0; talk::LONGEST + 1];
    loop {
        match socket.recv_from(&mut bytes).await {
            Ok((length, from)) => {
                bytes.truncate(length);
                return (bytes, from);
            }
            // As that nobody is there.
            Err(_) => time::sleep(REFUSED).await,
        }
    }
}

pub(super) fn words(mac: [u8; 6]) -> String {
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

/// The claims that are there, once there are any. There are at most four ears: one for each version of IP, and as many under a
/// macvlan.
async fn heard(ears: &[AsyncFd<Ear>]) -> io::Result<Vec<Claim>> {
    tokio::select! {
        claims = heard_by(ears.first()) => claims,
        claims = heard_by(ears.get(1)) => claims,
        claims = heard_by(ears.get(2)) => claims,
        claims = heard_by(ears.get(3)) => claims,
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
