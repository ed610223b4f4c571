//! Why a command could not do what was asked: each is one line for a person, with what to do.

use std::{io, path::PathBuf};

use crate::exit::Exit;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(
        "'{url}' is no address: write that of a gateway as http(s)://HOST:PORT, of a scheduler as unix:/PATH or \
         grpc(s)://HOST:PORT, in --url or BALLAST_URL"
    )]
    Url { url: String },
    #[error("{url} speaks no TLS: name it by https:// or grpcs://, or leave out --cacert, --cert and --key")]
    NoTls { url: String },
    #[error("{0}")]
    Certificates(String),
    #[error("{option} holds characters that no HTTP header can carry")]
    Header { option: &'static str },
    #[error("no answer from {url} ({why}): start it, or name another with --url or BALLAST_URL")]
    Unreachable { url: String, why: String },
    #[error("{url} broke off ({why})")]
    Broken { url: String, why: String },
    #[error("{url} asks who calls: give a token that is good there, by BALLAST_TOKEN; a scheduler takes --cert too")]
    Token { url: String },
    #[error("{url} does not answer as a part of Ballast ({why}): check --url or BALLAST_URL")]
    Foreign { url: String, why: String },
    #[error(
        "{url} is a scheduler, and this noun is asked of a gateway: name one by http(s)://HOST:PORT in --url or \
             BALLAST_URL, or see `ballast v1`"
    )]
    NoGateway { url: String },
    /// What a gateway says of a request to v2, in its own words.
    #[error("{what}: {message} (HTTP {status})")]
    Answer { what: String, status: u16, message: String },
    #[error("the {one} {id} is in ERROR: {why}. Change it or delete it; the agent's log says more")]
    Errored { one: &'static str, id: String, why: String },
    #[error(
        "after {seconds} s the load balancer {id} is still {status}. What was asked for is kept and goes on: \
         `ballast load-balancers show {id}` says how far it is, `ballast agents list` who should do it"
    )]
    Pending { id: String, status: String, seconds: u64 },
    #[error("there is nothing to change: give one of {options}, --unset or --body")]
    Nothing { options: String },
    /// The other end's own words.
    #[error("{message}")]
    Refused { message: String },
    #[error("there is no {noun} with {keys} '{wanted}'{have}")]
    NotFound {
        noun: &'static str,
        keys: &'static str,
        wanted: String,
        /// What there is instead, as ` (have: a, b)`; empty: not said.
        have: String,
    },
    #[error("{count} {nouns} have the name '{wanted}': use an id instead ({ids})")]
    Ambiguous { count: usize, nouns: &'static str, wanted: String, ids: String },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// Wrong usage that the grammar cannot tell.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Pki(String),
    #[error("nothing here is called '{word}': {alike}")]
    Unexplained { word: String, alike: String },
    #[error("{what} is not done after {seconds} s: what was asked for goes on")]
    Late { what: String, seconds: u64 },
    /// By Ctrl-C, while something was waited for.
    #[error("interrupted: what was asked for goes on")]
    Interrupted,
    /// Keystone, or what says where it is.
    #[error("{0}")]
    Keystone(String),
    /// The file of contexts, or what is in it.
    #[error("{0}")]
    Context(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("there is no CA: {}: {error}; make one with `ballast pki init DIR`, or name it with --dir", path.display())]
    NoAuthority { path: PathBuf, error: io::Error },
    #[error("{}: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("cannot make a certificate: {0}")]
    Certificate(rcgen::Error),
    /// Wrong usage of `driver check` that its grammar cannot tell.
    #[error("{0}")]
    Check(String),
    #[error("cannot write the answer: {0}")]
    Output(io::Error),
}

impl Failure {
    /// What the process ends with. Most wrong usage ends earlier, with the same 2.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Check(_)
            | Self::Usage(_)
            | Self::Nothing { .. }
            | Self::Url { .. }
            | Self::NoTls { .. }
            | Self::NoGateway { .. }
            | Self::Header { .. } => Exit::Usage,
            Self::Errored { .. } => Exit::NotAsWished,
            Self::Pending { .. } | Self::Late { .. } => Exit::TooLong,
            Self::Interrupted => Exit::Interrupted,
            Self::Certificates(_)
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Token { .. }
            | Self::Foreign { .. }
            | Self::Answer { .. }
            | Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::Ambiguous { .. }
            | Self::Runtime(_)
            | Self::Pki(_)
            | Self::Unexplained { .. }
            | Self::Context(_)
            | Self::Keystone(_)
            | Self::File { .. }
            | Self::NoAuthority { .. }
            | Self::Unreadable { .. }
            | Self::Certificate(_)
            | Self::Output(_) => Exit::Failed,
        }
    }
}
