//! Two sides, a network that loses, delays, repeats and cuts, hosts that crash and are stopped, and schedulers whose orders come in any
//! order: with a clock of its own, from a number that stands for all of it.

use std::collections::BTreeMap;

use super::{
    super::talk::{Heard, Talk},
    Election,
};

const KEY: [u8; 32] = [3; 32];
/// Within so much after all is well again there is to be one.
const SETTLED: u64 = 1_000;
/// What the process takes from when something is due until it is done.
const SLOW: u64 = 20;

/// A xorshift: the same number is the same story.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

struct Side {
    number: u8,
    election: Election,
    talk: Talk,
    /// What the host does: the addresses are there.
    answers: bool,
    alive: bool,
    /// Stopped until then.
    asleep: u64,
    /// What a restart remembers.
    remembered: u64,
    /// When the kernel takes the addresses away itself.
    expires: Option<u64>,
    /// What came while it was stopped.
    mailbox: Vec<Vec<u8>>,
}

struct World {
    dice: Dice,
    now: u64,
    sides: [Side; 2],
    /// Who does not reach the other.
    cut: [bool; 2],
    loss: u64,
    delay: u64,
    /// By when they arrive.
    wire: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    sent: u64,
    recorded: Vec<(usize, Vec<u8>)>,
    highest: u64,
    ordered: u64,
    orders: Vec<(u64, usize)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let side = |number: u8, dice: &mut Dice| Side {
            number,
            election: Election::begin(number, 0, 0),
            talk: talk(number, dice),
            answers: false,
            alive: true,
            asleep: 0,
            remembered: 0,
            expires: None,
            mailbox: Vec::new(),
        };
        let sides = [side(1, &mut dice), side(2, &mut dice)];
        let (wire, recorded, orders) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut world = Self {
            dice,
            now: 0,
            sides,
            cut: [false; 2],
            loss: 0,
            delay: 1,
            wire,
            sent: 0,
            recorded,
            highest: 0,
            ordered: 0,
            orders,
        };
        (0..2).for_each(|at| world.ready(at, true));
        world
    }

    fn ready(&mut self, at: usize, ready: bool) {
        let acts = self.sides[at].election.be_ready(ready, self.now);
        self.act(at, acts);
    }

    fn act(&mut self, at: usize, acts: super::Acts) {
        let before = self.sides[at].remembered;
        let side = &mut self.sides[at];
        if acts.let_go {
            side.answers = false;
        }
        if acts.take {
            assert!(side.election.term() > before, "a term is begun once: {} after {before}", side.election.term());
            side.answers = true;
        }
        side.remembered = side.remembered.max(side.election.term());
        self.highest = self.highest.max(side.remembered);
        if !acts.say {
            return;
        }
        let word = side.election.word();
        let datagram = side.talk.say(word, &KEY);
        if self.recorded.len() < 300 {
            self.recorded.push((at, datagram.clone()));
        }
        self.send(at, datagram);
    }

    fn send(&mut self, from: usize, datagram: Vec<u8>) {
        if self.cut[from] || self.dice.below(100) < self.loss {
            return;
        }
        self.sent += 1;
        let arrives = self.now + 1 + self.dice.below(self.delay);
        self.wire.insert((arrives, self.sent), (1 - from, datagram));
    }

    fn hear(&mut self, at: usize, datagram: &[u8]) {
        let chance = self.dice.next();
        let side = &mut self.sides[at];
        let acts = match side.talk.hear(datagram, &KEY, chance) {
            Heard::Word(word, _) => side.election.hear(word, self.now),
            Heard::Unproven => super::Acts { say: true, ..super::Acts::default() },
            Heard::Nothing => return,
        };
        self.act(at, acts);
    }

    /// A millisecond goes by.
    fn step(&mut self) {
        self.now += 1;
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, datagram) = entry.remove();
            let side = &mut self.sides[to];
            match (side.alive, side.asleep > self.now) {
                (true, false) => self.hear(to, &datagram),
                (true, true) if side.mailbox.len() < 8 => side.mailbox.push(datagram),
                (true, true) | (false, _) => {}
            }
        }
        for at in 0..2 {
            let (now, slow) = (self.now, self.dice.below(SLOW));
            let side = &mut self.sides[at];
            if side.expires.is_some_and(|at| now >= at) {
                (side.answers, side.expires) = (false, None);
            }
            if !side.alive || side.asleep > now {
                continue;
            }
            if now >= side.election.next() + slow {
                let acts = side.election.look(now);
                self.act(at, acts);
                for datagram in std::mem::take(&mut self.sides[at].mailbox) {
                    self.hear(at, &datagram);
                }
            }
            let side = &mut self.sides[at];
            // As the warden renews it while the other one is there.
            side.expires = (side.answers && side.election.hears(now)).then_some(now + 2_000);
        }
    }

    fn run(&mut self, milliseconds: u64) {
        (0..milliseconds).for_each(|_| self.step());
    }

    fn trouble(&mut self) {
        let at = usize::from(self.dice.one_in(2));
        match self.dice.below(10) {
            0 => self.cut[at] = !self.cut[at],
            1 => self.cut = [true; 2],
            2 => self.cut = [false; 2],
            3 => (self.loss, self.delay) = (self.dice.below(60), 1 + self.dice.below(200)),
            4 => self.crash(at),
            5 => self.sides[at].asleep = self.now + self.dice.below(4_000),
            6 => self.order(),
            7 => self.late_order(),
            8 => {
                let ready = self.dice.one_in(2);
                if self.sides[at].alive && self.sides[at].asleep <= self.now {
                    self.ready(at, ready);
                }
            }
            _ => self.replay(),
        }
    }

    /// Its processes end, and its addresses stay until the kernel takes them away; or its host ends.
    fn crash(&mut self, at: usize) {
        let side = &mut self.sides[at];
        side.alive = !side.alive;
        if !side.alive {
            side.answers &= side.expires.is_some();
            return;
        }
        let remembered = if self.dice.one_in(8) { 0 } else { side.remembered };
        side.remembered = remembered;
        side.election = Election::begin(side.number, remembered, self.now);
        side.talk = talk(side.number, &mut self.dice);
        side.mailbox.clear();
        self.ready(at, true);
        let newest = self.orders.iter().max().copied();
        newest.into_iter().for_each(|(term, to)| self.tell(at, term, to));
    }

    /// A scheduler begins the next term for one of them.
    fn order(&mut self) {
        self.ordered = self.ordered.max(self.highest) + 1;
        let to = usize::from(self.dice.one_in(2));
        self.orders.push((self.ordered, to));
        for at in 0..2 {
            if !self.dice.one_in(3) {
                self.tell(at, self.ordered, to);
            }
        }
    }

    fn late_order(&mut self) {
        if let Some(index) = self.orders.len().checked_sub(1).map(|last| self.dice.below(last as u64 + 1)) {
            let (term, to) = self.orders[usize::try_from(index).unwrap()];
            let at = usize::from(self.dice.one_in(2));
            self.tell(at, term, to);
        }
    }

    fn tell(&mut self, at: usize, term: u64, to: usize) {
        if self.sides[at].alive && self.sides[at].asleep <= self.now {
            let acts = self.sides[at].election.order(term, to == at, self.now);
            self.act(at, acts);
        }
    }

    fn replay(&mut self) {
        for _ in 0..20 {
            let Some(index) = self.recorded.len().checked_sub(1).map(|last| self.dice.below(last as u64 + 1)) else {
                return;
            };
            let (from, datagram) = self.recorded[usize::try_from(index).unwrap()].clone();
            self.send(from, datagram);
        }
    }

    /// Everything works from now on.
    fn heal(&mut self) {
        (self.cut, self.loss, self.delay) = ([false; 2], 0, 5);
        for at in 0..2 {
            self.sides[at].asleep = 0;
            if !self.sides[at].alive {
                self.crash(at);
            }
            self.ready(at, true);
        }
    }

    fn active(&self) -> Vec<u8> {
        self.sides.iter().filter(|side| side.election.is_active()).map(|side| side.number).collect()
    }
}

