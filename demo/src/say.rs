//! What a person reads while the demo runs. That nobody reads any more (a closed pipe) is no reason to stop half-way.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    time::Instant,
};

use crate::error::DemoError;

/// How many lines of a service's log are shown when it failed.
const MOST_LINES: usize = 12;

/// Whole lines.
pub(crate) fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    let _nobody_reads = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// `what ... ok (0.2 s)`, the second half when it is done.
pub(crate) async fn step<T>(what: &str, work: impl Future<Output = Result<T, DemoError>>) -> Result<T, DemoError> {
    let begun = Instant::now();
    {
        let mut stdout = io::stdout().lock();
        let _nobody_reads = write!(stdout, "{what} ... ").and_then(|()| stdout.flush());
    }
    let result = work.await;
    match &result {
        Ok(_) => line(&format!("ok ({:.1} s)", begun.elapsed().as_secs_f32())),
        Err(_) => line("failed"),
    }
    result
}

/// On stderr: what went wrong, after what the log says of it. To be called while the log exists.
pub(crate) fn failure(error: &DemoError) {
    let mut stderr = io::stderr().lock();
    if let Some(log) = error.log() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        let _nobody_reads = writeln!(stderr, "\nwhat {name} says of it:");
        for line in telling(&text) {
            let _nobody_reads = writeln!(stderr, "  {line}");
        }
    }
    let _nobody_reads = writeln!(stderr, "\nballast-demo: {error}");
}

/// Where the logs of what failed are.
pub(crate) fn kept(kept: io::Result<PathBuf>) {
    let said = match kept {
        Ok(folder) => format!("its logs and configuration are kept in {} until the next demo", folder.display()),
        Err(error) => format!("its logs cannot be kept: {error}"),
    };
    let _nobody_reads = writeln!(io::stderr().lock(), "ballast-demo: {said}");
}

/// The first trouble of a log: what comes later most often follows from it. A log without any ends with what was done
/// last.
fn telling(log: &str) -> Vec<&str> {
    let lines: Vec<&str> = log.lines().collect();
    let says = |line: &&str, level: &str| line.split_whitespace().nth(1) == Some(level);
    // A service that cannot start says why in one line of its own.
    let is_error = |line: &&str| says(line, "ERROR") || line.starts_with("ballast-");
    let first = lines.iter().position(is_error);
    match first.or_else(|| lines.iter().position(|line| says(line, "WARN"))) {
        Some(first) => {
            let more = lines[first + 1..].iter().take_while(|line| !line.starts_with(|c: char| c.is_ascii_digit()));
            lines[first..=first].iter().chain(more).take(MOST_LINES).copied().collect()
        }
        None => lines[lines.len().saturating_sub(MOST_LINES)..].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn the_first_error_is_told_with_all_its_lines_and_not_the_last_lines() {
        let mut log = String::from(
            "2026-11-28T05:00:00Z  INFO a: starts\n2026-11-28T05:00:01Z  WARN a: odd\n\
             2026-11-28T05:00:02Z ERROR a: deploy failed\n  because of this\n",
        );
        for _ in 0..50 {
            log.push_str("2026-11-28T05:00:03Z ERROR a: and again\n");
        }
        assert_eq!(telling(&log), ["2026-11-28T05:00:02Z ERROR a: deploy failed", "  because of this"]);
    }

    #[test]
    fn a_service_that_does_not_start_and_a_log_without_errors_are_told_too() {
        let ended = "2026-11-28T05:00:00Z  INFO a: starts\nballast-scheduler: cannot open the database\n";
        assert_eq!(telling(ended), ["ballast-scheduler: cannot open the database"]);
        let warned = "2026-11-28T05:00:01Z  WARN a: odd\n2026-11-28T05:00:02Z  INFO a: goes on\n";
        assert_eq!(telling(warned), ["2026-11-28T05:00:01Z  WARN a: odd"]);
        assert_eq!(telling("one\ntwo\n"), ["one", "two"]);
    }
}
