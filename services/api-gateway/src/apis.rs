//! Which API a request is for, by its path; and that each resource of v2 has one path, whatever the client called it.
//!
//! Octavia's clients know four ways to a resource: `/v2.0/lbaas/X`, `/v2/lbaas/X`, `/v2.0/X` and `/v2/X`. Below `/v2.0` what
//! Neutron has is Neutron's, so v1's.

use std::{borrow::Cow, convert::Infallible};

use axum::{
    Router,
    extract::Request,
    http::{Method, Uri, header, uri::PathAndQuery},
    response::Response,
};
use tower::Service;

use crate::{
    dashboard::Pages,
    suffix::{self, AskedUri},
};

/// What Octavia has directly below a version, where Neutron has nothing of that name.
const OF_OCTAVIA: [&str; 12] = [
    "lbaas",
    "octavia",
    "loadbalancers",
    "listeners",
    "pools",
    "healthmonitors",
    "l7policies",
    "providers",
    "flavors",
    "flavorprofiles",
    "availabilityzones",
    "availabilityzoneprofiles",
];
/// What v2's own clients ask of Neutron, by its path below `/v2`.
const OF_NEUTRON: [&str; 3] = ["networks", "subnets", "ports"];
/// What is served as it is called.
const AS_IT_IS: [&str; 2] = ["/v2/security-groups", "/v2/qos/policies"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    V1,
    V2,
    /// The dashboard.
    Pages,
}

/// Serves all; while there is no dashboard its paths are nobody's.
pub(crate) fn service(
    v1: Router,
    v2: Router,
    pages: Pages,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    tower::service_fn(move |request: Request| {
        let (api, request) = routed(request);
        let is_page = api == Api::Pages || is_a_browser_at_the_door(&request);
        let mut router = match (api, if is_page { pages.now() } else { None }) {
            (_, Some(pages)) => pages,
            (Api::V2, None) => v2.clone(),
            (Api::V1 | Api::Pages, None) => v1.clone(),
        };
        router.call(request)
    })
}

/// Whether a browser asks for `/`, which for programs is the list of versions.
fn is_a_browser_at_the_door<B>(request: &axum::http::Request<B>) -> bool {
    let accepted = || request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_page = |accept: &str| accept.split(',').any(|media| media.trim().starts_with("text/html"));
    request.uri().path() == "/" && request.method() == Method::GET && accepted().is_some_and(is_page)
}

