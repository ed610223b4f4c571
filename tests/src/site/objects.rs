//! What tests make over REST, and the traffic through it.

use ballast_lab::{WebServer, wait_until};
use serde_json::{Value, json};

use super::Site;
use crate::{PATIENCE, rest::Reply};

impl Site {
    pub(super) fn make_subnet(&mut self) {
        // The scheduler is there; who vouches for the token may be slow on a busy machine.
        wait_until(PATIENCE, "an answer other than 503", || {
            self.rest.try_call("GET", "/v2.0/networks", None).filter(|reply| reply.status != 503)
        });
        let network = json!({"network": {
            "name": "demo-net", "provider:network_type": "bridge", "provider:physical_network": "physnet1"
        }});
        let network_id = self.rest.create("/v2.0/networks", &network).id();
        let subnet = json!({"subnet": {
            "name": "demo-subnet", "network_id": network_id, "ip_version": 4, "cidr": "10.20.0.0/24",
            "allocation_pools": [{"start": "10.20.0.100", "end": "10.20.0.199"}]
        }});
        self.subnet_id = self.rest.create("/v2.0/subnets", &subnet).id();
    }

    /// A pool of HTTP servers.
    #[must_use]
    pub fn make_pool(&self, name: &str) -> String {
        let pool = json!({"pool": {
            "name": name, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": self.subnet_id
        }});
        self.rest.create("/v2.0/lb/pools", &pool).id()
    }

    /// The web servers as members of a pool, in order.
    pub fn add_members(&self, pool_id: &str) -> Vec<String> {
        let add = |web: &WebServer| {
            let address = web.address();
            let member = json!({"member": {
                "pool_id": pool_id, "address": address.ip().to_string(), "protocol_port": address.port()
            }});
            self.rest.create("/v2.0/lb/members", &member).id()
        };
        self.webs.iter().map(add).collect()
    }

    /// A vip on port 80.
    #[must_use]
    pub fn make_vip(&self, pool_id: &str) -> Reply {
        let vip = json!({"vip": {
            "name": "vip", "protocol": "HTTP", "protocol_port": 80, "subnet_id": self.subnet_id, "pool_id": pool_id
        }});
        self.rest.create("/v2.0/lb/vips", &vip)
    }

    /// A pool with the web servers and a vip that answers; the pool's id and the vip's address.
    #[must_use]
    pub fn make_load_balancer(&self, name: &str) -> (String, String) {
        let pool_id = self.make_pool(name);
        self.add_members(&pool_id);
        let address = self.make_vip(&pool_id).object()["address"].as_str().unwrap_or_default().to_owned();
        self.wait_for_traffic(&address);
        (pool_id, address)
    }

    /// Who answers at an address.
    #[must_use]
    pub fn ask(&self, address: &str) -> Option<String> {
        let url = format!("http://{address}/");
        let said = self.client.output("curl", ["-sf", "--max-time", "2", &url]).ok()?;
        Some(said.trim().to_owned())
    }

    /// # Panics
    /// When nobody answers in time.
    pub fn wait_for_traffic(&self, address: &str) -> String {
        wait_until(PATIENCE, &format!("traffic through {address}"), || self.ask(address))
    }

    /// Waits until an object has a status.
    ///
    /// # Panics
    /// When it has not in time: with the object as it is then.
    pub fn wait_for_status(&self, path: &str, status: &str) {
        wait_until(PATIENCE, &format!("{status} of {path}"), || {
            let object = self.rest.try_call("GET", path, None)?;
            (object.object()["status"] == status).then_some(())
        });
    }

    /// Waits until a pool, with all that hangs on it, is deployed: ACTIVE, or INACTIVE. A pool's own status says nothing of its
    /// vip, members and monitors.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn settle(&self, pool_id: &str) {
        let path = format!("/v2.0/lb/pools/{pool_id}");
        let deployed = |object: &Value| object["status"] == "ACTIVE" || object["status"] == "INACTIVE";
        let object = |path: &str| self.rest.try_call("GET", path, None).map(|reply| reply.object().clone());
        wait_until(PATIENCE, &format!("all of {path} deployed"), || {
            let pool = object(&path)?;
            let members = pool["members"].as_array()?.iter().map(|id| ("members", id));
            let vip = Some(&pool["vip_id"]).filter(|id| !id.is_null()).map(|id| ("vips", id));
            let all_deployed = members.chain(vip).all(|(kind, id)| {
                let path = format!("/v2.0/lb/{kind}/{}", id.as_str().unwrap_or_default());
                object(&path).is_some_and(|object| deployed(&object))
            });
            let monitors = pool["health_monitors_status"].as_array()?.iter().all(deployed);
            (deployed(&pool) && all_deployed && monitors).then_some(())
        });
    }
}
