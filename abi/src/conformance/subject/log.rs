//! What the driver logs, kept until it is asked for.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{host::LogSink, proto::LogRecord};

/// More records than this are forgotten.
const KEPT: usize = 1000;
const INFO: u32 = 3;

#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<String>>>);

impl LogSink for Log {
    fn enabled(&self, level: u32, _: &str) -> bool {
        level <= INFO
    }

    fn log(&self, record: LogRecord) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(format!("{}: {}", record.target, record.message));
        }
    }
}

impl Log {
    /// `target: message`, oldest first.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
