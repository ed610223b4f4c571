//! A second user of the device. He stages rows, applies, reverts or holds the buffer, at a point of our work that a test sets;
//! what he staged must be there afterwards as he left it.

use serde::Deserialize;
use serde_json::Value;

use super::{Alteon, configuration::Row, path::Path};
use crate::{Request, World, faults::fits};

/// Whether he comes before a request is carried out, or after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    #[default]
    Before,
    After,
}

/// One thing that he does: in JSON `{"ask": ["PUT", "SlbNewCfgEnhGroupTable/g9", {"Metric": 1}]}` or `"wait"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A request of his: method, what stands after `/config`, body. Refused, it changes nothing.
    Ask(String, String, Value),
    /// Waits until his apply or save is over, however long it takes. He writes no "idle": that is a request of its own.
    Wait,
}

/// One visit, when a request that fits comes, after as many as are to pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Visit {
    pub when: When,
    /// None: any.
    pub method: Option<String>,
    /// As in [`crate::Fault`]. None: any.
    pub path: Option<String>,
    /// What stands in the body. None: any.
    pub body: Option<String>,
    pub after: usize,
    pub acts: Vec<Act>,
}

impl Visit {
    /// Before the next request, whatever it is.
    #[must_use]
    pub fn before() -> Self {
        Self::default()
    }

    /// After the next request, whatever it is.
    #[must_use]
    pub fn after() -> Self {
        Self { when: When::After, ..Self::default() }
    }

    /// Only at requests with this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    /// Only at requests with this path; `*` stands for any text. With a `?` in it the query counts too.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Only at requests with this text in their body.
    #[must_use]
    pub fn body(self, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    /// Lets so many pass first.
    #[must_use]
    pub fn passing(self, after: usize) -> Self {
        Self { after, ..self }
    }

    /// A request of his: `PUT`, `SlbNewCfgEnhGroupTable/g9`, a body.
    #[must_use]
    pub fn asks(mut self, method: &str, path: &str, body: Value) -> Self {
        self.acts.push(Act::Ask(method.to_owned(), path.to_owned(), body));
        self
    }

    /// Applies what is staged, and lets others do so.
    #[must_use]
    pub fn applies(self) -> Self {
        let idle = serde_json::json!({"agApplyConfig": 2});
        self.holds().asks("PUT", "", idle)
    }

    /// Applies what is staged, and leaves the outcome in the buffer, so that nobody else can.
    #[must_use]
    pub fn holds(mut self) -> Self {
        self = self.asks("PUT", "", serde_json::json!({"agApplyConfig": 1}));
        self.acts.push(Act::Wait);
        self
    }

    /// Throws away what everybody has staged.
    #[must_use]
    pub fn reverts(self) -> Self {
        self.asks("PUT", "", serde_json::json!({"agRevert": 2}))
    }

    fn fits(&self, request: &Request) -> bool {
        let holds = |wanted: &str| String::from_utf8_lossy(&request.body).contains(wanted);
        self.method.as_deref().is_none_or(|wanted| wanted == request.method)
            && self.path.as_deref().is_none_or(|pattern| fits(pattern, request))
            && self.body.as_deref().is_none_or(holds)
    }
}

/// A row as he left it.
#[derive(Clone, Debug)]
pub(super) struct Left {
    /// None: deleted.
    row: Option<Row>,
    /// He had it applied himself.
    applied: bool,
}

impl Alteon {
    /// Lets him come, if it is time.
    pub(super) fn let_in(&mut self, when: When, request: &Request, world: &World<'_>) {
        let mut due = Vec::new();
        self.visits.retain_mut(|visit| {
            if visit.when != when || !visit.fits(request) {
                return true;
            }
            if visit.after > 0 {
                visit.after -= 1;
                return true;
            }
            due.append(&mut visit.acts);
            false
        });
        self.act(due, world);
    }

    pub(super) fn act(&mut self, acts: Vec<Act>, world: &World<'_>) {
        for act in acts {
            match act {
                Act::Wait => self.end(None),
                Act::Ask(method, path, body) => self.asked_by_other((&method, &path), &body, world),
            }
        }
    }

    fn asked_by_other(&mut self, (method, path): (&str, &str), body: &Value, world: &World<'_>) {
        let request = request(method, path, body);
        let done = self.carry_out(&request, world);
        if let Err(refused) = &done {
            self.refusals_of_other.push(format!("{method} {path}: {refused:?}"));
            return;
        }
        if body.get("agApplyConfig").and_then(Value::as_i64) == Some(1) {
            self.left.values_mut().for_each(|left| left.applied = true);
        }
        if body.get("agRevert").or_else(|| body.get("agRevertApply")).is_some() {
            self.left.clear();
        }
        let target = Path::parse(&request).and_then(|path| self.target(path.name.as_deref()?, &path.index).ok());
        if let Some(target) = target {
            let path = format!("{}/{}", target.table, target.joined());
            let row = self.staged_row(&path).cloned();
            self.left.insert(path, Left { row, applied: false });
        }
    }

    /// The paths of rows that are not staged as the second user left them.
    #[must_use]
    pub fn harmed(&self) -> Vec<String> {
        let differs = |(path, left): &(&String, &Left)| self.staged_row(path) != left.row.as_ref();
        self.left.iter().filter(differs).map(|(path, _)| path.clone()).collect()
    }

    /// The paths of rows that the second user staged and that others applied.
    #[must_use]
    pub fn forced(&self) -> Vec<String> {
        let runs = |(path, left): &(&String, &Left)| {
            !left.applied && self.unit.applied.rows.get(path.as_str()) == left.row.as_ref()
        };
        self.left.iter().filter(runs).map(|(path, _)| path.clone()).collect()
    }

    /// What the second user was refused.
    #[must_use]
    pub fn refusals_of_other(&self) -> &[String] {
        &self.refusals_of_other
    }
}

pub(super) fn request(method: &str, path: &str, body: &Value) -> Request {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
    let path = if path.starts_with('/') || path.is_empty() { path.to_owned() } else { format!("/{path}") };
    let body = match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => body.to_string().into_bytes(),
    };
    Request { method: method.to_owned(), path: format!("/config{path}"), query, body, ..Request::default() }
}
