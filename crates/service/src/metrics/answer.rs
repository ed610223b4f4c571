//! The three answers.

use std::sync::Arc;

use ballast_metrics::Format;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};
use tokio::{sync::Mutex, time::timeout};

use super::{READY, REFRESH, Told};

const TEXT: &str = "text/plain; charset=utf-8";

/// What is told, to one at a time: what is read at a look is that look's.
pub(super) struct Page {
    told: Arc<dyn Told>,
    turn: Mutex<()>,
}

pub(super) type Answer = Response<Full<Bytes>>;

impl Page {
    pub(super) fn new(told: Arc<dyn Told>) -> Self {
        Self { told, turn: Mutex::default() }
    }

    /// The answer to a request of somebody who may ask.
    pub(super) async fn answer(&self, request: &Request<()>) -> Answer {
        let path = request.uri().path();
        if !["/metrics", "/healthz", "/readyz"].contains(&path) {
            return plain(StatusCode::NOT_FOUND, "There are /metrics, /healthz and /readyz.\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET.\n");
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/metrics" => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.metrics(Format::asked(accept.unwrap_or_default())).await
            }
            "/readyz" => self.ready().await,
            _ => plain(StatusCode::OK, "alive\n"),
        }
    }

    async fn metrics(&self, format: Format) -> Answer {
        let _turn = self.turn.lock().await;
        if timeout(REFRESH, self.told.refresh()).await.is_err() {
            tracing::warn!("metrics are told as they were: reading them anew took more than {REFRESH:?}");
        }
        let told = Arc::clone(&self.told);
        // Of thousands of load balancers it is long.
        match tokio::task::spawn_blocking(move || told.registry().text(format)).await {
            Ok(text) => respond(StatusCode::OK, format.content_type(), text),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        }
    }

    async fn ready(&self) -> Answer {
        let ready = timeout(READY, self.told.ready()).await;
        match ready.unwrap_or_else(|_| Err(format!("no answer within {READY:?}"))) {
            Ok(said) => plain(StatusCode::OK, &format!("ready: {said}\n")),
            Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}\n")),
        }
    }
}

pub(super) fn plain(status: StatusCode, text: &str) -> Answer {
    respond(status, TEXT, text.to_owned())
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use ballast_metrics::{Gauge, Registry};
    use http_body_util::BodyExt as _;

    use super::super::Awaited;
    use super::*;

    struct Played {
        registry: Registry,
        looks: Gauge,
        ready: Result<String, String>,
    }

    impl Told for Played {
        fn registry(&self) -> &Registry {
            &self.registry
        }

        fn refresh(&self) -> Awaited<'_, ()> {
            self.looks.inc();
            Box::pin(async {})
        }

        fn ready(&self) -> Awaited<'_, Result<String, String>> {
            Box::pin(async { self.ready.clone() })
        }
    }

    async fn ask(page: &Page, method: &str, path: &str, accept: &str) -> (u16, String, String) {
        let request = Request::builder().method(method).uri(path).header(ACCEPT, accept).body(()).unwrap();
        let response = page.answer(&request).await;
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_path_has_its_answer_and_nothing_else_is_served() {
        for ready in [Ok("all is there".to_owned()), Err("the database does not answer".to_owned())] {
            let (mut registry, looks) = (Registry::default(), Gauge::default());
            registry.add("ballast_looks", "Looks", &looks);
            let page = Page::new(Arc::new(Played { registry, looks, ready: ready.clone() }));
            let (status, kind, text) = ask(&page, "GET", "/metrics", "").await;
            assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
            assert!(text.contains("ballast_looks 1\n"), "{text}");
            let (_, kind, text) = ask(&page, "GET", "/metrics?x=y", "application/openmetrics-text").await;
            assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
            assert!(text.contains("ballast_looks 2\n") && text.ends_with("# EOF\n"), "{text}");
            assert_eq!(ask(&page, "GET", "/healthz", "").await.2, "alive\n");
            let (status, _, text) = ask(&page, "GET", "/readyz", "").await;
            let expected = match ready {
                Ok(said) => (200, format!("ready: {said}\n")),
                Err(why) => (503, format!("not ready: {why}\n")),
            };
            assert_eq!((status, text), expected);
            for (method, path, status) in
                [("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/metrics", 405), ("HEAD", "/metrics", 200)]
            {
                assert_eq!(ask(&page, method, path, "").await.0, status, "{method} {path}");
            }
        }
    }
}
