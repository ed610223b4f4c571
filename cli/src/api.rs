//! Who is asked: a gateway, over REST, or a scheduler, over gRPC. Either gives lists with one filter, in REST's form.

mod base;
mod grpc;
pub(crate) mod rest;
mod shown;

use std::{error::Error, sync::Arc, time::Duration};

use ballast_service::tls::{self, ClientConfig, Files};
use serde_json::Value;

use crate::{
    arguments::{Connection, Target},
    failure::Failure,
    noun::Noun,
};
use base::Base;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The other end.
pub(crate) enum Api {
    Gateway(rest::Gateway),
    Scheduler(grpc::Scheduler),
}

impl Api {
    /// As it is said who is asked.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when it cannot be known who is asked.
    pub(crate) async fn of(connection: &Connection) -> Result<Self, Failure> {
        Self::new(&connection.target().await?)
    }

    /// In a runtime: it connects at the first call.
    ///
    /// # Errors
    /// When the address, a header or a certificate cannot be one.
    pub(crate) fn new(target: &Target) -> Result<Self, Failure> {
        let base: Base = target.url.parse()?;
        let files = target.files.clone();
        if files.are_given() && !base.is_secure() {
            // What would not be used was not meant so.
            return Err(Failure::NoTls { url: base.to_string() });
        }
        let tls = |client: fn(&Files) -> Result<Arc<ClientConfig>, String>| {
            base.is_secure().then(|| client(&files)).transpose().map_err(Failure::Certificates)
        };
        if base.is_rest() {
            return Ok(Self::Gateway(rest::Gateway::new(base.clone(), tls(tls::rest_client)?, target)?));
        }
        Ok(Self::Scheduler(grpc::Scheduler::new(base.clone(), tls(tls::scheduler_client)?, target)?))
    }

    /// The gateway.
    ///
    /// # Errors
    /// When it is a scheduler.
    pub(crate) fn gateway(&self) -> Result<&rest::Gateway, Failure> {
        match self {
            Self::Gateway(gateway) => Ok(gateway),
            Self::Scheduler(scheduler) => Err(Failure::NoGateway { url: scheduler.url() }),
        }
    }

    /// The objects of a collection, in the other end's order; with a filter, those with this value of this key.
    ///
    /// # Errors
    /// When the other end cannot be reached, refuses, or is another than it should be.
    pub(crate) async fn list(&self, noun: &Noun, filter: Option<(&str, &str)>) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Gateway(gateway) => gateway.list(noun, filter).await,
            Self::Scheduler(scheduler) => scheduler.list(noun, filter).await,
        }
    }
}

/// The cause behind all others, which is what a person can mend.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
