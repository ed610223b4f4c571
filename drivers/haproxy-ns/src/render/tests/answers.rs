//! Requests that the load balancer answers itself.

use ballast_abi::{HttpAnswer, LoadBalancer, Protocol};

use super::{check, rendered, with};
use crate::samples;

fn answering(protocol: Protocol, change: impl FnOnce(&mut LoadBalancer)) -> LoadBalancer {
    let answer = |token: &str| HttpAnswer {
        path: format!("/.well-known/acme-challenge/{token}"),
        content: format!("{token}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"),
    };
    let mut asked = with(protocol, |asked| asked.http_answers = vec![answer("evaGxfADs6pS"), answer("-PCt92wr_oA")]);
    change(&mut asked);
    asked
}

#[test]
fn answers_come_before_all_else_and_nobody_is_kept_from_them() {
    let asked = answering(Protocol::Http, |asked| {
        let texts = samples::with_texts();
        asked.listeners[0].allowed_cidrs.clone_from(&texts.listeners[0].allowed_cidrs);
        asked.listeners[0].policies.clone_from(&texts.listeners[0].policies);
    });
    assert_eq!(asked.listeners[0].protocol_port, 80);
    check("answers-of-a-listener", &asked);
    let page = samples::desired(&asked, 1);
    assert!(page.forwarded.is_none(), "the kernel keeps nobody out of port 80: {:?}", page.forwarded);
    let text = page.config;
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is not in {text}"));
    assert!(at("http-request return") < at("http-request reject if !allowed"));
    assert!(at("http-request reject if !allowed") < at("http-request deny"));
    assert!(!text.contains("tcp-request connection reject"), "{text}");
}

#[test]
fn where_nothing_has_port_80_a_frontend_does_for_the_answers_alone() {
    check("answers-alone", &answering(Protocol::Tcp, |asked| asked.listeners[0].protocol_port = 443));
    let elsewhere = answering(Protocol::Http, |asked| asked.listeners[0].protocol_port = 8080);
    let text = rendered(&elsewhere, &samples::config());
    assert!(
        text.contains("frontend answers:") && text.matches("http-request return status 200").count() == 2,
        "{text}"
    );
    // One that is down has no port.
    let down = answering(Protocol::Tcp, |asked| asked.listeners[0].admin_state_up = false);
    assert!(rendered(&down, &samples::config()).contains("frontend answers:"));
}

#[test]
fn what_sees_no_requests_at_port_80_or_serves_nobody_answers_nothing() {
    for asked in [
        answering(Protocol::Tcp, |_| {}),
        answering(Protocol::Https, |_| {}),
        answering(Protocol::Http, |asked| asked.admin_state_up = false),
        answering(Protocol::Http, |asked| asked.vip = None),
    ] {
        let text = rendered(&asked, &samples::config());
        assert!(!text.contains("http-request return"), "{text}");
    }
}
