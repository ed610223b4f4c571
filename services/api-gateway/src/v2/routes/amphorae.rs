//! `/v2.0/octavia/amphorae`: the virtual machines that Octavia runs load balancers in. Here are none.

use axum::http::StatusCode;
use ballast_proto::status::fault::{Fault, Forbidden};
use serde_json::{Value, json};

use crate::{
    caller::Caller,
    kit::{
        refusal::Refusal,
        reply::{self, Reply},
        table::{Does, Routes},
    },
    v2::place::Place,
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/octavia/amphorae/{id}";
    Routes::new()
        .serve("/v2.0/octavia/amphorae", Does::Tell(schema), "get_amphorae", list)
        .serve(ITEM, Does::Tell(schema), "get_amphora", none)
        .serve(ITEM, Does::Delete, "delete_amphora", none)
        .serve("/v2.0/octavia/amphorae/{id}/stats", Does::Tell(schema), "get_amphora_stats", no_stats)
        .serve("/v2.0/octavia/amphorae/{id}/config", Does::Act, "configure_amphora", none)
        .serve("/v2.0/octavia/amphorae/{id}/failover", Does::Act, "failover_amphora", none)
}

fn schema() -> Value {
    let none = json!({ "type": "array", "maxItems": 0 });
    json!({ "type": "object", "properties": { "amphorae": none, "amphorae_links": none } })
}

async fn list(caller: Caller) -> Reply {
    if !caller.is_admin() {
        return Err(Fault::from(Forbidden::Action { action: "get_amphorae".to_owned() }).into());
    }
    Ok(reply::json(StatusCode::OK, &json!({ "amphorae": [], "amphorae_links": [] })))
}

async fn none(_: Caller, place: Place) -> Reply {
    Err(not_found(format!("Amphora {} not found.", place.id)))
}

async fn no_stats(_: Caller, place: Place) -> Reply {
    Err(not_found(format!("Amphora stats for {} not found.", place.id)))
}

fn not_found(message: String) -> Refusal {
    Refusal::Http { status: StatusCode::NOT_FOUND, kind: "", message }
}
