//! The end of a load balancer that is ready elsewhere: nobody new is let in, and what is under way goes on for a while.
//!
//! That it has begun is noted beside the state, so that one which is to serve here after all lets everybody in again.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use ballast_failpoint as failpoint;
use ballast_l4::{finish, flows, netlink::Netfilter};
use ballast_netns::listening;

use crate::{
    failure::{Failure, Step},
    files::Files,
};

/// How long those are waited for that were just let in.
const ARRIVING: Duration = Duration::from_millis(1_200);
/// What the kernel has of a packet that came in before.
const SETTLED: Duration = Duration::from_millis(5);
/// Between two looks, at first and in the end.
const PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What is waited for. To be used by a thread in the namespace.
pub struct Finish {
    until: Instant,
    /// At which somebody listens here.
    ports: BTreeSet<u16>,
    netfilter: Netfilter,
    /// The kernel forwards flows here.
    forwards: bool,
}

impl Finish {
    /// Lets nobody in any more, and waits until who was let in before is connected.
    pub fn begin(files: &Files, within: Duration, forwards: bool) -> Result<Self, Failure> {
        let until = Instant::now() + within;
        let mark = files.finishing();
        fs::write(&mark, []).step(|| format!("write {}", mark.display()))?;
        failpoint::at("finish: it is noted");
        let mut netfilter = Netfilter::open()?;
        finish::shut(&mut netfilter)?;
        failpoint::at("finish: nobody new is let in");
        let ports = listening::sockets()?.into_iter().map(|address| address.port()).collect();
        let begun = Self { until, ports, netfilter, forwards };
        std::thread::sleep(SETTLED);
        let arrived = until.min(Instant::now() + ARRIVING);
        while listening::connections(&begun.ports)?.coming > 0 && Instant::now() < arrived {
            std::thread::sleep(PAUSE);
        }
        Ok(begun)
    }

    /// Waits until this is over; whether it is.
    pub fn wait(&mut self, mut goes_on: impl FnMut(&mut Self) -> Result<bool, Failure>) -> Result<bool, Failure> {
        let mut pause = PAUSE;
        while goes_on(self)? {
            let Some(left) = self.until.checked_duration_since(Instant::now()) else { return Ok(false) };
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(true)
    }

    /// Whether somebody is connected at a port at which somebody listened here, or has not got all yet.
    pub fn has_connections(&mut self) -> Result<bool, Failure> {
        Ok(listening::connections(&self.ports)?.open > 0)
    }

    /// Whether the kernel forwards what is not over. For that it walks the table of the whole host.
    pub fn has_flows(&mut self) -> Result<bool, Failure> {
        if !self.forwards || flows::count(&mut self.netfilter)? == 0 {
            return Ok(false);
        }
        let all = flows::list(&mut self.netfilter, None)?;
        Ok(all.iter().any(|flow| !flow.over && flow.mark.number() != 0 && finish::is_awaited(flow.protocol)))
    }
}

/// Lets everybody in again, where a former pass has not come to its end. To be called by a thread in the namespace.
pub fn undo(files: &Files) -> Result<(), Failure> {
    finish::open(&mut Netfilter::open()?)?;
    failpoint::at("finish: everybody is let in again");
    let mark = files.finishing();
    fs::remove_file(&mark).step(|| format!("remove {}", mark.display()))
}

/// Whether it has begun.
#[must_use]
pub fn has_begun(files: &Files) -> bool {
    files.finishing().exists()
}
