//! A NetScaler ADC, as [`ballast_device`] asks for it.

use ballast_abi::{DriverError, Health, LoadBalancer, features};
use ballast_device::{
    Config, Draft, Failure, Here, Listed, Objects, Partition, Reading, Request, Session, Step, Vendor, refuse,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    desired,
    kind::Kind,
    observe::{self, View},
    request,
    wire::{DEFAULT, Nitro},
};

pub struct Adc;

/// What only this vendor's devices have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Megabytes of memory that a tenant's partition gets when it is made; 0: no limit.
    pub partition_memory: u32,
    /// Connections that a tenant's partition may have open; 0: no limit.
    pub partition_connections: u32,
    /// Kilobits per second of a tenant's partition; 0: no limit.
    pub partition_bandwidth: u32,
    /// Minutes without traffic after which a client may get another member: persistence by source address and by the
    /// application's cookie.
    pub persistence_timeout: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self { partition_memory: 64, partition_connections: 0, partition_bandwidth: 0, persistence_timeout: 180 }
    }
}

impl Vendor for Adc {
    const NAME: &'static str = "netscaler-stub";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    /// A pool is of its virtual server's protocol, and a check is of all members' own ports.
    const FEATURES: &'static [&'static str] = &[
        features::LB_METHOD_SOURCE_IP_PORT,
        features::MONITOR_RISE,
        features::MONITOR_TLS_HELLO,
        features::PROTOCOL_TERMINATED_HTTPS,
        features::LISTENER_CLIENT_AUTHENTICATION,
        features::LISTENER_HSTS,
        features::POOL_TLS,
    ];
    type Wire = Nitro;
    type Kind = Kind;
    type Options = Options;
    type View = View;

    fn check(config: &Config<Options>) -> Result<(), DriverError> {
        if config.partition.len() > 127 || config.partition.contains('/') {
            return Err(refuse("partition", "has more than 127 characters, or a slash"));
        }
        if !(2..=1440).contains(&config.options.persistence_timeout) {
            return Err(refuse("options.persistence_timeout", "must be 2 to 1440"));
        }
        Ok(())
    }

    fn draw(draft: &mut Draft<'_, Self>, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
        desired::draw(draft, load_balancer)
    }

    fn joins(batch: &[Step<Kind>], step: &Step<Kind>) -> bool {
        request::joins(batch, step)
    }

    /// Bindings are objects of their own.
    fn nests(_kind: Kind) -> bool {
        false
    }

    fn requests(batch: &[Step<Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure> {
        request::requests(batch, here)
    }

    /// A secondary takes changes, warns, and loses them at the next synchronisation. A device that does not say what it
    /// is refuses each write of its own accord.
    fn ready(session: &Session<'_, Nitro>) -> Result<(), Failure> {
        let reply = match session.read("config/hanode") {
            Err(Failure::Refused { .. }) => return Ok(()),
            reply => reply?,
        };
        let nodes = reply["hanode"].as_array().map(Vec::as_slice).unwrap_or_default();
        let secondary = |node: &Value| {
            let itself = node["id"].is_null() || node["id"] == "0" || node["id"] == 0;
            itself && node["state"].as_str().is_some_and(|state| state.eq_ignore_ascii_case("Secondary"))
        };
        if nodes.iter().any(secondary) {
            return Err(Failure::ReadOnly { what: "GET config/hanode".to_owned() });
        }
        Ok(())
    }

    fn partitions(session: &Session<'_, Nitro>) -> Result<Vec<Partition>, Failure> {
        let path = "config/nspartition";
        let reply = session.read(path)?;
        let list = reply["nspartition"].as_array().ok_or_else(|| Failure::Lost {
            what: format!("GET {path}"),
            why: "it has not even the default partition".to_owned(),
        })?;
        let names = list.iter().filter_map(|partition| partition["partitionname"].as_str());
        let others = names.filter(|name| *name != DEFAULT);
        Ok(others.map(|name| Partition { name: name.to_owned(), active: true }).collect())
    }

    fn make_partition(session: &Session<'_, Nitro>, name: &str, options: &Options) -> Result<(), Failure> {
        let body = json!({"nspartition": {
            "partitionname": name, "maxmemlimit": options.partition_memory, "maxconn": options.partition_connections,
            "maxbandwidth": options.partition_bandwidth, "minbandwidth": 0,
        }});
        session.write(&Request::post("config/nspartition", body)).map(drop)
    }

    fn read(session: &Session<'_, Nitro>, kind: Kind) -> Result<Objects<Kind>, Failure> {
        observe::read(session, kind)
    }

    fn view(session: &Session<'_, Nitro>) -> Result<View, Failure> {
        View::of(session)
    }

    fn reading(_session: &Session<'_, Nitro>, view: &View, owner: &str) -> Result<Reading, Failure> {
        Ok(view.reading(owner))
    }

    fn health(view: &View, listed: &Listed) -> Option<Health> {
        view.health(listed)
    }
}
