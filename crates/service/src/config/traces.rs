//! `[traces]`: where spans go, and of how many requests.

use std::path::PathBuf;

use serde::Deserialize;

use crate::address::Address;

/// `[traces]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// A collector that speaks OTLP over gRPC, as in `http://127.0.0.1:4317` or `unix:/run/otel.sock`. Empty: nothing is followed.
    pub endpoint: String,
    /// Of requests whose client does not say: the part that is followed, from 0 to 1.
    pub sample: f64,
    /// The file of a CA that is believed beside the machine's own, for `https://`.
    pub ca: PathBuf,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: String::new(), sample: 0.01, ca: PathBuf::new() }
    }
}

/// A collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    pub address: Address,
    pub encrypted: bool,
}

impl Traces {
    /// The collector; none: nothing is followed.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn collector(&self) -> Result<Option<Collector>, String> {
        let endpoint = self.endpoint.as_str();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let refuse = |why: &str| {
            format!(
                "traces.endpoint = \"{endpoint}\" {why}: write http://HOST:PORT, https://HOST:PORT or unix:/PATH, or leave it empty"
            )
        };
        if endpoint.starts_with("unix:") {
            let address = endpoint.parse().map_err(|why| refuse(&format!("is not understood ({why})")))?;
            return Ok(Some(Collector { address, encrypted: false }));
        }
        let (encrypted, rest) = match (endpoint.strip_prefix("http://"), endpoint.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(refuse("is no address of a collector")),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.contains(['/', '@', '?', '#']) {
            return Err(refuse("has more than a host and a port"));
        }
        match host.parse() {
            Ok(address @ Address::Tcp(_)) => Ok(Some(Collector { address, encrypted })),
            Ok(Address::Unix(_)) => Err(refuse("is no host")),
            Err(why) => Err(refuse(&format!("is not understood ({why})"))),
        }
    }

    /// # Errors
    /// One line that names the key.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.sample) {
            return Err(format!("traces.sample = {} must be from 0 to 1", self.sample));
        }
        self.collector().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> Result<Option<Collector>, String> {
        Traces { endpoint: endpoint.to_owned(), ..Traces::default() }.collector()
    }

    #[test]
    fn a_collector_is_a_host_and_a_port() {
        assert_eq!(at(""), Ok(None));
        let collector = |address: &str, encrypted| Ok(Some(Collector { address: address.parse().unwrap(), encrypted }));
        assert_eq!(at("http://127.0.0.1:4317"), collector("127.0.0.1:4317", false));
        assert_eq!(at("https://otel.example:4317/"), collector("otel.example:4317", true));
        assert_eq!(at("unix:/run/otel.sock"), collector("unix:/run/otel.sock", false));
        for bad in [
            "unix:otel.sock",
            "127.0.0.1:4317",
            "http://",
            "http://a",
            "http://a:1/v1/traces",
            "http://u@a:1",
            "http://unix:/a",
            "grpc://a:1",
        ] {
            assert!(at(bad).unwrap_err().starts_with("traces.endpoint = "), "{bad}");
        }
    }

    #[test]
    fn a_part_is_from_nothing_to_all() {
        let with = |sample| Traces { sample, ..Traces::default() }.check();
        assert!(with(0.0).is_ok() && with(1.0).is_ok());
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(with(bad).unwrap_err().contains("traces.sample"), "{bad}");
        }
    }
}
