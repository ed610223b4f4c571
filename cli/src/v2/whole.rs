//! `ballast lb create NAME --port 80 --member A:P ..`: a load balancer with a listener, a pool, members and a monitor, in
//! the one request that makes them all.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, builder::NonEmptyStringValueParser, value_parser};
use http::Method;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::ask::one;
use crate::{
    api::rest::Gateway,
    failure::Failure,
    find::{is_uuid, plain},
    noun::text,
};

const NAME: &str = "whole-name";
const PORT: &str = "port";
const PROTOCOL: &str = "protocol";
const ALGORITHM: &str = "algorithm";
const MEMBER: &str = "member";
const CHECK: &str = "check";
/// What is of a listener, and none without.
const OF_LISTENER: [&str; 4] = [PROTOCOL, ALGORITHM, MEMBER, CHECK];
/// What a pool is called whose load balancer has no name: who makes it names it by its name.
const POOL: &str = "pool";
/// Seconds between checks, seconds that one may take, passed until up, failed until down. Up by the first, which is made at
/// once: who makes a load balancer so wants to see it serve.
const CHECKS: [(&str, u8); 4] = [("delay", 5), ("timeout", 3), ("max_retries", 1), ("max_retries_down", 3)];
/// How long members are waited for that were not checked yet, and between two looks.
const FIRST_CHECK: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn arguments() -> Vec<Arg> {
    let option = |id: &'static str, form: &'static str| Arg::new(id).long(id).value_name(form);
    let needs_port = |arg: Arg| arg.requires(PORT);
    let name = Arg::new(NAME).value_name("NAME").value_parser(NonEmptyStringValueParser::new());
    vec![
        name.conflicts_with("name").help("Its name, as --name"),
        option(PORT, "NUMBER").help("With a listener at this port, and a pool behind it"),
        needs_port(option(PROTOCOL, "TEXT").help("Of the listener and the pool; HTTP where nothing is said")),
        needs_port(option(ALGORITHM, "TEXT").help("Of the pool; ROUND_ROBIN where nothing is said")),
        needs_port(
            option(MEMBER, "ADDRESS:PORT[=WEIGHT]")
                .action(ArgAction::Append)
                .value_parser(value_parser!(Member))
                .help("A server behind it, as 10.0.0.11:80 or 10.0.0.11:80=5; again for each"),
        ),
        needs_port(
            option(CHECK, "TYPE[:PATH]")
                .value_parser(value_parser!(Check))
                .help("How members are checked, as http:/health, https:/, tcp or ping; every 5 s"),
        ),
    ]
}

/// A server, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    at: SocketAddr,
    weight: Option<u16>,
}

impl FromStr for Member {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (at, weight) = text.split_once('=').map_or((text, None), |(at, weight)| (at, Some(weight)));
        let refuse = || "write ADDRESS:PORT or ADDRESS:PORT=WEIGHT, as 10.0.0.11:80 or [2001:db8::1]:80=5".to_owned();
        let weight = weight.map(str::parse).transpose().map_err(|_| refuse())?;
        Ok(Self { at: at.parse().map_err(|_| refuse())?, weight })
    }
}

/// A monitor, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Check {
    kind: String,
    path: Option<String>,
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once(':').map_or((text, None), |(kind, path)| (kind, Some(path)));
        let kind = kind.to_ascii_uppercase();
        let refuse = |why: &str| Err(format!("{why}: write it as http:/health, https:/, tcp or ping"));
        match path {
            _ if kind.is_empty() => refuse("the type is missing"),
            Some(path) if !path.starts_with('/') => refuse("a path begins with a slash"),
            Some(_) if !["HTTP", "HTTPS"].contains(&kind.as_str()) => refuse("only http and https have a path"),
            path => Ok(Self { kind, path: path.map(str::to_owned) }),
        }
    }
}

