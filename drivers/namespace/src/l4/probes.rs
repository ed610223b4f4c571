//! Checks as the prober has them. Pure.

use std::{collections::BTreeMap, time::Duration};

use ballast_l4::prober::{self, Request, Timing, Version};

use super::{Forwarded, Key, Probe};
use crate::validate::{Check, HttpVersion};

impl Forwarded {
    /// `known`: how members are, of whom that is known.
    pub(super) fn probes(&self, known: &BTreeMap<Key, Option<bool>>) -> BTreeMap<String, prober::Probe> {
        let probe = |asked: &Probe| prober::Probe {
            check: check(&asked.check),
            address: asked.address,
            timing: Timing {
                delay: Duration::from_secs(asked.delay.into()),
                timeout: Duration::from_secs(asked.timeout.into()),
                rise: asked.rise,
                fall: asked.fall,
            },
            known: known.get(&asked.of()).copied().flatten(),
        };
        self.probes.iter().map(|asked| (asked.name(), probe(asked))).collect()
    }
}

fn check(asked: &Check) -> prober::Check {
    match asked {
        Check::Ping => prober::Check::Ping,
        Check::Tcp => prober::Check::Tcp,
        Check::TlsHello => prober::Check::TlsHello { name: None },
        Check::UdpConnect => prober::Check::UdpConnect,
        Check::Sctp => prober::Check::Sctp,
        Check::Http { tls, method, path, codes, version } => {
            let (version, host) = match version {
                None | Some(HttpVersion::Old) => (Version::V10, None),
                Some(HttpVersion::New { host }) => (Version::V11, host.clone()),
            };
            let expected = codes.iter().map(|(first, last)| *first..=*last).collect();
            let request = Request { method: method.clone(), path: path.clone(), host, version, expected };
            if *tls { prober::Check::Https(request) } else { prober::Check::Http(request) }
        }
    }
}
