//! `[metrics]`: where each process tells its metrics, and of how much.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de};

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    pub listen: Listen,
    /// Other machines may ask in plain text, and need not say who they are.
    pub insecure: bool,
    /// Of the load balancers of an agent: each one's counters, or their sum.
    pub load_balancers: PerLoadBalancer,
    /// The scheduler tells so many agents one by one, and all others together.
    pub per_agent_max: u32,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            listen: Listen::Default,
            insecure: false,
            load_balancers: PerLoadBalancer::default(),
            per_agent_max: 1_000,
        }
    }
}

/// Where metrics are served. Written `off`, an address, or an address with a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listen {
    /// On loopback at the port of the process's kind; if another process has it, nowhere.
    #[default]
    Default,
    /// Nowhere.
    Off,
    /// At the port of the process's kind.
    Address(IpAddr),
    Socket(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let address = bare.parse().map(Self::Address);
        address.or_else(|_| text.parse().map(Self::Socket)).map_err(|_| {
            format!("metrics.listen = '{text}' is no place: write off, an address, or an address with a port")
        })
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How the counters of load balancers are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PerLoadBalancer {
    #[default]
    Each,
    Sum,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_off_an_address_or_one_with_a_port() {
        let socket = |text: &str| Listen::Socket(text.parse().unwrap());
        for (text, listen) in [
            ("off", Listen::Off),
            ("10.0.0.1", Listen::Address([10, 0, 0, 1].into())),
            ("::1", Listen::Address(std::net::Ipv6Addr::LOCALHOST.into())),
            ("[::1]", Listen::Address(std::net::Ipv6Addr::LOCALHOST.into())),
            ("10.0.0.1:9", socket("10.0.0.1:9")),
            ("[::]:9", socket("[::]:9")),
        ] {
            assert_eq!(text.parse(), Ok(listen), "{text}");
        }
        for text in ["", "localhost", "10.0.0.1:", ":9790", "Off"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
