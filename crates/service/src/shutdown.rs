//! The end of a process: one token that SIGTERM and SIGINT cancel and that everything long-lived watches.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signals() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if cancelled.is_cancelled() {
                #[expect(clippy::exit, reason = "asked twice: whoever asks does not want to wait")]
                std::process::exit(130);
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}
