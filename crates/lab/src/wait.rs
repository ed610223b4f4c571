//! Waiting for a condition with a deadline: the only way in which a test may let time pass.

use std::thread;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Asks `probe` until it answers, at first every few milliseconds, later every 50; `None` when `deadline`
/// (from now) has passed. `probe` is asked at least once, and once more after the deadline.
pub fn poll_until<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        let late = Instant::now() >= end;
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if late {
            return None;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// [`poll_until`] for tests.
///
/// # Panics
/// When `deadline` has passed: `what` is the thing that was waited for, as "an answer of web-1".
#[track_caller]
pub fn wait_until<T>(deadline: Duration, what: &str, probe: impl FnMut() -> Option<T>) -> T {
    match poll_until(deadline, probe) {
        Some(answer) => answer,
        None => panic!("waited {deadline:?} in vain for {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_the_probe_is_returned() {
        let mut asked = 0;
        let answer = wait_until(Duration::from_secs(5), "the third try", || {
            asked += 1;
            (asked == 3).then_some("here")
        });
        assert_eq!(answer, "here");
    }

    #[test]
    #[should_panic(expected = "in vain for a thing that never comes")]
    fn what_was_awaited_is_named_when_it_does_not_come() {
        wait_until(Duration::from_millis(1), "a thing that never comes", || None::<()>);
    }
}
