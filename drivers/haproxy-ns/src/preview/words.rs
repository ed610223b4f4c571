//! Steps in plain words, for who asks what a change will do. What is only noted is left out, unless it is all that is done.

use ballast_namespace::preview as of_host;

use crate::{
    haproxy::runtime::{Change, To},
    plan::{Planned, Step},
    secrets::Kind,
};

/// None: it is of no interest to whoever asks.
pub(super) fn of(Planned { step, why }: &Planned) -> Vec<String> {
    let because = |what: &str| vec![format!("{what}: {why}")];
    match step {
        Step::Host(step) => of_host::words(step, why).into_iter().collect(),
        Step::NoteIntent
        | Step::WriteConfig
        | Step::KeepPage
        | Step::NoteCounters(_)
        | Step::Believe
        | Step::AwaitHaproxy
        | Step::ConfineStarted
        | Step::WriteSecrets
        | Step::KeepSecrets
        | Step::RemoveSecrets
        | Step::RemoveGroup
        | Step::RemoveFiles
        | Step::RemoveDirectory
        | Step::Share => Vec::new(),
        Step::Leave => because("the haproxy of the project, which other load balancers share, serves it no more"),
        Step::StartHaproxy { replacing: None } => because("start haproxy"),
        Step::StartHaproxy { replacing: Some(_) } => because("start another haproxy in the place of the one that runs"),
        Step::Confine(_) => because("put haproxy into its control group"),
        Step::Tell { changes, .. } => changes.iter().map(told).collect(),
        Step::EndOldest { keep } => {
            vec![format!("end the oldest haproxies that still finish connections, but for {keep}")]
        }
        Step::NoteDone => vec!["note the generation".to_owned()],
        Step::EndProcesses(_) => because("end haproxy"),
    }
}

fn told(change: &Change) -> String {
    let (backend, server, to) = match change {
        Change::Server { backend, server, to } => (backend, server, to),
        Change::Limit { frontend, most } => {
            return format!("tell haproxy: listener {frontend} takes at most {most} connections");
        }
        Change::Secret(secret) => {
            let what = match secret.kind {
                Kind::Certificate => "certificate",
                Kind::Ca => "CA",
                Kind::Crl => "revocation list",
            };
            return format!("tell haproxy: the {what} {} is another one", secret.reference);
        }
        Change::Generation(generation) => return format!("tell haproxy: it is generation {generation}"),
    };
    let what = match to {
        To::Weight(weight) => format!("has weight {weight}"),
        To::Maintenance => "gets no new connections".to_owned(),
        To::Service => "is served again".to_owned(),
        To::There(_) => "is there".to_owned(),
        To::Gone => "goes, and its connections go on".to_owned(),
    };
    format!("tell haproxy: member {server} of {backend} {what}")
}
