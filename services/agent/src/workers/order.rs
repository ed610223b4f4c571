//! What is asked of a load balancer, and which of two requests is the newer one.

use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use ballast_proto::{
    agent::{Desired, Handover},
    driver::{KnownHealth, LoadBalancer},
};
use ballast_traces::Origin;

/// A desired load balancer, as one cluster asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The cluster whose epochs and generations these are: those of two clusters cannot be compared.
    pub(crate) cluster: String,
    pub(crate) driver: String,
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    /// Without what was known of its members.
    pub(crate) load_balancer: LoadBalancer,
    /// How its members were when it was ordered. Nothing that is asked for: two orders are the same whatever was known.
    pub(crate) known_health: Option<KnownHealth>,
    /// From the agent that ran it before. It is nothing that is asked for either, and is not in the ledger.
    pub(crate) handover: Option<Handover>,
    /// What it comes from, if that is followed. Nothing that is asked for, as well.
    pub(crate) origin: Option<Origin>,
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        let Self { cluster, driver, epoch, generation, load_balancer, known_health: _, handover: _, origin: _ } = self;
        (cluster, driver, epoch, generation, load_balancer)
            == (&other.cluster, &other.driver, &other.epoch, &other.generation, &other.load_balancer)
    }
}

impl Order {
    /// Nothing when the message names no load balancer.
    pub(crate) fn read(cluster: &str, desired: Desired) -> Option<Self> {
        let mut load_balancer = desired.load_balancer.filter(|load_balancer| !load_balancer.id.is_empty())?;
        let known_health = load_balancer.known_health.take();
        Some(Self {
            cluster: cluster.to_owned(),
            driver: desired.driver,
            epoch: desired.epoch,
            generation: desired.generation,
            load_balancer,
            known_health,
            handover: desired.handover,
            origin: Origin::read(&desired.traceparent),
        })
    }

    /// What was handed over by its own driver: no other can read it.
    pub(crate) fn handed_over(&self) -> Vec<u8> {
        let own = self.handover.as_ref().filter(|handover| handover.driver == self.driver);
        own.map(|handover| handover.content.clone()).unwrap_or_default()
    }

    /// What a driver is to be asked for.
    pub(crate) fn asked(&self) -> LoadBalancer {
        LoadBalancer { known_health: self.known_health.clone(), ..self.load_balancer.clone() }
    }

    pub(crate) fn id(&self) -> &str {
        &self.load_balancer.id
    }

    /// Whether this is to answer in the placement that the other one is of as well.
    pub(crate) fn answers_in(&self, other: &Self) -> bool {
        !self.load_balancer.silent && self.cluster == other.cluster && self.epoch == other.epoch
    }

    /// Whether the two numbers of generation tell the two orders apart, unless they ask for the same.
    pub(crate) fn told_apart(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && (self.generation != other.generation || self.load_balancer == other.load_balancer)
    }

    pub(crate) fn to_desired(&self) -> Desired {
        Desired {
            load_balancer: Some(self.asked()),
            driver: self.driver.clone(),
            epoch: self.epoch,
            generation: self.generation,
            ..Desired::default()
        }
    }
}

/// What a load balancer is to become.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Goal {
    Run(Arc<Order>),
    /// `epochs`: of the removals that wait to be confirmed; none: an orphan, for which nobody waits.
    Gone {
        cluster: String,
        epochs: BTreeSet<u64>,
    },
}

/// How a request compares with the goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Newer,
    /// The same once more: after a reconnection.
    Again,
    Older,
}

impl Goal {
    /// How `order` compares with this goal.
    pub(crate) fn weigh(&self, order: &Order) -> Age {
        match self {
            Self::Run(current) if current.cluster != order.cluster => Age::Newer,
            Self::Run(current) => match (order.epoch, order.generation).cmp(&(current.epoch, current.generation)) {
                Ordering::Greater => Age::Newer,
                Ordering::Less => Age::Older,
                Ordering::Equal if **current == *order => Age::Again,
                Ordering::Equal => Age::Newer,
            },
            Self::Gone { cluster, epochs } => {
                let outlived = *cluster != order.cluster || epochs.last().is_none_or(|last| order.epoch > *last);
                if outlived { Age::Newer } else { Age::Older }
            }
        }
    }

    pub(crate) fn cluster(&self) -> &str {
        match self {
            Self::Run(order) => &order.cluster,
            Self::Gone { cluster, .. } => cluster,
        }
    }
}
