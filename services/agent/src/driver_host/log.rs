//! What a driver logs, kept until the agent fetches it. A driver never waits for its log: when the agent does not keep
//! up, records are dropped and counted.

use std::{
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use ballast_abi::host::LogSink;
use ballast_proto::driver::LogRecord;
use tokio::sync::mpsc;

const KEPT: usize = 1024;
const WARN: u32 = 2;

pub(super) fn channel(level: u32) -> (Sink, Drain) {
    let (sender, receiver) = mpsc::channel(KEPT);
    (Sink { level, sender, dropped: AtomicU64::new(0) }, Drain(receiver))
}

/// The driver's end.
pub(super) struct Sink {
    level: u32,
    sender: mpsc::Sender<LogRecord>,
    dropped: AtomicU64,
}

impl LogSink for Sink {
    fn enabled(&self, level: u32, _: &str) -> bool {
        level <= self.level
    }

    fn log(&self, record: LogRecord) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 && self.sender.try_send(lost(dropped)).is_err() {
            self.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        if self.sender.try_send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn lost(count: u64) -> LogRecord {
    let message = format!("{count} log records of the driver were dropped: it logs faster than the agent reads");
    LogRecord { level: WARN, target: "driver-host".to_owned(), message, ..LogRecord::default() }
}

/// The agent's end.
pub(super) struct Drain(pub(super) mpsc::Receiver<LogRecord>);

impl Drain {
    /// For a driver that did not start: nobody will fetch its records.
    pub(super) fn write_to(&mut self, out: &mut impl Write) {
        while let Ok(record) = self.0.try_recv() {
            let _ = writeln!(out, "{}: {}", record.target, record.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_loses_records_and_is_told_how_many() {
        let (sink, mut drain) = channel(3);
        for _ in 0..KEPT + 5 {
            sink.log(LogRecord::default());
        }
        for _ in 0..KEPT {
            drain.0.try_recv().unwrap();
        }
        sink.log(LogRecord { message: "next".into(), ..LogRecord::default() });
        assert!(drain.0.try_recv().unwrap().message.starts_with("5 log records"));
        assert_eq!(drain.0.try_recv().unwrap().message, "next");
    }
}
