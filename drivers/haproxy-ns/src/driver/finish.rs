//! The end of a load balancer that another host is ready to serve: who wants to connect is left without an answer, haproxy
//! closes what is idle and ends with the last of what is under way.

use std::time::{Duration, Instant};

use ballast_failpoint as failpoint;
use ballast_namespace::finish::Finish;
use ballast_netns::{
    locks::hold,
    namespace::{self, Look},
};

use super::HaproxyNs;
use crate::{
    failure::{Failure, chain},
    files::Files,
    haproxy::process,
    state::State,
};

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
        if !self.has_own_haproxy(&state) {
            return finish.wait(|| Ok(false));
        }
        // It says no more once it has been told to finish.
        let left = self.left(id);
        self.leaving().insert(id.to_owned(), left);
        let pids = process::all(&files, id)?;
        process::tell_to_finish(&pids, &files, id)?;
        failpoint::at("finish: haproxy is told");
        finish.wait(|| Ok(!process::known(Some(&pids), &files, id)?.is_empty()))
    }
}
