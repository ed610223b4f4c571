//! The levers of a simulator in another process, over HTTP on the device's own port, under `/_simulator/`:
//!
//! | request | does |
//! |---|---|
//! | `GET journal` | every request so far |
//! | `DELETE journal` | forgets them |
//! | `POST health {"address": "10.0.0.1", "port": 80, "up": false}` | who answers checks; with `milliseconds`, how fast |
//! | `POST faults {"kind": "drop_after", "method": "POST", "path": "*/port/*", "after": 2, "times": 1}` | see [`crate::faults`] |
//! | `DELETE faults` | none |
//! | `POST clock {"advance_seconds": 600}` | time passes |
//! | `POST status {"code": 2131, "status": 409}` | the HTTP status of an error, where no real device showed one |
//! | `GET sessions` | how many are open |
//! | `DELETE sessions` | ends them all |
//! | `POST traffic {"partition": "t1", "path": "lbvserver/v1", "traffic": {"connections": 3}}` | sets counters |
//! | `POST reboot` | off and on again |
//!
//! A device may have more: `radware` has those of its second user, of its commits and of its rows (see `pull` in its levers).

use std::{net::IpAddr, sync::PoisonError, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Device, Fault, Reply, Request, Traffic, serve::Stage};

const ROOT: &str = "/_simulator/";

#[derive(Deserialize)]
struct ServerHealth {
    address: IpAddr,
    port: u16,
    up: bool,
    /// How long it takes to answer.
    #[serde(default)]
    milliseconds: Option<u64>,
}

#[derive(Deserialize)]
struct Carried {
    partition: String,
    path: String,
    traffic: Traffic,
}

#[derive(Deserialize)]
struct Status {
    code: u32,
    status: u16,
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u64,
}

/// None: the request is for the device.
pub(crate) fn answer<D: Device>(request: &Request, stage: &Stage<D>) -> Option<Reply> {
    let lever = request.path.strip_prefix(ROOT)?;
    let done = pull(lever, request, stage);
    Some(match done {
        Ok(body) => Reply::json(200, &body),
        Err(why) => Reply::json(400, &json!({"error": why})),
    })
}

fn pull<D: Device>(lever: &str, request: &Request, stage: &Stage<D>) -> Result<Value, String> {
    let device = || stage.device.lock().unwrap_or_else(PoisonError::into_inner);
    match (request.method.as_str(), lever) {
        ("GET", "journal") => return serde_json::to_value(stage.journal.all()).map_err(|error| error.to_string()),
        ("DELETE", "journal") => drop(stage.journal.take()),
        ("GET", "sessions") => return Ok(json!({"sessions": device().sessions()})),
        ("DELETE", "sessions") => device().end_sessions(),
        ("POST", "traffic") => {
            let Carried { partition, path, traffic } = body(request)?;
            device().carry(&partition, &path, traffic);
        }
        ("POST", "reboot") => device().reboot(),
        ("POST", "health") => {
            let ServerHealth { address, port, up, milliseconds } = body(request)?;
            match milliseconds.filter(|_| up) {
                Some(takes) => stage.health.slow(address, port, Duration::from_millis(takes)),
                None => stage.health.set(address, port, up),
            }
        }
        ("POST", "faults") => stage.faults.add(body::<Fault>(request)?),
        ("DELETE", "faults") => stage.faults.clear(),
        ("POST", "status") => {
            let Status { code, status } = body(request)?;
            if !device().set_status(code, status) {
                return Err(format!("the status of {code} is known"));
            }
        }
        ("POST", "clock") => {
            let Advance { advance_seconds } = body(request)?;
            stage.clock.advance(Duration::from_secs(advance_seconds));
        }
        (method, _) => {
            let own = device().pull(method, lever, &request.body);
            return own.unwrap_or_else(|| Err(format!("there is no lever {method} {lever}")));
        }
    }
    Ok(json!({}))
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}
