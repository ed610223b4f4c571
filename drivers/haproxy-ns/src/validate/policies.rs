//! Policies: one of which any part cannot be run is left out whole. Without one of its rules it would act on more requests
//! than it was meant for.

use std::collections::BTreeSet;

use ballast_abi::{DriverError, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, limits};
use ballast_namespace::validate::Faults;

use super::{Action, Id, Policy, Pool, Rule, Subject, fits, id, is_http, protocol, refuse};

/// Those of a listener, in their order.
///
/// # Errors
/// INVALID_ARGUMENT: an id that is none, or that is there twice.
pub(super) fn policies(
    listener: &ballast_abi::Listener,
    pools: &[Pool],
    faults: &mut Faults,
) -> Result<Vec<Policy>, DriverError> {
    let (mut policies, mut seen) = (Vec::new(), BTreeSet::new());
    for asked in &listener.policies {
        let made = action(asked, listener, pools);
        let (action, mut whole) = (faults.keep(&asked.id, made), true);
        let mut rules = Vec::new();
        for one in &asked.rules {
            let id = id("rule", "id", &one.id)?;
            if !seen.insert(id.clone()) {
                return Err(refuse("rule", id.as_str(), "id", "is there twice"));
            }
            let made = faults.keep(&one.id, rule(id, one));
            whole &= made.is_some();
            rules.extend(made);
        }
        if !whole {
            faults.add(&asked.id, refuse("policy", &asked.id, "rules", "has one that cannot be run: it does nothing"));
        }
        // Without rules it matches nothing.
        if let (Some(action), true, false) = (action, whole, rules.is_empty()) {
            policies.push(Policy { action, rules });
        }
    }
    Ok(policies)
}

fn action(asked: &L7Policy, listener: &ballast_abi::Listener, pools: &[Pool]) -> Result<Action, DriverError> {
    let wrong = |field: &str, why: &str| refuse("policy", &asked.id, field, why);
    let protocol = protocol(listener.protocol).filter(|protocol| is_http(*protocol));
    let protocol = protocol.ok_or_else(|| wrong("listener", "does not look into requests"))?;
    let url = |field: &str, text: &str| match limits::http_url(text) {
        true => Ok(text.to_owned()),
        false => Err(wrong(field, "must be a URL of http or https without blanks, of at most 255 characters")),
    };
    let code = || match asked.redirect_http_code {
        0 => Ok(302),
        code @ (301 | 302 | 303 | 307 | 308) => u16::try_from(code).map_err(|_| wrong("redirect_http_code", "is none")),
        _ => Err(wrong("redirect_http_code", "must be 301, 302, 303, 307 or 308")),
    };
    match L7Action::try_from(asked.action) {
        Ok(L7Action::Reject) => Ok(Action::Reject),
        Ok(L7Action::RedirectToUrl) => {
            Ok(Action::RedirectToUrl { url: url("redirect_url", &asked.redirect_url)?, code: code()? })
        }
        Ok(L7Action::RedirectPrefix) => {
            Ok(Action::RedirectPrefix { prefix: url("redirect_prefix", &asked.redirect_prefix)?, code: code()? })
        }
        Ok(L7Action::RedirectToPool) => match pools.iter().find(|pool| pool.id.as_str() == asked.redirect_pool_id) {
            None => Err(wrong("redirect_pool_id", "names a pool that this load balancer does not have")),
            Some(pool) if !fits(protocol, pool.protocol) => {
                Err(wrong("redirect_pool_id", "names a pool whose protocol does not fit the listener's"))
            }
            Some(pool) => Ok(Action::RedirectToPool(pool.id.clone())),
        },
        Ok(L7Action::Unspecified) | Err(_) => Err(wrong("action", "is unknown")),
    }
}

fn rule(id: Id, asked: &L7Rule) -> Result<Rule, DriverError> {
    let wrong = |field: &str, why: &str| refuse("rule", &asked.id, field, why);
    let key = || match limits::token(&asked.key) {
        true => Ok(asked.key.clone()),
        false => Err(wrong("key", "is no name of a header or a cookie")),
    };
    let subject = match L7RuleType::try_from(asked.r#type) {
        Ok(L7RuleType::HostName) => Subject::Host,
        Ok(L7RuleType::Path) => Subject::Path,
        Ok(L7RuleType::FileType) => Subject::FileType,
        Ok(L7RuleType::Header) => Subject::Header(key()?),
        Ok(L7RuleType::Cookie) => Subject::Cookie(key()?),
        Ok(L7RuleType::SslConnHasCert) => Subject::HasCertificate,
        Ok(L7RuleType::SslVerifyResult) if asked.value.parse::<u32>().is_ok() => Subject::VerifyResult,
        Ok(L7RuleType::SslVerifyResult) => return Err(wrong("value", "is not the number of a result")),
        Ok(L7RuleType::SslDnField) => Subject::NameField(key()?),
        Ok(L7RuleType::Unspecified) | Err(_) => return Err(wrong("type", "is not known here")),
    };
    let comparison = match L7CompareType::try_from(asked.compare_type) {
        Ok(L7CompareType::Unspecified) | Err(_) => return Err(wrong("compare_type", "is unknown")),
        Ok(comparison) => comparison,
    };
    if comparison == L7CompareType::Regex {
        limits::regex(&asked.value).map_err(|why| wrong("value", &format!("is no regular expression: {why}")))?;
    } else if !limits::compared(&asked.value) {
        return Err(wrong("value", "must be one line of 1 to 255 characters"));
    }
    Ok(Rule { id, subject, comparison, value: asked.value.clone(), invert: asked.invert })
}
