//! Requests from the client's host, as a person would send them: with curl.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use ballast_lab::Host;
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    error::DemoError,
    topology::{CLIENT, MEMBERS, PORT},
};

/// How many requests are counted.
pub(crate) const REQUESTS: usize = 12;
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// Which member answered how often.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_name: BTreeMap<String, usize>,
}

/// The body of the answer.
pub(crate) async fn get(client: &Host, url: &str) -> Result<String, DemoError> {
    let mut command = Command::from(client.command("curl"));
    command.args(["-sS", "--fail", "--max-time", "5", url]).stdin(Stdio::null()).kill_on_drop(true).process_group(0);
    let output = command.output().await.map_err(DemoError::when("cannot run curl on the client's host"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DemoError::new(format!("the client got no answer from {url}: {why}")))
}

/// Waits until all members have answered in turn.
pub(crate) async fn flows(client: &Host, url: &str) -> Result<(), DemoError> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let trouble = match requests(client, url, MEMBERS.len()).await {
            Ok(answers) if answers.by_name.len() == MEMBERS.len() => return Ok(()),
            Ok(answers) => DemoError::new(format!("only these have answered: {:?}", answers.by_name.into_keys())),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            return Err(DemoError::new(format!("no traffic within {DEADLINE:?}: {trouble}")));
        }
        sleep(PAUSE).await;
    }
}

/// Sends requests one after the other; each must be answered.
pub(crate) async fn requests(client: &Host, url: &str, count: usize) -> Result<Answers, DemoError> {
    let mut answers = Answers::default();
    for _ in 0..count {
        let name = get(client, url).await?.trim().to_owned();
        *answers.by_name.entry(name).or_default() += 1;
    }
    Ok(answers)
}

impl Answers {
    pub(crate) fn table(&self) -> String {
        let mut table = format!("  {:<8}{:<16}answers\n", "member", "address");
        for member in &MEMBERS {
            let count = self.by_name.get(member.name).copied().unwrap_or_default();
            let address = format!("{}:{PORT}", member.address);
            let place = if member.is_behind_router() { "   (on another subnet, behind a router)" } else { "" };
            table.push_str(&format!("  {:<8}{address:<16}{count:>7}{place}\n", member.name));
        }
        table
    }

    /// In turn means that no member is ahead of another by more than one.
    pub(crate) fn check_even(&self) -> Result<(), DemoError> {
        let counts = MEMBERS.iter().map(|member| self.by_name.get(member.name).copied().unwrap_or_default());
        let (least, most) = (counts.clone().min().unwrap_or_default(), counts.max().unwrap_or_default());
        if most - least <= 1 && self.by_name.len() == MEMBERS.len() {
            return Ok(());
        }
        Err(DemoError::new(format!("the members did not answer in turn: {:?}", self.by_name)))
    }
}

/// The line of `/headers` that tells a member who has asked.
pub(crate) fn forwarded_for(headers: &str) -> Result<String, DemoError> {
    let mut lines = headers.lines().filter_map(|line| Some((line.split_once(':')?, line)));
    let found = lines.find(|((name, value), _)| name.eq_ignore_ascii_case("x-forwarded-for") && value.trim() == CLIENT);
    let missing = || DemoError::new(format!("the member saw no `X-Forwarded-For: {CLIENT}`, but:\n{headers}"));
    found.map(|(_, line)| line.to_owned()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(counts: &[(&str, usize)]) -> Answers {
        Answers { by_name: counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect() }
    }

    #[test]
    fn in_turn_is_not_more_than_one_apart_and_from_all() {
        assert!(answers(&[("web-1", 4), ("web-2", 4), ("web-3", 4)]).check_even().is_ok());
        assert!(answers(&[("web-1", 5), ("web-2", 4), ("web-3", 3)]).check_even().is_err());
        assert!(answers(&[("web-1", 1), ("web-2", 1)]).check_even().is_err());
    }

    #[test]
    fn the_clients_address_is_found_whatever_the_case_of_the_name() {
        let headers = "host: 10.0.0.100\nx-forwarded-for: 10.0.0.5\n";
        assert_eq!(forwarded_for(headers).unwrap(), "x-forwarded-for: 10.0.0.5");
        assert!(forwarded_for("x-forwarded-for: 10.0.0.6\n").is_err());
    }
}
