//! What the two sides of a load balancer say to each other: one datagram, signed, from each side's own address to the other's. Pure.
//!
//! ```text
//! "BLS1"  number  flags  mac(6)  term(8)  session(8)  challenge(8)  counter(8)  answers(2 * 8)  length(1)  id  HMAC-SHA256(32)
//! ```
//!
//! What was recorded and is sent again says nothing. A side has a session, which is a number by chance as long as its process
//! lives, counts what it says in it, and has a challenge, which is another one each time that it gets to know the other side's
//! session. Who answers that is heard: of a session that is known with a higher count, and of one that is not known with the
//! present challenge.

use hmac_0_13::{Hmac, KeyInit as _, Mac as _, digest::Key};
use sha2::Sha256;

use super::election::Word;

/// Of UDP, at each side's own address.
pub(super) const PORT: u16 = 1026;
const MARK: [u8; 4] = *b"BLS1";
const HEAD: usize = 69;
const SIGNATURE: usize = 32;
/// The longest that is read: an id has 64 characters at most.
pub(super) const LONGEST: usize = HEAD + 64 + SIGNATURE;
const ACTIVE: u8 = 1;
const READY: u8 = 2;

/// Of one side: what it has said and heard.
#[derive(Clone)]
pub(super) struct Talk {
    id: String,
    number: u8,
    mac: [u8; 6],
    session: u64,
    challenge: u64,
    /// The one before: the other side may not know of the present one yet.
    before: u64,
    counter: u64,
    other: Option<Other>,
    /// What somebody asks whose session is not known.
    asked: u64,
}

#[derive(Clone, Copy)]
struct Other {
    session: u64,
    counter: u64,
    challenge: u64,
}

/// What came of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The other side says this, and has this MAC address.
    Word(Word, [u8; 6]),
    /// It is the other side's, and may be old: who answers it hears more.
    Unproven,
    /// It is nobody's, or another load balancer's, or was heard before.
    Nothing,
}

struct Read {
    flags: u8,
    mac: [u8; 6],
    term: u64,
    session: u64,
    challenge: u64,
    counter: u64,
    answers: [u64; 2],
}

impl Talk {
    /// `chance`: two numbers by chance.
    pub(super) fn new(id: &str, number: u8, mac: [u8; 6], chance: [u64; 2]) -> Self {
        let [session, challenge] = chance.map(|number| number.max(1));
        Self { id: id.to_owned(), number, mac, session, challenge, before: 0, counter: 0, other: None, asked: 0 }
    }

    /// The next datagram.
    pub(super) fn say(&mut self, word: Word, key: &[u8; 32]) -> Vec<u8> {
        self.counter += 1;
        let flags = (u8::from(word.active) * ACTIVE) | (u8::from(word.ready) * READY);
        let known = self.other.map_or(0, |other| other.challenge);
        let numbers = [word.term, self.session, self.challenge, self.counter, known, self.asked];
        let mut bytes = MARK.to_vec();
        bytes.extend([self.number, flags]);
        bytes.extend(self.mac);
        numbers.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        let id = self.id.as_bytes();
        bytes.resize(HEAD - 1, 0);
        bytes.push(u8::try_from(id.len()).unwrap_or(u8::MAX));
        bytes.extend(id);
        let signature = signer(key).chain_update(&bytes).finalize().into_bytes();
        bytes.extend(signature);
        bytes
    }

    /// `chance`: a number by chance, for the next challenge.
    pub(super) fn hear(&mut self, bytes: &[u8], key: &[u8; 32], chance: u64) -> Heard {
        let Some(read) = self.read(bytes, key) else { return Heard::Nothing };
        let word = Word { term: read.term, active: read.flags & ACTIVE > 0, ready: read.flags & READY > 0 };
        let has = |challenge: u64| challenge > 0 && read.answers.contains(&challenge);
        match &mut self.other {
            Some(other) if other.session == read.session => {
                if read.counter <= other.counter {
                    return Heard::Nothing;
                }
                (other.counter, other.challenge) = (read.counter, read.challenge);
                match has(self.challenge) || has(self.before) {
                    true => Heard::Word(word, read.mac),
                    false => Heard::Unproven,
                }
            }
            _ if has(self.challenge) => {
                let Read { session, counter, challenge, .. } = read;
                self.other = Some(Other { session, counter, challenge });
                (self.before, self.challenge) = (self.challenge, chance.max(1));
                Heard::Word(word, read.mac)
            }
            _ => {
                self.asked = read.challenge;
                Heard::Unproven
            }
        }
    }

    fn read(&self, bytes: &[u8], key: &[u8; 32]) -> Option<Read> {
        let (signed, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let (head, id) = signed.split_at_checked(HEAD)?;
        let is_ours = head.starts_with(&MARK)
            && head[4] == 3 - self.number
            && usize::from(head[HEAD - 1]) == id.len()
            && id == self.id.as_bytes();
        if !is_ours || signer(key).chain_update(signed).verify_slice(signature).is_err() {
            return None;
        }
        let number = |index: usize| -> Option<u64> {
            let at = 12 + 8 * index;
            Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?))
        };
        Some(Read {
            flags: head[5],
            mac: head[6..12].try_into().ok()?,
            term: number(0)?,
            session: number(1)?,
            challenge: number(2)?,
            counter: number(3)?,
            answers: [number(4)?, number(5)?],
        })
    }
}

