//! What is told upwards of what is forwarded: counters, flows and how members are.

use std::{collections::BTreeMap, path::Path, time::Instant};

use ballast_abi::{CheckAnswer, Health};
use ballast_l4::{
    layout::{Layout, Marker},
    mark::Mark,
    netlink::Netfilter,
    numbers::Numbers,
    prober::Verdict,
    statistics::{self, Counters},
    table,
};
use ballast_netns::namespace::{self, Look};

use super::{Forwarded, Key, answers::answers, kept::Kept, knowledge::both, rules::greater, watch::Watch};
use crate::{
    counters::{Counted, Listened, Pooled, Served, Totals},
    failure::Failure,
    files::Files,
};

/// As it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub counted: Counted,
    /// Of listeners that are on.
    pub listeners: BTreeMap<String, Listened>,
    /// Pools and members that a listener has, by their ids.
    pub served: BTreeMap<String, Served>,
    /// Of members of whom that is known.
    pub health: BTreeMap<Key, Health>,
    /// For how many milliseconds each has been as it is, and how its last check ended.
    pub answers: BTreeMap<Key, (u64, CheckAnswer)>,
    /// The table says that it is the one that was noted, or there is to be none.
    pub as_noted: bool,
}

/// What is in a namespace.
struct Found {
    there: bool,
    as_noted: bool,
    counters: Counters,
    active: BTreeMap<Mark, u32>,
}

/// Notes and counters are read one after the other: so often, where a pass comes between.
const ROUNDS: u32 = 3;

impl Watch {
    /// `None`: nothing was ever forwarded.
    pub fn counts(&self, id: &str, files: &Files, netns: &Path) -> Result<Option<Counts>, Failure> {
        if !files.forwarded().exists() {
            return Ok(None);
        }
        let Some(mut kept) = Kept::read(files)? else { return Ok(None) };
        let mut found = self.look(id, &kept, netns)?;
        for _ in 1..ROUNDS {
            let now = Kept::read(files)?.unwrap_or_default();
            if now.numbers == kept.numbers {
                break;
            }
            kept = now;
            found = self.look(id, &kept, netns)?;
        }
        let Found { there, as_noted, counters, active } = found;
        let verdicts = self.verdicts(id);
        let asked = kept.asked.as_ref().filter(|_| there);
        Ok(Some(Counts { as_noted, ..counts(asked, &kept.numbers, (&counters, &active), &verdicts) }))
    }

    fn look(&self, id: &str, kept: &Kept, netns: &Path) -> Result<Found, Failure> {
        let mut counters = kept.counts();
        greater(&mut counters, Some(&self.counters(id)));
        let (Some(_), Look::Present(file)) = (&kept.asked, namespace::look(netns)?) else {
            let as_noted = kept.asked.is_none();
            return Ok(Found { there: false, as_noted, counters, active: BTreeMap::new() });
        };
        // Where nothing is forwarded there is nobody to be listed, and that takes long.
        let forwards = kept.asked.as_ref().is_some_and(Forwarded::forwards);
        let (now, rules, active) = namespace::on_own_thread("counters", || -> Result<_, Failure> {
            namespace::enter(&file)?;
            let mut netfilter = Netfilter::open()?;
            let (now, rules) = (table::counters(&mut netfilter)?, table::rules(&mut netfilter)?);
            let active = if forwards { self.shared.active(id, &mut netfilter)?.flows } else { BTreeMap::new() };
            Ok((now, rules, active))
        })??;
        self.note_counters(id, &now);
        let marker = now.keys().find_map(|name| Marker::parse(name));
        let is_noted = marker.is_some() && marker == kept.layout.as_ref().map(Layout::marker);
        let as_noted = is_noted && !kept.is_torn(rules);
        greater(&mut counters, Some(&now));
        Ok(Found { there: true, as_noted, counters, active })
    }
}