fn talk(number: u8, dice: &mut Dice) -> Talk {
    Talk::new("lb", number, [2, 0, 0, 0, 0, number], [dice.next(), dice.next()])
}

fn stories() -> impl Iterator<Item = u64> {
    let many = std::env::var("BALLAST_TEST_STORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let first = std::env::var("BALLAST_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    (0..many).map(move |number| first + number)
}

#[test]
fn once_all_is_well_one_answers_within_a_second_and_it_stays_so() {
    for seed in stories() {
        let mut world = World::new(seed);
        for _ in 0..30 {
            let pause = world.dice.below(1_200);
            world.run(pause);
            world.trouble();
        }
        world.heal();
        world.run(SETTLED);
        let first = world.active();
        assert_eq!(first.len(), 1, "story {seed}: {first:?} answer a second after all is well");
        for _ in 0..1_000 {
            world.step();
            assert_eq!(world.active(), first, "story {seed}");
            let there: Vec<u8> = world.sides.iter().filter(|side| side.answers).map(|side| side.number).collect();
            assert_eq!(there, first, "story {seed}: whose addresses are there");
        }
        // A swap in order: never nobody, and both for no longer than it takes until one is told.
        let to = usize::from(first == [1]);
        world.ordered = world.ordered.max(world.highest) + 1;
        let term = world.ordered;
        (0..2).for_each(|at| world.tell(at, term, to));
        world.run(20);
        assert_eq!(world.active(), [world.sides[to].number], "story {seed}: as a scheduler wants it");
        assert!(world.sides.iter().all(|side| side.election.term() == term), "story {seed}");
    }
}

#[test]
fn a_standby_answers_within_a_second_of_the_others_end_and_not_before() {
    for seed in stories() {
        let mut world = World::new(seed);
        world.delay = 1 + world.dice.below(30);
        world.run(2_000);
        let first = world.active();
        assert_eq!(first.len(), 1, "story {seed}");
        // Of one word lost in a row nothing comes.
        world.loss = 5;
        let gone = usize::from(first[0] - 1);
        world.loss = 0;
        world.sides[gone].alive = false;
        let other = 1 - gone;
        let began = world.now;
        while !world.sides[other].answers {
            world.step();
            assert!(world.now - began < 1_000, "story {seed}: nobody answers for a second");
        }
        assert!(
            world.now - began > 200,
            "story {seed}: after {} ms, for a word or two that were late",
            world.now - began
        );
    }
}

#[test]
fn who_is_stopped_and_wakes_up_has_let_go_and_listens_before_it_answers() {
    for seed in stories() {
        let mut world = World::new(seed);
        world.run(2_000);
        let [first] = world.active()[..] else { panic!("story {seed}: {:?}", world.active()) };
        let at = usize::from(first - 1);
        world.sides[at].asleep = world.now + 6_000;
        world.run(5_000);
        assert!(!world.sides[at].answers, "story {seed}: the kernel has taken the addresses away");
        assert!(world.sides[1 - at].answers, "story {seed}");
        world.run(2_000);
        assert_eq!(world.active(), [3 - first], "story {seed}: it does not come back by itself");
        assert!(!world.sides[at].answers, "story {seed}");
    }
}

#[test]
fn an_order_of_the_past_does_nothing() {
    for seed in stories() {
        let mut world = World::new(seed);
        world.run(2_000);
        for _ in 0..4 {
            world.order();
            world.run(800);
        }
        let before = (world.active(), world.highest);
        let past: Vec<(u64, usize)> = world.orders.iter().copied().filter(|(term, _)| *term < world.highest).collect();
        for (term, to) in past {
            (0..2).for_each(|at| world.tell(at, term, to));
            world.run(100);
            assert_eq!((world.active(), world.highest), before, "story {seed}: the order of term {term}");
        }
    }
}
