//! Secrets: they are there before haproxy starts, and what is not needed goes.

use super::*;
use crate::{
    render::render,
    secrets::{Kind, Named, Seen},
};

/// So many, whose contents are of the desired generation.
pub(super) fn with_secrets(mut desired: Desired, count: u32) -> Desired {
    let Some(page) = desired.page.as_mut() else { return desired };
    page.secrets = (0..count)
        .map(|at| {
            let reference = format!("/v1/containers/{at}");
            let secret = ballast_abi::Secret { reference, digest: format!("{:x}", desired.generation) };
            Named::of(Kind::Certificate, &secret, samples::FOLDER)
        })
        .collect();
    desired.config = render(page).unwrap();
    desired
}

pub(super) fn some_secrets() -> impl Strategy<Value = Seen> {
    let of = |(there, complete, more)| Seen { there, complete: there && complete, more: there && more };
    any::<(bool, bool, bool)>().prop_map(of)
}

pub(super) fn done_with(seen: &mut Seen, step: &Step, desired: &Desired) {
    match step {
        Step::WriteSecrets => *seen = Seen { there: true, complete: true, more: true },
        _ if !desired.has_secrets() => *seen = Seen::default(),
        _ => seen.more = false,
    }
}

pub(super) fn are_right(seen: Seen, desired: &Desired, served: bool) -> bool {
    match (served, desired.has_secrets()) {
        (true, true) => seen.complete && !seen.more,
        (true, false) => !seen.more,
        (false, _) => !seen.there,
    }
}

#[test]
fn another_content_is_written_told_and_kept_without_another_process() {
    let first = with_secrets(desired("10.0.0.4", 1), 2);
    let planned = plan(&first, &Observed::default());
    let at = |step: &Step| planned.iter().position(|planned| planned.step == *step);
    let (written, started) = (at(&Step::WriteSecrets), at(&Step::StartHaproxy { replacing: None }));
    assert!(written.is_some() && written < started && at(&Step::KeepSecrets) > started, "{planned:?}");
    let mut host = done(&planned, &first, &Observed::default());
    assert_eq!(plan(&first, &host), []);
    host.secrets.complete = false;
    let next = with_secrets(desired("10.0.0.4", 2), 2);
    let planned = plan(&next, &host);
    let [write, config, Step::Tell { changes, .. }, keep, page, noted] = steps(&planned)[..] else {
        panic!("{planned:?}")
    };
    assert_eq!([write, config, keep], [&Step::WriteSecrets, &Step::WriteConfig, &Step::KeepSecrets]);
    assert_eq!([page, noted], [&Step::KeepPage, &Step::NoteDone]);
    let is_one = |change: &&Change| matches!(change, Change::Secret(_));
    assert_eq!((changes.iter().take_while(is_one).count(), changes.len()), (2, 3));
}

#[test]
fn a_file_that_is_lost_is_written_again_and_nobody_is_told() {
    let first = with_secrets(desired("10.0.0.4", 1), 1);
    let mut host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    host.secrets.complete = false;
    let planned = plan(&first, &host);
    assert_eq!(steps(&planned), [&Step::WriteSecrets, &Step::KeepSecrets, &Step::NoteDone]);
}
