//! `ballast lb describe`: how a load balancer is, what is in it, which agent runs it, and what to do.

use http::Method;
use serde_json::{Value, json};

use super::{
    ask::one,
    shown::{Answer, branch, checked},
};
use crate::{api::rest::Gateway, failure::Failure, noun::text, table};

/// # Errors
/// When the gateway fails.
pub(super) async fn describe(gateway: &Gateway, target: &str) -> Result<Answer, Failure> {
    let load_balancer = one(gateway, target, "loadbalancer").await?;
    let mut statuses = one(gateway, &format!("{target}/status"), "statuses").await?;
    let health = one(gateway, &format!("{target}/health"), "health").await?;
    let stats = one(gateway, &format!("{target}/stats"), "stats").await?;
    Ok(Answer::Described(json!({
        "agent": agent(gateway, target, &load_balancer).await?,
        "loadbalancer": load_balancer, "statuses": statuses["loadbalancer"].take(), "health": health, "stats": stats,
    })))
}

/// Which agent runs it, for who may know: the plan of a change that changes nothing says it.
async fn agent(gateway: &Gateway, target: &str, load_balancer: &Value) -> Result<Value, Failure> {
    let same = json!({ "loadbalancer": { "name": load_balancer["name"] } });
    match gateway.ask(Method::PUT, &format!("{target}?validate_only=true"), Some(&same)).await {
        Ok(mut answer) => Ok(answer["plan"]["agent"].take()),
        // A reader may not even ask.
        Err(Failure::Answer { status: 403, .. }) => Ok(Value::Null),
        Err(failure) => Err(failure),
    }
}

pub(super) fn page(all: &Value) -> String {
    let lb = &all["loadbalancer"];
    let (provisioning, operating) = (text(&lb["provisioning_status"]), text(&lb["operating_status"]));
    let members = all["health"]["members"].as_array().map_or(&[][..], Vec::as_slice);
    let mut rows = vec![
        ("name", text(&lb["name"])),
        ("id", text(&lb["id"])),
        ("address", text(&lb["vip_address"])),
        ("provider", text(&lb["provider"])),
        ("agent", text(&all["agent"]["host"])),
        ("status", format!("{provisioning}, {operating}{}", up(members))),
        ("why", text(&lb["status_description"])),
        ("traffic", traffic(&all["stats"])),
    ];
    rows.extend(tries(&provisioning, &operating).map(|word| ("try", format!("ballast explain {word}"))));
    let rows = rows.into_iter().filter(|(_, said)| !said.is_empty());
    let mut page = table::rows(&rows.map(|(title, said)| vec![title.to_owned(), said]).collect::<Vec<_>>());
    let mut lines = Vec::new();
    branch(&all["statuses"], "load balancer", 0, &mut lines);
    page.push('\n');
    page.push_str(&table::table(&["OBJECT", "NAME", "PROVISIONING", "OPERATING", "ID"], &lines));
    if !members.is_empty() {
        let titles = ["MEMBER", "NAME", "ADDRESS", "OPERATING", "SINCE", "LAST CHECK", "MS"];
        page.push('\n');
        page.push_str(&table::table(&titles, &members.iter().map(checked).collect::<Vec<_>>()));
    }
    page
}

/// `: 1 of 3 members up`, of those that are checked.
fn up(members: &[Value]) -> String {
    let with = |status: &str| members.iter().filter(|member| member["operating_status"] == status).count();
    if members.len() == with("NO_MONITOR") {
        return String::new();
    }
    format!(": {} of {} members up", with("ONLINE") + with("DRAINING") + with("NO_MONITOR"), members.len())
}

fn traffic(stats: &Value) -> String {
    let number = |key: &str| text(&stats[key]);
    format!(
        "{} connections now, {} in all, {} bytes in, {} bytes out",
        number("active_connections"),
        number("total_connections"),
        number("bytes_in"),
        number("bytes_out")
    )
}

/// What is worth to be explained.
fn tries(provisioning: &str, operating: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = [provisioning, operating].map(str::to_owned).to_vec();
    words.dedup();
    words.into_iter().filter(|word| !["ACTIVE", "ONLINE", ""].contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_how_it_is_and_what_to_try() {
        let member = json!({"id": "4", "name": "", "address": "10.0.0.11", "protocol_port": 80,
            "operating_status": "ERROR", "since": null, "last_check": {"result": "L7STS", "code": 500}});
        let all = json!({
            "agent": {"host": "h3"},
            "loadbalancer": {"id": "1", "name": "shop", "vip_address": "10.0.0.100", "provisioning_status": "ACTIVE",
                "operating_status": "ERROR", "status_description": null},
            "statuses": {"id": "1", "name": "shop", "provisioning_status": "ACTIVE", "operating_status": "ERROR"},
            "health": {"members": [member]},
            "stats": {"active_connections": 0, "total_connections": 7, "bytes_in": 1, "bytes_out": 2},
        });
        let page = page(&all);
        for line in [
            "agent    h3\n",
            "status   ACTIVE, ERROR: 0 of 1 members up\n",
            "traffic  0 connections now, 7 in all, 1 bytes in, 2 bytes out\n",
            "try      ballast explain ERROR\n",
            "L7STS 500",
        ] {
            assert!(page.contains(line), "{line} is not in:\n{page}");
        }
        assert!(!page.contains("why "), "{page}");
    }
}
