//! What Terraform's provider and cloud-provider-openstack ask, replayed against gateway and scheduler: no answer is another than
//! they need, and none is 409.
//!
//! A conversation is a file of lines in `fixtures/conversations`:
//!
//! ```text
//! > METHOD PATH [BODY]     a request; $NAME is what was noted
//! < STATUS                 its status
//! NAME := PATH             notes a value of its body, as pools.0.id
//! PATH = JSON              what a value of its body must be
//! ! PATH                   asks until the object is ACTIVE, as clients wait
//! ? PATH                   it is not there
//! ```

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    played::able,
    services::{PATIENCE, Services},
};

const PAUSE: Duration = Duration::from_millis(5);

/// What has been noted, and the last answer.
struct Replay<'s> {
    services: &'s Services,
    noted: BTreeMap<String, String>,
    /// The line that is replayed, of whose number a test that fails tells.
    at: usize,
    status: u16,
    body: Value,
}

impl Replay<'_> {
    async fn line(&mut self, line: &str) {
        let said = self.with_notes(line);
        match said.split_once(' ') {
            Some((">", request)) => self.ask(request).await,
            Some(("<", status)) => assert_eq!(self.status.to_string(), status, "line {}: {}", self.at, self.body),
            Some(("!", path)) => self.active(path).await,
            Some(("?", path)) => {
                assert_eq!(self.services.call("GET", path, None).await.status, 404, "line {}: {path}", self.at);
            }
            _ => match (line.split_once(" := "), said.split_once(" = ")) {
                (Some((name, path)), _) => {
                    let value = self.value(path).as_str().expect("a text").to_owned();
                    self.noted.insert(name.to_owned(), value);
                }
                (None, Some((path, expected))) => {
                    let expected: Value = serde_json::from_str(expected).expect("JSON");
                    assert_eq!(self.value(path), &expected, "line {}: {path} in {:#}", self.at, self.body);
                }
                (None, None) => panic!("this is no line of a conversation"),
            },
        }
    }

    async fn ask(&mut self, request: &str) {
        let mut words = request.splitn(3, ' ');
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let body = words.next().map(|body| serde_json::from_str(body).expect("a body of JSON"));
        let reply = self.services.call(method, path, body).await;
        assert_ne!(reply.status, 409, "line {}: {request}: {reply}", self.at);
        (self.status, self.body) = (reply.status, reply.body);
    }

    async fn active(&self, path: &str) {
        let asked = async {
            loop {
                let reply = self.services.call("GET", path, None).await;
                assert_eq!(reply.status, 200, "line {}: {path}: {reply}", self.at);
                match reply.object()["provisioning_status"].as_str() {
                    Some("ACTIVE") => return,
                    Some("PENDING_CREATE" | "PENDING_UPDATE") => tokio::time::sleep(PAUSE).await,
                    other => panic!("{path}: {other:?} ends the wait of every client"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{path} does not become ACTIVE"));
    }

    fn with_notes(&self, line: &str) -> String {
        // Longer names first: one may begin with another.
        let mut names: Vec<_> = self.noted.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.iter().fold(line.to_owned(), |line, name| line.replace(&format!("${name}"), &self.noted[*name]))
    }

    fn value(&self, path: &str) -> &Value {
        path.split('.').fold(&self.body, |value, key| key.parse().map_or(&value[key], |at: usize| &value[at]))
    }
}

async fn replay(conversation: &str) {
    let services = Services::start().await;
    able(&services.channel, "host-a").await;
    let noted = BTreeMap::from([("subnet".to_owned(), services.subnet().await)]);
    let mut replay = Replay { services: &services, noted, at: 0, status: 0, body: json!(null) };
    for (at, line) in conversation.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        replay.at = at + 1;
        replay.line(line).await;
    }
}

#[tokio::test]
async fn terraform_applies_changes_and_destroys() {
    replay(include_str!("../../fixtures/conversations/terraform.txt")).await;
}

#[tokio::test]
async fn kubernetes_makes_changes_and_removes_a_service() {
    replay(include_str!("../../fixtures/conversations/kubernetes.txt")).await;
}
