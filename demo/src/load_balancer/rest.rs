//! Through the gateway, with the bodies of LBaaS v1.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::{Api, MONITOR_DELAY, MONITOR_RETRIES, MONITOR_TIMEOUT, NAME, VIP_NAME};
use crate::{configuration::PROJECT, error::DemoError, topology::PORT};

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

    /// Posts `body` in the wrapper `one`, and returns what is in the answer's.
    async fn post(&self, path: &str, one: &str, body: Value) -> Result<Value, DemoError> {
        let url = format!("{}/v2.0/lb/{path}", self.base);
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

fn text(object: &Value, key: &str) -> Result<String, DemoError> {
    let missing = || DemoError::new(format!("the gateway's answer lacks `{key}`: {object}"));
    object[key].as_str().map(str::to_owned).ok_or_else(missing)
}

impl Api for Rest {
    const NAME: &'static str = "REST";

    async fn pool(&self, subnet_id: &str) -> Result<String, DemoError> {
        let body = json!({ "name": NAME, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": subnet_id });
        text(&self.post("pools", "pool", body).await?, "id")
    }

    async fn member(&self, pool_id: &str, address: &str) -> Result<(), DemoError> {
        let body = json!({ "pool_id": pool_id, "address": address, "protocol_port": PORT });
        self.post("members", "member", body).await.map(drop)
    }

    async fn vip(&self, pool_id: &str, subnet_id: &str) -> Result<String, DemoError> {
        let body = json!({
            "name": VIP_NAME, "protocol": "HTTP", "protocol_port": PORT, "subnet_id": subnet_id, "pool_id": pool_id,
        });
        text(&self.post("vips", "vip", body).await?, "address")
    }

    async fn monitor(&self) -> Result<String, DemoError> {
        let body = json!({
            "type": "HTTP", "delay": MONITOR_DELAY, "timeout": MONITOR_TIMEOUT, "max_retries": MONITOR_RETRIES,
        });
        text(&self.post("health_monitors", "health_monitor", body).await?, "id")
    }

    async fn associate(&self, pool_id: &str, monitor_id: &str) -> Result<(), DemoError> {
        let path = format!("pools/{pool_id}/health_monitors");
        self.post(&path, "health_monitor", json!({ "id": monitor_id })).await.map(drop)
    }
}
