//! An agent that is emptied under load: everything runs on the other host in the end, and nobody who asks notices more than a
//! second.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

const MANY: usize = 3;
/// The longest that a request may take: TCP asks again after one second, and after two more.
const LONGEST: Duration = Duration::from_secs(7);

/// Runs a command of the client's shell until it is dropped; what it says is in this file.
fn run(site: &Site, line: &str, file: &Path) -> ballast_lab::Process {
    let mut command = site.client.command("sh");
    command.args(["-c", line]).stdout(fs::File::create(file).unwrap()).stdin(Stdio::null());
    site.client.spawn(command).unwrap()
}

/// One request after the other, each with a connection of its own: a line for each, with its status and its seconds.
fn ask(site: &Site, address: &str, file: &Path) -> ballast_lab::Process {
    let curl = "curl -s -o /dev/null --max-time 20 -w '%{http_code} %{time_total}\\n'";
    run(site, &format!("while true; do {curl} http://{address}/; sleep 0.005; done"), file)
}

/// The same over one connection as long as that is kept open. Behind them how many connections it took.
fn ask_on(site: &Site, address: &str, file: &Path) -> ballast_lab::Process {
    // What goes to standard output comes late.
    let shown = "%{stderr}%{http_code} %{time_total} %{num_connects}\\n";
    let curl = format!("curl -s --rate 40/s --max-time 20 -w '{shown}' -o /dev/null");
    run(site, &format!("exec {curl} 'http://{address}/?[1-100000]' 2>&1"), file)
}

/// Status, seconds, and connections that were made for it.
fn said(file: &Path) -> Vec<(String, f64, u32)> {
    let read = fs::read_to_string(file).unwrap();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (code, took) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some((code, took, words.next().and_then(|made| made.parse().ok()).unwrap_or(1)))
    };
    read.lines().filter_map(line).collect()
}

/// Its id, of the agent on this host.
fn agent(site: &Site, host: &str) -> String {
    let listed = site.rest.get("/v2.0/agents");
    let found = listed["agents"].as_array().unwrap().iter().find(|agent| agent["host"] == host).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_agent_that_is_emptied_under_load_is_empty_in_the_end_and_no_request_fails() {
    let test = "an_agent_that_is_emptied_under_load_is_empty_in_the_end_and_no_request_fails";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let environment = vec![("", "BALLAST_FAILOVER__PER_SECOND", "1".to_owned())];
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

        let file = |what: &str, number: usize| -> PathBuf { lab.dir().join(format!("{what}-{number}")) };
        let asking: Vec<_> = made
            .iter()
            .enumerate()
            .flat_map(|(number, (_, address))| {
                [ask(&site, address, &file("each", number)), ask_on(&site, address, &file("kept", number))]
            })
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        switch(&first, false);
        wait_until(PATIENCE * 3, "all of it on the other host", || {
            ((site.haproxies(0).len(), site.haproxies(1).len()) == (0, MANY)).then_some(())
        });
        std::thread::sleep(Duration::from_secs(4));
        drop(asking);
        for (number, (pool, _)) in made.iter().enumerate() {
            site.settle(pool);
            for what in ["each", "kept"] {
                let all = said(&file(what, number));
                let failed: Vec<_> = all.iter().filter(|(code, ..)| code != "200").collect();
                let slowest = all.iter().map(|(_, took, _)| *took).fold(0.0, f64::max);
                let made: u32 = all.iter().map(|(.., made)| made).sum();
                println!(
                    "web-{number}, {what}: {} requests, {made} connections, the slowest took {slowest} s",
                    all.len()
                );
                assert!(all.len() > 50, "{what}: only {}", all.len());
                assert!(failed.is_empty(), "{what}: {failed:?} of {}", all.len());
                assert!(slowest < LONGEST.as_secs_f64(), "{what}: {slowest} s");
                assert!(what == "each" || made == 2, "a connection that is kept is closed once, and made anew: {made}");
            }
        }
        Ok(())
    });
}
