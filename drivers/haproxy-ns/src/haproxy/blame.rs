//! Which object haproxy means, when it refuses a configuration. Pure.
//!
//! It names the line, or a proxy or server by its name, and those are objects' own ids.

use crate::{
    failure::{About, Failure},
    validate::{Check, Pool},
};

/// With the object of this configuration that it is about, where haproxy says so.
pub(crate) fn blaming(failure: Failure, config: &str, pools: &[Pool]) -> Failure {
    match failure {
        Failure::Refused { who, said } => match blame(&said, config, pools) {
            Some(about) => Failure::RefusedObject { who, about, said },
            None => Failure::Refused { who, said },
        },
        other => other,
    }
}

/// The listener or backend of this configuration that haproxy means, as far as it says so.
pub(crate) fn proxy<'a>(failure: &Failure, text: &'a str) -> Option<&'a str> {
    let (Failure::Refused { said, .. } | Failure::RefusedObject { said, .. }) = failure else { return None };
    let begun = |line: &'a str| {
        let (kind, name) = line.split_once(' ')?;
        matches!(kind, "frontend" | "backend").then(|| name.trim())
    };
    said.split(" | ").find_map(|alert| {
        let words = alert.split_once(" : ").map_or(alert, |(_, words)| words);
        let words = words.strip_prefix("config : ").unwrap_or(words);
        match words.split_once("] : ").and_then(|(place, _)| line_of(place)) {
            Some(line) => {
                let above: Vec<&str> = text.lines().take(line).collect();
                begun(above.into_iter().rev().find(|line| !line.starts_with(' ') && !line.is_empty())?)
            }
            None => text.lines().filter_map(begun).find(|name| {
                let part = |character: char| !(character.is_ascii_alphanumeric() || "-_.:".contains(character));
                words.split(part).any(|word| word.trim_end_matches(':') == *name)
            }),
        }
    })
}

/// An object of the configuration: its kind, and its id.
type Object<'a> = (&'static str, &'a str);

/// By what it `said` of this text. `None`: it means none of them.
fn blame(said: &str, text: &str, pools: &[Pool]) -> Option<About> {
    said.split(" | ").find_map(|alert| {
        let words = alert.split_once(" : ").map_or(alert, |(_, words)| words);
        let words = words.strip_prefix("config : ").unwrap_or(words);
        let line = words.split_once("] : ").and_then(|(place, words)| Some((line_of(place)?, words)));
        let ((kind, id), words) = match line {
            Some((line, words)) => (at(text, line, pools)?, words),
            None => (named(text, words)?, words),
        };
        Some(About { kind, id: id.to_owned(), words: words.trim().to_owned() })
    })
}

/// Of `parsing [../haproxy.cfg.new:12`.
fn line_of(place: &str) -> Option<usize> {
    place.strip_prefix("parsing [")?.rsplit_once(':')?.1.parse().ok()
}

/// What the line, which is counted from 1, is about: what it begins or names, a monitor, or what its section is.
fn at<'a>(text: &'a str, line: usize, pools: &'a [Pool]) -> Option<Object<'a>> {
    let here = text.lines().nth(line.checked_sub(1)?)?;
    let lines: Vec<&str> = text.lines().take(line).collect();
    let section = || lines.iter().rev().find(|line| !line.starts_with(' ') && !line.is_empty());
    own(here).or_else(|| rule(here)).or_else(|| {
        let owner = own(section()?)?;
        Some(monitor(here, owner, pools).unwrap_or(owner))
    })
}

/// What a line begins.
fn own(line: &str) -> Option<Object<'_>> {
    let mut words = line.split_whitespace();
    match (words.next()?, words.next()?) {
        ("frontend", id) => Some(("listener", id)),
        // A pool that is used in several ways has a backend for each.
        ("backend", id) => Some(("pool", id.split(':').next().unwrap_or(id))),
        ("server", id) => Some(("member", id)),
        _ => None,
    }
}

/// The first rule that a line names.
fn rule(line: &str) -> Option<Object<'_>> {
    line.split_whitespace().find_map(|word| word.trim_start_matches('!').strip_prefix("rule:")).map(|id| ("rule", id))
}

/// Of a pool's line that says how it is checked. Of several monitors nobody knows which one it is from.
fn monitor<'a>(line: &str, (_, owner): Object<'_>, pools: &'a [Pool]) -> Option<Object<'a>> {
    const CHECKS: [&str; 5] = ["timeout check ", "option httpchk", "http-check ", "option tcp-check", "tcp-check "];
    CHECKS.iter().find(|check| line.trim_start().starts_with(**check))?;
    let pool = pools.iter().find(|pool| pool.id.as_str() == owner)?;
    let mut monitors = pool.monitors.iter().filter(|monitor| monitor.check != Check::Ping);
    monitors.next().filter(|_| monitors.next().is_none()).map(|monitor| ("monitor", monitor.id.as_str()))
}

/// The object of the text that is named in these words: of a server and its backend it is the server.
fn named<'a>(text: &'a str, words: &str) -> Option<Object<'a>> {
    let is_named = |(_, id): &Object<'_>| {
        words
            .split(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
            .any(|word| word == *id)
    };
    let begun = |line: &'a str| own(line).or_else(|| rule(line).filter(|_| line.trim_start().starts_with("acl ")));
    let mut named: Vec<Object<'_>> = text.lines().filter_map(begun).filter(is_named).collect();
    named.sort_by_key(|(kind, _)| *kind != "member");
    named.into_iter().next()
}

