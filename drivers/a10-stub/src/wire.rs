//! Sessions of aXAPI v3. A new one begins in the shared partition, silently.

use ballast_device::{Credentials, Request, Verdict, Wire};
use serde_json::{Value, json};

use crate::reply::verdict;

pub(crate) const SHARED: &str = "shared";

pub struct Axapi;

impl Wire for Axapi {
    const ROOT: &'static str = "/axapi/v3/";
    const HOME: &'static str = SHARED;

    fn verdict(status: u16, body: &[u8]) -> Verdict {
        verdict(status, body)
    }

    fn login(credentials: &Credentials) -> Request {
        let Credentials { username, password } = credentials;
        Request::post("auth", json!({"credentials": {"username": username, "password": password}}))
    }

    fn token(reply: &Value) -> Option<String> {
        reply["authresponse"]["signature"].as_str().map(str::to_owned)
    }

    fn header(token: &str) -> (&'static str, String) {
        ("authorization", format!("A10 {token}"))
    }

    fn logout() -> Request {
        Request { method: "POST", path: "logoff".to_owned(), body: None, file: None }
    }

    fn choose(partition: &str) -> Request {
        Request { method: "POST", path: format!("active-partition/{partition}"), body: None, file: None }
    }

    fn ask(_partition: &str) -> Request {
        Request::get("active-partition")
    }

    fn answered(_partition: &str, reply: &Value) -> Option<String> {
        reply["active-partition"]["partition-name"].as_str().map(str::to_owned)
    }

    fn save(partition: &str) -> Request {
        let memory = match partition {
            SHARED => json!({"partition": SHARED}),
            name => json!({"partition": "specified", "specified-partition": name}),
        };
        Request::post("write/memory", json!({"memory": memory}))
    }
}
