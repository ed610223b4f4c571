//! Whom each driver saw when it was last asked, and so who is missing. Pure.

use std::collections::{HashMap, HashSet};

use ballast_proto::driver::Observation;

use super::book::Running;

#[derive(Debug, Default)]
pub(crate) struct Sight {
    seen: HashMap<String, HashSet<String>>,
}

impl Sight {
    /// Whether a load balancer that is to run was seen by this driver the last time and is not now. That is said once: a
    /// driver may have its reasons to keep silent.
    pub(crate) fn lost(&mut self, driver: &str, observations: &[Observation], running: &Running) -> bool {
        let now = observations.iter().map(|observation| observation.load_balancer_id.clone()).collect();
        let before = self.seen.insert(driver.to_owned(), now).unwrap_or_default();
        let now = &self.seen[driver];
        before.iter().any(|id| !now.contains(id) && running.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ids: &[&str]) -> Vec<Observation> {
        let of = |id: &&str| Observation { load_balancer_id: (*id).to_owned(), ..Observation::default() };
        ids.iter().map(of).collect()
    }

    #[test]
    fn who_was_seen_and_is_to_run_is_missed_once() {
        let running = Running::from([("a".to_owned(), (1, 1)), ("b".to_owned(), (1, 1))]);
        let mut sight = Sight::default();
        let mut lost = |driver: &str, ids: &[&str]| sight.lost(driver, &seen(ids), &running);
        assert!(!lost("one", &["a", "gone"]), "nobody was seen before");
        assert!(!lost("one", &["a"]), "it is not to run");
        assert!(!lost("other", &["b"]), "another driver's are another matter");
        assert!(lost("one", &[]));
        assert!(!lost("one", &[]), "that was said");
        assert!(!lost("one", &["a"]));
        assert!(lost("one", &["b"]), "whoever else is seen");
    }
}
