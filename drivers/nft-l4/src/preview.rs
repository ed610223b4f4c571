//! What a plan would do. Pure.

use ballast_abi::{Connections, Effect, ObjectFault, Preview};
use ballast_namespace::{plan::Planned, preview};

use crate::{
    desired::Desired,
    plan::{Observed, Step},
};

/// `steps`: what is planned for this; none: nothing is to be done.
pub(crate) fn preview(
    steps: &[Planned<Step>],
    desired: &Desired,
    observed: &Observed,
    faults: Vec<ObjectFault>,
) -> Preview {
    let of_host = || steps.iter().filter_map(|planned| Some((planned.step.of_host()?, planned.why)));
    let serves = observed.host.rules.has_table();
    let fate = of_host().map(|(step, _)| preview::fate(step, desired.service.as_ref(), &observed.host, serves)).max();
    let noted = steps.iter().any(|planned| planned.step == Step::NoteDone).then(|| "note the generation".to_owned());
    Preview {
        effect: effect_of(steps).into(),
        connections: fate.unwrap_or(Connections::Kept).into(),
        steps: of_host().filter_map(|(step, why)| preview::words(step, why)).chain(noted).collect(),
        configuration: String::new(),
        faults,
    }
}

/// What these do to what serves.
pub(crate) fn effect_of(steps: &[Planned<Step>]) -> Effect {
    steps.iter().filter_map(|planned| Some(preview::effect(planned.step.of_host()?))).max().unwrap_or(Effect::None)
}
