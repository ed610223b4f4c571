//! Where a service listens or is reached: a TCP address or a Unix socket, written `127.0.0.1:9697` or `unix:/path`.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// An address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `host:port`
    Tcp(String),
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            // unix:///path is a common spelling of unix:/path
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(format!("'{text}' is not an address: the path of a Unix socket starts with /"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let rest = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let port = rest.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(rest.to_owned())),
            _ => Err(format!("'{text}' is not an address: write host:port or unix:/path")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_and_written() {
        for (text, shown) in [
            ("127.0.0.1:9697", "127.0.0.1:9697"),
            ("http://[::1]:1/", "[::1]:1"),
            ("unix:/run/b.sock", "unix:/run/b.sock"),
            ("unix:///run/b.sock", "unix:/run/b.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost", ":80", "host:port", "host:70000", "unix:relative"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
