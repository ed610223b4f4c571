//! The tables: one file each, with the way from the model's nouns to rows and back.
//!
//! `seq` grows with each row: it is the order of creation, which lists keep. Ids are the model's, unique beside it.

#![expect(unreachable_pub, reason = "sea-orm's derives make pub types, and want those they are made for pub too")]

pub(crate) mod acme_account;
pub(crate) mod agent;
pub(crate) mod association;
pub(crate) mod availability_zone;
pub(crate) mod barbican_consumer;
pub(crate) mod barbican_grant;
pub(crate) mod binding;
pub(crate) mod certificate;
pub(crate) mod cluster;
pub(crate) mod election;
pub(crate) mod event;
pub(crate) mod event_mark;
pub(crate) mod expiry_warning;
pub(crate) mod fixed_ip;
pub(crate) mod flavor;
pub(crate) mod former_statistics;
pub(crate) mod handover;
pub(crate) mod health_monitor;
pub(crate) mod hold;
pub(crate) mod l7policy;
pub(crate) mod lead;
pub(crate) mod listener;
pub(crate) mod listener_statistics;
pub(crate) mod load_balancer;
pub(crate) mod member;
pub(crate) mod network;
pub(crate) mod pool;
pub(crate) mod port;
pub(crate) mod profile;
pub(crate) mod quota;
pub(crate) mod request;
pub(crate) mod revision;
pub(crate) mod scheduler;
pub(crate) mod secret;
pub(crate) mod side;
pub(crate) mod statistics;
pub(crate) mod stray_port;
pub(crate) mod subnet;
pub(crate) mod successor;
