//! Policies in haproxy's words: a named condition for each rule. haproxy refuses before it redirects, and redirects before
//! it chooses a backend, whatever stands first; of each kind the first that matches acts.

use ballast_abi::L7CompareType;

use super::{Acl, Extra, Redirect, Switch, uses::Uses, words::quoted};
use crate::validate::{Action, Id, Listener, Policy, Rule, Subject};

/// What the path's last segment has behind its last full stop, or nothing.
const FILE_TYPE: &str = "path,field(-1,/),field(2,.,0),field(-1,.)";

/// The pools that policies lead to.
pub(super) fn pools(policies: &[Policy]) -> impl Iterator<Item = &Id> {
    policies.iter().filter_map(|policy| match &policy.action {
        Action::RedirectToPool(pool) => Some(pool),
        Action::Reject | Action::RedirectToUrl { .. } | Action::RedirectPrefix { .. } => None,
    })
}

pub(super) fn with(mut extra: Extra, listener: &Listener, uses: &Uses<'_>) -> Extra {
    for policy in &listener.policies {
        let condition = policy.rules.iter().map(condition).collect::<Vec<_>>().join(" ");
        let redirect = |kind: &str, to: &str, code: &u16| Redirect {
            code: *code,
            kind: kind.to_owned(),
            to: quoted(to),
            condition: condition.clone(),
        };
        match &policy.action {
            Action::Reject => extra.rejects.push(condition),
            Action::RedirectToUrl { url, code } => extra.redirects.push(redirect("location", url, code)),
            Action::RedirectPrefix { prefix, code } => extra.redirects.push(redirect("prefix", prefix, code)),
            Action::RedirectToPool(pool) => {
                let backend = uses.backend(listener, pool).map(str::to_owned);
                extra.switches.extend(backend.map(|backend| Switch { backend, condition }));
            }
        }
        extra.rules.extend(policy.rules.iter().map(acl));
    }
    extra
}

/// No condition of another kind begins so.
fn name(rule: &Rule) -> String {
    format!("rule:{}", rule.id.as_str())
}

fn condition(rule: &Rule) -> String {
    format!("{}{}", if rule.invert { "!" } else { "" }, name(rule))
}

fn acl(rule: &Rule) -> Acl {
    let (fetch, any_case) = match &rule.subject {
        Subject::Host => ("req.hdr(host)".to_owned(), " -i"),
        Subject::Path => ("path".to_owned(), ""),
        Subject::FileType => (FILE_TYPE.to_owned(), ""),
        Subject::Header(key) => (named("req.hdr", key), ""),
        Subject::Cookie(key) => (named("req.cook", key), ""),
        Subject::NameField(key) => (named("ssl_c_s_dn", key), ""),
        // Numbers, which are compared with equality alone. A session that is taken up again has its certificate still.
        Subject::HasCertificate => return number(rule, "ssl_c_used", "1"),
        Subject::VerifyResult => return number(rule, "ssl_c_verify", &rule.value),
    };
    let matching = match rule.comparison {
        L7CompareType::Regex => "reg",
        L7CompareType::StartsWith => "beg",
        L7CompareType::EndsWith => "end",
        L7CompareType::Contains => "sub",
        L7CompareType::EqualTo | L7CompareType::Unspecified => "str",
    };
    let of_a_type = rule.subject == Subject::FileType && rule.comparison != L7CompareType::Regex;
    let value = if of_a_type { rule.value.trim_start_matches('.') } else { &rule.value };
    // Behind the two hyphens nothing is an option.
    Acl { name: name(rule), test: format!("{fetch}{any_case} -m {matching} --"), value: quoted(value) }
}

fn number(rule: &Rule, fetch: &str, value: &str) -> Acl {
    Acl { name: name(rule), test: format!("{fetch} -m int eq"), value: value.to_owned() }
}

/// Tokens have neither double quotes nor backslashes, so that between the quotes each is itself.
fn named(fetch: &str, key: &str) -> String {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain { format!("{fetch}({key})") } else { quoted(&format!("{fetch}(\"{key}\")")) }
}
