//! The body of a request: bounded in size and time.

use std::{mem, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use zeroize::Zeroize as _;

use super::refusal::{Manner, Refusal};
use crate::Gateway;

/// How long a client may take to send its body.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A body as it came. Dropped, it is overwritten: a private key may be in it. What hyper has read further for the same
/// connection into the same piece of memory keeps that from being so; then it is hyper's.
pub(crate) struct Payload(Bytes);

impl Payload {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) const fn of(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        if let Ok(mut own) = mem::take(&mut self.0).try_into_mut() {
            own.zeroize();
        }
    }
}

impl FromRequest<Gateway> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Refusal> {
        match tokio::time::timeout(PATIENCE, Bytes::from_request(request, gateway)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Manner::TooLarge.into()),
            Ok(Err(_)) => Err(Manner::Unreadable.into()),
            Err(_) => Err(Manner::TooSlow.into()),
        }
    }
}
