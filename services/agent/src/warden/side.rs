//! One of two sides of a load balancer, in its namespace: what its [`Election`] says is done here, and what it hears comes from here.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
};

use ballast_netns::{address::Life, claims::Claim, failure::Failure};
use ballast_service::chance::Chance;
use tokio::{net::UdpSocket, task::spawn_blocking};

use super::{
    Conflict, Said, Side, Standing, Watched,
    attend::words,
    bar::Bar,
    election::{Acts, Election},
    now, place,
    place::Seat,
    process::Voice,
    talk::{self, Heard, Talk},
};

/// While the other side is there the kernel takes the addresses away by itself after so many seconds without a word of this process,
/// which may have ended or been stopped.
const KEPT: Life = Life::Seconds(2);
const RENEWED: u64 = 500;
/// How often the addresses are announced after they were taken: switches and neighbours may miss one.
const ANNOUNCED: [u64; 5] = [200, 1_000, 2_000, 3_000, 5_000];
/// For so long connections that were under way may go on: whoever is idle is sent away by haproxy sooner.
pub(super) const PASSED: u64 = 40_000;
/// How often it is looked whether somebody listens.
const LISTENED: u64 = 200;
/// How soon what may be old is answered again.
const ANSWERED: u64 = 20;
/// How often it is said that there were datagrams of nobody's.
const COMPLAINED: u64 = 60_000;

pub(super) struct Duel {
    number: u8,
    /// Those that were taken last, or are to be.
    vips: Vec<IpAddr>,
    election: Election,
    talk: Talk,
    chance: Chance,
    /// The other side's own addresses, and its MAC address as it says.
    peers: Vec<IpAddr>,
    peer: Option<[u8; 6]>,
    life: Option<(Life, u64)>,
    announced: Vec<u64>,
    passing: Option<u64>,
    bar: Bar,
    /// Whether somebody has listened since it was plugged in, and when that was looked for last.
    served: Option<bool>,
    served_at: u64,
    answered: u64,
    /// Which namespace and which link it was in.
    place: (u64, u32),
    /// Datagrams that were nobody's.
    strange: u64,
    complained: u64,
}

impl Duel {
    pub(super) fn new(watched: &Watched, side: &Side) -> Self {
        let chance = Chance::system();
        let numbers = [chance.number(), chance.number()];
        Self {
            number: side.number,
            vips: side.vips.clone(),
            election: Election::begin(side.number, side.term, now()),
            talk: Talk::new(&watched.id, side.number, watched.mac, numbers),
            chance,
            peers: side.peers.clone(),
            peer: None,
            life: None,
            announced: Vec::new(),
            passing: None,
            bar: Bar::default(),
            served: None,
            served_at: 0,
            answered: 0,
            place: (0, 0),
            strange: 0,
            complained: 0,
        }
    }

    pub(super) const fn number(&self) -> u8 {
        self.number
    }

    pub(super) fn is_active(&self) -> bool {
        self.election.is_active()
    }

    pub(super) fn is_peer(&self, mac: [u8; 6]) -> bool {
        self.peer == Some(mac)
    }

    /// Whether the other side was heard a moment ago.
    pub(super) fn hears(&self) -> bool {
        self.election.hears(now())
    }

    /// The other side, which is not heard, says that the addresses are its own.
    pub(super) fn doubt(&mut self, claim: Claim) {
        match self.is_active() {
            true => self.bar.doubt(now(), claim),
            false => self.bar.raise_for_other_side(now(), claim.mac),
        }
    }

    /// When it is to be looked at again.
    pub(super) fn next(&self) -> u64 {
        let due = self.announced.iter().copied().min().unwrap_or(u64::MAX);
        let renewed = match self.life {
            Some((Life::Seconds(_), at)) => at.saturating_add(RENEWED),
            Some((Life::Forever, _)) | None => u64::MAX,
        };
        let served = self.served_at.saturating_add(LISTENED);
        self.election.next().min(due).min(renewed).min(served)
    }

    /// It is in this place from now on. In another one there is nothing of what was.
    pub(super) fn sit(&mut self, place: (u64, u32)) {
        if std::mem::replace(&mut self.place, place) != place {
            self.election.lose(now());
        }
        // Whoever plugged it in may have taken them off.
        self.life = None;
        (self.served, self.served_at) = (None, 0);
    }
}

