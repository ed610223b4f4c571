//! Faults at chosen requests.
//!
//! A fault waits for requests that match its method and path, lets the first `after` of them pass, strikes the next
//! `times`, and rests. One request meets one fault at most: the first that strikes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;

use crate::{Caller, Request};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Carried out; the reply comes this many milliseconds later.
    Delay(u64),
    /// The connection ends, and nothing was carried out.
    DropBefore,
    /// The connection ends after it was carried out.
    DropAfter,
    /// A proxy's page of HTML with status 503; nothing was carried out.
    Html503,
    /// The vendor's "busy"; nothing was carried out.
    Busy,
    /// All sessions end first, so that the request comes too late.
    ExpireSession,
    /// The vendor's "failed"; nothing was carried out.
    Fail,
    /// The vendor's "I am the secondary"; nothing was carried out.
    Secondary,
    /// Carried out; the reply is 204 without a body.
    NoContent,
    /// All sessions are back in the partition in which they began, and the request is carried out there.
    Astray,
    /// Of several objects in one request, the first half is carried out and the rest fails.
    HalfApplied,
    /// Carried out; the reply says how long its body is, and the connection ends before it.
    NoBody,
}

impl Kind {
    /// The delay as a duration.
    #[must_use]
    pub fn delay(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    /// None: any.
    #[serde(default)]
    pub method: Option<String>,
    /// The path, where `*` stands for any text; with the query when there is a `?` in it. None: any.
    #[serde(default)]
    pub path: Option<String>,
    /// What stands in the body. None: any.
    #[serde(default)]
    pub body: Option<String>,
    /// The partition that the session is in. None: any.
    #[serde(default)]
    pub partition: Option<String>,
    /// How many requests pass before it strikes.
    #[serde(default)]
    pub after: usize,
    /// How many it strikes.
    #[serde(default = "once")]
    pub times: usize,
}

fn once() -> usize {
    1
}

impl Fault {
    /// Strikes the next request, whatever it is.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, method: None, path: None, body: None, partition: None, after: 0, times: 1 }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Only requests with this path; `*` stands for any text. With a `?` in it the query counts too.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Only requests with this text in their body.
    #[must_use]
    pub fn body(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    /// Only requests of sessions in this partition.
    #[must_use]
    pub fn partition(self, partition: &str) -> Self {
        Self { partition: Some(partition.to_owned()), ..self }
    }

    /// Lets so many pass first.
    #[must_use]
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }

    /// Strikes so many.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    fn matches(&self, request: &Request, caller: &Caller) -> bool {
        let holds = |wanted: &str| String::from_utf8_lossy(&request.body).contains(wanted);
        self.method.as_deref().is_none_or(|wanted| wanted == request.method)
            && self.path.as_deref().is_none_or(|pattern| fits(pattern, request))
            && self.body.as_deref().is_none_or(holds)
            && (self.partition.is_none() || self.partition == caller.partition)
    }
}

/// The faults that wait or strike.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many have not struck as often as they are to.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().iter().filter(|fault| fault.times > 0).count()
    }

    /// What this request meets.
    pub(crate) fn strike(&self, request: &Request, caller: &Caller) -> Option<Kind> {
        let mut faults = self.lock();
        let mut struck = None;
        for fault in faults.iter_mut().filter(|fault| fault.times > 0 && fault.matches(request, caller)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if struck.is_none() {
                fault.times -= 1;
                struck = Some(fault.kind);
            }
        }
        struck
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a path fits a pattern, in which `*` stands for any text; with the query when there is a `?` in it.
pub(crate) fn fits(pattern: &str, request: &Request) -> bool {
    match &request.query {
        Some(query) if pattern.contains('?') => matches(pattern, &format!("{}?{query}", request.path)),
        _ => matches(pattern, &request.path),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| matches(rest, &left[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("/slb/*/port/*", "/slb/server/a/port/80+tcp"));
        assert!(matches("*", "") && matches("a*", "a") && !matches("a*b", "abc"));
    }

    #[test]
    fn a_fault_lets_some_pass_strikes_and_rests() {
        let faults = Faults::default();
        faults.add(Fault::new(Kind::Busy).method("POST").after(1).times(2));
        let struck = ["GET", "POST", "POST", "GET", "POST", "POST"].map(|method| {
            let method = method.to_owned();
            let request = Request { method, path: "/x".to_owned(), ..Request::default() };
            faults.strike(&request, &Caller::default()).is_some()
        });
        assert_eq!(struck, [false, false, true, false, true, false]);
        assert_eq!(faults.waiting(), 0);
    }

    #[test]
    fn a_body_and_a_partition_count_when_they_are_asked_for() {
        let request = Request { body: b"{\"name\":\"a\"}".to_vec(), ..Request::default() };
        let caller = |partition: &str| Caller { partition: Some(partition.to_owned()), ..Caller::default() };
        let fault = Fault::new(Kind::Busy).body("\"a\"").partition("t1");
        assert!(fault.matches(&request, &caller("t1")) && !fault.matches(&request, &caller("t2")));
        assert!(!fault.matches(&Request::default(), &caller("t1")));
    }

    #[test]
    fn a_query_counts_when_it_is_asked_for() {
        let request = |query: Option<&str>| Request {
            path: "/a/group".to_owned(),
            query: query.map(str::to_owned),
            ..Request::default()
        };
        let fits =
            |pattern: &str, query| Fault::new(Kind::Busy).path(pattern).matches(&request(query), &Caller::default());
        assert!(fits("*/group", None) && fits("*/group", Some("action=disable")));
        assert!(fits("*/group?action=*", Some("action=disable")) && !fits("*/group?action=*", None));
        assert!(!fits("*/group?action=enable", Some("action=disable")));
    }
}
