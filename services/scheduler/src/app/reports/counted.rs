//! What agents count of load balancers: what is news of it is stored, and what was counted of late is noted.

use std::collections::{BTreeMap, HashMap, HashSet};

use ballast_model::{
    counters::Term,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId, MemberId},
    load_balancer::LoadBalancer,
    outcome::Statistics,
    time::Timestamp,
};
use ballast_store::{Parts, Placed, Tally, Tx};

use super::{Owner, paired, placed_of, sides_among};
use crate::app::{App, TrafficReport};

/// What an agent counted of one load balancer.
#[derive(Debug, Clone)]
pub struct Counted {
    pub owner: Owner,
    pub whole: Statistics,
    /// Those of whose counters one has changed.
    pub listeners: Vec<(ListenerId, Statistics)>,
    /// The same of pools and members.
    pub parts: Parts,
}

impl App {
    /// What an agent counted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counted(&self, counted: &[Counted]) -> Result<(), Fault> {
        let now = self.now();
        let (news, mut told) = self.store.read(|tx, _| Box::pin(news(tx, counted, now))).await?;
        // Most of the time nothing has changed, and then there is nothing to make durable.
        if !news.is_empty() {
            told.extend(self.save_counted(&news).await?);
        }
        self.histories.note(&told, self.clock.monotonic());
        Ok(())
    }

    /// What is of load balancers that these agents have.
    async fn save_counted(&self, news: &[Counted]) -> Result<Vec<TrafficReport>, Fault> {
        let now = self.now();
        let save = self.store.write(|tx, _| {
            Box::pin(async move {
                let placed = placed_of(tx, news.iter().map(|one| one.owner)).await?;
                let own = |one: Counted| {
                    let Placed { load_balancer, binding, .. } = placed.get(&one.owner.load_balancer_id)?;
                    one.owner.has(binding.as_ref()).then(|| (load_balancer, one.own(load_balancer)))
                };
                let sides = sides_among(tx, &placed).await?;
                for one in news.iter().filter(|one| one.owner.side(&sides).is_some()) {
                    let Some(placed) = placed.get(&one.owner.load_balancer_id) else { continue };
                    if !one.owner.has(placed.binding.as_ref()) {
                        let one = (&placed.load_balancer, one.clone().own(&placed.load_balancer));
                        tx.save_standby_statistics(&tally(&one), &one.1.listeners).await?;
                    }
                }
                let terms = terms_among(tx, &placed).await?;
                let owned: Vec<(&LoadBalancer, Counted)> = news.iter().cloned().filter_map(own).collect();
                tx.save_statistics(&owned.iter().map(tally).collect::<Vec<_>>()).await?;
                let listeners = owned.iter().flat_map(|(_, one)| one.listeners.iter().copied());
                tx.save_listener_statistics(&listeners.collect::<BTreeMap<_, _>>()).await?;
                Ok(owned.iter().map(|(load_balancer, one)| one.told((load_balancer, &terms), now)).collect())
            })
        });
        save.await
    }
}

/// The counters that are not what is stored, and those that are, of load balancers that these agents have. Where no counter
/// of the whole has changed, none of its listeners has.
async fn news(tx: &Tx, counted: &[Counted], now: Timestamp) -> Result<(Vec<Counted>, Vec<TrafficReport>), Fault> {
    let told = counted.iter().map(|one| (one.owner.load_balancer_id, one.owner.epoch, one.whole, &one.parts));
    let are_news = tx.are_news(&told.collect::<Vec<_>>()).await?;
    let (news, known): (Vec<_>, Vec<_>) = counted.iter().zip(are_news).partition(|(_, is_news)| *is_news);
    let placed =
        if known.is_empty() { HashMap::new() } else { placed_of(tx, known.iter().map(|(one, _)| one.owner)).await? };
    let terms = terms_among(tx, &placed).await?;
    let told = |one: &Counted| {
        let placed = placed.get(&one.owner.load_balancer_id)?;
        one.owner.has(placed.binding.as_ref()).then(|| one.told((&placed.load_balancer, &terms), now))
    };
    // What a side that stands by has counted is not what is compared here.
    let stands_by = |one: &Counted| {
        let placed = placed.get(&one.owner.load_balancer_id);
        placed.is_some_and(|one_of| one_of.load_balancer.has_standby() && !one.owner.has(one_of.binding.as_ref()))
    };
    let (aside, known): (Vec<&Counted>, Vec<&Counted>) =
        known.into_iter().map(|(one, _)| one).partition(|one| stands_by(one));
    let news = news.into_iter().map(|(one, _)| one).chain(aside);
    Ok((news.cloned().collect(), known.into_iter().filter_map(told).collect()))
}

fn tally<'a>((load_balancer, counted): &'a (&'a LoadBalancer, Counted)) -> Tally<'a> {
    Tally { load_balancer, epoch: counted.owner.epoch, whole: counted.whole, parts: &counted.parts }
}

impl Counted {
    fn told(&self, (of, terms): (&LoadBalancer, &HashMap<LoadBalancerId, Term>), now: Timestamp) -> TrafficReport {
        let term = terms.get(&of.id).copied().unwrap_or_default();
        TrafficReport { owner: self.owner, term, counted: self.whole, age: of.labels.created_at.age(now) }
    }

    /// What of it is of this load balancer's own.
    fn own(mut self, of: &LoadBalancer) -> Self {
        self.listeners.retain(|(id, _)| of.listeners.iter().any(|listener| listener.id == *id));
        self.parts.pools.retain(|id, _| of.pools.iter().any(|pool| pool.id == *id));
        let members = of.pools.iter().flat_map(|pool| pool.members.iter());
        let members: HashSet<MemberId> = members.map(|one| one.id).collect();
        self.parts.members.retain(|id, _| members.contains(id));
        self
    }
}

async fn terms_among(
    tx: &Tx,
    placed: &HashMap<LoadBalancerId, Placed>,
) -> Result<HashMap<LoadBalancerId, Term>, Fault> {
    let paired = paired(placed);
    if paired.is_empty() { Ok(HashMap::new()) } else { tx.terms_of(&paired).await }
}
