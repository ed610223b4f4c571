//! The requests of the vendor's own Go client, as they were recorded.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::client::{Client, simulator};

#[test]
fn the_vendors_go_client_gets_the_answers_that_were_recorded() {
    let simulator = simulator();
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/netscaler_nitro_go_session.jsonl");
    let recording = fs::read_to_string(recording).unwrap();
    let mut token = String::new();
    for (position, line) in recording.lines().enumerate() {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let mut client = Client::new(&simulator);
        match recorded["auth"].as_str() {
            // This client sends its cookie in a header that is meant for replies.
            Some("session") => client.headers.push(("Set-Cookie".to_owned(), format!("NITRO_AUTH_TOKEN={token}"))),
            Some("stateless") => {
                let header = |name: &str| (name.to_owned(), "nsroot".to_owned());
                client.headers.extend([header("X-NITRO-USER"), header("X-NITRO-PASS")]);
            }
            _ => {}
        }
        if recorded["errorcode"] == 444 {
            simulator.clock.advance(Duration::from_secs(901));
        }
        let mut body = recorded["body"].clone();
        if let Some(login) = body.get_mut("login") {
            login["password"] = json!("nsroot");
        }
        let answer = client.send(recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap(), &body);
        let expected = (&recorded["status"], &recorded["errorcode"]);
        let got = (&json!(answer.status), &answer.body()["errorcode"]);
        assert_eq!(got, expected, "request {}: {line}", position + 1);
        if let Some(session) = answer.body()["sessionid"].as_str() {
            session.clone_into(&mut token);
        }
    }
    let device = simulator.device();
    assert_eq!(device.objects("default"), [""; 0]);
    assert!(device.is_saved());
    assert_eq!(ballast_simulators::Device::sessions(&*device), 0);
}
