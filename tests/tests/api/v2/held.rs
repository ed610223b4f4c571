//! A GET of what is PENDING waits for its end a while, as clients that see PENDING sleep a second or more.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    played::{Agent, able_driver},
    services::Services,
};

#[tokio::test]
async fn a_get_of_what_is_pending_waits_for_its_end_and_no_longer_than_it_may() {
    for hold_ms in [0, 400] {
        let services = Services::with(|settings| settings.gateway.hold_ms = hold_ms).await;
        let mut agent = Agent::with_drivers(&services.channel, "a", "1", vec![able_driver()]).await.unwrap();
        let subnet_id = services.subnet().await;
        let lb = json!({ "loadbalancer": { "vip_subnet_id": subnet_id } });
        let id = services.create("/v2.0/lbaas/loadbalancers", lb).await.id();
        let path = format!("/v2.0/lbaas/loadbalancers/{id}");
        let desired = agent.desired().await;

        let begun = Instant::now();
        let shown = services.get(&path).await;
        assert_eq!(shown["loadbalancer"]["provisioning_status"], "PENDING_CREATE");
        let waited = begun.elapsed();
        assert_eq!(waited > Duration::from_millis(150), hold_ms > 0, "{waited:?}");

        // What is listed never waits.
        let listed = services.get("/v2.0/lbaas/loadbalancers").await;
        assert_eq!(listed["loadbalancers"][0]["provisioning_status"], "PENDING_CREATE");
        let outcome = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            agent.deployed(&desired).await;
        };
        let (shown, ()) = tokio::join!(services.get(&path), outcome);
        let expected = if hold_ms > 0 { "ACTIVE" } else { "PENDING_CREATE" };
        assert_eq!(shown["loadbalancer"]["provisioning_status"], expected);
    }
}
