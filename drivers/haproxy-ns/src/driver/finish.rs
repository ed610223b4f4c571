//! The end of a load balancer that another host is ready to serve: who wants to connect is left without an answer, haproxy
//! closes what is idle and ends with the last of what is under way.

use std::time::{Duration, Instant};

use ballast_failpoint as failpoint;
use ballast_namespace::finish::Finish;
use ballast_netns::{
    locks::hold,
    namespace::{self, Look},
};
use nix::sys::signal::Signal;

use super::HaproxyNs;
use crate::{
    failure::{Failure, chain},
    files::Files,
    haproxy::{process, socket},
    page::Page,
    state::State,
};

/// How long the next request is waited for of who keeps a connection open.
const IDLE: Duration = Duration::from_millis(200);

impl HaproxyNs {
    /// What cannot be waited for ends as if it were not.
    pub(super) fn finish_what_is_under_way(&self, id: &str, within: Duration) {
        let lock = self.locks.of(id);
        let _guard = hold(&lock);
        let start = Instant::now();
        match namespace::on_own_thread("finish", || self.wind_up(id, within)).map_err(Failure::from) {
            Ok(Ok(true)) => {
                tracing::info!(load_balancer = %id, milliseconds = start.elapsed().as_millis(), "nothing is under way");
            }
            Ok(Ok(false)) => tracing::warn!(load_balancer = %id, "what is still under way after {within:?} is cut off"),
            Ok(Err(failure)) | Err(failure) => {
                tracing::warn!(load_balancer = %id, "nobody waits for what is under way: {}", chain(&failure));
            }
        }
    }

    fn wind_up(&self, id: &str, within: Duration) -> Result<bool, Failure> {
        let files = Files::of(&self.state_dir, id);
        let Some(state) = State::read(&files)? else { return Ok(true) };
        let Look::Present(namespace) = namespace::look(&self.netns(id))? else { return Ok(true) };
        namespace::enter(&namespace)?;
        let mut finish = Finish::begin(&files, within, state.ruled)?;
        let is_over = match self.page_that_serves(id, &files)? {
            None => true,
            Some((page, process)) => {
                let is_over = close(&page, &process, &mut finish)?;
                if state.shared.is_none() {
                    // Nobody can be asked any more once it has ended.
                    let left = self.left(id);
                    self.leaving().insert(id.to_owned(), left);
                    let pids = process::all(&files, id)?;
                    process::tell(&pids, &files, id, Signal::SIGTERM)?;
                    failpoint::at("finish: haproxy is told to end");
                    // What it has sent is to arrive.
                    finish.wait(Finish::has_connections)?;
                }
                is_over
            }
        };
        Ok(finish.wait(Finish::has_flows)? && is_over)
    }
}

/// Waits for what is under way at these frontends. Answers from now on close their connections; whoever sends one request after
/// the other hears of it so, and only then connections are closed that are idle.
fn close(page: &Page, process: &Files, finish: &mut Finish) -> Result<bool, Failure> {
    for frontend in &page.frontends {
        socket::ask(process, &format!("shutdown frontend {}", frontend.id))?;
    }
    failpoint::at("finish: frontends are shut down");
    let names: Vec<String> = page.frontends.iter().map(|frontend| format!(" fe={} ", frontend.id)).collect();
    let idle_until = Instant::now() + IDLE;
    finish.wait(|finish| {
        let sessions = socket::ask(process, "show sess")?;
        let is_busy = sessions.lines().any(|line| names.iter().any(|name| line.contains(name)));
        Ok(is_busy || (Instant::now() < idle_until && finish.has_connections()?))
    })
}
