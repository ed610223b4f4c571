//! `ballast member drain`, `enable`, `disable`: a member by its load balancer and its address, in each pool that has
//! it.

use std::time::Duration;

use clap::ArgMatches;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    ask::one,
    find::{self, item},
    grammar::{DRY_RUN, PARENT, WANTED, WEIGHT, is_given},
    noun::Verb,
    nouns,
    shown::Answer,
    wait::{Waiting, spinner},
};
use crate::{api::rest::Gateway, failure::Failure, find::plain};

/// Between two looks at the connections that are left.
const PAUSE: Duration = Duration::from_millis(500);

/// # Errors
/// When there is no such member, or the gateway fails.
pub(super) async fn change(gateway: &Gateway, verb: Verb, matches: &ArgMatches) -> Result<Answer, Failure> {
    let wanted = |id: &str| matches.get_one::<String>(id).map(String::as_str).unwrap_or_default();
    let collection = &nouns::LOAD_BALANCERS;
    let all = find::path(collection, None);
    let id = find::key(gateway, collection, &all, wanted(PARENT)).await?;
    let members = members(gateway, &id, wanted(WANTED)).await?;
    if is_given(matches, DRY_RUN) {
        return planned(gateway, verb, matches, &members).await;
    }
    for (path, member) in &members {
        gateway.ask(Method::PUT, path, Some(&json!({ "member": said(verb, member, matches) }))).await?;
    }
    if let Some(waiting) = Waiting::asked_for(matches) {
        let deadline = Instant::now() + Duration::from_secs(waiting.seconds());
        waiting.until_active(gateway, &item(&all, &id)).await?;
        if verb == Verb::Drain {
            until_empty(gateway, &members, deadline, waiting.seconds()).await?;
        }
    }
    let mut shown = Vec::new();
    for (path, _) in &members {
        shown.push(one(gateway, path, "member").await?);
    }
    Ok(Answer::Many(&nouns::MEMBER, shown))
}

/// What it would do, in each pool that has the member.
async fn planned(
    gateway: &Gateway,
    verb: Verb,
    matches: &ArgMatches,
    members: &[(String, Value)],
) -> Result<Answer, Failure> {
    let mut plans = Vec::new();
    for (path, member) in members {
        let body = json!({ "member": said(verb, member, matches) });
        plans.push(gateway.ask(Method::PUT, &format!("{path}?validate_only=true"), Some(&body)).await?);
    }
    Ok(Answer::Planned(if plans.len() == 1 { plans.remove(0) } else { plans.into() }))
}

/// What the verb changes of a member.
fn said(verb: Verb, member: &Value, matches: &ArgMatches) -> Value {
    match verb {
        Verb::Drain => json!({ "weight": 0 }),
        Verb::Disable => json!({ "admin_state_up": false }),
        _ => {
            let given = matches.try_get_one::<i64>(WEIGHT).ok().flatten().copied();
            let was_drained = member["weight"] == 0;
            match given.or(was_drained.then_some(1)) {
                Some(weight) => json!({ "admin_state_up": true, "weight": weight }),
                None => json!({ "admin_state_up": true }),
            }
        }
    }
}

/// Where the members of this address are, and how they are.
async fn members(gateway: &Gateway, id: &str, wanted: &str) -> Result<Vec<(String, Value)>, Failure> {
    let (address, port) = split(wanted)?;
    let pools = find::path(&nouns::POOLS, None);
    let filter = [("loadbalancer_id".to_owned(), id.to_owned())];
    let mut found = Vec::new();
    for pool in find::all(gateway, &nouns::POOLS, &pools, &filter).await? {
        let below = find::path(&nouns::MEMBERS, Some(&item(&pools, pool["id"].as_str().unwrap_or_default())));
        for member in find::all(gateway, &nouns::MEMBERS, &below, &[]).await? {
            let at = member["address"].as_str().and_then(|text| text.parse::<std::net::IpAddr>().ok());
            if at == Some(address) && member["protocol_port"].as_u64() == Some(port.into()) {
                found.push((item(&below, member["id"].as_str().unwrap_or_default()), member));
            }
        }
    }
    if found.is_empty() {
        let (noun, keys) = ("member", "the address and port");
        return Err(Failure::NotFound { noun, keys, wanted: plain(wanted), have: String::new() });
    }
    Ok(found)
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`
fn split(text: &str) -> Result<(std::net::IpAddr, u16), Failure> {
    let parsed = text.parse::<std::net::SocketAddr>();
    let refuse = |_| Failure::Usage(format!("'{}' is no member: write ADDRESS:PORT, as 10.0.0.11:80", plain(text)));
    parsed.map(|address| (address.ip(), address.port())).map_err(refuse)
}

/// Until nobody is connected any more.
async fn until_empty(
    gateway: &Gateway,
    members: &[(String, Value)],
    deadline: Instant,
    seconds: u64,
) -> Result<(), Failure> {
    let spinner = spinner("its connections to end");
    loop {
        let mut left = 0;
        for (path, _) in members {
            let stats = one(gateway, &format!("{path}/stats"), "stats").await?;
            left += stats["active_connections"].as_u64().unwrap_or_default();
        }
        if left == 0 {
            spinner.finish_and_clear();
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Failure::Late { what: format!("draining ({left} connections are left)"), seconds });
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_an_address_and_a_port() {
        assert_eq!(split("10.0.0.1:80").unwrap(), ("10.0.0.1".parse().unwrap(), 80));
        assert_eq!(split("[2001:db8::1]:80").unwrap(), ("2001:db8::1".parse().unwrap(), 80));
        for text in ["10.0.0.1", "host:80", "10.0.0.1:0x", ""] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
