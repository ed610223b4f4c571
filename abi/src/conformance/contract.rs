//! What the contract says, method by method.

pub(super) mod admin;
pub(super) mod change;
pub(super) mod counters;
pub(super) mod deploy;
pub(super) mod features;
pub(super) mod handover;
pub(super) mod ids;
pub(super) mod preview;
pub(super) mod shapes;
pub(super) mod sizes;
pub(super) mod start;
pub(super) mod text;
pub(super) mod tls;
