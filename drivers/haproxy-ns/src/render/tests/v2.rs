//! What only LBaaS v2 can ask for.

use ballast_abi::{
    InsertHeaders, L7Action, L7CompareType, L7Policy, L7RuleType, LbMethod, Listener, LoadBalancer, MonitorType, Pool,
    Protocol, Timeouts, limits,
};
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::{accepted, asked_haproxy, check, persistence, rendered, with};
use crate::samples::{self, ID};

const KINDS: [(L7RuleType, &[L7CompareType]); 5] = [
    (L7RuleType::HostName, &ALL),
    (L7RuleType::Path, &ALL),
    (L7RuleType::FileType, &[L7CompareType::Regex, L7CompareType::EqualTo]),
    (L7RuleType::Header, &ALL),
    (L7RuleType::Cookie, &ALL),
];
const ALL: [L7CompareType; 5] = [
    L7CompareType::Regex,
    L7CompareType::StartsWith,
    L7CompareType::EndsWith,
    L7CompareType::Contains,
    L7CompareType::EqualTo,
];
const ACTIONS: [(&str, L7Action); 4] = [
    ("pool", L7Action::RedirectToPool),
    ("prefix", L7Action::RedirectPrefix),
    ("url", L7Action::RedirectToUrl),
    ("reject", L7Action::Reject),
];

fn with_policies(policies: Vec<L7Policy>) -> LoadBalancer {
    with(Protocol::Http, |asked| asked.listeners[0].policies = policies)
}

#[test]
fn every_rule_is_accepted_by_haproxy() {
    let mut policies = Vec::new();
    for (kind, comparisons) in KINDS {
        for comparison in comparisons {
            let id = format!("{}-{}", kind.as_str_name(), comparison.as_str_name()).replace("L7_", "");
            policies.push(samples::policy(&id, L7Action::Reject, kind, *comparison));
        }
    }
    policies[0].rules[0].invert = true;
    check("l7-rules", &with_policies(policies));
}

#[test]
fn every_action_is_accepted_by_haproxy_which_refuses_first_and_chooses_a_pool_last() {
    let of = |(id, action): (&str, L7Action)| samples::policy(id, action, L7RuleType::Path, L7CompareType::StartsWith);
    let mut policies: Vec<L7Policy> = ACTIONS.into_iter().map(of).collect();
    policies.push(of(("another-pool", L7Action::RedirectToPool)));
    let second = L7Policy { id: "second".into(), ..policies[0].clone() };
    policies[0].rules.extend(second.rules.into_iter().map(|rule| ballast_abi::L7Rule {
        id: "and".into(),
        invert: true,
        ..rule
    }));
    check("l7-actions", &with_policies(policies));
}

#[test]
fn a_pool_that_is_down_answers_503_to_those_that_a_policy_sends_there() {
    let policy = samples::policy("pool", L7Action::RedirectToPool, L7RuleType::Path, L7CompareType::StartsWith);
    let asked = with(Protocol::Http, |asked| {
        asked.listeners[0].policies = vec![L7Policy { redirect_pool_id: "down".into(), ..policy }];
        asked.pools.push(Pool { id: "down".into(), admin_state_up: false, ..asked.pools[0].clone() });
    });
    check("l7-pool-that-is-down", &asked);
}

/// As many rules as a policy can have, with names as long as they can be.
#[test]
fn a_policy_of_fifty_rules_is_accepted_by_haproxy() {
    let of = |(id, action): (&str, L7Action)| samples::policy(id, action, L7RuleType::Header, L7CompareType::Regex);
    let mut policies: Vec<L7Policy> = ACTIONS.into_iter().map(of).collect();
    for (policy, letter) in policies.iter_mut().zip("abcd".chars()) {
        let rule = policy.rules.remove(0);
        let long = |at: usize| ballast_abi::L7Rule {
            id: format!("{letter}{at:063}"),
            value: "x".repeat(255),
            key: "k".repeat(255),
            ..rule.clone()
        };
        policy.rules = (0..50).map(long).collect();
        policy.redirect_url = format!("http://{}", "u".repeat(248));
        policy.redirect_prefix.clone_from(&policy.redirect_url);
    }
    accepted("fifty rules", ID, &rendered(&with_policies(policies), &samples::config()));
}