/// What is said of listener, pool, members and monitor, into the body of the load balancer.
///
/// # Errors
/// When the port is none.
pub(super) fn put(body: &mut Map<String, Value>, matches: &ArgMatches) -> Result<(), Failure> {
    if let Ok(Some(name)) = matches.try_get_one::<String>(NAME) {
        body.insert("name".to_owned(), name.clone().into());
    }
    let Ok(Some(port)) = matches.try_get_one::<String>(PORT) else { return Ok(()) };
    let is_alone = OF_LISTENER.iter().all(|id| !matches!(matches.try_contains_id(id), Ok(true)));
    // Before listeners were made along, it was what --vip-port is.
    if is_uuid(port) && is_alone {
        body.insert("vip_port_id".to_owned(), port.clone().into());
        return Ok(());
    }
    let port: u16 = match port.parse() {
        Ok(port) if port > 0 => port,
        _ => return Err(Failure::Usage(format!("--port {}: a listener's port is 1 to 65535", plain(port)))),
    };
    let said = |id: &str, usual: &str| matches.get_one::<String>(id).map_or(usual, String::as_str).to_ascii_uppercase();
    let name = text(body.get("name").unwrap_or(&Value::Null));
    let pool_name = if name.is_empty() { POOL } else { &name };
    let protocol = said(PROTOCOL, "HTTP");
    let mut pool = json!({ "name": pool_name, "protocol": protocol, "lb_algorithm": said(ALGORITHM, "ROUND_ROBIN") });
    let members: Vec<Value> = matches.get_many::<Member>(MEMBER).into_iter().flatten().map(member).collect();
    if !members.is_empty() {
        pool["members"] = members.into();
    }
    if let Some(check) = matches.get_one::<Check>(CHECK) {
        pool["healthmonitor"] = monitor(check);
    }
    let listener =
        json!({ "name": name, "protocol": protocol, "protocol_port": port, "default_pool": { "name": pool_name } });
    for (key, made) in [("listeners", listener), ("pools", pool)] {
        match body.get_mut(key).and_then(Value::as_array_mut) {
            // Beside those of --body.
            Some(others) => others.push(made),
            None => drop(body.insert(key.to_owned(), json!([made]))),
        }
    }
    Ok(())
}

fn member(member: &Member) -> Value {
    let mut made = json!({ "address": member.at.ip(), "protocol_port": member.at.port() });
    if let Some(weight) = member.weight {
        made["weight"] = weight.into();
    }
    made
}

fn monitor(check: &Check) -> Value {
    let mut made = json!({ "type": check.kind });
    for (key, number) in CHECKS {
        made[key] = number.into();
    }
    if let Some(path) = &check.path {
        made["url_path"] = path.clone().into();
    }
    made
}

/// Whether a load balancer was made along with its listener.
pub(super) fn is_asked_for(matches: &ArgMatches) -> bool {
    matches!(matches.try_get_one::<String>(PORT), Ok(Some(port)) if !is_uuid(port))
}

/// Where a load balancer serves, on which agent, since when, and how its members are.
///
/// # Errors
/// When the gateway fails.
pub(super) async fn serving(
    gateway: &Gateway,
    target: &str,
    load_balancer: &Value,
    took: Duration,
) -> Result<String, Failure> {
    let agent = super::describe::agent(gateway, target, load_balancer).await?;
    let mut tree = gateway.ask(Method::GET, &format!("{target}/status"), None).await?;
    let listeners = tree["statuses"]["loadbalancer"]["listeners"].take();
    let ports = listeners.as_array().into_iter().flatten().map(|listener| text(&listener["id"])).collect::<Vec<_>>();
    let mut places = Vec::new();
    for id in ports {
        let listener = one(gateway, &format!("/v2.0/lbaas/listeners/{id}"), "listener").await?;
        places.push(place(&text(&load_balancer["vip_address"]), &text(&listener["protocol_port"])));
    }
    let health = first_checked(gateway, target).await?;
    Ok(line(load_balancer, &places, &agent, took, &health))
}

/// How the members are, once each was checked, if that is soon.
async fn first_checked(gateway: &Gateway, target: &str) -> Result<Vec<Value>, Failure> {
    let deadline = Instant::now() + FIRST_CHECK;
    loop {
        let mut health = one(gateway, &format!("{target}/health"), "health").await?;
        let members = health["members"].as_array_mut().map(std::mem::take).unwrap_or_default();
        if members.iter().all(is_known) || Instant::now() >= deadline {
            return Ok(members);
        }
        sleep(PAUSE).await;
    }
}

/// Whether it is said how a member is: it is not checked, it is up, or a check has failed.
fn is_known(member: &Value) -> bool {
    let is_up = ["NO_MONITOR", "ONLINE", "DRAINING"].iter().any(|status| member["operating_status"] == *status);
    is_up || member["last_check"]["result"].as_str().is_some_and(|result| !result.contains("OK"))
}