fn signer(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const WORD: Word = Word { term: 9, active: true, ready: true };

    fn side(number: u8, seed: u64) -> Talk {
        Talk::new("lb-1", number, [2, 0, 0, 0, 0, number], [seed, seed + 1])
    }

    /// Until each is heard by the other.
    fn met(one: &mut Talk, other: &mut Talk) {
        for round in 0..3 {
            // By chance: no number comes twice.
            let chance = 1_000 * (one.session + 100 * other.session) + 10 * round;
            other.hear(&one.say(WORD, &KEY), &KEY, chance);
            one.hear(&other.say(WORD, &KEY), &KEY, chance + 1);
        }
        assert_eq!(other.hear(&one.say(WORD, &KEY), &KEY, 5), Heard::Word(WORD, one.mac));
        assert_eq!(one.hear(&other.say(WORD, &KEY), &KEY, 6), Heard::Word(WORD, other.mac));
    }

    #[test]
    fn two_sides_hear_each_other_after_a_word_and_an_answer() {
        let (mut one, mut other) = (side(1, 10), side(2, 20));
        assert_eq!(other.hear(&one.say(WORD, &KEY), &KEY, 3), Heard::Unproven);
        assert_eq!(one.hear(&other.say(WORD, &KEY), &KEY, 4), Heard::Word(WORD, other.mac));
        assert_eq!(other.hear(&one.say(WORD, &KEY), &KEY, 5), Heard::Word(WORD, one.mac));
        let datagram = one.say(Word { term: u64::MAX, active: false, ready: true }, &KEY);
        assert_eq!(
            other.hear(&datagram, &KEY, 6),
            Heard::Word(Word { term: u64::MAX, active: false, ready: true }, one.mac)
        );
    }

    #[test]
    fn what_was_recorded_says_nothing_whoever_has_started_anew_since() {
        let (mut one, mut other) = (side(1, 10), side(2, 20));
        met(&mut one, &mut other);
        let recorded: Vec<_> = (0..5).map(|_| one.say(WORD, &KEY)).collect();
        recorded.iter().for_each(|datagram| drop(other.hear(datagram, &KEY, 7)));
        let says_nothing = |hears: &mut Talk| {
            for datagram in &recorded {
                let heard = hears.hear(datagram, &KEY, 8);
                assert!(matches!(heard, Heard::Nothing | Heard::Unproven), "{heard:?}");
            }
        };
        says_nothing(&mut other);
        let mut one = side(1, 30);
        met(&mut one, &mut other);
        says_nothing(&mut other);
        let mut other = side(2, 40);
        says_nothing(&mut other);
        met(&mut one, &mut other);
        says_nothing(&mut other);
    }

    #[test]
    fn a_flood_of_what_was_recorded_keeps_nobody_from_being_heard() {
        let (mut one, mut other) = (side(1, 10), side(2, 20));
        met(&mut one, &mut other);
        let recorded = one.say(WORD, &KEY);
        let mut one = side(1, 30);
        let mut heard = 0;
        for round in 0..10 {
            other.hear(&recorded, &KEY, 50 + round);
            let said = one.say(WORD, &KEY);
            heard += u32::from(matches!(other.hear(&said, &KEY, 60 + round), Heard::Word(..)));
            other.hear(&recorded, &KEY, 70 + round);
            one.hear(&other.say(WORD, &KEY), &KEY, 80 + round);
        }
        assert!(heard >= 7, "{heard} of 10");
    }

    #[test]
    fn what_is_damaged_foreign_or_signed_otherwise_is_nothing() {
        let (mut one, mut other) = (side(1, 10), side(2, 20));
        met(&mut one, &mut other);
        let sound = one.say(WORD, &KEY);
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            assert_eq!(other.hear(&changed, &KEY, 9), Heard::Nothing, "changed at {at}");
            assert_eq!(other.hear(&sound[..at], &KEY, 9), Heard::Nothing, "cut off at {at}");
        }
        assert_eq!(other.hear(&[&sound[..], b"x"].concat(), &KEY, 9), Heard::Nothing);
        assert_eq!(other.hear(&one.say(WORD, &[8; 32]), &KEY, 9), Heard::Nothing, "another key");
        assert_eq!(one.hear(&sound, &KEY, 9), Heard::Nothing, "its own");
        let mut of_another = Talk::new("lb-2", 1, one.mac, [1, 2]);
        assert_eq!(other.hear(&of_another.say(WORD, &KEY), &KEY, 9), Heard::Nothing);
        assert!(sound.len() <= LONGEST);
        assert!(matches!(other.hear(&sound, &KEY, 9), Heard::Word(..)), "as it was sent");
    }
}
