//! An A10 Thunder, as [`ballast_device`] asks for it.

use ballast_abi::{DriverError, Health, LoadBalancer, features};
use ballast_device::{
    Config, Draft, Failure, Here, Listed, Objects, Partition, Reading, Request, Session, Step, Vendor, refuse,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    desired::{self, virtual_server_name},
    kind::Kind,
    observe, request,
    wire::Axapi,
};

pub struct Thunder;

/// What older releases do otherwise.
const OF_TLS: [&str; 4] = [
    features::PROTOCOL_TERMINATED_HTTPS,
    features::LISTENER_CLIENT_AUTHENTICATION,
    features::LISTENER_HSTS,
    features::POOL_TLS,
];

/// What only this vendor's devices have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Connections to members come from an address of the device (`auto`).
    pub source_nat: bool,
    /// The method for unequal weights: `weighted-rr`, or `service-weighted-rr` where the release has it.
    pub weighted_round_robin: String,
    /// TLS is spoken with clients and members: releases from 5.2 only, where templates have lists of certificates.
    pub tls: bool,
    /// The VRRP-A group of the VIPs, 1 to 31; 0: the device's own choice.
    pub vrid: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self { source_nat: true, weighted_round_robin: "weighted-rr".to_owned(), tls: true, vrid: 0 }
    }
}

impl Vendor for Thunder {
    const NAME: &'static str = "a10-stub";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const FEATURES: &'static [&'static str] = &[
        features::LB_METHOD_SOURCE_IP_PORT,
        features::MONITOR_RISE,
        features::MEMBER_BACKUP,
        features::POOL_OTHER_PROTOCOL,
        features::PROTOCOL_TERMINATED_HTTPS,
        features::LISTENER_CLIENT_AUTHENTICATION,
        features::LISTENER_HSTS,
        features::POOL_TLS,
    ];
    type Wire = Axapi;
    type Kind = Kind;
    type Options = Options;
    /// `slb/service-group/oper`
    type View = Value;

    fn features(options: &Options) -> Vec<&'static str> {
        let all = Self::FEATURES.iter().copied();
        all.filter(|feature| options.tls || !OF_TLS.contains(feature)).collect()
    }

    fn check(config: &Config<Options>) -> Result<(), DriverError> {
        if config.partition.len() > 14 || config.partition.contains('/') {
            return Err(refuse("partition", "has more than 14 characters, or a slash"));
        }
        if !["weighted-rr", "service-weighted-rr"].contains(&config.options.weighted_round_robin.as_str()) {
            return Err(refuse("options.weighted_round_robin", "must be weighted-rr or service-weighted-rr"));
        }
        if config.options.vrid > 31 {
            return Err(refuse("options.vrid", "must be 0 to 31"));
        }
        Ok(())
    }

    fn draw(draft: &mut Draft<'_, Self>, load_balancer: &LoadBalancer) -> Result<(), DriverError> {
        desired::draw(draft, load_balancer)
    }

    fn joins(batch: &[Step<Kind>], step: &Step<Kind>) -> bool {
        request::joins(batch, step)
    }

    fn nests(kind: Kind) -> bool {
        matches!(kind, Kind::ServerPort | Kind::Certificate)
    }

    fn requests(batch: &[Step<Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure> {
        request::requests(batch, here)
    }

    /// A secondary refuses each write.
    fn ready(_session: &Session<'_, Axapi>) -> Result<(), Failure> {
        Ok(())
    }

    fn partitions(session: &Session<'_, Axapi>) -> Result<Vec<Partition>, Failure> {
        let reply = session.read("partition-all/oper")?;
        let list = reply["partition-all"]["oper"]["partition-list"].as_array().cloned().unwrap_or_default();
        let one = |partition: &Value| {
            let name = partition["partition-name"].as_str()?.to_owned();
            Some(Partition { name, active: partition["status"] != "Not-Active" })
        };
        Ok(list.iter().filter_map(one).collect())
    }

    fn make_partition(session: &Session<'_, Axapi>, name: &str, _options: &Options) -> Result<(), Failure> {
        let reply = session.read("partition-available-id/oper")?;
        let start = &reply["partition-available-id"]["oper"]["range-list"][0]["start"];
        let id = start.as_u64().or_else(|| start.as_str()?.parse().ok());
        let id = id.ok_or_else(|| Failure::Partition {
            name: name.to_owned(),
            why: "there is no free partition id".to_owned(),
        })?;
        let body = json!({"partition": {"partition-name": name, "id": id, "application-type": "adc"}});
        session.write(&Request::post("partition", body)).map(drop)
    }

    fn read(session: &Session<'_, Axapi>, kind: Kind) -> Result<Objects<Kind>, Failure> {
        observe::read(session, kind)
    }

    fn view(session: &Session<'_, Axapi>) -> Result<Value, Failure> {
        session.read("slb/service-group/oper")
    }

    fn reading(session: &Session<'_, Axapi>, _view: &Value, owner: &str) -> Result<Reading, Failure> {
        match session.read(&format!("slb/virtual-server/{}/port/stats", virtual_server_name(owner))) {
            Ok(reply) => Ok(observe::reading(&reply)),
            Err(failure) if failure.is_not_found() => Ok(Reading::default()),
            Err(failure) => Err(failure),
        }
    }

    fn health(view: &Value, listed: &Listed) -> Option<Health> {
        observe::health(view, listed)
    }
}
