//! The memory of driver-hosts, watched from outside: a limit inside the process would be inherited by the daemons that
//! its driver starts.

use std::{fs, time::Duration};

use ballast_metrics::resident;
use tokio::time;

const PERIOD: Duration = Duration::from_secs(1);

/// Waits until a process has more than `limit` MiB resident, and says so in words. Without a limit it waits for ever, as
/// it does for a process that is gone.
pub(super) async fn exceeds(pid: Option<u32>, limit: Option<u64>) -> String {
    let (Some(pid), Some(limit)) = (pid, limit) else { return std::future::pending().await };
    let mut ticks = time::interval(PERIOD);
    loop {
        ticks.tick().await;
        let resident = fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| resident(&status));
        let resident = resident.map(|bytes| bytes >> 20);
        if let Some(resident) = resident.filter(|resident| *resident > limit) {
            return format!("it has {resident} MiB of memory, and {limit} are allowed");
        }
    }
}
