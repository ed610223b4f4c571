//! Through the gateway, with the bodies of Octavia's API.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::{LISTENER, LoadBalancer, MONITOR, MONITOR_DELAY, MONITOR_RETRIES, MONITOR_TIMEOUT, NAME, POOL};
use crate::{
    configuration::PROJECT,
    error::DemoError,
    topology::{MEMBERS, PORT},
};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The gateway.
pub(crate) struct Rest {
    base: String,
    client: reqwest::Client,
}

impl Rest {
    pub(crate) fn at(listen: SocketAddr) -> Result<Self, DemoError> {
        // A proxy of the environment does not lead back to this machine.
        let client =
            ballast_service::http::plain().map_err(|why| DemoError::new(format!("cannot make a client: {why}")))?;
        Ok(Self { base: format!("http://{listen}"), client })
    }

    /// Whether anything answers; what it says depends on who asks.
    pub(crate) async fn answers(&self) -> bool {
        self.client.get(format!("{}/", self.base)).timeout(TIMEOUT).send().await.is_ok()
    }

    pub(super) async fn make(&self, subnet_id: &str) -> Result<LoadBalancer, DemoError> {
        let made = self.post("loadbalancers", "loadbalancer", whole(subnet_id)).await?;
        Ok(LoadBalancer { id: text(&made, "id")?, address: text(&made, "vip_address")?, through: "REST" })
    }

    /// Posts `body` in the wrapper `one`, and returns what is in the answer's.
    async fn post(&self, path: &str, one: &str, body: Value) -> Result<Value, DemoError> {
        let url = format!("{}/v2.0/lbaas/{path}", self.base);
        let failed = || DemoError::when::<reqwest::Error>(format!("POST {url}"));
        let request = self.client.post(&url).header("X-Project-Id", PROJECT).timeout(TIMEOUT);
        let answer = request.json(&json!({ one: body })).send().await.map_err(failed())?;
        let status = answer.status();
        let text = answer.text().await.map_err(failed())?;
        if !status.is_success() {
            return Err(DemoError::new(format!("POST {url}: {status}: {text}")));
        }
        let mut answer: Value = serde_json::from_str(&text).map_err(DemoError::when(format!("POST {url}: {text}")))?;
        Ok(answer[one].take())
    }
}

fn whole(subnet_id: &str) -> Value {
    let members: Vec<_> =
        MEMBERS.iter().map(|member| json!({ "address": member.address, "protocol_port": PORT })).collect();
    let monitor = json!({
        "name": MONITOR, "type": "HTTP", "delay": MONITOR_DELAY, "timeout": MONITOR_TIMEOUT,
        "max_retries": MONITOR_RETRIES,
    });
    let pool = json!({
        "name": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members, "healthmonitor": monitor,
    });
    let listener = json!({
        "name": LISTENER, "protocol": "HTTP", "protocol_port": PORT, "default_pool": pool,
        "insert_headers": { "X-Forwarded-For": "true" },
    });
    json!({ "name": NAME, "vip_subnet_id": subnet_id, "listeners": [listener] })
}

fn text(object: &Value, key: &str) -> Result<String, DemoError> {
    let missing = || DemoError::new(format!("the gateway's answer lacks `{key}`: {object}"));
    object[key].as_str().map(str::to_owned).ok_or_else(missing)
}