#[cfg(test)]
mod tests {
    use ballast_abi::{HealthMonitor, LbMethod, LoadBalancer, MonitorType, Protocol};
    use ballast_namespace::host::Forwards;

    use super::*;
    use crate::{config::Config, validate::validate};

    const TEXT: &str = "# a comment\nglobal\n    maxconn 2000\n\nfrontend f1\n    mode http\n    bind 10.0.0.4:80\n    \
        acl rule:r1 path -m reg x\n    acl allowed src 10.0.0.0/8\n\nbackend p1\n    balance roundrobin\n    \
        server m1 10.0.0.11:80 weight 1\n\nbackend p1:f1\n    balance roundrobin\n    timeout check 3s\n\n\
        backend p2\n    option httpchk\n\nfrontend f2\n    http-request deny if !rule:r2 rule:r3\n";

    fn found(said: &str) -> Option<(String, String)> {
        blame(said, TEXT, &pools()).map(|About { kind, id, words }| (format!("{kind} {id}"), words))
    }

    /// One with a monitor that haproxy does, and one with two.
    fn pools() -> Vec<Pool> {
        let monitor = |id: &str, r#type: MonitorType| HealthMonitor {
            id: id.to_owned(),
            r#type: r#type.into(),
            delay: 5,
            timeout: 3,
            max_retries: 2,
            admin_state_up: true,
            ..HealthMonitor::default()
        };
        let pool = |id: &str, monitors: Vec<HealthMonitor>| ballast_abi::Pool {
            id: id.to_owned(),
            protocol: Protocol::Tcp.into(),
            lb_method: LbMethod::RoundRobin.into(),
            monitors,
            ..ballast_abi::Pool::default()
        };
        let asked = LoadBalancer {
            id: "lb".to_owned(),
            pools: vec![
                pool("p1", vec![monitor("h0", MonitorType::Ping), monitor("h1", MonitorType::Tcp)]),
                pool("p2", vec![monitor("h2", MonitorType::Tcp), monitor("h3", MonitorType::Tcp)]),
            ],
            ..LoadBalancer::default()
        };
        validate(&asked, &Config::default(), Forwards::default()).unwrap().0.pools.clone()
    }

    #[test]
    fn the_object_is_that_of_the_line_or_of_its_section() {
        for (line, object) in [
            (5, Some("listener f1")),
            (7, Some("listener f1")),
            (8, Some("rule r1")),
            (9, Some("listener f1")),
            (12, Some("pool p1")),
            (13, Some("member m1")),
            (16, Some("pool p1")),
            (17, Some("monitor h1")),
            (20, Some("pool p2")),
            (23, Some("rule r2")),
            (3, None),
            (1, None),
            (99, None),
            (0, None),
        ] {
            let said =
                format!("exit status: 1: [ALERT]    (17) : config : parsing [../haproxy.cfg.new:{line}] : no good : x");
            let expected = object.map(|object| (object.to_owned(), "no good : x".to_owned()));
            assert_eq!(found(&said), expected, "{line}");
        }
    }

    #[test]
    fn without_a_line_it_is_the_one_that_is_named() {
        for (words, object) in [
            ("Starting frontend f1: cannot bind socket (Address already in use) [10.0.0.4:80]", Some("listener f1")),
            ("backend 'p1': no server is left", Some("pool p1")),
            ("'server p1/m1' : could not resolve address", Some("member m1")),
            ("Fatal errors found in configuration.", None),
        ] {
            let said =
                format!("exit status: 1: [ALERT]    (17) : {words} | [ALERT]    (17) : config : Fatal errors found");
            assert_eq!(found(&said).map(|found| found.0).as_deref(), object, "{words}");
        }
        assert_eq!(found(""), None);
    }

    #[test]
    fn the_proxy_is_the_section_of_the_line_or_the_one_that_is_named() {
        let of = |words: &str| {
            let said = format!("exit status: 1: [ALERT]    (17) : {words} | [ALERT]    (17) : config : Fatal errors");
            proxy(&Failure::Refused { who: "haproxy", said }, TEXT)
        };
        for (words, name) in [
            ("config : parsing [../haproxy.cfg.new:7] : no", Some("f1")),
            ("config : parsing [../haproxy.cfg.new:13] : no", Some("p1")),
            ("config : parsing [../haproxy.cfg.new:16] : no", Some("p1:f1")),
            ("config : parsing [../haproxy.cfg.new:3] : no", None),
            ("Starting frontend f1: cannot bind socket (Address already in use) [10.0.0.4:80]", Some("f1")),
            ("'server p1/m1' : could not resolve address", Some("p1")),
            ("config : Fatal errors found in configuration.", None),
        ] {
            assert_eq!(of(words), name, "{words}");
        }
    }

    #[test]
    fn the_first_alert_that_means_an_object_is_told() {
        let said = "exit status: 1: [WARNING]  (17) : config : something else | \
            [ALERT]    (17) : config : parsing [x:13] : 'server m1' : bad | [ALERT]    (17) : config : parsing [x:8] : bad";
        assert_eq!(found(said), Some(("member m1".to_owned(), "'server m1' : bad".to_owned())));
    }
}
