//! A pass over the rules of one namespace: what is asked for is applied, the flows of who is gone are ended, and all of it is
//! noted. To be called by a thread in the namespace.
//!
//! Notes that are not settled say that somebody may have been ended in between: then the flows of all that are gone or down
//! are ended again.

use std::{collections::BTreeSet, thread, time::Duration};

use ballast_failpoint as failpoint;
use ballast_l4::{
    desired::Service, flows, layout::Layout, mark::Whose, netlink::Netfilter, plan, statistics::Counters, table,
};

use super::{
    Forwarded,
    kept::{Kept, is_down},
    knowledge::Knowledge,
    seen::Seen,
};
use crate::{failure::Failure, files::Files};

/// Applies what is asked for, with what is known. `glance`: counters when somebody last looked.
pub fn apply(
    files: &Files,
    asked: &Forwarded,
    knowledge: &Knowledge,
    glance: Option<&Counters>,
) -> Result<(), Failure> {
    let mut netfilter = Netfilter::open()?;
    let mut seen = Seen::look(&mut netfilter, Kept::read(files)?)?;
    let strange = seen.kept.is_none() && seen.has_table();
    let mut kept = seen.kept.take().unwrap_or_default();
    greater(&mut seen.table.kept, glance);
    let service = asked.service(knowledge);
    let again = !kept.settled;
    let layout = Layout::next(seen.table.running(), &service, &mut kept.numbers)?;
    // A restart of the machine in between finds where counters were.
    let mut counts = seen.table.kept.clone();
    greater(&mut counts, Some(&seen.table.counters));
    kept.note_counts(&counts);
    kept.settled = false;
    kept.write(files)?;
    failpoint::at("forward: it is noted that rules change");
    let planned = table::reach(&mut netfilter, &seen.table, &layout)?;
    failpoint::at("forward: rules are changed");
    kept.layout = Some(layout);
    kept.note_rules(Some(table::rules(&mut netfilter)?));
    kept.note_asked(Some(asked), knowledge);
    kept.write(files)?;
    let mut end = if again { all(&kept, &service) } else { planned.end };
    if strange {
        end.extend(strangers(&mut netfilter)?);
    }
    flows::end(&mut netfilter, &end)?;
    failpoint::at("forward: flows are ended");
    release(&mut netfilter, &mut kept, &service, files)?;
    close_after_change(netfilter);
    kept.numbers.forget(|pool| asked.has_pool(pool), |pool, member| asked.has_member(pool, member));
    kept.settled = true;
    kept.write(files)
}

/// What is gone has no flows any more: what it has counted is noted, and its counters are taken away.
fn release(netfilter: &mut Netfilter, kept: &mut Kept, service: &Service, files: &Files) -> Result<(), Failure> {
    let counters = table::counters(netfilter)?;
    if kept.numbers.retired().next().is_none() {
        kept.note_counts(&counters);
        return Ok(());
    }
    forget(kept, &counters);
    kept.write(files)?;
    let seen = plan::Observed { counters, noted: kept.layout.clone(), ..plan::Observed::default() };
    let layout = Layout::next(seen.running(), service, &mut kept.numbers)?;
    table::reach(netfilter, &seen, &layout)?;
    failpoint::at("forward: counters of who is gone are taken away");
    kept.layout = Some(layout);
    kept.note_rules(Some(table::rules(netfilter)?));
    kept.note_counts(&table::counters(netfilter)?);
    Ok(())
}

fn forget(kept: &mut Kept, counters: &Counters) {
    let retired: Vec<_> = kept.numbers.retired().collect();
    for mark in retired {
        kept.numbers.release(mark, counters);
    }
}

/// Takes the rules away, with all flows that they have made. `glance`: counters when somebody last looked.
pub fn stop(files: &Files, glance: Option<&Counters>) -> Result<(), Failure> {
    let mut netfilter = Netfilter::open()?;
    let found = Kept::read(files)?;
    let strange = found.is_none();
    let mut kept = found.unwrap_or_default();
    let nothing = Service::default();
    kept.numbers.assign(&nothing)?;
    kept.settled = false;
    let mut counters = kept.counts();
    greater(&mut counters, glance);
    greater(&mut counters, Some(&table::counters(&mut netfilter)?));
    kept.note_counts(&counters);
    kept.write(files)?;
    table::apply(&mut netfilter, &plan::removal())?;
    failpoint::at("stop forwarding: rules are gone");
    let mut end = all(&kept, &nothing);
    if strange {
        end.extend(strangers(&mut netfilter)?);
    }
    flows::end(&mut netfilter, &end)?;
    failpoint::at("stop forwarding: flows are ended");
    close_after_change(netfilter);
    forget(&mut kept, &counters);
    kept.note_counts(&Counters::new());
    kept.note_asked(None, &Knowledge::default());
    kept.note_rules(None);
    (kept.layout, kept.settled) = (None, true);
    kept.write(files)
}

/// Before the table goes with its namespace: what it has counted.
pub fn keep_counts(files: &Files) -> Result<(), Failure> {
    let mut kept = Kept::read(files)?.unwrap_or_default();
    let mut counters = kept.counts();
    greater(&mut counters, Some(&table::counters(&mut Netfilter::open()?)?));
    kept.note_counts(&counters);
    kept.write(files)
}

/// The kernel frees what a batch has replaced after some ten milliseconds.
const FREED: Duration = Duration::from_millis(50);

/// Who closes a socket before the kernel has freed what its batch replaced waits for that, and whoever changes rules or makes
/// a link in that namespace waits too.
fn close_after_change(netfilter: Netfilter) {
    close_in(FREED, netfilter);
}

/// One that has changed nothing: others may have, a moment ago.
pub(super) fn close(netfilter: Netfilter) {
    close_in(Duration::ZERO, netfilter);
}

fn close_in(pause: Duration, netfilter: Netfilter) {
    let later = move || {
        thread::sleep(pause);
        drop(netfilter);
    };
    // Without a thread it is closed here.
    let _ = thread::Builder::new().name("close".to_owned()).spawn(later);
}

/// Counters never go back, so of two readings the greater is the later.
pub fn greater(counters: &mut Counters, others: Option<&Counters>) {
    for (name, other) in others.into_iter().flatten() {
        let count = counters.entry(name.clone()).or_default();
        (count.packets, count.bytes) = (count.packets.max(other.packets), count.bytes.max(other.bytes));
    }
}

/// All that have flows: where notes are lost nobody knows whose the marks are.
fn strangers(netfilter: &mut Netfilter) -> Result<impl Iterator<Item = Whose>, Failure> {
    Ok(flows::active(netfilter)?.into_keys().map(Whose::Member))
}

/// All that are to have no flows.
fn all(kept: &Kept, service: &Service) -> Vec<Whose> {
    let live = service.listeners.iter().filter_map(|listener| kept.numbers.of_listener(&listener.id));
    let live: BTreeSet<u16> = live.collect();
    // For each the kernel walks all flows of the host: those of a listener that is gone are ended at once.
    let retired = kept.numbers.retired().map(|mark| match live.contains(&mark.listener()) {
        true => Whose::Member(mark),
        false => Whose::Listener(mark.listener()),
    });
    let mut end: Vec<Whose> = retired.collect::<BTreeSet<_>>().into_iter().collect();
    for listener in &service.listeners {
        let down = listener.members.iter().filter(|member| is_down(member.state));
        end.extend(down.filter_map(|member| kept.numbers.of_member(&listener.id, &member.id)).map(Whose::Member));
    }
    end
}
