//! What four published clients send: recorded once, without what was answered, which came from no device.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    client::{Client, assuming},
    tls::pair,
};

#[test]
fn what_published_clients_send_is_taken_and_leaves_what_they_leave() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/radware_clients.jsonl");
    let recording = fs::read_to_string(recording).unwrap();
    let requests: Vec<Value> = recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |request: &Value| request["client"].as_str().unwrap().to_owned();
    let mut clients: Vec<String> = requests.iter().map(of).collect();
    clients.dedup();
    // The first ends with the load balancer of IPv6 that it made, the last before it has deleted anything.
    let left = [7, 0, 0, 5];
    assert_eq!(clients.len(), left.len());
    for (client, left) in clients.iter().zip(left) {
        // One of them writes no "idle", and one reads a row that is not there as a list.
        let simulator = assuming(|assumptions| assumptions.action_needs_idle = false);
        let device = Client::new(&simulator);
        let (certificate, key) = pair();
        for (position, request) in requests.iter().filter(|request| of(request) == *client).enumerate() {
            let path = request["path"].as_str().unwrap();
            let body = match &request["body"] {
                Value::Null => String::new(),
                body if body == "certificate" => {
                    // It was sent without its key, of which that device did not ask.
                    let sent = device.send_text("PUT", &path.replace("type=cert", "type=key"), &key);
                    assert_eq!(sent.status, 200);
                    certificate.clone()
                }
                body => body.to_string(),
            };
            let answer = device.send_text(request["method"].as_str().unwrap(), path, &body);
            let refused = request["refused"] == true;
            assert_eq!(
                answer.status == 200,
                !refused,
                "{client}, request {}: {request}: {}",
                position + 1,
                answer.text
            );
            let state = answer.body()["agApplyConfig"].clone();
            assert!([json!(null), json!(2), json!(4)].contains(&state), "{client}, request {}: {state}", position + 1);
        }
        let staged: Vec<String> = simulator.device().staged();
        let rows: Vec<&String> = staged.iter().filter(|path| !path.contains("SslCfgCerts")).collect();
        assert_eq!(rows.len(), left, "{client}: {staged:?}");
    }
}
