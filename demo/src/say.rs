//! What a person reads while the demo runs. That nobody reads any more (a closed pipe) is no reason to stop half-way.

use std::{
    fs,
    io::{self, Write},
    time::Instant,
};

use crate::error::DemoError;

/// How many lines of a service's log are shown when it failed.
const LAST_LINES: usize = 12;

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

/// On stderr: what went wrong, after the end of the log that tells why. To be called while the log exists.
pub(crate) fn failure(error: &DemoError) {
    let mut stderr = io::stderr().lock();
    if let Some(log) = error.log() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let _nobody_reads = writeln!(stderr, "\nthe last lines of {}:", log.display());
        for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
            let _nobody_reads = writeln!(stderr, "  {line}");
        }
    }
    let _nobody_reads = writeln!(stderr, "\nballast-demo: {error}");
}
