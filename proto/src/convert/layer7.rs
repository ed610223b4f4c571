//! Policies and rules, for a driver, and their closed sets.

use ballast_model::l7::{CompareType, L7Action, L7Policy, L7Rule, RuleType};

use crate::driver;

/// A policy that acts, with the rules that do.
pub(super) fn to_policy(policy: &L7Policy) -> driver::L7Policy {
    let (redirect_url, redirect_prefix) = match &policy.action {
        L7Action::RedirectToUrl { url, .. } => (url.clone(), String::new()),
        L7Action::RedirectPrefix { prefix, .. } => (String::new(), prefix.clone()),
        L7Action::Reject | L7Action::RedirectToPool(_) => (String::new(), String::new()),
    };
    driver::L7Policy {
        id: policy.id.to_string(),
        name: policy.name.clone(),
        action: to_action(&policy.action).into(),
        redirect_pool_id: policy.action.pool_id().map(|id| id.to_string()).unwrap_or_default(),
        redirect_url,
        redirect_prefix,
        redirect_http_code: policy.action.http_code().unwrap_or_default().into(),
        rules: policy.rules.iter().filter(|rule| rule.admin_state_up).map(to_rule).collect(),
    }
}

fn to_rule(rule: &L7Rule) -> driver::L7Rule {
    driver::L7Rule {
        id: rule.id.to_string(),
        r#type: to_rule_type(rule.rule_type).into(),
        compare_type: to_compare_type(rule.compare_type).into(),
        key: rule.key.clone().unwrap_or_default(),
        value: rule.value.clone(),
        invert: rule.invert,
    }
}

/// The action on the wire.
#[must_use]
pub const fn to_action(action: &L7Action) -> driver::L7Action {
    match action {
        L7Action::Reject => driver::L7Action::Reject,
        L7Action::RedirectToUrl { .. } => driver::L7Action::RedirectToUrl,
        L7Action::RedirectToPool(_) => driver::L7Action::RedirectToPool,
        L7Action::RedirectPrefix { .. } => driver::L7Action::RedirectPrefix,
    }
}

/// The type on the wire.
#[must_use]
pub const fn to_rule_type(rule_type: RuleType) -> driver::L7RuleType {
    match rule_type {
        RuleType::HostName => driver::L7RuleType::HostName,
        RuleType::Path => driver::L7RuleType::Path,
        RuleType::FileType => driver::L7RuleType::FileType,
        RuleType::Header => driver::L7RuleType::Header,
        RuleType::Cookie => driver::L7RuleType::Cookie,
        RuleType::SslConnHasCert => driver::L7RuleType::SslConnHasCert,
        RuleType::SslVerifyResult => driver::L7RuleType::SslVerifyResult,
        RuleType::SslDnField => driver::L7RuleType::SslDnField,
    }
}

/// The comparison on the wire.
#[must_use]
pub const fn to_compare_type(compare_type: CompareType) -> driver::L7CompareType {
    match compare_type {
        CompareType::Regex => driver::L7CompareType::Regex,
        CompareType::StartsWith => driver::L7CompareType::StartsWith,
        CompareType::EndsWith => driver::L7CompareType::EndsWith,
        CompareType::Contains => driver::L7CompareType::Contains,
        CompareType::EqualTo => driver::L7CompareType::EqualTo,
    }
}
