//! What a deploy would do: the plan of a first pass, from one look at the device, which is told nothing.
//!
//! A device is told while it serves, so nothing is reloaded. Which of its connections go on when something is taken away
//! is the device's own, and nobody has asked one: they are said to be cut.

use std::time::{Duration, Instant};

use ballast_abi::{Connections, DriverError, Effect, LoadBalancer, Preview};

use crate::{
    Key, Kind, Known, Marker, Objects, Step, Vendor, Wanted,
    appliance::survey,
    desired::desired,
    driver::DeviceDriver,
    locks::Purpose,
    names,
    partitions::{self, visit},
    plan::plan,
};

/// The agent waits two seconds for it.
const LOOKING: Duration = Duration::from_millis(1_800);
/// Steps that are told one by one.
const MOST: usize = 100;

impl<V: Vendor> DeviceDriver<V> {
    pub(crate) fn foresee(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        let state = self.states.read::<V::Kind>(&load_balancer.id)?;
        let remembered = state.as_ref().map(|state| state.facts.clone()).unwrap_or_default();
        let known = Known::as_far(load_balancer, &self.secrets, &remembered);
        desired::<V>(load_balancer, generation, (&self.device.config.options, &known), &Objects::new())?;
        let partition = partitions::of(&self.device.config, &load_balancer.project_id);
        let deadline = Instant::now() + LOOKING;
        let leaves = state.is_some_and(|state| state.partition != partition);
        let found = self.device.session(Purpose::Look, deadline, |session| match visit(session, &partition)? {
            true => survey::<V>(session),
            // It is made when it is needed.
            false => Ok(Objects::new()),
        })?;
        let asked = self.wanted(load_balancer, generation, (&known, &found))?.0;
        let mut preview = foreseen(&asked.wanted, &found);
        if leaves {
            preview.effect = Effect::Restart.into();
            preview.connections = Connections::Cut.into();
            preview.steps.insert(0, "remove all of it from the partition in which it was".to_owned());
        }
        preview.faults = asked.faults;
        Ok(preview)
    }
}

/// What the device will be told, but for what it refuses. Pure.
#[must_use]
pub fn foreseen<K: Kind>(wanted: &Wanted<K>, found: &Objects<K>) -> Preview {
    let steps = plan(wanted, found);
    let cut = steps.iter().filter(|step| is_news(step)).any(ends_connections);
    let mut told: Vec<String> = steps.iter().take(MOST).map(words).collect();
    if let Some(more) = steps.len().checked_sub(MOST).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    Preview {
        effect: effect(&steps, &wanted.owner, found).into(),
        connections: if cut { Connections::Cut } else { Connections::Kept }.into(),
        steps: told,
        configuration: configuration(wanted),
        ..Preview::default()
    }
}

/// What these steps do to what serves, where this was found.
pub(crate) fn effect<K: Kind>(steps: &[Step<K>], owner: &str, found: &Objects<K>) -> Effect {
    match steps.iter().any(is_news) {
        _ if !found.contains_key(&Marker::key(owner)) => Effect::Restart,
        true => Effect::Runtime,
        false => Effect::None,
    }
}

/// A marker is a note, and serves nobody.
fn is_news<K: Kind>(step: &Step<K>) -> bool {
    !(step.key().kind == K::MARKER && names::is_marker(&step.key().name))
}

/// Whether it takes away what clients or members are connected through.
fn ends_connections<K: Kind>(step: &Step<K>) -> bool {
    match step {
        Step::Remove(key, _) => key.kind.is_front() || key.child.is_some() || key.kind.is_shared(),
        Step::Make(..) | Step::Change(..) => false,
    }
}

fn words<K: Kind>(step: &Step<K>) -> String {
    let verb = match step {
        Step::Make(..) => "make",
        Step::Change(..) => "change",
        Step::Remove(..) => "remove",
    };
    format!("{verb} {}", named(step.key()))
}

fn named<K: Kind>(key: &Key<K>) -> String {
    let kind = format!("{:?}", key.kind);
    match &key.child {
        None => format!("{kind} {}", key.name),
        Some(child) => {
            let port = child.port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{kind} {}{port} of {}", child.name, key.name)
        }
    }
}

/// All that it is to have, an object in a line.
fn configuration<K: Kind>(wanted: &Wanted<K>) -> String {
    let line = |(key, fields): (&Key<K>, &crate::Fields)| {
        format!("{} {}\n", named(key), serde_json::Value::Object(fields.clone()))
    };
    wanted.objects.iter().map(line).collect()
}
