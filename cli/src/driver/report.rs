//! What came of the checks, for people and for programs.

use std::path::Path;

use ballast_abi::{conformance::Check, note::Note};
use serde_json::{Value, json};

use super::order::Outcome;
use crate::exit::Exit;

/// The longest name of a check.
const WIDTH: usize = 18;

/// A check and its outcome.
pub(super) struct Line {
    pub(super) check: Check,
    pub(super) outcome: Outcome,
    pub(super) milliseconds: u128,
}

#[derive(Default)]
pub(super) struct Report(pub(super) Vec<Line>);

impl Line {
    /// As it is shown: one line, and the reason below when it has not passed.
    pub(super) fn text(&self) -> String {
        let seconds = f64::from(u32::try_from(self.milliseconds).unwrap_or(u32::MAX)) / 1e3;
        let head =
            |word: &str| format!("{word:<8} {:<WIDTH$} {:>5.1} s  {}", self.check.name, seconds, self.check.title);
        match &self.outcome {
            Outcome::Passed(remark) if remark.is_empty() => format!("{}\n", head("passed")),
            Outcome::Passed(remark) => format!("{} ({})\n", head("passed"), plain(remark)),
            Outcome::Failed(why) => format!("{}\n         {}\n", head("FAILED"), plain(why)),
            Outcome::Skipped(why) => format!("{}\n         {}\n", head("SKIPPED"), plain(why)),
        }
    }

    fn value(&self) -> Value {
        let (outcome, detail) = match &self.outcome {
            Outcome::Passed(detail) => ("passed", detail),
            Outcome::Failed(detail) => ("failed", detail),
            Outcome::Skipped(detail) => ("skipped", detail),
        };
        json!({
            "name": self.check.name, "title": self.check.title, "outcome": outcome, "detail": detail,
            "milliseconds": u64::try_from(self.milliseconds).unwrap_or(u64::MAX),
        })
    }
}

impl Report {
    pub(super) fn passed(&self, check: &str) -> Option<bool> {
        let line = self.0.iter().find(|line| line.check.name == check)?;
        Some(matches!(line.outcome, Outcome::Passed(_)))
    }

    /// Whether the reason of a failure has this word.
    pub(super) fn says(&self, word: &str) -> bool {
        self.0.iter().any(|line| matches!(&line.outcome, Outcome::Failed(why) if why.contains(word)))
    }

    /// Passed, failed, skipped.
    fn counts(&self) -> (usize, usize, usize) {
        let count = |wanted: fn(&Outcome) -> bool| self.0.iter().filter(|line| wanted(&line.outcome)).count();
        (
            count(|outcome| matches!(outcome, Outcome::Passed(_))),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
            count(|outcome| matches!(outcome, Outcome::Skipped(_))),
        )
    }

    pub(super) fn summary(&self, seed: u64) -> String {
        let (passed, failed, skipped) = self.counts();
        format!("{passed} passed, {failed} failed, {skipped} skipped; --seed {seed}\n")
    }

    pub(super) fn json(&self, file: &Path, note: Option<&Note>, seed: u64) -> String {
        let (passed, failed, skipped) = self.counts();
        let driver = note.map(|note| {
            let abi = format!("{}.{}", note.abi_major, note.abi_minor);
            json!({"name": note.name, "version": note.version, "abi": abi})
        });
        let report = json!({
            "file": file.to_string_lossy(), "driver": driver, "seed": seed,
            "passed": passed, "failed": failed, "skipped": skipped,
            "checks": self.0.iter().map(Line::value).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }

    pub(super) fn status(&self) -> Exit {
        match self.counts() {
            (_, 0, 0) => Exit::Done,
            // Something was skipped, and nothing failed.
            (_, 0, _) => Exit::NotAsWished,
            _ => Exit::Failed,
        }
    }
}

/// What a driver says is a stranger's text: nothing of it moves a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use ballast_abi::conformance::checks;

    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let line = |(check, outcome): (Check, &Outcome)| Line { check, outcome: outcome.clone(), milliseconds: 1234 };
        Report(checks().into_iter().zip(outcomes).map(line).collect())
    }

    #[test]
    fn the_status_says_whether_something_failed_or_was_skipped() {
        let passed = Outcome::Passed(String::new());
        let (failed, skipped) = (Outcome::Failed("why".into()), Outcome::Skipped("why".into()));
        let status = |outcomes: &[Outcome]| report(outcomes).status();
        assert_eq!(status(std::slice::from_ref(&passed)), Exit::Done);
        assert_eq!(status(&[passed.clone(), skipped.clone()]), Exit::NotAsWished);
        assert_eq!(status(&[passed, failed, skipped]), Exit::Failed);
    }

    #[test]
    fn a_reason_stands_below_its_line_and_is_the_same_in_json() {
        let report = report(&[Outcome::Failed("it has\u{1b}[2J".into())]);
        let text = report.0[0].text();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("FAILED   static.elf           1.2 s  it is a driver"), "{text}");
        assert_eq!(lines[1], "         it has\\u{1b}[2J");
        let json: Value = serde_json::from_str(&report.json(Path::new("x.so"), None, 7)).unwrap();
        assert_eq!((&json["checks"][0]["outcome"], &json["failed"]), (&json!("failed"), &json!(1)));
    }

    #[test]
    fn every_name_fits_its_column() {
        assert!(checks().iter().all(|check| check.name.len() <= WIDTH));
    }
}
