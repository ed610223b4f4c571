//! Load balancing of TCP, UDP and SCTP inside one network namespace, by the kernel's nf_tables. For drivers that run on a
//! host: how a namespace is made and plugged into a network this crate does not know.
//!
//! A flow's first packet picks a mark, which names a listener and a member; the address that the packet goes on to, the
//! counters and the deletion of flows all hang on the mark. NAT chains see first packets only, so no change touches what is
//! established.
//!
//! The namespace has to forward (`ip_forward`, `ipv6.conf.all.forwarding`) once the rules are there: they drop whatever is not
//! a flow of theirs. Members must reach the addresses of [`desired::Sources`].
//!
//! What is served in the namespace itself may have filters, of who may connect. Where there is nothing else, no flow
//! is followed.
//!
//! A change is [`layout`] (what is [`desired`], with [`numbers`]), [`plan`] (pure: one batch), [`table`] (the batch is
//! applied) and [`flows`] (those of members that are gone are ended). Who is up, [`prober`] says.
//!
//! ```no_run
//! use ballast_l4::{desired::Service, flows, layout::Layout, netlink::Netfilter, numbers::Numbers, plan::Observed, table};
//!
//! /// `numbers` and `noted` are on disk, and written there before and after the pass.
//! fn pass(service: &Service, numbers: &mut Numbers, noted: Option<Layout>) -> Result<Layout, Box<dyn std::error::Error>> {
//!     // In the namespace; the socket may be kept.
//!     let mut netfilter = Netfilter::open()?;
//!     let counters = table::counters(&mut netfilter)?;
//!     let members = table::members(&mut netfilter)?;
//!     let observed = Observed { counters, members, noted, ..Observed::default() };
//!     let layout = Layout::next(observed.running(), service, numbers)?;
//!     let planned = table::reach(&mut netfilter, &observed, &layout)?;
//!     flows::end(&mut netfilter, &planned.end)?;
//!     Ok(layout)
//! }
//! ```

pub mod clients;
pub mod desired;
pub mod failure;
pub mod flows;
pub mod kernel;
pub mod layout;
pub mod mark;
pub mod netlink;
pub mod numbers;
pub mod passing;
pub mod plan;
pub mod prober;
mod ruleset;
pub mod sctp;
pub mod shares;
mod slots;
pub mod statistics;
pub mod table;
pub mod wire;

#[cfg(test)]
mod samples;

pub use failure::Failure;
