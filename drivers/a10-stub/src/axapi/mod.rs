//! aXAPI v3: requests ([`client`]), what a reply means ([`reply`], pure), and sessions ([`session`]).

pub(crate) mod client;
mod reply;
pub(crate) mod session;
