//! How checks ended, in the words that the field has for it. Pure.

use std::{collections::BTreeMap, time::Instant};

use ballast_abi::CheckAnswer;
use ballast_l4::prober::{Outcome, Reason, Verdict};

use super::{Forwarded, Key};
use crate::validate::Check;

/// By pool and member: for how many milliseconds it has been as it is (0: not known), and how its last check ended. Of several
/// checks it is one that failed.
pub(super) fn answers(
    asked: &Forwarded,
    verdicts: &BTreeMap<String, Verdict>,
    now: Instant,
) -> BTreeMap<Key, (u64, CheckAnswer)> {
    let mut answers = BTreeMap::new();
    let mut failing = Vec::new();
    for probe in &asked.probes {
        let Some(verdict) = verdicts.get(&probe.name()) else { continue };
        let Some(last) = &verdict.last else { continue };
        let since = verdict.since.map(|since| now.saturating_duration_since(since).as_millis());
        let said = (since.map_or(0, |time| u64::try_from(time).unwrap_or(u64::MAX)), answer(&probe.check, last));
        if verdict.up == Some(false) {
            failing.push((probe.of(), said));
        } else {
            answers.insert(probe.of(), said);
        }
    }
    answers.extend(failing);
    answers
}

fn answer(check: &Check, outcome: &Outcome) -> CheckAnswer {
    let layer = match check {
        Check::Ping => "L3",
        Check::Tcp | Check::UdpConnect | Check::Sctp => "L4",
        Check::TlsHello => "L6",
        Check::Http { .. } => "L7",
    };
    let result = match outcome.reason {
        Reason::Passed | Reason::Silent => format!("{layer}OK"),
        Reason::TimedOut => format!("{layer}TOUT"),
        Reason::Refused | Reason::Unreachable => "L4CON".to_owned(),
        Reason::Closed if layer == "L4" => "L4CON".to_owned(),
        Reason::Closed | Reason::NotHttp => format!("{layer}RSP"),
        Reason::WrongCode => "L7STS".to_owned(),
        Reason::NoTls => "L6RSP".to_owned(),
        Reason::NotTried => "SOCKERR".to_owned(),
    };
    CheckAnswer {
        result,
        code: outcome.code.unwrap_or(0).into(),
        text: outcome.text.clone(),
        milliseconds: u32::try_from(outcome.milliseconds).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::l4::Probe;

    const HTTP: Check =
        Check::Http { tls: false, method: String::new(), path: String::new(), codes: Vec::new(), version: None };

    #[test]
    fn an_answer_is_named_by_the_layer_of_its_check_and_what_came_of_it() {
        let outcome = |reason| Outcome { reason, code: Some(503), text: "Busy".to_owned(), milliseconds: 7 };
        for (check, reason, result) in [
            (Check::Ping, Reason::Passed, "L3OK"),
            (Check::Ping, Reason::TimedOut, "L3TOUT"),
            (Check::Tcp, Reason::Refused, "L4CON"),
            (Check::Tcp, Reason::Closed, "L4CON"),
            (Check::UdpConnect, Reason::Silent, "L4OK"),
            (Check::Sctp, Reason::TimedOut, "L4TOUT"),
            (Check::TlsHello, Reason::NoTls, "L6RSP"),
            (HTTP, Reason::WrongCode, "L7STS"),
            (HTTP, Reason::Closed, "L7RSP"),
            (HTTP, Reason::NotTried, "SOCKERR"),
        ] {
            let said = answer(&check, &outcome(reason));
            assert_eq!((said.result.as_str(), said.code, said.milliseconds), (result, 503, 7), "{check:?} {reason:?}");
        }
    }

    #[test]
    fn of_several_checks_of_a_member_one_that_fails_is_told() {
        let now = Instant::now();
        let probe = |monitor: usize, check: Check| Probe {
            monitor,
            pool: "p".to_owned(),
            member: "m".to_owned(),
            check,
            address: "10.0.0.1:80".parse().unwrap(),
            delay: 5,
            timeout: 2,
            rise: 1,
            fall: 1,
        };
        let asked = Forwarded { probes: vec![probe(0, Check::Ping), probe(1, Check::Tcp)], ..Forwarded::default() };
        let verdict = |up, reason| Verdict {
            up: Some(up),
            since: now.checked_sub(Duration::from_secs(3)),
            last: Some(Outcome { reason, code: None, text: String::new(), milliseconds: 1 }),
        };
        for ping_fails in [true, false] {
            let ping = if ping_fails { verdict(false, Reason::TimedOut) } else { verdict(true, Reason::Passed) };
            let tcp = if ping_fails { verdict(true, Reason::Passed) } else { verdict(false, Reason::Refused) };
            let names = asked.probes.iter().map(Probe::name);
            let said = answers(&asked, &names.zip([ping, tcp]).collect(), now);
            let (so_for, answer) = &said[&("p".to_owned(), "m".to_owned())];
            assert_eq!((*so_for, answer.result.as_str()), (3000, if ping_fails { "L3TOUT" } else { "L4CON" }));
        }
        assert!(answers(&asked, &BTreeMap::new(), now).is_empty());
    }
}
