//! What a driver's process did in a deploy, as spans of its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ballast_proto::driver::Step;
use ballast_traces::{Span, SpanKind};

/// As the contract has it.
const MOST: usize = 64;
const LONGEST: usize = 64;
/// What lies further back or ahead is no time of this call.
const FAR: Duration = Duration::from_secs(600);

/// The whole call is a part of `call`, and the others are parts of it.
pub(super) fn tell(call: &Span, steps: &[Step]) {
    if !call.is_followed() {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "what is told is compared with what this machine's clock says")]
    let now = SystemTime::now();
    let Some((whole, parts)) = steps.split_first() else { return };
    let Some((from, until)) = time_of(whole, now).filter(|_| is_name(&whole.name)) else { return };
    let span = call.of_driver(whole.name.clone(), SpanKind::Server, from);
    for part in parts.iter().take(MOST).filter(|part| is_name(&part.name)) {
        if let Some((from, until)) = time_of(part, now) {
            span.of_driver(part.name.clone(), SpanKind::Internal, from).ended_at(until);
        }
    }
    span.ended_at(until);
}

fn time_of(step: &Step, now: SystemTime) -> Option<(SystemTime, SystemTime)> {
    let from = UNIX_EPOCH.checked_add(Duration::from_nanos(step.began))?;
    let until = from.checked_add(Duration::from_nanos(step.took))?;
    let is_near = |time: SystemTime| now.duration_since(time).unwrap_or_else(|ahead| ahead.duration()) < FAR;
    (is_near(from) && is_near(until)).then_some((from, until))
}

/// A driver's file is not ours: what it says is not passed on as it comes.
fn is_name(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-');
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_far_is_none() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let nanos = |seconds: u64| seconds * 1_000_000_000;
        let step = |began, took| Step { name: "x".to_owned(), began, took };
        let from = now - Duration::from_secs(2);
        assert_eq!(time_of(&step(nanos(999_998), nanos(1)), now), Some((from, from + Duration::from_secs(1))));
        for (began, took) in [(0, 1), (nanos(1_001_000), 1), (nanos(999_999), nanos(1_000)), (u64::MAX, u64::MAX)] {
            assert_eq!(time_of(&step(began, took), now), None, "{began} {took}");
        }
    }

    #[test]
    fn a_name_is_words() {
        assert!(is_name("Host MakeLink") && is_name("runtime-api"));
        for bad in ["", "a\n", "10.0.0.1", "\u{fc}", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
