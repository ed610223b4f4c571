//! Bindings: which agent a load balancer is on, and which agents have yet to let go of it.
//!
//! The epoch grows with each placement, so that an answer of a former owner can be told. A tombstone (a binding that is
//! [`Phase::Removing`]) outlives the rows of its load balancer: an agent that was away still learns to undeploy.

use ballast_model::Uuid;

/// What an agent has to do with a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It runs it.
    Bound,
    /// It is to undeploy it, and has not confirmed yet: a tombstone.
    Removing,
}

/// A load balancer on an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub load_balancer_id: Uuid,
    pub agent_id: Uuid,
    /// The name of the agent's driver.
    pub driver: String,
    /// Grows with each placement of the load balancer, from 1.
    pub epoch: u64,
    pub phase: Phase,
}

/// A binding, with what its agent is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundLoadBalancer {
    pub binding: Binding,
    /// The generation of the load balancer; 0 for a tombstone.
    pub generation: u64,
}
