//! The schedulers of one database, as one: calls go to the one that answered last, and to the next where that one fails.
//!
//! A call that surely was not sent goes to the next one, and so does one that only reads. Of any other nobody knows what became
//! of it: who made it is told so, and the next call goes elsewhere. A scheduler that hangs is noticed by pings that it does not
//! answer ([`Pings::QUICK`](grpc::Pings::QUICK)), and by the bound of a call.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use rustls::ClientConfig;
use tonic::{ConnectError, Status, body::Body, transport::Channel};
use tower::{Service, ServiceExt as _};

use crate::{
    address::Address,
    grpc::{self, Pings},
};

/// What a call may end with.
pub type Failed = Box<dyn Error + Send + Sync>;

type Answer = Result<http::Response<Body>, Failed>;

/// Verbs of methods that change nothing: to ask twice is to ask once.
const READS: [&str; 8] = ["Get", "List", "Stats", "Statuses", "Health", "Watch", "Position", "Check"];

/// Where calls go. A clone is another handle of the same.
#[derive(Clone, Debug)]
pub struct Schedulers(Arc<Lines>);

#[derive(Debug)]
struct Lines {
    of: Vec<(Address, Channel)>,
    /// The number of the one that is asked first.
    first: AtomicUsize,
    /// How long the head of an answer may take. (A stream's comes at once.)
    patience: Duration,
}

impl Schedulers {
    /// Those at these addresses; none of them needs to run yet. `patience` is for one answer of one of them.
    ///
    /// # Errors
    /// When there is none, or an address is not one.
    pub fn new(addresses: &[Address], tls: Option<&Arc<ClientConfig>>, patience: Duration) -> Result<Self, String> {
        // Who has no other to go to gains nothing by leaving early.
        let pings = if addresses.len() > 1 { Pings::QUICK } else { Pings::PATIENT };
        let line = |address: &Address| {
            grpc::channel_with(address, tls.cloned(), pings).map(|channel| (address.clone(), channel))
        };
        let of = addresses.iter().map(line).collect::<Result<Vec<_>, _>>()?;
        if of.is_empty() {
            return Err("no scheduler is named".to_owned());
        }
        Ok(Self(Arc::new(Lines { of, first: AtomicUsize::new(0), patience })))
    }
}

impl Service<http::Request<Body>> for Schedulers {
    type Response = http::Response<Body>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let lines = Arc::clone(&self.0);
        Box::pin(async move { lines.call(request).await })
    }
}

impl Lines {
    async fn call(&self, request: http::Request<Body>) -> Answer {
        if let [(_, only)] = self.of.as_slice() {
            return self.ask(only, request).await;
        }
        let (head, body) = request.into_parts();
        // One message, which is there already: no call of ours is a stream of requests.
        let message = body.collect().await?.to_bytes();
        let is_read = is_read(head.uri.path());
        let mut number = self.first.load(Ordering::Relaxed);
        let mut attempts = self.of.len();
        loop {
            let (address, channel) = &self.of[number % self.of.len()];
            let request = http::Request::from_parts(head.clone(), again(&message));
            let error = match self.ask(channel, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.leave(number, address, error.as_ref());
            attempts -= 1;
            if attempts == 0 || !(is_read || is_unsent(error.as_ref())) {
                return Err(error);
            }
            number = (number + 1) % self.of.len();
        }
    }

    async fn ask(&self, channel: &Channel, request: http::Request<Body>) -> Answer {
        let answer = async { Ok(channel.clone().ready().await?.call(request).await?) };
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                let message = format!("the scheduler does not answer within {:?}", self.patience);
                Err(Status::unavailable(message).into())
            }
        }
    }

    /// The next call goes to the next one, unless others have left this one already.
    fn leave(&self, number: usize, address: &Address, error: &(dyn Error + 'static)) {
        let next = (number + 1) % self.of.len();
        if self.first.compare_exchange(number, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let why = last_of(error);
            tracing::warn!(scheduler = %address, next = %self.of[next].0, "a scheduler does not answer: {why}");
        }
    }
}

fn again(message: &Bytes) -> Body {
    Body::new(Full::new(message.clone()))
}

/// Whether a method, as `/lbaas.v2.Pools/Get`, changes nothing.
fn is_read(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    READS.iter().any(|verb| {
        let rest = method.strip_prefix(verb);
        // `Getter` is no verb.
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
    })
}

/// Whether the scheduler surely has not got it: there was no connection, or it was closed, or refused the stream, before
/// anything was sent.
fn is_unsent(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.is::<ConnectError>()
            || cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
            || cause.downcast_ref::<h2::Error>().is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}

fn last_of(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_is_known_by_its_verb() {
        for read in ["/lbaas.v2.Pools/Get", "/lbaas.v1.Networks/ListSubnets", "/lbaas.v2.Events/Watch"] {
            assert!(is_read(read), "{read}");
        }
        for write in ["/lbaas.v2.Pools/Create", "/lbaas.v1.Pools/Getting", "/lbaas.v2.Certificates/Look", "/Get/Delete"]
        {
            assert!(!is_read(write), "{write}");
        }
    }

    #[test]
    fn what_was_not_sent_is_known_by_its_cause() {
        assert!(is_unsent(&ConnectError("no".into())));
        assert!(is_unsent(&h2::Error::from(h2::Reason::REFUSED_STREAM)));
        assert!(!is_unsent(&h2::Error::from(h2::Reason::INTERNAL_ERROR)));
        assert!(!is_unsent(&Status::unavailable("it may have been")));
    }

    #[test]
    fn nobody_to_ask_is_refused() {
        assert!(Schedulers::new(&[], None, Duration::from_secs(1)).is_err());
    }
}
