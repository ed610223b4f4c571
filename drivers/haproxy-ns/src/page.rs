//! What a haproxy.cfg is to say, in types: the text is rendered from it ([`render`](crate::render)), what a running haproxy
//! can be told is a difference of two ([`runtime`](crate::haproxy::runtime)), and what somebody has changed by hand is one
//! of a page and a process. Pure. It is kept beside the text, with a digest of that.
//!
//! What admin-down means here: without the load balancer or a listener, nothing is bound; a pool that is down has no
//! backend; a member that is down is `disabled`, and its sessions finish. A listener without a backend answers 503 with HTTP,
//! and is not bound with TCP, so that connections are refused; one without a pool is such a one as well.
//!
//! haproxy runs one check for each server. Several monitors of a pool become one: every HTTP and HTTPS request is a step
//! of one sequence, which passes when all steps pass, and which implies any TCP check; it runs at the shortest delay,
//! with the shortest timeout and the fewest retries of all. PING is not here: [`ping`](crate::ping) sends real echoes.
//!
//! A pool is one backend for each way in which listeners use it: HTTP or not, with which timeouts and headers. Mostly that
//! is one, with the pool's id; the others are `POOL:LISTENER`, and their servers go by the checks of the first
//! ([`uses`]).

mod answers;
mod backends;
mod frontends;
pub(crate) mod kept;
mod peers;
mod policies;
pub(crate) mod shared;
mod tls;
mod uses;
mod words;

use std::net::{IpAddr, SocketAddr};

use ballast_namespace::validate::Answer;
use serde::{Deserialize, Serialize};

use self::tls::FrontTls;
pub(crate) use self::{
    peers::{PEERS, Peers},
    uses::pool_of,
};
use crate::{config::Config, secrets::Named, validate::Validated};
use shared::{Share, Shared};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) id: String,
    /// For a comment only.
    pub(crate) project: String,
    /// What its process says of itself; 0: nothing, as those of former releases.
    #[serde(default)]
    pub(crate) generation: u64,
    pub(crate) nbthread: u16,
    pub(crate) maxconn: u32,
    pub(crate) hard_stop_after: u32,
    /// What former releases did not write is as in [`Default`], which is what they meant.
    #[serde(default)]
    pub(crate) timeouts: Usual,
    pub(crate) skip_ca_bundle: bool,
    pub(crate) log: Option<Log>,
    pub(crate) sticky: bool,
    /// Who has the same stick tables. `None`: nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peers: Option<Peers>,
    pub(crate) frontends: Vec<Frontend>,
    pub(crate) backends: Vec<Backend>,
    /// The load balancers that share the process. None: it is one's own.
    #[serde(default)]
    pub(crate) shares: Vec<Shared>,
    /// Certificates and what else is told by its file, each once.
    #[serde(default)]
    pub(crate) secrets: Vec<Named>,
}

/// Timeouts of listeners that have none of their own. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usual {
    pub(crate) client: u32,
    pub(crate) server: u32,
    pub(crate) connect: u32,
    pub(crate) tunnel: Option<u32>,
}

impl Default for Usual {
    fn default() -> Self {
        Self { client: 50, server: 50, connect: 5, tunnel: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) socket: String,
    pub(crate) facility: String,
}

/// What former releases did not write is as in [`Default`], which is what they meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frontend {
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) bind: SocketAddr,
    /// At the additional addresses.
    #[serde(default)]
    pub(crate) more_binds: Vec<SocketAddr>,
    pub(crate) maxconn: Option<u32>,
    pub(crate) pool: Option<String>,
    #[serde(default)]
    pub(crate) extra: Extra,
    /// `None`: it does not end here.
    #[serde(default)]
    pub(crate) tls: Option<FrontTls>,
    /// Of a process that is shared.
    #[serde(default)]
    pub(crate) share: Option<Share>,
}

/// What only LBaaS v2 can ask of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Extra {
    pub(crate) forwarded_for: bool,
    pub(crate) timeouts: Option<FrontTimeouts>,
    /// Who may connect, a few in a line; empty: everybody, or it is the kernel that keeps others out.
    pub(crate) allowed: Vec<String>,
    /// What is answered here, whoever asks and whatever the policies say: then [`Self::allowed`] is of requests.
    pub(crate) answers: Vec<Answer>,
    /// There is nothing but the answers.
    pub(crate) answers_alone: bool,
    /// It has the process's own metrics.
    pub(crate) metrics: bool,
    /// One of its pools goes by the client's address and port.
    pub(crate) notes_client: bool,
    pub(crate) rules: Vec<Acl>,
    /// Conditions of requests that are refused.
    pub(crate) rejects: Vec<String>,
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) switches: Vec<Switch>,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            forwarded_for: true,
            timeouts: None,
            allowed: Vec::new(),
            answers: Vec::new(),
            answers_alone: false,
            metrics: false,
            notes_client: false,
            rules: Vec::new(),
            rejects: Vec::new(),
            redirects: Vec::new(),
            switches: Vec::new(),
        }
    }
}

/// Milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrontTimeouts {
    pub(crate) client: u32,
    pub(crate) request: u32,
    pub(crate) keep_alive: u32,
    /// 0: not at all.
    pub(crate) inspect: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acl {
    pub(crate) name: String,
    /// All but the value, which is one word.
    pub(crate) test: String,
    pub(crate) value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redirect {
    pub(crate) code: u16,
    /// `location` or `prefix`.
    pub(crate) kind: String,
    pub(crate) to: String,
    pub(crate) condition: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Switch {
    pub(crate) backend: String,
    pub(crate) condition: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backend {
    pub(crate) id: String,
    pub(crate) mode: Mode,
    pub(crate) balance: Balance,
    pub(crate) persistence: Option<Sticking>,
    pub(crate) cookie_name: Option<String>,
    pub(crate) address_type: AddressType,
    pub(crate) check: Option<ServerCheck>,
    /// Checks speak TLS, though nobody else does.
    pub(crate) tls: bool,
    /// What a `server` says of TLS, in haproxy's words; `None`: nothing is spoken through it.
    #[serde(default)]
    pub(crate) ssl: Option<String>,
    pub(crate) servers: Vec<Server>,
    /// How it is reached; what former releases did not write is as in [`Default`].
    #[serde(default)]
    pub(crate) using: Use,
    /// `send-proxy` or `send-proxy-v2`.
    #[serde(default)]
    pub(crate) proxy: Option<String>,
    #[serde(default)]
    pub(crate) backups: bool,
    /// Of a process that is shared.
    #[serde(default)]
    pub(crate) share: Option<Share>,
}

/// A way in which listeners use a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Use {
    pub(crate) timeouts: Option<BackTimeouts>,
    pub(crate) headers: Vec<SetHeader>,
    /// What a client says of its certificate itself is taken away.
    pub(crate) hides_tls: bool,
    /// Members are told of the client's TLS.
    pub(crate) tells_tls: bool,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackTimeouts {
    pub(crate) connect: u32,
    pub(crate) server: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetHeader {
    pub(crate) name: String,
    /// In haproxy's words.
    pub(crate) value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Http,
    Tcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Balance {
    RoundRobin,
    LeastConn,
    Source,
    /// By the client's address and port.
    Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sticking {
    SourceIp,
    HttpCookie,
    AppCookie,
}

/// Of a stick table's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressType {
    Ip,
    Ipv6,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerCheck {
    pub(crate) timeout: u32,
    pub(crate) inter: u32,
    pub(crate) fall: u32,
    /// Former releases had no other.
    #[serde(default = "once")]
    pub(crate) rise: u32,
    /// A TLS handshake is all that there is to it.
    #[serde(default)]
    pub(crate) hello: bool,
    pub(crate) http: Vec<Request>,
}

const fn once() -> u32 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) tls: bool,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) codes: String,
    /// As in `HTTP/1.1`; `None`: haproxy's own.
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) host: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    pub(crate) address: SocketAddr,
    pub(crate) weight: u16,
    /// `None`: no check; 0: the server's own port.
    pub(crate) check_port: Option<u16>,
    #[serde(default)]
    pub(crate) check_address: Option<IpAddr>,
    pub(crate) disabled: bool,
    #[serde(default)]
    pub(crate) backup: bool,
    /// The backend whose server of this name is checked for it.
    #[serde(default)]
    pub(crate) tracks: Option<String>,
}

impl Page {
    /// All that there are to be, with their backends.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.backends.iter().flat_map(|one| one.servers.iter().map(|server| (one.id.as_str(), server.id.as_str())))
    }

    /// `skip_ca_bundle`: this build knows `httpclient.ssl.verify`. Without that line haproxy reads the system's CA
    /// certificates at each start, for a client that is not used here: three quarters of its start time.
    ///
    /// `folder`: where its secrets are.
    pub(crate) fn of(validated: &Validated, config: &Config, skip_ca_bundle: bool, folder: &str) -> Self {
        let uses = uses::Uses::of(validated);
        let backends = backends::of(validated, &uses, folder);
        let in_a_table = |backend: &Backend| {
            backend.persistence.is_some_and(|sticking| matches!(sticking, Sticking::SourceIp | Sticking::AppCookie))
        };
        let sticky = backends.iter().any(in_a_table);
        Self {
            sticky,
            peers: if sticky { Peers::of(validated) } else { None },
            frontends: frontends::of(validated, &uses, folder),
            backends,
            secrets: tls::secrets(validated, &uses, folder),
            ..Self::empty(validated.id.as_str(), &validated.project, config, skip_ca_bundle)
        }
    }

    /// Of what serves nobody.
    pub(crate) fn empty(id: &str, project: &str, config: &Config, skip_ca_bundle: bool) -> Self {
        let log = |path: &std::path::PathBuf| Log {
            socket: path.to_string_lossy().into_owned(),
            facility: config.log_facility.clone(),
        };
        Self {
            id: id.to_owned(),
            project: project.to_owned(),
            generation: 0,
            nbthread: config.nbthread,
            maxconn: config.maxconn,
            hard_stop_after: config.hard_stop_after,
            timeouts: Usual {
                client: config.timeout_client,
                server: config.timeout_server,
                connect: config.timeout_connect,
                tunnel: config.timeout_tunnel,
            },
            skip_ca_bundle,
            log: config.log.as_ref().map(log),
            sticky: false,
            peers: None,
            frontends: Vec::new(),
            backends: Vec::new(),
            shares: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The backends of a pool beside the one with its id whose servers nobody checks.
    pub(crate) fn unchecked(&self, pool: &str) -> impl Iterator<Item = &str> {
        let others = self.backends.iter().filter(move |backend| pool_of(&backend.id) == pool && backend.id != pool);
        let tracks = |backend: &&Backend| backend.servers.iter().any(|server| server.tracks.is_some());
        others.filter(move |backend| !tracks(backend)).map(|backend| backend.id.as_str())
    }
}
