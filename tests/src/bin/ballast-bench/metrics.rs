//! What counting and following a request cost: what the gateway does for each, and no request.

use std::{collections::HashMap, hint::black_box, sync::Arc, thread, time::Instant};

use ballast_lab::Lab;
use ballast_metrics::{Gauge, Slots, Timing, labels};
use ballast_traces::{Span, SpanKind};
use serde_json::{Value, json};

use crate::{Options, Outcome, report};

/// As many routes as the gateway has, about.
const ROUTES: usize = 200;
const STATUSES: usize = 23;

labels! {
    struct Served { http_route: usize, http_response_status_code: usize }
}

struct Counters {
    requests: Slots<Served, Timing>,
    routes: HashMap<String, usize>,
    active: Gauge,
}

impl Counters {
    fn new() -> Self {
        let each = (0..ROUTES * STATUSES)
            .map(|slot| Served { http_route: slot / STATUSES, http_response_status_code: slot % STATUSES });
        let routes = (0..ROUTES).map(|number| (path(number), number * STATUSES)).collect();
        Self { requests: Slots::new(each), routes, active: Gauge::default() }
    }

    fn count(&self, path: &str, status: usize) {
        self.active.inc();
        let began = Instant::now();
        let slot = self.routes.get(black_box(path)).copied().unwrap_or_default();
        if let Some(timing) = self.requests.at(slot + status) {
            timing.note(began.elapsed());
        }
        self.active.dec();
    }
}

fn path(number: usize) -> String {
    format!("/v2.0/lbaas/things-{number}/{{id}}")
}

/// Nanoseconds for each, where so many threads count the same route.
fn measure(counters: &Arc<Counters>, threads: usize, times: usize) -> Outcome<f64> {
    let began = Instant::now();
    let counting: Vec<_> = (0..threads)
        .map(|_| {
            let counters = Arc::clone(counters);
            thread::spawn(move || {
                let path = path(7);
                (0..times).for_each(|_| counters.count(&path, 0));
            })
        })
        .collect();
    for thread in counting {
        thread.join().map_err(|_| "a thread that counts has panicked")?;
    }
    let times = u32::try_from(times)?;
    Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(times))
}

/// What the spans of a request of REST cost the gateway where nobody follows: its own, that of its call, and what goes along.
fn unfollowed(times: usize) -> Outcome<f64> {
    let (mut headers, began) = (http::HeaderMap::new(), Instant::now());
    for _ in 0..times {
        let span = match black_box(ballast_traces::are_followed()) {
            true => Span::of_request("GET", &headers),
            false => Span::none(),
        };
        let call = Span::part("call", SpanKind::Client);
        call.go_along(&mut headers);
        black_box((span.is_followed(), call.origin()));
    }
    Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(times)?))
}

pub(crate) fn run(_: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("Metrics", "What the gateway does to count a request, without the request; ns each");
    let (counters, times) = (Arc::new(Counters::new()), options.count(5_000_000));
    let processors = thread::available_parallelism()?.get();
    let (alone, together) = (measure(&counters, 1, times)?, measure(&counters, processors, times)?);
    let unfollowed = unfollowed(times)?;
    println!("{:<34} {alone:>9.0} ns", "one thread");
    println!("{:<34} {together:>9.0} ns", format!("{processors} threads, the same route"));
    println!("{:<34} {unfollowed:>9.0} ns", "its spans, where nothing is followed");
    Ok(json!({
        "one_thread_ns": alone, "all_threads_ns": together, "threads": processors, "spans_off_ns": unfollowed,
    }))
}
