//! What drivers log and print, in the agent's own log.

use std::{
    collections::HashMap,
    fmt::Write,
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
};

use ballast_proto::driver::{LogRecord, LogsRequest, driver_client::DriverClient};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::unix::pipe,
};
use tonic::transport::Channel;
use tracing::{Level, level_filters::LevelFilter};

/// A line that is longer is shown in pieces.
const LINE_LIMIT: u64 = 4096;

/// The level that the agent itself logs at: 1 error to 5 trace, 0 nothing.
pub(super) fn level() -> u32 {
    match LevelFilter::current().into_level() {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}

/// Passes on a driver's records until its process ends.
pub(super) async fn forward_records(driver: String, mut client: DriverClient<Channel>) {
    let Ok(stream) = client.logs(LogsRequest {}).await else { return };
    let mut stream = stream.into_inner();
    while let Ok(Some(record)) = stream.message().await {
        emit(&driver, record);
    }
}

// A callsite of tracing has one level and one set of fields: hence a macro, and the rest of the fields in the text.
macro_rules! event {
    ($level:expr, $driver:expr, $record:expr, $load_balancer:expr, $text:expr) => {
        tracing::event!(
            target: "ballast_agent::driver",
            $level,
            driver = $driver,
            load_balancer = $load_balancer,
            source = $record.target,
            "{}",
            $text
        )
    };
}

fn emit(driver: &str, mut record: LogRecord) {
    let load_balancer = record.fields.remove("load_balancer");
    let (load_balancer, text) = (load_balancer.as_deref(), text(&record.message, &record.fields));
    match record.level {
        0 | 1 => event!(Level::ERROR, driver, record, load_balancer, text),
        2 => event!(Level::WARN, driver, record, load_balancer, text),
        3 => event!(Level::INFO, driver, record, load_balancer, text),
        4 => event!(Level::DEBUG, driver, record, load_balancer, text),
        _ => event!(Level::TRACE, driver, record, load_balancer, text),
    }
}

fn text(message: &str, fields: &HashMap<String, String>) -> String {
    let mut sorted: Vec<(&String, &String)> = fields.iter().collect();
    sorted.sort_unstable();
    sorted.into_iter().fold(message.to_owned(), |mut text, (key, value)| {
        let _ = write!(text, " {key}={value}");
        text
    })
}

/// The last line that a driver-host has printed: the best hint at why it ended without a word.
#[derive(Clone, Default)]
pub(super) struct LastLine(Arc<Mutex<String>>);

impl LastLine {
    pub(super) fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, line: &str) {
        line.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Passes on what a driver-host prints, until nobody has the other end any more.
pub(super) async fn forward_output(driver: String, output: OwnedFd, last: LastLine) -> io::Result<()> {
    let mut output = BufReader::new(pipe::Receiver::from_owned_fd(output)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut output).take(LINE_LIMIT).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            last.set(text);
            tracing::warn!(target: "ballast_agent::driver", driver, "printed: {text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_the_message_in_order() {
        let fields = HashMap::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]);
        assert_eq!(text("deployed", &fields), "deployed a=1 b=2");
    }
}
