//! What the scheduler has been told of each load balancer's health and traffic, and so what is news. Pure.

use std::collections::{BTreeMap, HashMap};

use ballast_proto::{
    agent::{ListenerHealth, ListenerStatistics, LoadBalancerHealth, LoadBalancerStatistics},
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
    /// Those that answer, by whether they are full. It outlives a change of the tag: what answers no more is told as well.
    listeners: BTreeMap<String, bool>,
    /// Whether they were told since the tag changed.
    listeners_told: bool,
    statistics: Option<Statistics>,
    by_listener: HashMap<String, Statistics>,
}

impl Book {
    /// The health that has changed. A member of unknown health keeps the one that it had; listeners are told together.
    pub(crate) fn health(&mut self, observations: &[Observation], running: &Running) -> Vec<LoadBalancerHealth> {
        // A driver that names none cannot say, and there is nothing to tell of it.
        let says = observations.iter().any(|observation| !observation.listeners.is_empty());
        let mut news = Vec::new();
        for observation in observations {
            let Some((page, epoch)) = self.page(&observation.load_balancer_id, running) else { continue };
            let known = observation.members.iter().filter(|member| member.health() != Health::Unspecified);
            let members = known.filter(|member| page.tell(member)).cloned().collect::<Vec<_>>();
            let changed = page.tell_listeners(observation, says);
            if !members.is_empty() || changed {
                let load_balancer_id = observation.load_balancer_id.clone();
                news.push(LoadBalancerHealth { load_balancer_id, epoch, members, listeners: page.listeners() });
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
            let listeners = page.count_listeners(observation);
            let changed = observation.statistics.is_some() && page.statistics != observation.statistics;
            if changed || !listeners.is_empty() {
                page.statistics.clone_from(&observation.statistics);
                let load_balancer_id = observation.load_balancer_id.clone();
                let statistics = observation.statistics;
                news.push(LoadBalancerStatistics { load_balancer_id, epoch, statistics, listeners });
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
            *page = Page { tag, listeners: std::mem::take(&mut page.listeners), ..Page::default() };
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

    /// The same of the listeners that answer. `says`: whether their driver tells of listeners at all.
    fn tell_listeners(&mut self, observation: &Observation, says: bool) -> bool {
        let now = observation.listeners.iter().map(|listener| (listener.listener_id.clone(), listener.full)).collect();
        let first = says && !std::mem::replace(&mut self.listeners_told, true);
        let before = std::mem::replace(&mut self.listeners, now);
        first || before != self.listeners
    }

    fn listeners(&self) -> Vec<ListenerHealth> {
        let listeners = self.listeners.iter();
        listeners.map(|(id, full)| ListenerHealth { listener_id: id.clone(), full: *full }).collect()
    }

    /// The listeners whose figures are others than before.
    fn count_listeners(&mut self, observation: &Observation) -> Vec<ListenerStatistics> {
        let counted = observation.listeners.iter().filter_map(|listener| Some((listener, listener.statistics?)));
        let mut news = Vec::new();
        for (listener, statistics) in counted {
            let listener_id = listener.listener_id.clone();
            if self.by_listener.insert(listener_id.clone(), statistics) != Some(statistics) {
                news.push(ListenerStatistics { listener_id, statistics: Some(statistics) });
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::driver::ListenerObservation;

    use super::*;

    fn seen(id: &str, health: Health, bytes_in: u64) -> Observation {
        let member = MemberHealth { pool_id: "p".to_owned(), member_id: "m".to_owned(), health: health.into() };
        Observation {
            load_balancer_id: id.to_owned(),
            statistics: Some(Statistics { bytes_in, ..Statistics::default() }),
            members: vec![member],
            ..Observation::default()
        }
    }

    /// Each with so many bytes, and full from the second on.
    fn answering(listeners: &[(&str, u64)]) -> Observation {
        let of = |(at, (id, bytes_in)): (usize, &(&str, u64))| ListenerObservation {
            listener_id: (*id).to_owned(),
            statistics: Some(Statistics { bytes_in: *bytes_in, ..Statistics::default() }),
            full: at > 0,
        };
        let listeners = listeners.iter().enumerate().map(of).collect();
        Observation { load_balancer_id: "a".to_owned(), listeners, ..Observation::default() }
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

    #[test]
    fn listeners_are_told_together_when_one_begins_or_ceases_to_answer_and_after_each_change() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        let told = |news: Vec<LoadBalancerHealth>| -> Option<Vec<(String, bool)>> {
            let listeners = |one: LoadBalancerHealth| one.listeners.into_iter();
            news.into_iter().next().map(|one| listeners(one).map(|one| (one.listener_id, one.full)).collect())
        };
        let both = || Some(vec![("l".to_owned(), false), ("m".to_owned(), true)]);
        assert_eq!(told(book.health(&[answering(&[])], &now)), None, "a driver that cannot say");
        assert_eq!(told(book.health(&[answering(&[("l", 0), ("m", 0)])], &now)), both());
        assert_eq!(told(book.health(&[answering(&[("l", 9), ("m", 0)])], &now)), None, "figures are no health");
        assert_eq!(told(book.health(&[answering(&[("l", 9), ("m", 0)])], &running((1, 2)))), both());
        assert_eq!(told(book.health(&[answering(&[])], &running((1, 3)))), Some(Vec::new()));
        assert_eq!(told(book.health(&[answering(&[])], &running((1, 4)))), None);
    }

    #[test]
    fn of_listeners_only_those_are_counted_that_have_counted() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        let mut counted = |listeners: &[(&str, u64)]| -> Vec<String> {
            let news = book.statistics(&[answering(listeners)], &now);
            news.into_iter().flat_map(|one| one.listeners).map(|one| one.listener_id).collect()
        };
        assert_eq!(counted(&[("l", 1), ("m", 1)]), ["l", "m"]);
        assert!(counted(&[("l", 1), ("m", 1)]).is_empty());
        assert_eq!(counted(&[("l", 1), ("m", 2)]), ["m"]);
    }
}
