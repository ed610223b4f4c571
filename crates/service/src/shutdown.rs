//! The end of a process: one token that SIGTERM and SIGINT cancel and that everything long-lived watches.

use std::time::Duration;

use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Signals this soon after the first are the same ask: `timeout`, a shell or a supervisor sends one to a process and one
/// to its group. A person who asks twice takes longer.
const SAME_ASK: Duration = Duration::from_millis(500);

/// A token that is cancelled by the first SIGTERM or SIGINT. One that comes more than half a second later ends the
/// process at once.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signals() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        let mut asked = async || {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        };
        asked().await;
        cancelled.cancel();
        let same_ask = sleep(SAME_ASK);
        tokio::pin!(same_ask);
        while tokio::select! { () = &mut same_ask => false, () = asked() => true } {}
        asked().await;
        #[expect(clippy::exit, reason = "asked twice: whoever asks does not want to wait")]
        std::process::exit(130);
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal, raise};

    use super::*;

    #[tokio::test]
    async fn two_signals_of_one_ask_end_nothing_at_once() {
        let shutdown = on_signals().expect("handlers");
        raise(Signal::SIGTERM).expect("a signal");
        shutdown.cancelled().await;
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            raise(signal).expect("a signal");
            sleep(Duration::from_millis(20)).await;
        }
        // The process is still here.
        sleep(SAME_ASK).await;
    }
}
