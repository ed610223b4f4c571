//! What is told of a deploy before it is done.

use std::sync::atomic::Ordering;

use ballast_abi::{Connections, Effect, LoadBalancer, Preview};

use crate::{
    FaultDriver,
    act::Act,
    command::{Command, Method},
    config::Fault,
    device::Stored,
    object_fault,
};

impl FaultDriver {
    /// The device is a file: one that is there is replaced.
    pub(crate) fn foreseen(&self, load_balancer: &LoadBalancer, generation: u64, there: Option<&Stored>) -> Preview {
        if self.config.quiet {
            return Preview::default();
        }
        let same = there.is_some_and(|there| there.load_balancer == *load_balancer);
        let noted = there.is_some_and(|there| there.generation == generation);
        let unstable = self.config.has(Fault::PreviewUnstable) && self.back.fetch_not(Ordering::Relaxed);
        let effect = match self.config.has(Fault::PreviewAlwaysReloads) || unstable {
            true => Effect::Reload,
            false => done(load_balancer, there),
        };
        let other = if self.config.has(Fault::PreviewOtherConfiguration) && !same { "another one of " } else { "" };
        let command = Command::read(&load_balancer.name).filter(|command| command.method == Method::Deploy);
        let faulty = command.is_some_and(|command| command.act == Act::ObjectFault);
        Preview {
            effect: effect.into(),
            connections: Connections::Kept.into(),
            steps: if same && noted { Vec::new() } else { vec![format!("write generation {generation}")] },
            configuration: format!("{other}{} at generation {generation}", load_balancer.name),
            faults: if faulty { object_fault(load_balancer).into_iter().collect() } else { Vec::new() },
        }
    }

    /// What a deploy says that it did.
    pub(crate) fn effect(&self, load_balancer: &LoadBalancer, there: Option<&Stored>) -> Effect {
        match self.config.quiet {
            true => Effect::Unspecified,
            false if self.config.has(Fault::EffectAlwaysReload) => Effect::Reload,
            // The same lie, or it would be found by this one.
            false if self.config.has(Fault::PreviewAlwaysReloads) => Effect::Reload,
            false => done(load_balancer, there),
        }
    }
}

fn done(load_balancer: &LoadBalancer, there: Option<&Stored>) -> Effect {
    match there {
        None => Effect::Restart,
        Some(there) if there.load_balancer == *load_balancer => Effect::None,
        Some(_) => Effect::Runtime,
    }
}