/// Any that the limits take, and texts of all that means something to haproxy, in every place.
#[test]
fn whatever_may_be_compared_is_accepted_by_haproxy_as_it_is() {
    let mut runner = TestRunner::deterministic();
    let regex = r"[a-c.|]{0,3}(\([a-z|]{1,4}\)[*+?]?|\[[\^a-d0-9.\-]{1,5}\]|\\[dwsDWSbnt.\\/\-]|\{[0-9,]{0,3}\}?|[ '#$}\x22é]){0,8}\$?";
    let text = "[ -~é]{1,30}";
    let mut draw = |strategy: &str| strategy.new_tree(&mut runner).unwrap().current();
    let regexes = (0..2000).map(|_| (draw(regex), L7CompareType::Regex)).collect::<Vec<_>>();
    let taken: Vec<_> = regexes.into_iter().filter(|(value, _)| limits::regex(value).is_ok()).collect();
    assert!(taken.len() > 300, "{}", taken.len());
    let texts = (0..200).map(|_| (draw(text), L7CompareType::EqualTo));
    let odd = ["}", "-f", "--", "'", "\"", "\\", "#", "$HOME", "a'b\"c\\", "{", "!", "%[src]", "-i"];
    let odd = odd.map(|odd| (odd.to_owned(), L7CompareType::Contains));
    let mut policies = Vec::new();
    for (at, (value, comparison)) in taken.into_iter().chain(texts).chain(odd).enumerate() {
        let mut policy = samples::policy(&format!("p{at}"), L7Action::Reject, L7RuleType::Header, comparison);
        policy.rules[0].value = value;
        "!#$%&'*+-.^_`|~a".clone_into(&mut policy.rules[0].key);
        policies.push(policy);
    }
    let all = rendered(&with_policies(policies.clone()), &samples::config());
    if asked_haproxy(ID, &all).0 {
        return;
    }
    for policy in policies {
        let text = rendered(&with_policies(vec![policy.clone()]), &samples::config());
        accepted(&format!("{:?}", policy.rules[0]), ID, &text);
    }
}

#[test]
fn timeouts_headers_and_networks_are_accepted_by_haproxy() {
    let timeouts = Timeouts { client_data: 3000, member_connect: 700, member_data: 60_000, tcp_inspect: 250 };
    let names = ["For", "Port", "Proto", "IP"].map(|name| format!("X-Forwarded-{name}"));
    let names = names.into_iter().chain(["X-Client-IP".into(), "X-Real-IP".into()]).collect();
    let asked = |protocol| {
        with(protocol, |asked| {
            asked.listeners[0].timeouts = Some(timeouts);
            asked.listeners[0].allowed_cidrs = (0..40).map(|at| format!("10.{at}.0.0/16")).collect();
        })
    };
    check("listener-tcp", &asked(Protocol::Tcp));
    let mut http = asked(Protocol::Http);
    http.listeners[0].insert_headers = Some(InsertHeaders { names });
    check("listener-http", &http);
    http.listeners[0].insert_headers = Some(InsertHeaders::default());
    check("listener-http-no-headers", &http);
}

#[test]
fn a_pool_that_listeners_use_differently_is_several_backends_and_checked_once() {
    for (name, kind) in [("tcp", Some(MonitorType::Tcp)), ("ping", Some(MonitorType::Ping)), ("none", None)] {
        let asked = with(Protocol::Http, |asked| {
            let first = asked.listeners[0].clone();
            let another = |id: &str, port| Listener { id: id.into(), protocol_port: port, ..first.clone() };
            let through = Listener { protocol: Protocol::Tcp.into(), ..another("through", 81) };
            let timeouts =
                Some(Timeouts { client_data: 1000, member_connect: 1000, member_data: 1000, tcp_inspect: 0 });
            let slow = Listener { timeouts, ..another("slow", 82) };
            asked.listeners.extend([through, slow, another("alike", 83)]);
            asked.pools[0].monitors = kind.into_iter().map(samples::monitor).collect();
            asked.pools[0].session_persistence = Some(samples::app_cookie("SID"));
        });
        check(&format!("shared-{name}"), &asked);
    }
}

