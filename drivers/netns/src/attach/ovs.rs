//! A port of an Open vSwitch bridge: an internal port, whose device is made by Open vSwitch and moved into the namespace.
//!
//! The port says whose it is as Neutron's ports do (`iface-id`, `iface-status`, `attached-mac`), so that a Neutron agent on
//! this host takes it for one of its own and sets its VLAN tag. The database is Open vSwitch's own memory of its ports:
//! what is there is looked up, and never remembered here.

use std::{
    fs::File,
    os::fd::AsRawFd as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use ballast_failpoint as failpoint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Seen;
use crate::{
    failure::Failure,
    link::{self, Card, Link},
    netlink::Netlink,
    ovsdb::{Ovsdb, is_in, map, one, set_of_uuid},
};

/// ovs-vswitchd makes a port's device within milliseconds, and a busy one within a second.
const MADE_WITHIN: Duration = Duration::from_secs(10);
/// A Neutron agent looks at new ports every two seconds by default, and asks its server about each.
const TAGGED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at a tag.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The tag of ports that Neutron does not let speak.
const DEAD: u16 = 4095;

/// A port of a bridge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ovs {
    #[serde(rename = "ovs_bridge")]
    pub bridge: String,
    /// The socket of the database's server.
    #[serde(rename = "ovs_database")]
    pub database: PathBuf,
    /// The id of the port, in full.
    #[serde(rename = "ovs_port")]
    pub port: String,
    #[serde(rename = "ovs_tag")]
    pub tag: Tag,
}

/// Who says to which VLAN of the bridge a port belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tag {
    /// The Neutron agent of this host: until it has, nothing gets through.
    Neutron,
    /// The network: this VLAN; 0: none.
    Network(u16),
}

/// What the database says of a port.
#[derive(Debug, Default)]
struct Known {
    uuid: String,
    tag: Option<u16>,
    /// As it was given out by ovs-vswitchd; `None`: not yet.
    number: Option<i64>,
    error: Option<String>,
    /// It is this load balancer's port, on its bridge.
    fits: bool,
}

impl Ovs {
    pub(super) fn plug(&self, host: &mut Netlink, name: &str, card: Card, namespace: &File) -> Result<(), Failure> {
        let mut database = self.connect()?;
        let known = self.known(&mut database, name, Some(card))?;
        let there = link::find(host, name)?;
        let usable = known.as_ref().is_some_and(|known| known.fits && known.number.is_some_and(|number| number > 0));
        if !usable || there.is_none() {
            if let Some(known) = &known {
                // Its device went with a namespace, or with ovs-vswitchd: a port that stays gets no other.
                self.remove(&mut database, name, known)?;
                failpoint::at("ovs: a port that was left is removed");
                self.await_gone(host, name)?;
            }
            self.add(&mut database, name, card)?;
            failpoint::at("ovs: the port is in the database");
        }
        self.await_made(&mut database, name, card)?;
        let device = link::find(host, name)?.ok_or_else(|| Failure::OvsDeviceMissing { port: name.to_owned() })?;
        failpoint::at("ovs: its device is there");
        host.batch(vec![link::move_into(device.index, card, namespace.as_raw_fd(), name)])?;
        failpoint::at("ovs: its device is in the namespace");
        self.await_tag(&mut database, name, card)
    }

    /// Puts right what the database says of a port that is there.
    pub(super) fn attach(&self, name: &str, card: Card) -> Result<(), Failure> {
        let mut database = self.connect()?;
        if let Tag::Network(tag) = self.tag {
            let port =
                json!({"op": "update", "table": "Port", "where": is_in("name", name), "row": {"tag": optional(tag)}});
            let row = json!({"external_ids": self.ids(card), "mtu_request": card.mtu});
            let interface = json!({"op": "update", "table": "Interface", "where": is_in("name", name), "row": row});
            database.transact(&format!("correct port {name}"), vec![port, interface])?;
        }
        self.await_made(&mut database, name, card)?;
        self.await_tag(&mut database, name, card)
    }

    /// Takes the port away, should there be one.
    pub(super) fn release(&self, name: &str) -> Result<(), Failure> {
        let mut database = self.connect()?;
        match self.known(&mut database, name, None)? {
            Some(known) => self.remove(&mut database, name, &known),
            None => Ok(()),
        }
    }

    pub(super) fn look(&self, name: &str, card: Option<Card>) -> Result<Seen, Failure> {
        let known = self.known(&mut self.connect()?, name, card)?;
        let Some(known) = known else { return Ok(Seen::default()) };
        let tagged = match self.tag {
            Tag::Neutron => known.tag.is_some_and(|tag| tag != DEAD),
            Tag::Network(tag) => known.tag.unwrap_or(0) == tag,
        };
        Ok(Seen {
            outside: Some(Link { name: name.to_owned(), up: true, ..Link::default() }),
            attached: known.fits && known.number.is_some_and(|number| number > 0) && known.error.is_none() && tagged,
            unprepared: false,
            own: true,
        })
    }

    fn connect(&self) -> Result<Ovsdb, Failure> {
        Ovsdb::connect(&self.database)
    }

    /// What Neutron's agents look for.
    fn ids(&self, card: Card) -> Value {
        let [a, b, c, d, e, f] = card.mac;
        let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        map(&[("iface-id", &self.port), ("iface-status", "active"), ("attached-mac", &mac)])
    }

