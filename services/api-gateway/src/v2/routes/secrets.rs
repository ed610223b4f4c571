//! Our certificates as a Barbican shows its own, at the references by which load balancers name them. A private key is in none of
//! it: there is no path that leads to one.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use ballast_proto::v2::{Certificate, GetRequest};
use serde_json::{Value, json};

use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        refusal::Refusal,
        reply::{self, Reply},
        table::{Does, Routes},
    },
    v2::{place::Place, shown::Time},
};

pub(crate) fn routes() -> Routes {
    const PAYLOAD: &str = "/v1/secrets/{id}/payload";
    Routes::new()
        .serve("/v1/containers/{id}", Does::Tell(container_schema), "get_container", container)
        .serve("/v1/secrets/{id}", Does::Tell(secret_schema), "get_secret", secret)
        .serve(PAYLOAD, Does::Text("The certificate and its chain, in PEM."), "get_secret_payload", payload)
}

async fn found(gateway: &Gateway, caller: &Caller, place: Place) -> Result<Certificate, Refusal> {
    let request = caller.request(GetRequest { id: place.id, ..GetRequest::default() });
    Ok(gateway.scheduler.v2().certificates().get(request).await?.into_inner())
}

async fn container(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let certificate = found(&gateway, &caller, place).await?;
    let of = |collection: &str| format!("{}/v1/{collection}/{}", query.origin(), certificate.id);
    let shown = json!({
        "container_ref": of("containers"), "name": certificate.name, "type": "certificate", "status": "ACTIVE",
        "secret_refs": [{ "name": "certificate", "secret_ref": of("secrets") }], "consumers": [],
        "created": certificate.created_at.as_ref().map(Time), "updated": updated(&certificate), "creator_id": null
    });
    Ok(reply::json(StatusCode::OK, &shown))
}

async fn secret(State(gateway): State<Gateway>, caller: Caller, place: Place, query: Query) -> Reply {
    let certificate = found(&gateway, &caller, place).await?;
    let shown = json!({
        "secret_ref": format!("{}/v1/secrets/{}", query.origin(), certificate.id), "name": certificate.name,
        "secret_type": "certificate", "status": "ACTIVE", "content_types": { "default": "text/plain" },
        "expiration": certificate.not_after.as_ref().map(Time), "created": certificate.created_at.as_ref().map(Time),
        "updated": updated(&certificate), "algorithm": null, "bit_length": null, "mode": null, "creator_id": null
    });
    Ok(reply::json(StatusCode::OK, &shown))
}

async fn payload(State(gateway): State<Gateway>, caller: Caller, place: Place) -> Reply {
    let certificate = found(&gateway, &caller, place).await?;
    if certificate.certificate_chain.is_empty() {
        return Err(not_issued(&certificate));
    }
    let mut response = Response::new(certificate.certificate_chain.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

fn not_issued(certificate: &Certificate) -> Refusal {
    let why = certificate.acme.as_ref().map(|acme| acme.last_error.as_str()).unwrap_or_default();
    let why = if why.is_empty() { "its CA has not issued it yet" } else { why };
    let message =
        format!("The certificate {} is not there yet: {why}. Its acme.state says how far it is.", certificate.id);
    Refusal::Http { status: StatusCode::CONFLICT, kind: "", message }
}

fn updated(certificate: &Certificate) -> Value {
    json!(certificate.updated_at.as_ref().or(certificate.created_at.as_ref()).map(Time))
}

fn container_schema() -> Value {
    let text = json!({ "type": "string" });
    let secret = json!({ "type": "object", "properties": { "name": { "enum": ["certificate"] }, "secret_ref": text } });
    json!({ "type": "object", "required": ["container_ref", "type", "secret_refs"], "properties": {
        "container_ref": text, "name": text, "type": { "enum": ["certificate"] }, "status": { "enum": ["ACTIVE"] },
        "secret_refs": { "type": "array", "items": secret }, "consumers": { "type": "array" }, "created": text,
        "updated": text, "creator_id": { "type": "null" }
    } })
}

fn secret_schema() -> Value {
    let (text, nothing) = (json!({ "type": "string" }), json!({ "type": "null" }));
    json!({ "type": "object", "required": ["secret_ref", "content_types"], "properties": {
        "secret_ref": text, "name": text, "secret_type": { "enum": ["certificate"] }, "status": { "enum": ["ACTIVE"] },
        "content_types": { "type": "object", "properties": { "default": { "enum": ["text/plain"] } } },
        "expiration": text, "created": text, "updated": text, "algorithm": nothing, "bit_length": nothing, "mode": nothing,
        "creator_id": nothing
    } })
}
