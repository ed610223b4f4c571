//! Where a command's work is done: a runtime of one thread, until it is done or somebody presses Ctrl-C.

use crate::failure::Failure;

/// Does the work.
///
/// # Errors
/// Those of the work; `Interrupted` where somebody did not want to wait for it.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            pressed = tokio::signal::ctrl_c() => Err(pressed.map_or_else(Failure::Runtime, |()| Failure::Interrupted)),
        }
    })
}
