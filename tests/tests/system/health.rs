//! What is told of members' health: since when, and what the last check answered.

use std::time::{Duration, Instant};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// Seconds between two checks.
const DELAY: u64 = 2;

fn health(site: &Site, id: &str) -> Vec<Value> {
    let body = site.rest.get(&format!("/v2.0/lbaas/loadbalancers/{id}/health"));
    body["health"]["members"].as_array().cloned().unwrap_or_default()
}

/// The member once it says so.
fn told(site: &Site, id: &str, member: &str, status: &str, result: &str) -> Value {
    wait_until(PATIENCE, &format!("a member that is {status} by {result}"), || {
        let found = health(site, id).into_iter().find(|one| one["id"] == member)?;
        (found["operating_status"] == status && found["last_check"]["result"] == result).then_some(found)
    })
}

#[test]
fn a_members_last_answer_is_told_and_since_when_also_after_a_start_of_the_agent() {
    let test = "a_members_last_answer_is_told_and_since_when_also_after_a_start_of_the_agent";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let pool = site.make_pool("web");
        let members = site.add_members(&pool);
        let address = site.make_vip(&pool).object()["address"].as_str().unwrap_or_default().to_owned();
        site.wait_for_traffic(&address);
        let unchecked = health(&site, &pool);
        assert!(unchecked.iter().all(|one| one["operating_status"] == "NO_MONITOR" && one["since"].is_null()));
        let monitor = json!({"healthmonitor": {
            "pool_id": pool, "type": "HTTP", "delay": DELAY, "timeout": 1, "max_retries": 1, "max_retries_down": 1
        }});
        let monitor = site.rest.create("/v2.0/lbaas/healthmonitors", &monitor).id();
        let up = told(&site, &pool, &members[0], "ONLINE", "L7OK");
        assert_eq!(up["last_check"]["code"], 200, "{up}");
        // It ends: within a delay, a timeout and a second that is seen.
        site.webs[0].kill()?;
        let ended = Instant::now();
        let down = told(&site, &pool, &members[0], "ERROR", "L4CON");
        assert!(ended.elapsed() < Duration::from_secs(DELAY + 1 + 2), "{:?}", ended.elapsed());
        assert_eq!(down["last_check"]["text"], "Connection refused", "{down}");
        let since = down["since"].as_str().unwrap_or_default().to_owned();
        assert!(up["since"].as_str().unwrap_or_default() < since.as_str(), "{up} {down}");
        // The same answer after a start of the agent, and the same time but for what is lost by whole seconds.
        site.kill_agent(0);
        site.scheduler.take().expect("a scheduler").kill()?;
        site.start_scheduler();
        site.start_agent(0);
        let again = told(&site, &pool, &members[0], "ERROR", "L4CON");
        let seconds = |text: &Value| {
            let text = format!("{}Z", text.as_str().unwrap_or_default());
            text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second).expect("a time")
        };
        assert!((seconds(&again["since"]) - seconds(&down["since"])).abs() <= 2, "{down} {again}");
        // The answer changes and the status does not.
        site.webs[0].restart()?;
        told(&site, &pool, &members[0], "ONLINE", "L7OK");
        let change = json!({"healthmonitor": {"expected_codes": "418"}});
        site.rest.update(&format!("/v2.0/lbaas/healthmonitors/{monitor}"), &change);
        let wrong = told(&site, &pool, &members[0], "ERROR", "L7STS");
        assert_eq!(wrong["last_check"]["code"], 200, "{wrong}");
        site.webs[0].kill()?;
        told(&site, &pool, &members[0], "ERROR", "L4CON");
        Ok(())
    });
}
