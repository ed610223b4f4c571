//! The shape of every request, before anything is made of it: no text has NUL or odd bytes in it, and nothing that can
//! be repeated is longer than its bound.
//!
//! It is looked at on the wire, by the descriptors of all messages: what is added to the schema is looked at as well. A
//! method that is of neither `lbaas.v1` nor `lbaas.v2` is not concerned: agents' messages have rules of their own.

mod bounds;
mod scan;

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use ballast_model::fault::Fault;
use ballast_proto::status::to_status;
use tonic::{
    Status,
    codegen::{Body, Bytes, Service, http},
};

use self::scan::SHAPES;

/// What tonic takes of one message.
const LARGEST: usize = 4 << 20;
/// Before each message: whether it is compressed, and its length.
const HEAD: usize = 5;

/// Whether it is the path of a method of `lbaas.v1` or `lbaas.v2`, and not what somebody wrote like one.
pub(super) fn is_of_the_api(path: &str) -> bool {
    SHAPES.of_method(path).is_some()
}

/// A service that gets well-shaped requests alone.
#[derive(Debug, Clone)]
pub(super) struct Shaped<S>(pub(super) S);

impl<S, B, R> Service<http::Request<B>> for Shaped<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + From<Bytes> + Unpin + Send + 'static,
    R: Default + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let Some(message) = SHAPES.of_method(request.uri().path()) else { return Box::pin(self.0.call(request)) };
        let clone = self.0.clone();
        // That one was ready.
        let mut inner = std::mem::replace(&mut self.0, clone);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(sent) = whole(body).await else {
                return Ok(Status::out_of_range(format!("a request has at most {LARGEST} bytes")).into_http());
            };
            match check(message, &sent) {
                Ok(()) => inner.call(http::Request::from_parts(parts, B::from(sent))).await,
                Err(fault) => Ok(to_status(&fault).into_http()),
            }
        })
    }
}

/// What was sent, up to where it broke off, which whoever reads it notices.
async fn whole<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<Bytes, ()> {
    let (mut first, mut all) = (Bytes::new(), Vec::new());
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.into_data() else { continue };
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            // Most requests are one frame, which is not copied.
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
        if first.len().max(all.len()) > LARGEST + HEAD {
            return Err(());
        }
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

fn check(message: usize, mut sent: &[u8]) -> Result<(), Fault> {
    while let Some((&[compressed, a, b, c, d], rest)) = sent.split_first_chunk::<HEAD>() {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        // tonic says of these what is wrong.
        let (0, Some((bytes, rest))) = (compressed, rest.split_at_checked(length)) else { return Ok(()) };
        SHAPES.check(message, bytes)?;
        sent = rest;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_method_is_none() {
        assert!(is_of_the_api("/lbaas.v2.Pools/Create") && is_of_the_api("/lbaas.v1.Members/Get"));
        for other in ["/lbaas.v2.Pools/10.0.0.1", "/lbaas.v2.Shop/Create", "/lbaas.agent.v1.AgentSession/Connect", "/"]
        {
            assert!(!is_of_the_api(other), "{other}");
        }
    }
}
