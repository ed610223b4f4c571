//! What becomes of requests that a policy is for.

use ballast_abi::{InsertHeaders, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, LoadBalancer, Pool};

use crate::world::{VIP, World, in_world, load_balancer, member};

fn rule(id: &str, kind: L7RuleType, comparison: L7CompareType, key: &str, value: &str) -> L7Rule {
    let (r#type, compare_type) = (kind.into(), comparison.into());
    L7Rule { id: id.into(), r#type, compare_type, key: key.into(), value: value.into(), invert: false }
}

fn path(id: &str, value: &str) -> L7Rule {
    rule(id, L7RuleType::Path, L7CompareType::StartsWith, "", value)
}

fn policy(id: &str, action: L7Action, rules: Vec<L7Rule>) -> L7Policy {
    L7Policy { id: id.into(), action: action.into(), rules, ..L7Policy::default() }
}

fn with(policies: Vec<L7Policy>) -> LoadBalancer {
    let mut asked = load_balancer();
    asked.listeners[0].policies = policies;
    asked
}

fn url(path: &str) -> String {
    format!("http://10.0.0.4{path}")
}

#[test]
fn each_action_is_done_to_what_matches_and_refusals_come_before_redirects_and_those_before_pools() {
    in_world(|world| {
        let second = "pool-2".to_owned();
        let to_pool = L7Policy {
            redirect_pool_id: second.clone(),
            ..policy("a", L7Action::RedirectToPool, vec![path("a1", "/")])
        };
        let to_url = L7Policy {
            redirect_url: "https://example.org/gone?x=%20#y".into(),
            redirect_http_code: 303,
            ..policy("b", L7Action::RedirectToUrl, vec![path("b1", "/url")])
        };
        let to_prefix = L7Policy {
            redirect_prefix: "https://example.org".into(),
            redirect_http_code: 308,
            ..policy("c", L7Action::RedirectPrefix, vec![path("c1", "/prefix")])
        };
        let never = L7Policy {
            redirect_url: "http://never".into(),
            ..policy("d", L7Action::RedirectToUrl, vec![path("d1", "/url")])
        };
        let reject = policy("e", L7Action::Reject, vec![path("e1", "/url/no")]);
        let mut asked = with(vec![to_pool, to_url, to_prefix, never, reject]);
        asked.pools[0].members.truncate(1);
        asked.pools.push(Pool { id: second, members: vec![member(2)], ..asked.pools[0].clone() });
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 3), ["web-2"]);
        assert_eq!(world.status(&[&url("/url")]), "303 https://example.org/gone?x=%20#y");
        assert_eq!(world.status(&[&url("/prefix/a?b=c")]), "308 https://example.org/prefix/a?b=c");
        assert_eq!(world.status(&[&url("/url/no")]), "403");
        asked.listeners[0].policies[0].rules[0].value = "/headers".into();
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 3), ["web-1"]);
        asked.listeners[0].policies[0].rules[0].value = "/".into();
        asked.pools[1].admin_state_up = false;
        world.deploy(&asked, 3);
        assert_eq!(world.status(&[VIP]), "503");
        asked.listeners[0].policies.remove(0);
        world.deploy(&asked, 4);
        assert_eq!(world.answers(VIP, 3), ["web-1"]);
        Ok(())
    });
}

const HOST: L7RuleType = L7RuleType::HostName;
const PATH: L7RuleType = L7RuleType::Path;
const TYPE: L7RuleType = L7RuleType::FileType;
const HEADER: L7RuleType = L7RuleType::Header;
const COOKIE: L7RuleType = L7RuleType::Cookie;
const REGEX: L7CompareType = L7CompareType::Regex;
const BEGINS: L7CompareType = L7CompareType::StartsWith;
const ENDS: L7CompareType = L7CompareType::EndsWith;
const HAS: L7CompareType = L7CompareType::Contains;
const IS: L7CompareType = L7CompareType::EqualTo;