#[test]
fn pools_behind_listeners_of_other_protocols_are_accepted_by_haproxy() {
    for (listener, pools) in [
        (Protocol::Http, vec![Protocol::Proxy, Protocol::Proxyv2]),
        (Protocol::Https, vec![Protocol::Tcp, Protocol::Proxy, Protocol::Proxyv2]),
        (Protocol::Tcp, vec![Protocol::Http, Protocol::Https, Protocol::Proxy, Protocol::Proxyv2]),
    ] {
        for pool in pools {
            let asked = with(listener, |asked| {
                asked.pools[0].protocol = pool.into();
                asked.pools[0].session_persistence = Some(samples::app_cookie("SID"));
                asked.pools[0].monitors = vec![samples::monitor(MonitorType::Tcp)];
            });
            check(&format!("behind-{}-{}", listener.as_str_name(), pool.as_str_name()), &asked);
        }
    }
}

#[test]
fn members_and_monitors_of_v2_are_accepted_by_haproxy() {
    let asked = with(Protocol::Http, |asked| {
        let pool = &mut asked.pools[0];
        pool.lb_method = LbMethod::SourceIpPort.into();
        pool.members[1].backup = true;
        "10.0.0.99".clone_into(&mut pool.members[0].monitor_address);
        pool.members[1].monitor_port = 9999;
        let mut monitor = samples::monitor(MonitorType::Http);
        (monitor.rise, monitor.http_version, monitor.domain_name) = (3, "1.1".into(), "www.example.org".into());
        pool.monitors = vec![monitor];
    });
    check("members-and-monitor", &asked);
    let with_monitor = |name: &str, version: &str, kind: &[MonitorType]| {
        let asked = with(Protocol::Http, |asked| {
            let monitor = |kind: &MonitorType| ballast_abi::HealthMonitor {
                http_version: version.into(),
                ..samples::monitor(*kind)
            };
            asked.pools[0].monitors = kind.iter().map(monitor).collect();
        });
        check(name, &asked);
    };
    with_monitor("monitor-version-1.0", "1.0", &[MonitorType::Http]);
    with_monitor("monitor-version-1.1", "1.1", &[MonitorType::Https]);
    with_monitor("monitor-tls-hello", "", &[MonitorType::TlsHello]);
}

#[test]
fn metrics_and_more_addresses_are_accepted_by_haproxy() {
    let asked = with(Protocol::Http, |asked| {
        let protocol = Protocol::Prometheus.into();
        let id = "metrics".to_owned();
        asked.listeners.push(Listener {
            id,
            protocol,
            protocol_port: 9090,
            default_pool_id: String::new(),
            ..asked.listeners[0].clone()
        });
        asked.additional_vips = vec![samples::vip("fd00::4"), samples::vip("10.0.1.4")];
        asked.pools[0].session_persistence = persistence(ballast_abi::PersistenceType::SourceIp, "");
    });
    check("metrics-and-addresses", &asked);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing of a limit is a longer line than what is written here.
    #[test]
    fn no_value_is_another_one_in_the_file(value in "[ -~]{1,60}") {
        let mut policy = samples::policy("p", L7Action::Reject, L7RuleType::Path, L7CompareType::EqualTo);
        policy.rules[0].value.clone_from(&value);
        let text = rendered(&with_policies(vec![policy]), &samples::config());
        let line = text.lines().find(|line| line.contains("acl rule:p-rule")).unwrap();
        let written = line.split_once(" -- ").unwrap().1;
        prop_assert_eq!(unquoted(written), value);
    }
}

/// As haproxy reads a word.
fn unquoted(word: &str) -> String {
    let (mut text, mut open) = (String::new(), false);
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => open = !open,
            '\\' if !open => text.extend(letters.next()),
            other => text.push(other),
        }
    }
    text
}
