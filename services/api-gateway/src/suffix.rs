//! Old clients put `.json` behind every path. It is taken off here, before routing, so that no route knows of it.

use axum::http::{Request, Uri, uri::PathAndQuery};

/// The URI as the client sent it, for links in replies. Only there when it was rewritten.
#[derive(Clone)]
pub(crate) struct AskedUri(pub(crate) Uri);

/// Takes `.json` off the last segment of the path.
pub(crate) fn strip<B>(mut request: Request<B>) -> Request<B> {
    if let Some(stripped) = stripped(request.uri()) {
        let asked = std::mem::replace(request.uri_mut(), stripped);
        request.extensions_mut().insert(AskedUri(asked));
    }
    request
}

fn stripped(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix(".json").filter(|path| path.starts_with("/v2.0/") && !path.ends_with('/'))?;
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_goes_and_the_query_stays() {
        for (asked, routed) in [
            ("/v2.0/lb/pools.json", "/v2.0/lb/pools"),
            ("/v2.0/lb/pools/x.json?fields=id", "/v2.0/lb/pools/x?fields=id"),
            ("/v2.0/lb/pools", "/v2.0/lb/pools"),
            ("/v2.0/lb/pools?name=a.json", "/v2.0/lb/pools?name=a.json"),
            ("/v2.0/.json", "/v2.0/.json"),
            ("/openapi.json", "/openapi.json"),
            ("http://h/v2.0/extensions.json", "http://h/v2.0/extensions"),
        ] {
            let request = strip(Request::builder().uri(asked).body(()).unwrap());
            assert_eq!(request.uri().to_string(), routed);
            assert_eq!(request.extensions().get::<AskedUri>().is_some(), asked != routed);
        }
    }
}
