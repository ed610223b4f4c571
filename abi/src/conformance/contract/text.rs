//! Texts of tenants: in names anything goes, elsewhere it is taken or refused as INVALID_ARGUMENT, and harms nothing.

use crate::{
    ErrorCode, L7Policy, LoadBalancer, MonitorType, PersistenceType, SessionPersistence,
    conformance::{
        Bench, samples,
        stage::{Stage, on_stage},
        verdict::{Stop, Verdict, ensure, shown},
    },
    features,
};

const ODD: [&str; 14] = [
    "",
    " ",
    "ünïcödé \u{1f980} \u{202e}thgir ot tfel",
    "two\nlines\r\nthree",
    "a\tb\u{0}c\u{7}\u{1b}[31m",
    "\"quoted\" 'single' `back`",
    "$(touch /tmp/x) ; rm -rf / | cat && $HOME ${HOME}",
    "%s%n%d %{+Q}o \\x00\\n",
    "# comment\n    bind :1\nbackend x\n    server y 1.2.3.4:1",
    "</config><evil a=\"b\">&amp;",
    "'; DROP TABLE pools; --",
    "{\"json\": [1]}",
    "../../../../etc/passwd",
    "{{ template }} {% if %}",
];

pub(in crate::conformance) fn text(bench: &Bench) -> Verdict {
    on_stage(bench, 12, |stage| {
        let long = "x".repeat(255);
        let mut generation = 0;
        for text in ODD.into_iter().chain([long.as_str()]) {
            generation += 1;
            let mut one = stage.samples.load_balancer(1);
            one.name = text.to_owned();
            one.listeners.iter_mut().for_each(|listener| listener.name = text.to_owned());
            one.pools.iter_mut().for_each(|pool| pool.name = text.to_owned());
            stage.deploy(&one, generation).map_err(|stop| about(stop, "name", text))?;
            stage.expect_deployed(&[(&one.id, generation)], &format!("with the name {text:?}"))?;
        }
        stage.undeploy(&stage.samples.id(1))?;
        let mut refused = 0;
        for text in ODD.into_iter().chain([long.as_str()]) {
            for (field, change) in FIELDS {
                let mut one = stage.samples.load_balancer(2);
                change(&mut one, text, stage);
                let one = samples::finished(one);
                if features::check(&one, &stage.capabilities).is_ok() {
                    refused += usize::from(!taken(stage, &one, field, text)?);
                }
            }
        }
        let sound = stage.samples.load_balancer(3);
        stage.deploy(&sound, 1)?;
        stage.expect_deployed(&[(&sound.id, 1)], "after all odd texts")?;
        Ok(format!("{refused} refused"))
    })
}

type Field = (&'static str, fn(&mut LoadBalancer, &str, &Stage<'_>));

const FIELDS: [Field; 10] = [
    ("project_id", |one, text, _| one.project_id = text.to_owned()),
    ("cookie_name", |one, text, _| {
        let r#type = PersistenceType::AppCookie.into();
        let cookie = SessionPersistence { r#type, cookie_name: text.to_owned(), ..SessionPersistence::default() };
        one.pools.iter_mut().for_each(|pool| pool.session_persistence = Some(cookie.clone()));
    }),
    ("url_path", |one, text, stage| monitor(one, stage, |monitor| monitor.url_path = text.to_owned())),
    ("http_method", |one, text, stage| monitor(one, stage, |monitor| monitor.http_method = text.to_owned())),
    ("expected_codes", |one, text, stage| monitor(one, stage, |monitor| monitor.expected_codes = text.to_owned())),
    ("address", |one, text, _| {
        one.pools.iter_mut().flat_map(|pool| &mut pool.members).for_each(|member| member.address = text.to_owned());
    }),
    ("domain_name", |one, text, stage| {
        monitor(one, stage, |monitor| {
            (monitor.http_version, monitor.domain_name) = ("1.1".to_owned(), text.to_owned());
        });
    }),
    ("allowed_cidrs", |one, text, _| {
        one.listeners.iter_mut().for_each(|listener| listener.allowed_cidrs = vec![text.to_owned()]);
    }),
    ("redirect_url", |one, text, stage| {
        policy(one, stage, "l7:action:REDIRECT_TO_URL", |policy| policy.redirect_url = text.to_owned());
    }),
    ("an L7 rule's value", |one, text, stage| {
        policy(one, stage, "l7:rule:PATH:REGEX", |policy| {
            policy.rules.iter_mut().for_each(|rule| rule.value = text.to_owned());
        });
    }),
];

/// One with a policy that uses this feature, in the place of what there was.
fn policy(one: &mut LoadBalancer, stage: &Stage<'_>, feature: &str, change: impl Fn(&mut L7Policy)) {
    let made = samples::using(feature, &stage.samples, 2);
    *one = made.unwrap_or_else(|| one.clone());
    one.listeners.iter_mut().flat_map(|listener| &mut listener.policies).for_each(change);
}

fn monitor(one: &mut LoadBalancer, stage: &Stage<'_>, change: impl Fn(&mut crate::HealthMonitor)) {
    let mut monitor = stage.samples.monitor(1, MonitorType::Http);
    change(&mut monitor);
    one.pools.iter_mut().for_each(|pool| pool.monitors = vec![monitor.clone()]);
}

/// Whether it was taken, with or without faults of single objects. Taken away again.
fn taken(stage: &Stage<'_>, one: &LoadBalancer, field: &str, text: &str) -> Result<bool, Stop> {
    let answer = stage.subject().deploy(one, 1).map_err(|stop| about(stop, field, text))?;
    let taken = match answer {
        Ok(_) => true,
        Err(error) if [ErrorCode::INVALID_ARGUMENT, ErrorCode::UNSUPPORTED].contains(&error.code) => false,
        Err(error) => {
            return Err(Stop::failed(format!(
                "{field} {text:?} may be taken or refused as INVALID_ARGUMENT, and is {}",
                shown(&error)
            )));
        }
    };
    stage.undeploy(&one.id).map_err(|stop| about(stop, field, text))?;
    let left = stage.deployed()?;
    ensure(left.is_empty(), || format!("{field} {text:?}: {} is left after the undeploy", left[0].0))?;
    Ok(taken)
}

fn about(stop: Stop, field: &str, text: &str) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("{field} {text:?}: {why}")),
        skipped @ Stop::Skipped(_) => skipped,
    }
}
