//! The table in the kernel: batches are applied to it, and what is in it is read back.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use ballast_failpoint as failpoint;

use crate::{
    failure::Failure,
    layout::Layout,
    mark::Mark,
    netlink::{Message, Netfilter, Question},
    plan::{Observed, Plan, plan},
    wire::{
        Command, Encoded, ObjectKind,
        attribute::{Attributes, find, long, parse, text},
        batch::SUBSYSTEM,
    },
};

/// The only one that this crate writes. Nobody else is to write it.
pub const NAME: &str = "ballast";

const INET: u8 = 1;
const GET_RULES: u16 = 7;
const GET_ELEMENTS: u16 = 13;
const GET_OBJECT: u16 = 19;

/// What a counter has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub packets: u64,
    pub bytes: u64,
}

/// Does all of it at once, or nothing.
///
/// # Errors
/// The kernel refused a command, which is named.
pub fn apply(netfilter: &mut Netfilter, commands: &[Command]) -> Result<(), Failure> {
    apply_to(NAME, netfilter, commands)
}

/// The same in another table.
pub(crate) fn apply_to(table: &str, netfilter: &mut Netfilter, commands: &[Command]) -> Result<(), Failure> {
    if commands.is_empty() {
        return Ok(());
    }
    let batch = Encoded::new(table, commands);
    match netfilter.commit(&batch)? {
        None => Ok(()),
        Some((sequence, source)) => {
            let command = batch.command_of(sequence).and_then(|index| commands.get(index));
            let what = command.map_or_else(|| "a batch".to_owned(), ToString::to_string);
            Err(Failure::Refused { what, source })
        }
    }
}

/// Plans and does it, but for the flows that are to be ended. Where the kernel refuses a change, somebody else has changed the
/// table: it is made anew, and counters go on.
///
/// # Errors
/// The kernel refused the whole rule set.
pub fn reach(netfilter: &mut Netfilter, observed: &Observed, desired: &Layout) -> Result<Plan, Failure> {
    let planned = plan(observed, desired);
    let swept = apply(netfilter, &planned.commands).and_then(|()| {
        failpoint::at("table: changed and not yet swept");
        apply(netfilter, &planned.sweep)
    });
    match swept {
        Err(Failure::Refused { .. }) if observed.running().is_some() => {
            let counters = counters(netfilter)?;
            let planned = plan(&Observed { counters, noted: None, ..observed.clone() }, desired);
            apply(netfilter, &planned.commands).map(|()| planned)
        }
        other => other.map(|()| planned),
    }
}

/// All counters by their names; none where there is no table.
///
/// # Errors
/// The kernel has no nf_tables, or does not let this process ask.
pub fn counters(netfilter: &mut Netfilter) -> Result<BTreeMap<String, Count>, Failure> {
    let content = Attributes::new().text(1, NAME).number(3, ObjectKind::Counter.code());
    let question = question("list counters", GET_OBJECT, content);
    Ok(netfilter.dump(&question, |message| counter(message).into_iter().collect())?.into_iter().collect())
}

/// How many rules it has; 0 where there is no table.
///
/// # Errors
/// As [`counters`].
pub fn rules(netfilter: &mut Netfilter) -> Result<usize, Failure> {
    let question = question("count rules", GET_RULES, Attributes::new().text(1, NAME));
    Ok(netfilter.dump(&question, |_| vec![()])?.len())
}

/// Where flows with these marks are sent; `None`: there is no table.
///
/// # Errors
/// As [`counters`].
pub fn members(netfilter: &mut Netfilter) -> Result<Option<BTreeMap<Mark, SocketAddr>>, Failure> {
    let mut members = BTreeMap::new();
    for map in ["m4", "m6"] {
        let found = netfilter.dump(&question_about("list members", map), places);
        match found {
            Ok(found) => members.extend(found),
            Err(failure) if failure.errno() == Some(nix::errno::Errno::ENOENT) => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Some(members))
}

/// For the elements of a set.
pub(crate) fn question_about<'a>(what: &'a str, set: &str) -> Question<'a> {
    question(what, GET_ELEMENTS, Attributes::new().text(1, NAME).text(2, set))
}

fn question(what: &str, kind: u16, content: Attributes) -> Question<'_> {
    Question { what, kind: SUBSYSTEM << 8 | kind, family: INET, content }
}

fn counter(message: &Message) -> Option<(String, Count)> {
    let attributes = message.attributes();
    let name = find(attributes, 2).and_then(text)?.to_owned();
    let data = find(attributes, 4)?;
    let value = |kind| find(data, kind).and_then(long).unwrap_or_default();
    Some((name, Count { packets: value(2), bytes: value(1) }))
}

fn places(message: &Message) -> Vec<(Mark, SocketAddr)> {
    let elements = find(message.attributes(), 3).into_iter().flat_map(parse);
    elements.filter_map(|(_, element)| place(element)).collect()
}

fn place(element: &[u8]) -> Option<(Mark, SocketAddr)> {
    let key = find(find(element, 1)?, 1)?.try_into().ok()?;
    let data = find(find(element, 2)?, 1)?;
    let (address, port) = match *data {
        [a, b, c, d, high, low, ..] if data.len() == 8 => (IpAddr::from([a, b, c, d]), [high, low]),
        [.., high, low, _, _] if data.len() == 20 => {
            (IpAddr::from(<[u8; 16]>::try_from(&data[..16]).ok()?), [high, low])
        }
        _ => return None,
    };
    Some((Mark::from_bytes(key), SocketAddr::new(address, u16::from_be_bytes(port))))
}
