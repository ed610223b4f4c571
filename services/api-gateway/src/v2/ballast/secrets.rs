//! `GET /ballast/v1/secrets`: what listeners and pools use by their references, when it ends, and who uses it. `PUT .. /look`:
//! what others keep is looked at now.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{ListRequest, LookAtSecretsRequest, SecretUser, Sort, UsedSecret};
use form_urlencoded::Serializer;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Time, only};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        links::Link,
        query::Query,
        refusal::Refusal,
        reply::{self, Reply},
    },
};

/// The most of an answer, and as many as there are without a limit.
const MOST: u32 = 1_000;

pub(super) async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    only(&query, &["limit", "marker", "project_id"])?;
    let request = ListRequest {
        project_id: query.last("project_id").unwrap_or_default().to_owned(),
        page_size: limit(query.last("limit"))?,
        page_token: query.last("marker").unwrap_or_default().to_owned(),
        sorts: vec![Sort { field: "not_after".to_owned(), descending: false }],
        ..ListRequest::default()
    };
    let found = gateway.scheduler.v2().certificates().list_secrets(caller.request(request)).await?.into_inner();
    let kept = query.pairs.iter().filter(|(key, _)| key != "marker").cloned().collect();
    let secrets_links = next(&query.url(), kept, &found.next_page_token);
    let shown = Answer { secrets: found.secrets.iter().map(Shown::from).collect(), secrets_links };
    Ok(reply::json(StatusCode::OK, &json!(shown)))
}

/// 202: it is done.
pub(super) async fn look(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    only(&query, &["project_id"])?;
    let project_id = query.last("project_id").unwrap_or_default().to_owned();
    let request = caller.request(LookAtSecretsRequest { project_id });
    gateway.scheduler.v2().certificates().look_at_secrets(request).await?;
    Ok(reply::empty(StatusCode::ACCEPTED))
}

fn limit(said: Option<&str>) -> Result<u32, Refusal> {
    let Some(text) = said else { return Ok(MOST) };
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| Refusal::faulty(format!("limit is \"{text}\", and not a number from 1 to {MOST}")))
}

fn next(url: &str, mut query: Vec<(String, String)>, marker: &str) -> Vec<Link> {
    if marker.is_empty() {
        return Vec::new();
    }
    query.push(("marker".to_owned(), marker.to_owned()));
    let query = Serializer::new(String::new()).extend_pairs(&query).finish();
    vec![Link { rel: "next", href: format!("{url}?{query}") }]
}

#[derive(Serialize)]
struct Answer<'a> {
    secrets: Vec<Shown<'a>>,
    /// To the next page, if there are more.
    secrets_links: Vec<Link>,
}

#[derive(Serialize)]
struct Shown<'a> {
    reference: &'a str,
    project_id: &'a str,
    names: &'a [String],
    not_before: Option<Time<'a>>,
    not_after: Option<Time<'a>>,
    validity: &'static str,
    expires_in_days: Option<i32>,
    problem: &'a str,
    looked_at: Option<Time<'a>>,
    users: Vec<User<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    loadbalancer_id: &'a str,
    kind: &'a str,
    id: &'a str,
}

impl<'a> From<&'a UsedSecret> for Shown<'a> {
    fn from(used: &'a UsedSecret) -> Self {
        Self {
            reference: &used.reference,
            project_id: &used.project_id,
            names: &used.names,
            not_before: used.not_before.as_ref().map(Time),
            not_after: used.not_after.as_ref().map(Time),
            validity: super::certificates::validity(used.validity()),
            expires_in_days: used.not_after.as_ref().map(|_| used.expires_in_days),
            problem: &used.problem,
            looked_at: used.looked_at.as_ref().map(Time),
            users: used.users.iter().map(User::from).collect(),
        }
    }
}

impl<'a> From<&'a SecretUser> for User<'a> {
    fn from(SecretUser { load_balancer_id, kind, id }: &'a SecretUser) -> Self {
        Self { loadbalancer_id: load_balancer_id, kind, id }
    }
}

pub(super) fn schema() -> Value {
    let (text, or_null) = (json!({ "type": "string" }), json!({ "type": ["string", "null"] }));
    let user = json!({ "type": "object", "required": ["loadbalancer_id", "kind", "id"], "properties": {
        "loadbalancer_id": text, "kind": { "enum": ["LISTENER", "POOL"] }, "id": text
    } });
    let secret = json!({ "type": "object", "required": ["reference", "not_after", "validity", "problem", "users"], "properties": {
        "reference": text, "project_id": text, "names": { "type": "array", "items": text }, "not_before": or_null,
        "not_after": or_null, "validity": super::certificates::validities(), "expires_in_days": { "type": ["integer", "null"] },
        "problem": text, "looked_at": or_null, "users": { "type": "array", "items": user }
    } });
    let link = json!({ "type": "object", "properties": { "rel": { "enum": ["next"] }, "href": text } });
    json!({ "type": "object", "required": ["secrets", "secrets_links"], "properties": {
        "secrets": { "type": "array", "items": secret }, "secrets_links": { "type": "array", "items": link }
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_as_many_as_it_may_and_one_at_least() {
        assert_eq!((limit(None).ok(), limit(Some("5")).ok()), (Some(MOST), Some(5)));
        assert_eq!(next("http://g/s", Vec::new(), ""), []);
        let link = next("http://g/s", vec![("limit".to_owned(), "5".to_owned())], "http://b/v1/secrets/1");
        assert_eq!(link[0].href, "http://g/s?limit=5&marker=http%3A%2F%2Fb%2Fv1%2Fsecrets%2F1");
        assert!(["0", "1001", "x", ""].into_iter().all(|text| limit(Some(text)).is_err()));
    }
}