    fn known(&self, database: &mut Ovsdb, name: &str, card: Option<Card>) -> Result<Option<Known>, Failure> {
        let what = format!("look up port {name}");
        let select = |table: &str, columns: &[&str]| json!({"op": "select", "table": table, "where": is_in("name", name), "columns": columns});
        let found = database.transact(
            &what,
            vec![select("Port", &["_uuid", "tag"]), select("Interface", &["ofport", "error", "type", "external_ids"])],
        )?;
        let row = |at: usize| found.get(at).map(|result| &result["rows"][0]).filter(|row| row.is_object());
        let Some(port) = row(0) else { return Ok(None) };
        let uuid = port["_uuid"][1].as_str().unwrap_or_default().to_owned();
        let on_bridge = json!({"op": "select", "table": "Bridge", "columns": ["name"],
            "where": [["name", "==", self.bridge], ["ports", "includes", set_of_uuid(&uuid)]]});
        let on_bridge = database.transact(&what, vec![on_bridge])?;
        let interface = row(1);
        let wanted = card.map(|card| self.ids(card));
        let own = |row: &Value| {
            row["type"] == "internal" && wanted.as_ref().is_none_or(|ids| same_ids(&row["external_ids"], ids))
        };
        Ok(Some(Known {
            uuid,
            tag: one(&port["tag"]).and_then(Value::as_u64).and_then(|tag| u16::try_from(tag).ok()),
            number: interface.and_then(|row| one(&row["ofport"])).and_then(Value::as_i64),
            error: interface.and_then(|row| one(&row["error"])).and_then(Value::as_str).map(str::to_owned),
            fits: interface.is_some_and(own) && on_bridge.first().is_some_and(|result| result["rows"][0].is_object()),
        }))
    }

    fn add(&self, database: &mut Ovsdb, name: &str, card: Card) -> Result<(), Failure> {
        let mut port = json!({"name": name, "interfaces": ["named-uuid", "interface"]});
        if let Tag::Network(tag) = self.tag {
            port["tag"] = optional(tag);
        }
        let interface =
            json!({"name": name, "type": "internal", "external_ids": self.ids(card), "mtu_request": card.mtu});
        let results = database.transact(
            &format!("add port {name} to {}", self.bridge),
            vec![
                json!({"op": "insert", "table": "Interface", "row": interface, "uuid-name": "interface"}),
                json!({"op": "insert", "table": "Port", "row": port, "uuid-name": "port"}),
                json!({"op": "mutate", "table": "Bridge", "where": is_in("name", &self.bridge),
                    "mutations": [["ports", "insert", ["set", [["named-uuid", "port"]]]]]}),
            ],
        )?;
        // Without a bridge that has them, port and interface are gone again already.
        match results.get(2).and_then(|result| result["count"].as_u64()) {
            Some(1) => Ok(()),
            _ => Err(Failure::BridgeMissing { bridge: self.bridge.clone(), key: "ovs.bridge" }),
        }
    }

    fn remove(&self, database: &mut Ovsdb, name: &str, known: &Known) -> Result<(), Failure> {
        let ports = set_of_uuid(&known.uuid);
        let from_its_bridge = json!({"op": "mutate", "table": "Bridge", "where": [["ports", "includes", ports]],
            "mutations": [["ports", "delete", ports]]});
        database.transact(&format!("remove port {name}"), vec![from_its_bridge]).map(drop)
    }

    /// ovs-vswitchd has made its device.
    fn await_made(&self, database: &mut Ovsdb, name: &str, card: Card) -> Result<(), Failure> {
        let wait = json!({"op": "wait", "table": "Interface", "where": is_in("name", name), "columns": ["ofport"],
            "until": "!=", "rows": [{"ofport": ["set", []]}],
            "timeout": u64::try_from(MADE_WITHIN.as_millis()).unwrap_or(u64::MAX)});
        let what = format!("wait for the device of port {name}");
        database.transact_within(MADE_WITHIN * 2, &what, vec![wait]).map_err(|failure| match failure {
            Failure::Ovsdb { refusal, .. } if refusal.starts_with("timed out") => {
                Failure::OvsSilent { port: name.to_owned(), seconds: MADE_WITHIN.as_secs() }
            }
            other => other,
        })?;
        let known = self.known(database, name, Some(card))?.unwrap_or_default();
        match known.error {
            Some(said) => Err(Failure::OvsRefused { port: name.to_owned(), said }),
            None => Ok(()),
        }
    }

    /// The device of a port that was removed goes soon after it, or has gone with its namespace.
    fn await_gone(&self, host: &mut Netlink, name: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + MADE_WITHIN;
        while link::find(host, name)?.is_some() {
            if Instant::now() > deadline {
                return Err(Failure::OvsSilent { port: name.to_owned(), seconds: MADE_WITHIN.as_secs() });
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn await_tag(&self, database: &mut Ovsdb, name: &str, card: Card) -> Result<(), Failure> {
        if self.tag != Tag::Neutron {
            return Ok(());
        }
        let deadline = Instant::now() + TAGGED_WITHIN;
        loop {
            let tag = self.known(database, name, Some(card))?.and_then(|known| known.tag);
            if tag.is_some_and(|tag| tag != DEAD) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let (port, seconds) = (self.port.clone(), TAGGED_WITHIN.as_secs());
                return Err(Failure::OvsTagMissing { port, bridge: self.bridge.clone(), seconds });
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// VLAN 0 is none.
fn optional(tag: u16) -> Value {
    if tag == 0 { json!(["set", []]) } else { json!(tag) }
}

/// Neutron and its agents add ids of their own.
fn same_ids(found: &Value, wanted: &Value) -> bool {
    let pairs = |map: &Value| map[1].as_array().cloned().unwrap_or_default();
    let found = pairs(found);
    pairs(wanted).iter().all(|pair| found.contains(pair))
}