fn place(address: &str, port: &str) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// `shop  10.0.0.101:80  ACTIVE on h7 in 38 ms, 2 of 2 members up`
fn line(load_balancer: &Value, places: &[String], agent: &Value, took: Duration, members: &[Value]) -> String {
    let name = match text(&load_balancer["name"]) {
        name if name.is_empty() => text(&load_balancer["id"]),
        name => plain(&name),
    };
    let host = agent["host"].as_str().map(|host| format!(" on {}", plain(host))).unwrap_or_default();
    let up = super::describe::up(members);
    let up = up.strip_prefix(':').map(|up| format!(",{up}")).unwrap_or_default();
    let status = text(&load_balancer["provisioning_status"]);
    format!("{name}  {}  {status}{host} in {} ms{up}\n", places.join(" "), took.as_millis())
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    fn said(words: &str) -> Result<Value, String> {
        let name = Arg::new("name").long("name");
        let command = Command::new("create").no_binary_name(true).arg(name).args(arguments());
        let matches = command.try_get_matches_from(words.split_whitespace()).map_err(|error| error.to_string())?;
        let mut body = Map::new();
        put(&mut body, &matches).map_err(|failure| failure.to_string())?;
        Ok(body.into())
    }

    #[test]
    fn a_line_is_one_request_with_all_that_is_in_it() {
        let line = "shop --port 80 --member 10.0.0.11:80 --member [2001:db8::1]:81=5 --check http:/health";
        let expected = json!({"name": "shop",
            "listeners": [{"name": "shop", "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "shop"}}],
            "pools": [{"name": "shop", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [
                {"address": "10.0.0.11", "protocol_port": 80}, {"address": "2001:db8::1", "protocol_port": 81, "weight": 5}],
                "healthmonitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 1, "max_retries_down": 3,
                    "url_path": "/health"}}]});
        assert_eq!(said(line).unwrap(), expected);
        let plain = json!({"listeners": [{"name": "", "protocol": "TCP", "protocol_port": 5432,
            "default_pool": {"name": "pool"}}], "pools": [{"name": "pool", "protocol": "TCP", "lb_algorithm": "SOURCE_IP"}]});
        assert_eq!(said("--port 5432 --protocol tcp --algorithm source_ip").unwrap(), plain);
        assert_eq!(said("shop").unwrap(), json!({"name": "shop"}));
        assert_eq!(said("").unwrap(), json!({}));
        let id = "0f2b1c3d-0000-4000-8000-000000000001";
        assert_eq!(said(&format!("--port {id}")).unwrap(), json!({ "vip_port_id": id }));
    }

    #[test]
    fn what_is_no_member_no_check_and_no_port_says_how_it_is_written() {
        for (line, why) in [
            ("--member 10.0.0.1:80", "--port"),
            ("--check tcp", "--port"),
            ("--port 80 --member 10.0.0.1", "ADDRESS:PORT=WEIGHT, as 10.0.0.11:80"),
            ("--port 80 --member host:80", "write ADDRESS:PORT"),
            ("--port 80 --member 10.0.0.1:80=x", "write ADDRESS:PORT"),
            ("--port 80 --check http:health", "a path begins with a slash"),
            ("--port 80 --check tcp:/x", "only http and https have a path"),
            ("--port 80 --check :/x", "the type is missing"),
            ("--port 0", "1 to 65535"),
            ("--port http", "1 to 65535"),
            ("--port 0f2b1c3d-0000-4000-8000-000000000001 --check tcp", "1 to 65535"),
            ("shop --name other", "cannot be used with"),
        ] {
            let refused = said(line).unwrap_err();
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }

    #[test]
    fn a_member_is_known_once_it_is_up_or_has_failed() {
        let member = |status: &str, result: Value| json!({"operating_status": status, "last_check": result});
        for (status, result, known) in [
            ("NO_MONITOR", Value::Null, true),
            ("ONLINE", Value::Null, true),
            ("ERROR", Value::Null, false),
            ("ERROR", json!({"result": "L7OK"}), false),
            ("ERROR", json!({"result": "L4CON"}), true),
        ] {
            assert_eq!(is_known(&member(status, result)), known, "{status}");
        }
    }

    #[test]
    fn what_was_made_is_one_line() {
        let load_balancer = json!({"id": "1", "name": "shop", "provisioning_status": "ACTIVE"});
        let member = |status: &str| json!({ "operating_status": status });
        let shown = |agent, members: &[Value]| {
            line(&load_balancer, &[place("10.0.0.101", "80")], &agent, Duration::from_millis(38), members)
        };
        let both = [member("ONLINE"), member("ERROR")];
        assert_eq!(
            shown(json!({"host": "h7"}), &both),
            "shop  10.0.0.101:80  ACTIVE on h7 in 38 ms, 1 of 2 members up\n"
        );
        assert_eq!(shown(Value::Null, &[member("NO_MONITOR")]), "shop  10.0.0.101:80  ACTIVE in 38 ms\n");
        assert_eq!(place("2001:db8::1", "80"), "[2001:db8::1]:80");
    }
}