/// The request with the path that its API serves.
fn routed<B>(mut request: axum::http::Request<B>) -> (Api, axum::http::Request<B>) {
    let (api, path) = placed(request.uri().path());
    let renamed = match path {
        Cow::Borrowed(path) if path.len() == request.uri().path().len() => None,
        path => with_path(request.uri(), &path),
    };
    if let Some(renamed) = renamed {
        let asked = std::mem::replace(request.uri_mut(), renamed);
        request.extensions_mut().insert(AskedUri(asked));
    }
    match api {
        Api::V1 => (api, suffix::strip(request)),
        Api::V2 | Api::Pages => (api, request),
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

/// Whose it is, and its one path there.
fn placed(path: &str) -> (Api, Cow<'_, str>) {
    if path == "/" || path == "/openapi-v2.json" || path.starts_with("/projects/") || path.starts_with("/ballast/") {
        return (Api::V2, path.into());
    }
    if path == "/ui" || path.starts_with("/ui/") {
        return (Api::Pages, path.into());
    }
    let plain = path.strip_suffix('/').unwrap_or(path);
    let plain = plain.strip_suffix(".json").unwrap_or(plain);
    let (version, below) = match plain.strip_prefix("/v2.0/").or_else(|| (plain == "/v2.0").then_some("")) {
        Some(below) => ("/v2.0", below),
        None => match plain.strip_prefix("/v2/") {
            Some(below) => ("/v2", below),
            None if plain == "/v2" => return (Api::V2, "/v2".into()),
            None => return (Api::V1, path.into()),
        },
    };
    let first = below.split('/').next().unwrap_or_default();
    match first {
        "lbaas" | "octavia" if version == "/v2.0" => (Api::V2, plain.into()),
        "lbaas" | "octavia" => (Api::V2, format!("/v2.0/{below}").into()),
        first if OF_OCTAVIA.contains(&first) => (Api::V2, format!("/v2.0/lbaas/{below}").into()),
        _ if version == "/v2.0" => (Api::V1, path.into()),
        first if OF_NEUTRON.contains(&first) => (Api::V1, format!("/v2.0/{below}").into()),
        _ if AS_IT_IS.contains(&plain) => (Api::V2, plain.into()),
        _ => (Api::V2, format!("/v2.0/lbaas/{below}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_ways_lead_to_a_resource_and_neutron_keeps_what_is_its() {
        for (path, api, served) in [
            ("/", Api::V2, "/"),
            ("/v2", Api::V2, "/v2"),
            ("/v2/", Api::V2, "/v2"),
            ("/v2.0/lbaas/", Api::V2, "/v2.0/lbaas"),
            ("/v2.0/lbaas/loadbalancers", Api::V2, "/v2.0/lbaas/loadbalancers"),
            ("/v2/lbaas/loadbalancers/x.json", Api::V2, "/v2.0/lbaas/loadbalancers/x"),
            ("/v2.0/pools/x/members/", Api::V2, "/v2.0/lbaas/pools/x/members"),
            ("/v2/quotas", Api::V2, "/v2.0/lbaas/quotas"),
            ("/v2/octavia/amphorae", Api::V2, "/v2.0/octavia/amphorae"),
            ("/v2/nosuch", Api::V2, "/v2.0/lbaas/nosuch"),
            ("/v2/security-groups", Api::V2, "/v2/security-groups"),
            ("/projects/p", Api::V2, "/projects/p"),
            ("/ballast/v1/events", Api::V2, "/ballast/v1/events"),
            ("/ui", Api::Pages, "/ui"),
            ("/ui/", Api::Pages, "/ui/"),
            ("/ui/load-balancers/x.json", Api::Pages, "/ui/load-balancers/x.json"),
            ("/uix", Api::V1, "/uix"),
            ("/v2/subnets.json", Api::V1, "/v2.0/subnets"),
            ("/v2.0", Api::V1, "/v2.0"),
            ("/v2.0/", Api::V1, "/v2.0/"),
            ("/v2.0/quotas", Api::V1, "/v2.0/quotas"),
            ("/v2.0/lb/pools", Api::V1, "/v2.0/lb/pools"),
            ("/v2.0/lb/pools/", Api::V1, "/v2.0/lb/pools/"),
            ("/v2.0/networks", Api::V1, "/v2.0/networks"),
            ("/v2.1", Api::V1, "/v2.1"),
            ("/v3", Api::V1, "/v3"),
            ("/openapi.json", Api::V1, "/openapi.json"),
        ] {
            assert_eq!(placed(path), (api, served.into()), "{path}");
        }
    }

    #[test]
    fn a_browser_at_the_door_wants_pages_and_a_program_the_versions() {
        for (path, accept, expected) in [
            ("/", "text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("/", "application/json", false),
            ("/", "*/*", false),
            ("/v2", "text/html", false),
        ] {
            let request = axum::http::Request::builder().uri(path).header("accept", accept).body(()).unwrap();
            assert_eq!(is_a_browser_at_the_door(&request), expected, "{path} {accept}");
        }
    }

    #[test]
    fn the_query_stays_and_links_name_what_was_asked() {
        let request = axum::http::Request::builder().uri("/v2/lbaas/pools/?name=a.json").body(()).unwrap();
        let (api, request) = routed(request);
        assert_eq!((api, request.uri().to_string().as_str()), (Api::V2, "/v2.0/lbaas/pools?name=a.json"));
        assert_eq!(request.extensions().get::<AskedUri>().unwrap().0.path(), "/v2/lbaas/pools/");
    }
}
