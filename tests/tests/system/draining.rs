//! An agent that is emptied under load: everything runs on the other host in the end, and what that costs those who ask.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, path::PathBuf, process::Stdio, time::Duration};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

const MANY: usize = 3;
/// So many requests of one that follow one another every five milliseconds may be refused.
const MOST: usize = 20;
/// The longest that a request may take: a connection that is tried again comes a second later.
const LONGEST: Duration = Duration::from_secs(4);

/// One request after the other, each with a connection of its own: a line for each, with its status and its seconds.
fn ask(site: &Site, address: &str, file: &PathBuf) -> ballast_lab::Process {
    let line = format!(
        "while true; do curl -s -o /dev/null --max-time 10 -w '%{{http_code}} %{{time_total}}\\n' http://{address}/; sleep \
         0.005; done"
    );
    let mut command = site.client.command("sh");
    command.args(["-c", &line]).stdout(fs::File::create(file).unwrap()).stdin(Stdio::null());
    site.client.spawn(command).unwrap()
}

/// Its id, of the agent on this host.
fn agent(site: &Site, host: &str) -> String {
    let listed = site.rest.get("/v2.0/agents");
    let found = listed["agents"].as_array().unwrap().iter().find(|agent| agent["host"] == host).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_that_is_emptied_under_load_is_empty_in_the_end_and_each_move_is_one_short_gap() {
    let test = "an_agent_that_is_emptied_under_load_is_empty_in_the_end_and_each_move_is_one_short_gap";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let environment = vec![
            ("", "BALLAST_FAILOVER__DRAIN", "true".to_owned()),
            ("", "BALLAST_FAILOVER__PER_SECOND", "1".to_owned()),
        ];
        let site = Site::start(lab, &Plan { agents: 2, webs: 1, environment, ..Plan::default() })?;
        let [first, second] = [0, 1].map(|number| site.agents[number].host.name().to_owned());
        let switch = |host: &str, is_up: bool| {
            let body = json!({ "agent": { "admin_state_up": is_up } });
            site.rest.update(&format!("/v2.0/agents/{}", agent(&site, host)), &body);
        };
        switch(&second, false);
        let made: Vec<_> = (0..MANY).map(|number| site.make_load_balancer(&format!("web-{number}"))).collect();
        made.iter().for_each(|(_, address)| assert_eq!(site.wait_for_traffic(address), "web-1"));
        assert_eq!((site.haproxies(0).len(), site.haproxies(1).len()), (MANY, 0));
        switch(&second, true);

        let files: Vec<PathBuf> = (0..MANY).map(|number| lab.dir().join(format!("asked-{number}"))).collect();
        let asking: Vec<_> = made.iter().zip(&files).map(|((_, address), file)| ask(&site, address, file)).collect();
        std::thread::sleep(Duration::from_secs(1));
        switch(&first, false);
        wait_until(PATIENCE * 2, "all of it on the other host", || {
            ((site.haproxies(0).len(), site.haproxies(1).len()) == (0, MANY)).then_some(())
        });
        std::thread::sleep(Duration::from_secs(2));
        drop(asking);
        for ((pool, _), file) in made.iter().zip(&files) {
            site.settle(pool);
            let said = fs::read_to_string(file)?;
            let all: Vec<(&str, f64)> = said
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(code, took)| (code, took.parse().unwrap()))
                .collect();
            let is_failed = |(code, _): &&(&str, f64)| *code != "200";
            let begun = all.iter().position(|one| is_failed(&one)).unwrap_or(all.len());
            let during: Vec<&(&str, f64)> = all[begun..].iter().take_while(is_failed).collect();
            let failed = all.iter().filter(is_failed).count();
            // One move, one gap: what is refused in it is refused at once, and what is not answered is tried again.
            assert!(
                all.len() > 50 && failed == during.len() && failed <= MOST,
                "{failed} of {} failed: {said}",
                all.len()
            );
            let slowest = all.iter().filter(|one| !is_failed(one)).map(|(_, took)| *took).fold(0.0, f64::max);
            assert!(slowest < LONGEST.as_secs_f64(), "{slowest} s: {said}");
        }
        Ok(())
    });
}
