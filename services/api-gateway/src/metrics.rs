//! What the gateway measures: each request by its route, those under way, streams, and callers.
//!
//! Nothing here is looked for by a lock: a route is found by its path as the table has it, and has a number for each status.

use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::StatusCode,
};
use ballast_metrics::{Calls, Gauge, Registry, Slots, Timing, labels};
use ballast_service::{
    clock::Clock,
    metrics::{Awaited, Component, Told, auth::AuthCounts, registry},
    rate::RateCounts,
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::{Route, scheduler::Scheduler, v2::ballast::streams::Streams};

/// Statuses that are told by themselves; the last stands for all others.
const STATUSES: [&str; 23] = [
    "200", "201", "202", "204", "300", "400", "401", "403", "404", "405", "406", "409", "412", "413", "414", "415",
    "422", "429", "500", "501", "503", "504", "other",
];
/// As OpenTelemetry calls a method that is not known.
pub(crate) const OTHER_METHOD: &str = "_OTHER";
/// The route of what has none.
const NO_ROUTE: &str = "none";

labels! {
    /// As OpenTelemetry has them.
    struct Served {
        http_request_method: &'static str,
        http_route: &'static str,
        http_response_status_code: &'static str,
    }
}

/// What is counted as it happens.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Slots<Served, Timing<Calls>>,
    /// By path and method, the first of a route's slots.
    routes: HashMap<&'static str, Vec<(&'static str, usize)>>,
    active: Gauge,
    pub(crate) auth: AuthCounts,
    pub(crate) rates: RateCounts,
}

/// A request that is under way, until it is dropped.
pub(crate) struct UnderWay<'a> {
    metrics: &'a Metrics,
    began: Instant,
    slots: usize,
}

impl Metrics {
    pub(crate) fn new(routes: &[Route], auth: AuthCounts) -> Self {
        let all = [(OTHER_METHOD, NO_ROUTE)].into_iter().chain(routes.iter().map(|route| (route.method, route.path)));
        let mut by_path: HashMap<&'static str, Vec<_>> = HashMap::new();
        for (number, (method, path)) in all.clone().enumerate() {
            by_path.entry(path).or_default().push((method, number * STATUSES.len()));
        }
        let served = all.flat_map(|(http_request_method, http_route)| {
            STATUSES.map(|http_response_status_code| Served {
                http_request_method,
                http_route,
                http_response_status_code,
            })
        });
        Self {
            requests: Slots::new(served),
            routes: by_path,
            active: Gauge::default(),
            auth,
            rates: RateCounts::default(),
        }
    }

    /// A request has come.
    pub(crate) fn begin(&self, request: &Request) -> UnderWay<'_> {
        self.active.inc();
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        // GET has HEAD's answers too.
        let method = match request.method().as_str() {
            "HEAD" => "GET",
            method => method,
        };
        let known = path.and_then(|path| self.routes.get(path));
        let slots = known.and_then(|known| known.iter().find(|(of, _)| *of == method));
        UnderWay { metrics: self, began: Instant::now(), slots: slots.map_or(0, |(_, slots)| *slots) }
    }

    fn registry(&self, clock: &Clock) -> Registry {
        let mut registry = registry(Component::Gateway, clock);
        registry.add(
            "ballast_http_server_request_duration_seconds",
            "Requests of REST, from the end of their head to the head of their answer",
            &self.requests,
        );
        registry.add("ballast_http_server_active_requests", "Requests that are under way", &self.active);
        self.auth.add_to(&mut registry);
        self.rates.add_to(&mut registry);
        registry
    }
}

impl UnderWay<'_> {
    /// It is answered. One that is dropped without was given up by its client, and took no time that says anything.
    pub(crate) fn answered(self, status: StatusCode) {
        let others = STATUSES.len() - 1;
        let status = STATUSES.iter().position(|known| *known == status.as_str()).unwrap_or(others);
        if let Some(timing) = self.metrics.requests.at(self.slots + status) {
            timing.note(self.began.elapsed());
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.metrics.active.dec();
    }
}

/// What is told to who looks.
pub(crate) struct Shown {
    registry: Registry,
    live_streams: Gauge,
    streams: Arc<Streams>,
    scheduler: Scheduler,
}

impl Shown {
    pub(crate) fn new(metrics: &Metrics, streams: Arc<Streams>, scheduler: Scheduler, clock: &Clock) -> Self {
        let (mut registry, live_streams) = (metrics.registry(clock), Gauge::default());
        registry.add("ballast_live_streams", "Streams of events that are open", &live_streams);
        Self { registry, live_streams, streams, scheduler }
    }
}

impl Told for Shown {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn refresh(&self) -> Awaited<'_, ()> {
        self.live_streams.set(i64::try_from(self.streams.open.count()).unwrap_or(i64::MAX));
        Box::pin(async {})
    }

    fn ready(&self) -> Awaited<'_, Result<String, String>> {
        Box::pin(async {
            let mut health = HealthClient::new(self.scheduler.channel());
            match health.check(HealthCheckRequest::default()).await {
                Ok(_) => Ok("the scheduler answers".to_owned()),
                Err(status) => Err(format!("the scheduler does not answer: {}", status.message())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;

    use super::*;

    fn metrics() -> Metrics {
        let route = |method, path| Route { method, path, action: String::new() };
        let routes = [route("GET", "/a"), route("POST", "/a"), route("GET", "/a/{id}")];
        Metrics::new(&routes, AuthCounts::default())
    }

    fn request(method: &str, path: &str) -> Request {
        Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn a_request_is_counted_by_its_route_and_never_by_its_path() {
        use tower::ServiceExt as _;

        let metrics = Arc::new(metrics());
        let counting = Arc::clone(&metrics);
        let count = axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
            let metrics = Arc::clone(&counting);
            async move {
                let under_way = metrics.begin(&request);
                let response = next.run(request).await;
                under_way.answered(response.status());
                response
            }
        });
        let router = axum::Router::new()
            .route("/a", axum::routing::get(async || ()).post(async || StatusCode::CREATED))
            .route("/a/{id}", axum::routing::get(async || StatusCode::IM_A_TEAPOT))
            .layer(count);
        for (method, path) in
            [("GET", "/a"), ("HEAD", "/a"), ("POST", "/a"), ("GET", "/a/secret"), ("GET", "/secret"), ("PATCH", "/a")]
        {
            router.clone().oneshot(request(method, path)).await.unwrap();
        }
        let text = metrics.registry(&Clock::system()).text(Format::Prometheus);
        let count = |method: &str, route: &str, status: &str| {
            format!(
                "_seconds_count{{http_request_method=\"{method}\",http_route=\"{route}\",\
                 http_response_status_code=\"{status}\"}}"
            )
        };
        for (method, route, status, times) in [
            ("GET", "/a", "200", 2),
            ("POST", "/a", "201", 1),
            ("GET", "/a/{id}", "other", 1),
            ("_OTHER", "none", "404", 1),
            ("_OTHER", "none", "405", 1),
        ] {
            assert!(text.contains(&format!("{} {times}\n", count(method, route, status))), "{method} {route}: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("ballast_http_server_active_requests 0\n"), "{text}");
    }

    #[test]
    fn what_is_given_up_is_under_way_no_more_and_has_no_time() {
        let metrics = metrics();
        let under_way = metrics.begin(&request("GET", "/a"));
        assert_eq!(metrics.active.get(), 1);
        drop(under_way);
        assert_eq!(metrics.active.get(), 0);
        assert!(!metrics.registry(&Clock::system()).text(Format::Prometheus).contains("_seconds_count"));
    }
}
