//! Why a command could not do what was asked: each is one line for a person, with what to do.

use std::{io, path::PathBuf, process::ExitCode};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("'{url}' is not the address of a gateway: write it as http://HOST:PORT in --url or BALLAST_URL")]
    Url { url: String },
    #[error("TLS is not spoken yet: name the gateway by http:// instead of '{url}'")]
    Tls { url: String },
    #[error("{option} holds characters that no HTTP header can carry")]
    Header { option: &'static str },
    #[error("no answer from {url} ({why}): start the gateway, or name another with --url or BALLAST_URL")]
    Unreachable { url: String, why: String },
    #[error("{url} does not answer as a gateway of Ballast ({why}): check --url or BALLAST_URL")]
    Foreign { url: String, why: String },
    /// The gateway's own words.
    #[error("{message}")]
    Refused { message: String },
    #[error("there is no {noun} with {keys} '{wanted}'")]
    NotFound { noun: &'static str, keys: &'static str, wanted: String },
    #[error("{count} {nouns} have the name '{wanted}': use an id instead ({ids})")]
    Ambiguous { count: usize, nouns: &'static str, wanted: String, ids: String },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("there is no CA: {}: {error}; make one with `ballast pki init DIR`, or name it with --dir", path.display())]
    NoAuthority { path: PathBuf, error: io::Error },
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
    pub(crate) fn status(&self) -> ExitCode {
        if matches!(self, Self::Check(_)) { ExitCode::from(2) } else { ExitCode::FAILURE }
    }
}
