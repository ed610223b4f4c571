//! What was counted in each step of time, of the last so many steps. Times are in milliseconds, by a clock that only goes on.

use ballast_model::outcome::Statistics;

/// What was counted in a step. Seven digits of a number of bytes are enough to draw it, and take half the room.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Slot {
    bytes_in: f32,
    bytes_out: f32,
    connections: u32,
    /// The most that were told.
    active: u32,
}

/// The same, as it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficPoint {
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub new_connections: u64,
    /// The most that were open at once, as far as they were told.
    pub active_connections: u64,
}

/// How much more was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grown {
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) connections: u64,
}

impl Grown {
    pub(super) const fn of(counted: &Statistics) -> Self {
        Self { bytes_in: counted.bytes_in, bytes_out: counted.bytes_out, connections: counted.total_connections }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// The last `N` steps of `STEP` milliseconds.
#[derive(Debug)]
pub(super) struct Ring<const STEP: u64, const N: usize> {
    /// The number of the newest step, since the clock began.
    newest: u64,
    slots: [Slot; N],
}

impl<const STEP: u64, const N: usize> Ring<STEP, N> {
    /// Nothing has been counted yet.
    pub(super) const fn new(now: u64) -> Self {
        let none = Slot { bytes_in: 0.0, bytes_out: 0.0, connections: 0, active: 0 };
        Self { newest: now / STEP, slots: [none; N] }
    }

    /// Adds what was counted between the two, as if it had come evenly. `before` connections were open until now, and
    /// `active` are.
    pub(super) fn add(&mut self, (from, now): (u64, u64), grown: Grown, (before, active): (u32, u32)) {
        self.advance(now, before);
        let from = from.min(now.saturating_sub(1));
        let oldest = (self.newest + 1).saturating_sub(size(N));
        for step in (from / STEP).max(oldest)..=self.newest {
            let (begin, end) = ((step * STEP).clamp(from, now), ((step + 1) * STEP).clamp(from, now));
            let part = |whole: u64| share(whole, end - from, now - from) - share(whole, begin - from, now - from);
            let slot = self.slot(step);
            slot.bytes_in += to_float(part(grown.bytes_in));
            slot.bytes_out += to_float(part(grown.bytes_out));
            slot.connections = slot.connections.saturating_add(small(part(grown.connections)));
        }
        let newest = self.newest;
        let slot = self.slot(newest);
        slot.active = slot.active.max(active);
    }

    /// Steps that have begun meanwhile, in which nothing was told.
    fn advance(&mut self, now: u64, active: u32) {
        let newest = now / STEP;
        let first = (self.newest + 1).max((newest + 1).saturating_sub(size(N)));
        for step in first..=newest {
            *self.slot(step) = Slot { active, ..Slot::default() };
        }
        self.newest = self.newest.max(newest);
    }

    fn slot(&mut self, step: u64) -> &mut Slot {
        let at = usize::try_from(step % size(N)).unwrap_or_default();
        &mut self.slots[at]
    }

    /// What a step has; one that is too old, none. `active` connections are open since the newest.
    pub(super) fn at(&self, step: u64, active: u32) -> Option<TrafficPoint> {
        if step > self.newest {
            return Some(TrafficPoint { active_connections: active.into(), ..TrafficPoint::default() });
        }
        let slot = self.slots[usize::try_from(step % size(N)).ok()?];
        (step + size(N) > self.newest).then(|| TrafficPoint {
            bytes_in: whole(slot.bytes_in),
            bytes_out: whole(slot.bytes_out),
            new_connections: slot.connections.into(),
            active_connections: slot.active.into(),
        })
    }
}

/// The part of a whole that has come after `passed` of `all`.
fn share(whole: u64, passed: u64, all: u64) -> u64 {
    let part = u128::from(whole) * u128::from(passed) / u128::from(all.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn size(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "seven digits are enough")]
const fn to_float(number: u64) -> f32 {
    number as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was made of a number that was none of these"
)]
fn whole(number: f32) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tens = Ring<10_000, 6>;

    fn coming(ring: &Tens, steps: std::ops::RangeInclusive<u64>) -> Vec<Option<u64>> {
        steps.map(|step| ring.at(step, 0).map(|point| point.bytes_in)).collect()
    }

    fn bytes(bytes_in: u64) -> Grown {
        Grown { bytes_in, ..Grown::default() }
    }

    #[test]
    fn what_came_between_two_moments_is_shared_among_the_steps_between_them_and_none_of_it_is_lost() {
        let mut ring = Tens::new(5_000);
        ring.add((5_000, 25_000), bytes(201), (0, 0));
        assert_eq!(coming(&ring, 0..=3), [Some(50), Some(100), Some(51), Some(0)]);
        ring.add((25_000, 25_000), bytes(7), (0, 0));
        assert_eq!(coming(&ring, 2..=2), [Some(58)], "no time has passed");
    }

    #[test]
    fn steps_that_are_too_old_are_gone_with_what_belonged_to_them() {
        let mut ring = Tens::new(0);
        ring.add((0, 5_000), bytes(5), (0, 0));
        ring.add((0, 95_000), bytes(95_000), (0, 0));
        assert_eq!(coming(&ring, 3..=9), [&[None][..], &[Some(10_000); 5], &[Some(5_000)]].concat());
        ring.add((1_000_000, 1_005_000), bytes(1), (0, 0));
        assert_eq!(coming(&ring, 94..=100), [&[None][..], &[Some(0); 5], &[Some(1)]].concat());
    }

    #[test]
    fn connections_that_stay_open_are_there_in_every_step() {
        let mut ring = Tens::new(0);
        ring.add((0, 1_000), Grown { connections: 3, ..Grown::default() }, (0, 3));
        ring.add((1_000, 2_000), Grown::default(), (3, 2));
        ring.add((32_000, 35_000), Grown::default(), (2, 9));
        let active: Vec<u64> = (0..=4).map(|step| ring.at(step, 9).unwrap().active_connections).collect();
        assert_eq!(active, [3, 2, 2, 9, 9]);
    }
}