type Case = (L7RuleType, L7CompareType, &'static str, &'static str, &'static str);

/// Kind, comparison, what matches, what does not, and what is compared with. Hosts, headers and cookies are those of
/// `header`.
const CASES: [Case; 28] = [
    (HOST, REGEX, "www.EXAMPLE.org", "www.example.com", r"^www\.example\.(org|net)$"),
    (HOST, BEGINS, "API.example.org", "www.api.org", "api."),
    (HOST, ENDS, "a.Example.org", "example.org.net", ".example.org"),
    (HOST, HAS, "a.example.org", "a.sample.org", "example"),
    (HOST, IS, "Example.ORG", "www.example.org", "example.org"),
    (PATH, REGEX, "/api/v2/x", "/api/vx/", r"^/api/v[0-9]+/"),
    (PATH, BEGINS, "/api/x", "/x/api", "/api"),
    (PATH, ENDS, "/a/b", "/b/a", "/b"),
    (PATH, HAS, "/a/mid/b", "/a/b?mid", "mid"),
    (PATH, IS, "/a?b", "/a/", "/a"),
    (PATH, IS, "/A", "/a", "/A"),
    (TYPE, REGEX, "/x/y.jpeg", "/x.jpeg/y", "^jpe?g$"),
    (TYPE, IS, "/x.tar.gz?a=b.zip", "/gz", "gz"),
    (TYPE, IS, "/x.gz", "/x.gz.zip", ".gz"),
    (HEADER, REGEX, "ab12", "12", "^[a-z]+[0-9]{2}$"),
    (HEADER, BEGINS, "abc", "xabc", "ab"),
    (HEADER, ENDS, "abc", "abcx", "bc"),
    (HEADER, HAS, "xabcx", "acb", "abc"),
    (HEADER, IS, "abc", "abcd", "abc"),
    (HEADER, IS, "a 'b\" \\}", "a 'b\" \\", "a 'b\" \\}"),
    (HEADER, IS, "-f", "f", "-f"),
    (HEADER, HAS, "100%[src]", "100", "%[src]"),
    (HEADER, IS, "gr\u{fc}n", "grun", "gr\u{fc}n"),
    (COOKIE, REGEX, "v1", "vx", "^v[0-9]$"),
    (COOKIE, BEGINS, "abc", "xabc", "ab"),
    (COOKIE, ENDS, "abc", "abcx", "bc"),
    (COOKIE, HAS, "xabcx", "acb", "abc"),
    (COOKIE, IS, "abc", "abcd", "abc"),
];

/// What a request with this is answered.
fn asked_with(world: &World<'_>, kind: L7RuleType, value: &str) -> String {
    let header = match kind {
        L7RuleType::HostName => format!("Host: {value}"),
        L7RuleType::Header => format!("X-Te'st#: {value}"),
        L7RuleType::Cookie => format!("Cookie: other=1; Te'st#={value}; last=2"),
        _ => "X-None: 1".to_owned(),
    };
    let path = if matches!(kind, L7RuleType::Path | L7RuleType::FileType) { value } else { "/" };
    world.status(&["-H", &header, &url(path)])
}

#[test]
fn a_rule_of_each_type_and_comparison_matches_what_it_says_and_inverted_everything_else() {
    in_world(|world| {
        let mut generation = 0;
        for (kind, comparison, yes, no, value) in CASES {
            let key = if matches!(kind, HEADER | COOKIE) { "Te'st#" } else { "" };
            let key = if kind == HEADER { format!("X-{key}") } else { key.to_owned() };
            let mut one = rule("r", kind, comparison, &key, value);
            for invert in [false, true] {
                generation += 1;
                one.invert = invert;
                world.deploy(&with(vec![policy("p", L7Action::Reject, vec![one.clone()])]), generation);
                let refused = |value: &str| asked_with(&world, kind, value) == "403";
                assert_eq!((refused(yes), refused(no)), (!invert, invert), "{one:?}: {yes}, {no}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_policy_matches_when_all_its_rules_do_and_sees_what_the_client_sent() {
    in_world(|world| {
        let mut not = path("c", "/api/open");
        not.invert = true;
        let both = vec![path("a", "/api"), rule("b", HEADER, IS, "X-Real-IP", "1.2.3.4"), not];
        let mut asked = with(vec![policy("p", L7Action::Reject, both)]);
        asked.listeners[0].insert_headers = Some(InsertHeaders { names: vec!["X-Real-IP".into()] });
        world.deploy(&asked, 1);
        let answer = |path: &str, address: &str| world.status(&["-H", &format!("X-Real-IP: {address}"), &url(path)]);
        assert_eq!(answer("/api/x", "1.2.3.4"), "403");
        assert_eq!(answer("/api/x", "10.0.0.5"), "404");
        assert_eq!(answer("/x", "1.2.3.4"), "404");
        assert_eq!(answer("/api/open", "1.2.3.4"), "404");
        Ok(())
    });
}
