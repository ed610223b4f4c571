//! Deadlines: a call whose time is over is dropped, and with it the transaction that it has open.
//!
//! tonic does that for clients that send a deadline, and answers CANCELLED without details; here it is done a moment
//! before, with an answer that says what it is, and for those too that send none. What has answered is not concerned: a
//! stream goes on for as long as its client wants.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ballast_model::fault::Call;
use ballast_proto::status::to_status;
use tonic::codegen::{Service, http};

/// So much sooner than tonic.
const SOONER: Duration = Duration::from_millis(3);
const HEADER: &str = "grpc-timeout";

/// A service whose calls have deadlines.
#[derive(Debug, Clone)]
pub(super) struct Deadline<S> {
    pub(super) inner: S,
    /// For calls that have none.
    pub(super) default: Duration,
}

impl<S, B, R> Service<http::Request<B>> for Deadline<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>, Future: Send + 'static>,
    S::Error: 'static,
    R: Default + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let asked = request.headers().get(HEADER).and_then(|value| parse(value.to_str().ok()?));
        let limit = asked.map_or(self.default, |asked| asked.min(self.default)).saturating_sub(SOONER);
        let answer = self.inner.call(request);
        Box::pin(async move {
            if limit.is_zero() {
                return Ok(over());
            }
            tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Ok(over()))
        })
    }
}

fn over<R: Default>() -> http::Response<R> {
    to_status(&Call::DeadlineExceeded.into()).into_http()
}

/// As in `100m`: at most 8 digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_as_grpc_writes_it() {
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("2M"), Some(Duration::from_secs(120)));
        for bad in ["", "S", "123456789S", "1x", "-1S", "1é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
