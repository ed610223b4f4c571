//! What a change would do, as far as it is known before it is made.

use askama::Template;
use ballast_explain::Kind;
use ballast_proto::{
    driver::{Connections, Effect},
    v2::{LoadBalancer, Preview, PreviewQuota},
};

use super::{
    same::Same,
    sheet::{Difference, Sheet},
};

/// A word, and what it means.
struct Word {
    word: &'static str,
    meaning: &'static str,
}

/// It, on a page.
#[derive(Default, Template)]
#[template(path = "plan.html")]
pub(crate) struct Plan {
    /// Nothing is to be changed, and why that is so.
    idle: &'static str,
    wrongs: Vec<(&'static str, String)>,
    differences: Vec<Difference>,
    facts: Vec<(&'static str, String)>,
    effect: Option<Word>,
    connections: Option<Word>,
    steps: Vec<String>,
    faults: Vec<String>,
    /// Why it is not known.
    reason: String,
    configuration: String,
    /// What to type instead.
    same: Option<Same>,
}

impl Plan {
    /// Nothing was asked for yet.
    pub(crate) fn idle(why: &'static str) -> Self {
        Self { idle: why, ..Self::default() }
    }

    /// It cannot be done as it is asked for.
    pub(crate) fn refused(sheet: &Sheet) -> Self {
        Self { wrongs: sheet.wrongs(), ..Self::default() }
    }

    /// With what to type for the same.
    pub(crate) fn same(self, same: Option<Same>) -> Self {
        Self { same, ..self }
    }

    /// What becomes of a certificate.
    pub(crate) fn of_certificate(
        differences: Vec<Difference>,
        facts: Vec<(&'static str, String)>,
        steps: Vec<String>,
    ) -> Self {
        Self { differences, facts, steps, ..Self::default() }
    }

    /// `made`: what would be made, with what is chosen for it.
    pub(crate) fn of(sheet: &Sheet, preview: Preview, made: Option<&LoadBalancer>) -> Self {
        let vips = made.iter().flat_map(|made| made.vip.iter().chain(&made.additional_vips));
        let addresses: Vec<&str> = vips.map(|vip| vip.address.as_str()).filter(|address| !address.is_empty()).collect();
        let host = preview.agent.as_ref().map(|agent| agent.host.clone()).unwrap_or_default();
        let mut facts = vec![
            ("Address", addresses.join(", ")),
            ("Agent", host),
            ("Others", others(&preview)),
            ("Not", rejected(&preview)),
            ("Quota", quotas(&preview)),
        ];
        facts.retain(|(_, value)| !value.is_empty());
        let (effect, connections) = (effect(preview.effect()), connections(preview.connections()));
        Self {
            differences: sheet.differences(),
            facts,
            effect: effect.and_then(|word| explained(Kind::Effect, word)),
            connections: connections.and_then(|word| explained(Kind::Connections, word)),
            steps: preview.steps,
            faults: preview.faults.into_iter().map(|fault| fault.message).collect(),
            reason: preview.reason,
            configuration: preview.configuration,
            ..Self::default()
        }
    }
}

/// `h3 (41), h5 (44), and 7 more`
fn others(preview: &Preview) -> String {
    let named = preview.others.iter().map(|one| format!("{} ({})", one.host, one.load_balancers));
    listed(named, preview.more_others)
}

/// `h4: Dead; h9: its driver lacks l7`
fn rejected(preview: &Preview) -> String {
    let named = preview.rejected.iter().map(|one| format!("{}: {}", one.host, one.reason));
    listed(named, preview.more_rejected)
}

fn listed(named: impl Iterator<Item = String>, more: u32) -> String {
    let more = (more > 0).then(|| format!("and {more} more"));
    named.chain(more).collect::<Vec<_>>().join("; ")
}

/// `pool 3 of 10; member 7, no limit`
fn quotas(preview: &Preview) -> String {
    let one = |one: &PreviewQuota| {
        let name = one.resource.replace('_', " ");
        match one.limit {
            limit if limit < 0 => format!("{name} {}, no limit", one.used),
            limit => format!("{name} {} of {limit}", one.used),
        }
    };
    listed(preview.quotas.iter().map(one), 0)
}

fn explained(kind: Kind, word: &'static str) -> Option<Word> {
    ballast_explain::of(kind, word).map(|entry| Word { word: entry.word, meaning: entry.meaning })
}

/// As `ballast explain` has it; none: not known.
const fn effect(effect: Effect) -> Option<&'static str> {
    match effect {
        Effect::Unspecified => None,
        Effect::None => Some("none"),
        Effect::Runtime => Some("runtime"),
        Effect::Reload => Some("reload"),
        Effect::Restart => Some("restart"),
        Effect::Move => Some("move"),
    }
}

const fn connections(connections: Connections) -> Option<&'static str> {
    match connections {
        Connections::Unspecified => None,
        Connections::Kept => Some("kept"),
        Connections::Drained => Some("drained"),
        Connections::Cut => Some("cut"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_has_the_words_of_the_command() {
        for known in (0..=5).filter_map(|number| effect(Effect::try_from(number).ok()?)) {
            assert!(explained(Kind::Effect, known).is_some(), "{known}");
        }
        for known in (0..=3).filter_map(|number| connections(Connections::try_from(number).ok()?)) {
            assert!(explained(Kind::Connections, known).is_some(), "{known}");
        }
    }
}
