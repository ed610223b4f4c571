//! What the scheduler has been told of each load balancer's health and traffic, and so what is news. Pure.

use std::collections::{BTreeMap, HashMap};

use ballast_proto::{
    agent::{HealthReport, ListenerHealth, ListenerStatistics, LoadBalancerHealth, LoadBalancerStatistics},
    driver::{Health, MemberHealth, MemberStatistics, Observation, PoolStatistics, Statistics},
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
    members: HashMap<(String, String), Told>,
    /// Those that answer, by whether they are full. It outlives a change of the tag: what answers no more is told as well.
    listeners: BTreeMap<String, bool>,
    /// Whether they were told since the tag changed.
    listeners_told: bool,
    statistics: Option<Statistics>,
    by_listener: HashMap<String, Statistics>,
    by_pool: HashMap<String, Pooled>,
}

/// What was told of a pool and of its members.
#[derive(Debug, Default)]
struct Pooled {
    statistics: Option<Statistics>,
    members: HashMap<String, Statistics>,
}

/// What was told of a member. How long a check took is no news by itself.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    health: i32,
    answer: Option<(String, u32, String)>,
}

/// What of a member is news.
enum News {
    Health,
    Answer,
}

impl Book {
    /// The health that has changed, and apart from that what checks answered. A member of unknown health keeps the one that it
    /// had; listeners are told together.
    pub(crate) fn health(&mut self, observations: &[Observation], running: &Running) -> HealthReport {
        // A driver that names none cannot say, and there is nothing to tell of it.
        let says = observations.iter().any(|observation| !observation.listeners.is_empty());
        let mut report = HealthReport::default();
        for observation in observations {
            let Some((page, epoch)) = self.page(&observation.load_balancer_id, running) else { continue };
            let (mut members, mut answers) = (Vec::new(), Vec::new());
            for member in observation.members.iter().filter(|member| member.health() != Health::Unspecified) {
                match page.tell(member) {
                    Some(News::Health) => members.push(member.clone()),
                    Some(News::Answer) => answers.push(member.clone()),
                    None => {}
                }
            }
            let changed = page.tell_listeners(observation, says);
            let load_balancer_id = observation.load_balancer_id.clone();
            let one = LoadBalancerHealth { load_balancer_id, epoch, ..LoadBalancerHealth::default() };
            if !answers.is_empty() {
                report.answers.push(LoadBalancerHealth { members: answers, ..one.clone() });
            }
            if !members.is_empty() || changed {
                report.load_balancers.push(LoadBalancerHealth { members, listeners: page.listeners(), ..one });
            }
        }
        report
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
            let (listeners, pools) = (page.count_listeners(observation), page.count_pools(observation));
            let changed = observation.statistics.is_some() && page.statistics != observation.statistics;
            if changed || !listeners.is_empty() || !pools.is_empty() {
                page.statistics.clone_from(&observation.statistics);
                let load_balancer_id = observation.load_balancer_id.clone();
                let statistics = observation.statistics;
                news.push(LoadBalancerStatistics { load_balancer_id, epoch, statistics, listeners, pools });
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
    /// What of this is news; it is told with that.
    fn tell(&mut self, member: &MemberHealth) -> Option<News> {
        let key = (member.pool_id.clone(), member.member_id.clone());
        let answer = member.answer.clone().map(|answer| (answer.result, answer.code, answer.text));
        let now = Told { health: member.health, answer };
        let news = match self.members.get(&key) {
            Some(before) if *before == now => return None,
            Some(before) if before.health == now.health => News::Answer,
            Some(_) | None => News::Health,
        };
        self.members.insert(key, now);
        Some(news)
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

    /// The same of pools and members.
    fn count_pools(&mut self, observation: &Observation) -> Vec<PoolStatistics> {
        let mut news = Vec::new();
        for seen in &observation.pools {
            // Most have counted nothing since, and are asked of each second.
            let known = match self.by_pool.get_mut(&seen.pool_id) {
                Some(known) => known,
                None => self.by_pool.entry(seen.pool_id.clone()).or_default(),
            };
            let members = seen.members.iter().filter(|one| known.is_news(one)).cloned().collect::<Vec<_>>();
            let statistics = seen.statistics.filter(|now| known.statistics != Some(*now));
            known.statistics = statistics.or(known.statistics);
            if statistics.is_some() || !members.is_empty() {
                news.push(PoolStatistics { pool_id: seen.pool_id.clone(), statistics, members });
            }
        }
        news
    }
}

impl Pooled {
    /// Whether it is another figure than was told; it is told with that.
    fn is_news(&mut self, MemberStatistics { member_id, statistics }: &MemberStatistics) -> bool {
        let Some(now) = *statistics else { return false };
        match self.members.get_mut(member_id) {
            Some(before) => std::mem::replace(before, now) != now,
            None => {
                self.members.insert(member_id.clone(), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::driver::{CheckAnswer, ListenerObservation};

    use super::*;

    fn seen(id: &str, health: Health, bytes_in: u64) -> Observation {
        let member = MemberHealth {
            pool_id: "p".to_owned(),
            member_id: "m".to_owned(),
            health: health.into(),
            ..MemberHealth::default()
        };
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
        let told = book.health(&[seen("a", Health::Up, 0)], &now).load_balancers;
        assert_eq!((told.len(), told[0].epoch, told[0].members.len()), (1, 7, 1));
        assert!(book.health(&[seen("a", Health::Up, 0)], &now).load_balancers.is_empty());
        assert_eq!(book.health(&[seen("a", Health::Down, 0)], &now).load_balancers.len(), 1);
        assert_eq!(book.statistics(&[seen("a", Health::Down, 1)], &now).len(), 1);
        assert!(book.statistics(&[seen("a", Health::Down, 1)], &now).is_empty());
        assert_eq!(book.statistics(&[seen("a", Health::Down, 2)], &now).len(), 1);
    }

    #[test]
    fn an_answer_that_changes_while_health_does_not_is_told_apart_and_its_duration_never() {
        let (mut book, now) = (Book::default(), running((7, 1)));
        let mut told = |health: Health, result: &str, milliseconds: u32| {
            let mut seen = seen("a", health, 0);
            let answer = CheckAnswer { result: result.to_owned(), milliseconds, ..CheckAnswer::default() };
            seen.members[0].answer = Some(answer);
            seen.members[0].for_milliseconds = milliseconds.into();
            let HealthReport { load_balancers, answers } = book.health(&[seen], &now);
            (load_balancers.len(), answers.iter().map(|one| (one.epoch, one.members.len())).collect::<Vec<_>>())
        };
        assert_eq!(told(Health::Up, "L4OK", 1), (1, vec![]));
        assert_eq!(told(Health::Up, "L4OK", 2), (0, vec![]));
        assert_eq!(told(Health::Up, "L4TOUT", 3), (0, vec![(7, 1)]));
        assert_eq!(told(Health::Down, "L4TOUT", 4), (1, vec![]));
        assert_eq!(told(Health::Down, "L4TOUT", 5), (0, vec![]));
    }

    #[test]
    fn unknown_health_is_not_told_and_changes_nothing() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        assert!(book.health(&[seen("a", Health::Unspecified, 0)], &now).load_balancers.is_empty());
        assert_eq!(book.health(&[seen("a", Health::Up, 0)], &now).load_balancers.len(), 1);
        assert!(book.health(&[seen("a", Health::Unspecified, 0)], &now).load_balancers.is_empty());
        assert!(book.health(&[seen("a", Health::Up, 0)], &now).load_balancers.is_empty());
    }

    #[test]
    fn a_new_epoch_or_generation_is_told_in_full_and_what_is_not_desired_never() {
        let mut book = Book::default();
        for tag in [(1, 1), (1, 2), (2, 2)] {
            assert_eq!(book.health(&[seen("a", Health::Up, 0)], &running(tag)).load_balancers.len(), 1);
        }
        assert!(book.health(&[seen("orphan", Health::Up, 0)], &running((1, 1))).load_balancers.is_empty());
        book.keep(&Running::new());
        assert_eq!(book.health(&[seen("a", Health::Up, 0)], &running((2, 2))).load_balancers.len(), 1);
    }

    #[test]
    fn listeners_are_told_together_when_one_begins_or_ceases_to_answer_and_after_each_change() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        let told = |news: Vec<LoadBalancerHealth>| -> Option<Vec<(String, bool)>> {
            let listeners = |one: LoadBalancerHealth| one.listeners.into_iter();
            news.into_iter().next().map(|one| listeners(one).map(|one| (one.listener_id, one.full)).collect())
        };
        let both = || Some(vec![("l".to_owned(), false), ("m".to_owned(), true)]);
        assert_eq!(told(book.health(&[answering(&[])], &now).load_balancers), None, "a driver that cannot say");
        assert_eq!(told(book.health(&[answering(&[("l", 0), ("m", 0)])], &now).load_balancers), both());
        assert_eq!(
            told(book.health(&[answering(&[("l", 9), ("m", 0)])], &now).load_balancers),
            None,
            "figures are no health"
        );
        assert_eq!(told(book.health(&[answering(&[("l", 9), ("m", 0)])], &running((1, 2))).load_balancers), both());
        assert_eq!(told(book.health(&[answering(&[])], &running((1, 3))).load_balancers), Some(Vec::new()));
        assert_eq!(told(book.health(&[answering(&[])], &running((1, 4))).load_balancers), None);
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

    #[test]
    fn of_pools_and_members_only_those_are_told_that_have_counted() {
        let (mut book, now) = (Book::default(), running((1, 1)));
        let counted = |bytes_in| Some(Statistics { bytes_in, ..Statistics::default() });
        let mut told = |pool: u64, members: [u64; 2]| -> Vec<String> {
            let of = |(id, bytes_in)| MemberStatistics { member_id: String::from(id), statistics: counted(bytes_in) };
            let members = ["m", "n"].into_iter().zip(members).map(of).collect();
            let pools = vec![PoolStatistics { pool_id: "p".to_owned(), statistics: counted(pool), members }];
            let seen = Observation { load_balancer_id: "a".to_owned(), pools, ..Observation::default() };
            let pools = book.statistics(&[seen], &now).into_iter().flat_map(|one| one.pools);
            let ids = |pool: PoolStatistics| {
                let own = pool.statistics.map(|_| pool.pool_id);
                own.into_iter().chain(pool.members.into_iter().map(|member| member.member_id))
            };
            pools.flat_map(ids).collect()
        };
        assert_eq!(told(3, [1, 2]), ["p", "m", "n"]);
        assert!(told(3, [1, 2]).is_empty());
        assert_eq!(told(4, [1, 3]), ["p", "n"]);
        assert_eq!(told(4, [2, 3]), ["m"]);
    }
}