/// A side that sits in its namespace, for as long as that is open.
pub(super) struct Sitting<'a> {
    pub(super) duel: &'a mut Duel,
    pub(super) seat: &'a mut Seat,
    pub(super) socket: &'a UdpSocket,
    pub(super) voice: &'a Voice,
    /// What was said last of how it stands.
    pub(super) shown: &'a Mutex<Option<Standing>>,
    /// Nobody can have given it to others.
    pub(super) is_ours: bool,
}

impl Sitting<'_> {
    /// The agent says this of it.
    pub(super) async fn told(&mut self, watched: &Watched, side: &Side) {
        // What listens may be other ports by now.
        (self.duel.served, self.duel.served_at) = (None, 0);
        if self.duel.peers != side.peers {
            // Who was it has no part in this any more.
            (self.duel.peers, self.duel.peer) = (side.peers.clone(), None);
        }
        // First: who is not ready takes nothing, whatever is ordered.
        self.ready(watched, side).await;
        let (term, active) = side.ordered;
        let mut acts = self.duel.election.order(term, active, now());
        if self.duel.vips != side.vips {
            self.duel.vips.clone_from(&side.vips);
            acts.take |= self.duel.is_active();
        }
        self.perform(watched, side, acts).await;
    }

    async fn ready(&mut self, watched: &Watched, side: &Side) {
        let ready = side.ready && !watched.leaving && !self.duel.bar.is_up(now()) && self.is_served(side);
        let acts = self.duel.election.be_ready(ready, now());
        self.perform(watched, side, acts).await;
    }

    /// Nobody listens any more: what listened has ended. Where nobody ever did, it is the kernel that serves, or nobody is to.
    fn is_served(&mut self, side: &Side) -> bool {
        if now() >= self.duel.served_at.saturating_add(LISTENED) {
            self.duel.served_at = now();
            self.duel.served = match (self.duel.served, self.seat.is_served(side)) {
                (None, Some(false)) => None,
                (_, Some(served)) => Some(served),
                (before, None) => before,
            };
        }
        self.duel.served != Some(false)
    }

    /// Time has passed.
    pub(super) async fn look(&mut self, watched: &Watched, side: &Side) {
        self.ask(watched, side).await;
        self.ready(watched, side).await;
        let acts = self.duel.election.look(now());
        self.perform(watched, side, acts).await;
        let before = self.duel.announced.len();
        self.duel.announced.retain(|due| *due > now());
        if self.duel.announced.len() < before && self.duel.is_active() {
            self.act(watched, place::announce_vips).await;
        }
        if self.duel.passing.is_some_and(|until| now() >= until) {
            self.duel.passing = None;
            self.act(watched, |watched, _| place::pass_no_more(watched)).await;
        }
    }

    /// Who has no word of a scheduler may have been replaced: who has the addresses is asked before they are taken.
    async fn ask(&mut self, watched: &Watched, side: &Side) {
        if self.is_ours {
            self.duel.bar.confirm();
            return;
        }
        if let Some(claim) = self.duel.bar.proven(now()) {
            self.yield_to(watched, side, claim).await;
        }
        if self.duel.bar.asks(now()) || self.duel.election.misses(now()) {
            self.act(watched, place::ask).await;
        }
    }

    /// A datagram has come.
    pub(super) async fn heard(&mut self, watched: &Watched, side: &Side, datagram: (&[u8], SocketAddr)) {
        let (bytes, from) = datagram;
        let chance = self.duel.chance.number();
        let of_peer = side.peers.first() == Some(&from.ip());
        let heard = if of_peer { self.duel.talk.hear(bytes, &side.key.0, chance) } else { Heard::Nothing };
        match heard {
            Heard::Word(word, mac) => {
                self.duel.peer = Some(mac);
                self.duel.bar.trust(mac);
                let acts = self.duel.election.hear(word, now());
                self.perform(watched, side, acts).await;
            }
            Heard::Unproven if now() >= self.duel.answered.saturating_add(ANSWERED) => {
                self.duel.answered = now();
                self.say(side);
            }
            Heard::Unproven => {}
            Heard::Nothing => self.complain(watched, from),
        }
    }

    fn complain(&mut self, watched: &Watched, from: SocketAddr) {
        self.duel.strange += 1;
        if now() >= self.duel.complained {
            self.duel.complained = now() + COMPLAINED;
            let number = self.duel.strange;
            tracing::warn!(
                load_balancer.id = %watched.id,
                "{number} datagrams so far that are not the other side's, or were heard before; the last came from {from}"
            );
        }
    }

    /// Somebody else has its addresses, and nobody can be asked.
    pub(super) async fn yield_to(&mut self, watched: &Watched, side: &Side, claim: Claim) {
        let was_active = self.duel.is_active();
        match self.duel.is_peer(claim.mac) {
            true => self.duel.bar.raise_for_other_side(now(), claim.mac),
            false => self.duel.bar.raise(now(), claim.mac),
        }
        let acts = self.duel.election.give_up(now());
        self.perform(watched, side, acts).await;
        if was_active {
            let Claim { address, mac } = claim;
            let by = words(mac);
            tracing::warn!(load_balancer.id = %watched.id, "{by} says that {address} is theirs: it is let go of for a while");
            self.voice.say(Said::Conflict(Conflict { id: watched.id.clone(), address, mac, withdrawn: true }));
        }
    }

    /// It is about to end here.
    pub(super) async fn resign(&mut self, watched: &Watched, side: &Side) {
        let acts = self.duel.election.resign(now());
        self.perform(watched, side, acts).await;
    }

    async fn perform(&mut self, watched: &Watched, side: &Side, acts: Acts) {
        let backed = self.duel.election.hears(now());
        if acts.let_go {
            tracing::info!(load_balancer.id = %watched.id, term = self.duel.election.term(), "this side answers no more");
            (self.duel.life, self.duel.passing) = (None, Some(now() + PASSED));
            self.duel.announced.clear();
            self.act(watched, place::let_go).await;
        }
        if acts.take {
            tracing::info!(load_balancer.id = %watched.id, term = self.duel.election.term(), "this side answers");
            let life = if backed { KEPT } else { Life::Forever };
            if self.act(watched, move |watched, side| place::take(watched, side, life, backed)).await {
                let at = now();
                (self.duel.life, self.duel.announced) = (Some((life, at)), ANNOUNCED.map(|after| at + after).to_vec());
                self.duel.passing = Some(at + PASSED);
            } else {
                self.duel.election.lose(now());
            }
        }
        self.keep(watched, side);
        if acts.say {
            self.say(side);
        }
        self.report(watched);
    }

    /// The addresses are there for as long as they are to be.
    fn keep(&mut self, watched: &Watched, side: &Side) {
        if !self.duel.is_active() {
            return;
        }
        let life = if self.duel.election.hears(now()) { KEPT } else { Life::Forever };
        let is_kept = self.duel.life.is_some_and(|(before, at)| {
            before == life && (life == Life::Forever || now() < at.saturating_add(RENEWED))
        });
        if is_kept {
            return;
        }
        match self.seat.keep(&side.vips, life) {
            Ok(()) => self.duel.life = Some((life, now())),
            Err(failure) => place::told(watched, &failure),
        }
    }

    fn say(&mut self, side: &Side) {
        let Some(peer) = side.peers.first() else { return };
        let bytes = self.duel.talk.say(self.duel.election.word(), &side.key.0);
        // What is not sent is as what is lost.
        let _ = self.socket.try_send_to(&bytes, SocketAddr::new(*peer, talk::PORT));
    }

    fn report(&mut self, watched: &Watched) {
        let (term, active) = (self.duel.election.term(), self.duel.is_active());
        let peer_heard = self.duel.election.hears(now());
        let standing = Standing { id: watched.id.clone(), term, active, peer_heard };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref() != Some(&standing) {
            *shown = Some(standing.clone());
            self.voice.say(Said::Standing(standing));
        }
    }

    async fn act(
        &mut self,
        watched: &Watched,
        deed: impl FnOnce(&Watched, &Side) -> Result<(), Failure> + Send + 'static,
    ) -> bool {
        let asked = watched.clone();
        let done = spawn_blocking(move || asked.side.as_ref().map_or(Ok(()), |side| deed(&asked, side))).await;
        match done {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                place::told(watched, &failure);
                false
            }
            Err(_) => false,
        }
    }
}

impl Side {
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.vips.contains(&address)
    }
}