fn counts(
    asked: Option<&Forwarded>,
    numbers: &Numbers,
    (counters, active): (&Counters, &BTreeMap<Mark, u32>),
    verdicts: &BTreeMap<String, Verdict>,
) -> Counts {
    let by_listener = statistics::by_listener(counters, numbers);
    let by_listener: BTreeMap<String, Totals> = by_listener.into_iter().map(|(id, one)| (id, totals(one))).collect();
    let whole = totals(statistics::whole(counters, numbers));
    let counted = Counted { totals: whole, listeners: by_listener, pools: by_pool(asked, counters, numbers) };
    let Some(asked) = asked else { return Counts { counted, ..Counts::default() } };
    let on = asked.listeners.iter().filter(|listener| listener.is_on());
    let listened = on.map(|listener| {
        let number = numbers.of_listener(&listener.id);
        let own = active.iter().filter(|(mark, _)| Some(mark.listener()) == number);
        let active: u64 = own.map(|(_, count)| u64::from(*count)).sum();
        let full = listener.most.is_some_and(|most| active >= u64::from(most));
        (listener.id.clone(), Listened { totals: counted.listener(&listener.id), active, full })
    });
    let listeners = listened.collect();
    let answers = answers(asked, verdicts, Instant::now());
    let served = served(asked, numbers, active);
    Counts { counted, listeners, served, health: health(asked, verdicts), answers, ..Counts::default() }
}

/// A listener that a former release has numbered goes by the pool that it has now.
fn by_pool(asked: Option<&Forwarded>, counters: &Counters, numbers: &Numbers) -> BTreeMap<String, Pooled> {
    let pool_of = |listener: &str| {
        let listeners = asked.into_iter().flat_map(|asked| &asked.listeners);
        { listeners }.find(|one| one.id == listener).map(|one| one.pool.clone()).unwrap_or_default()
    };
    let pools = statistics::by_pool(counters, numbers, pool_of).into_iter().map(|(id, pool)| {
        let members = pool.members.into_iter().map(|(id, one)| (id, totals(one))).collect();
        (id, Pooled { totals: totals(pool.totals), members })
    });
    pools.collect()
}

/// Pools and members that a listener has, and how many flows each has now.
fn served(asked: &Forwarded, numbers: &Numbers, active: &BTreeMap<Mark, u32>) -> BTreeMap<String, Served> {
    let mut served = BTreeMap::<String, Served>::new();
    for listener in asked.listeners.iter().filter(|listener| !listener.pool.is_empty()) {
        let pool = served.entry(listener.pool.clone()).or_default();
        for member in &listener.members {
            let own = numbers.of_member(&listener.id, &member.id).and_then(|mark| active.get(&mark));
            let own = own.copied().map_or(0, u64::from);
            *pool.members.entry(member.id.clone()).or_default() += own;
            pool.active += own;
        }
    }
    served
}

fn totals(counted: statistics::Totals) -> Totals {
    let statistics::Totals { connections, bytes_in, bytes_out, .. } = counted;
    Totals { bytes_in, bytes_out, connections, errors: 0 }
}

/// Before the first check nobody knows, and without checks a member is taken to be up.
fn health(asked: &Forwarded, verdicts: &BTreeMap<String, Verdict>) -> BTreeMap<Key, Health> {
    let mut health: BTreeMap<Key, Option<bool>> = asked.unchecked.iter().map(|key| (key.clone(), Some(true))).collect();
    for listener in asked.listeners.iter().filter(|listener| listener.is_on()) {
        let members = listener.members.iter().filter(|member| member.admin_state_up);
        health.extend(members.map(|member| ((listener.pool.clone(), member.id.clone()), Some(true))));
    }
    for probe in &asked.probes {
        let verdict = verdicts.get(&probe.name()).filter(|verdict| verdict.last.is_some());
        let up = verdict.and_then(|verdict| verdict.up);
        health.entry(probe.of()).and_modify(|all| *all = both(*all, up)).or_insert(up);
    }
    let known = |(key, up): (Key, Option<bool>)| Some((key, if up? { Health::Up } else { Health::Down }));
    health.into_iter().filter_map(known).collect()
}
