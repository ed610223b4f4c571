//! What the scheduler has been told of each load balancer's health and traffic, and so what is news. Pure.

use std::collections::HashMap;

use ballast_proto::{
    agent::{LoadBalancerHealth, LoadBalancerStatistics},
    driver::{Health, MemberHealth, Observation, Statistics},
};

/// Epoch and generation of the load balancers that run as desired.
pub(crate) type Running = HashMap<String, (u64, u64)>;

/// What has been told in the open session.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: HashMap<String, Page>,
}

#[derive(Debug, Default)]
struct Page {
    /// Epoch and generation. After a change of either, everything is told again: the scheduler may have new objects.
    tag: (u64, u64),
    members: HashMap<(String, String), i32>,
    statistics: Option<Statistics>,
}

impl Book {
    /// The health that has changed. A member of unknown health keeps the one that it had.
    pub(crate) fn health(&mut self, observations: &[Observation], running: &Running) -> Vec<LoadBalancerHealth> {
        let mut news = Vec::new();
        for observation in observations {
            let Some((page, epoch)) = self.page(&observation.load_balancer_id, running) else { continue };
            let known = observation.members.iter().filter(|member| member.health() != Health::Unspecified);
            let changed = known.filter(|member| page.tell(member)).cloned().collect::<Vec<_>>();
            if !changed.is_empty() {
                let load_balancer_id = observation.load_balancer_id.clone();
                news.push(LoadBalancerHealth { load_balancer_id, epoch, members: changed });
            }
        }
        news
    }

    /// The statistics that have changed.
    pub(crate) fn statistics(
        &mut self,
        observations: &[Observation],
        running: &Running,
    ) -> Vec<LoadBalancerStatistics> {
        let mut news = Vec::new();
        for observation in observations {
            let Some((page, epoch)) = self.page(&observation.load_balancer_id, running) else { continue };
            if observation.statistics.is_some() && page.statistics != observation.statistics {
                page.statistics.clone_from(&observation.statistics);
                let load_balancer_id = observation.load_balancer_id.clone();
                news.push(LoadBalancerStatistics { load_balancer_id, epoch, statistics: observation.statistics });
            }
        }
        news
    }

    /// Forgets what does not run any more.
    pub(crate) fn keep(&mut self, running: &Running) {
        self.pages.retain(|id, _| running.contains_key(id));
    }

    fn page(&mut self, id: &str, running: &Running) -> Option<(&mut Page, u64)> {
        let tag = *running.get(id)?;
        let page = self.pages.entry(id.to_owned()).or_default();
        if page.tag != tag {
            *page = Page { tag, ..Page::default() };
        }
        Some((page, tag.0))
    }
}

impl Page {
    /// Whether this is news; it is told with that.
    fn tell(&mut self, member: &MemberHealth) -> bool {
        let key = (member.pool_id.clone(), member.member_id.clone());
        self.members.insert(key, member.health) != Some(member.health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, health: Health, bytes_in: u64) -> Observation {
        let member = MemberHealth { pool_id: "p".to_owned(), member_id: "m".to_owned(), health: health.into() };
        Observation {
            load_balancer_id: id.to_owned(),
            statistics: Some(Statistics { bytes_in, ..Statistics::default() }),
            members: vec![member],
        }
    }

    fn running(tag: (u64, u64)) -> Running {
        HashMap::from([("a".to_owned(), tag)])
    }

    #[test]
    fn only_changes_are_told_and_with_their_epoch() {
        let (mut book, now) = (Book::default(), running((7, 1)));
        let told = book.health(&[seen("a", Health::Up, 0)], &now);
        assert_eq!((told.len(), told[0].epoch, told[0].members.len()), (1, 7, 1));
        assert!(book.health(&[seen("a", Health::Up, 0)], &now).is_empty());
        assert_eq!(book.health(&[seen("a", Health::Down, 0)], &now).len(), 1);
        assert_eq!(book.statistics(&[seen("a", Health::Down, 1)], &now).len(), 1);
        assert!(book.statistics(&[seen("a", Health::Down, 1)], &now).is_empty());
        assert_eq!(book.statistics(&[seen("a", Health::Down, 2)], &now).len(), 1);
    }

    #[test]
    fn unknown_health_is_not_told_and_changes_nothing() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        assert!(book.health(&[seen("a", Health::Unspecified, 0)], &now).is_empty());
        assert_eq!(book.health(&[seen("a", Health::Up, 0)], &now).len(), 1);
        assert!(book.health(&[seen("a", Health::Unspecified, 0)], &now).is_empty());
        assert!(book.health(&[seen("a", Health::Up, 0)], &now).is_empty());
    }

    #[test]
    fn a_new_epoch_or_generation_is_told_in_full_and_what_is_not_desired_never() {
        let mut book = Book::default();
        for tag in [(1, 1), (1, 2), (2, 2)] {
            assert_eq!(book.health(&[seen("a", Health::Up, 0)], &running(tag)).len(), 1);
        }
        assert!(book.health(&[seen("orphan", Health::Up, 0)], &running((1, 1))).is_empty());
        book.keep(&Running::new());
        assert_eq!(book.health(&[seen("a", Health::Up, 0)], &running((2, 2))).len(), 1);
    }
}
