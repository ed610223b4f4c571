//! What a request carries: one object or several, in a wrapper; and carrying out several.

use serde_json::Value;

use super::{
    NetScaler,
    error::{BAD_JSON, NOT_PERMITTED, Refused, UNKNOWN_RESOURCE},
    validate::Fields,
};
use crate::{Reply, Request};

/// The objects of a body, and whether they came as a list.
pub(crate) fn all(request: &Request, wrapper: &str) -> Result<(Vec<Fields>, bool), Refused> {
    let bad = || Refused::new(BAD_JSON);
    let body = request.json().ok_or_else(bad)?;
    let body = body.as_object().ok_or_else(bad)?;
    // A session's token may stand beside it.
    let mut named = body.iter().filter(|(name, _)| *name != "sessionid");
    let (name, value) = named.next().ok_or_else(bad)?;
    if let Some(other) = [name].into_iter().chain(named.map(|(name, _)| name)).find(|name| *name != wrapper) {
        return Err(Refused::about(UNKNOWN_RESOURCE, &[other]));
    }
    match value {
        Value::Object(one) => Ok((vec![one.clone()], false)),
        Value::Array(list) => {
            let list: Option<Vec<Fields>> = list.iter().map(|one| one.as_object().cloned()).collect();
            Ok((list.filter(|list| !list.is_empty()).ok_or_else(bad)?, true))
        }
        _ => Err(bad()),
    }
}

/// The one object of a body.
pub(crate) fn single(request: &Request, wrapper: &str) -> Result<Fields, Refused> {
    match all(request, wrapper)? {
        (mut one, false) => one.pop().ok_or(Refused::new(BAD_JSON)),
        _ => Err(Refused::new(BAD_JSON)),
    }
}

/// What happens to the rest of several when one of them fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnError {
    Exit,
    Continue,
    Rollback,
}

impl OnError {
    fn of(request: &Request) -> Self {
        match request.header("x-nitro-onerror") {
            Some("continue") => Self::Continue,
            Some("rollback") => Self::Rollback,
            _ => Self::Exit,
        }
    }
}

impl NetScaler {
    /// Does the same with each object; a reply of 207 when some of a list failed.
    pub(super) fn each(
        &mut self,
        request: &Request,
        (wrapper, partition, status): (&str, &str, u16),
        mut act: impl FnMut(&mut Self, &Fields) -> Result<(), Refused>,
    ) -> Result<Reply, Refused> {
        let (objects, list) = all(request, wrapper)?;
        let whole = if self.half { objects.len() / 2 } else { objects.len() };
        let on_error = OnError::of(request);
        let before = (on_error == OnError::Rollback).then(|| self.running.objects_mut(partition).clone());
        let mut outcomes = Vec::new();
        for (position, fields) in objects.iter().enumerate() {
            let outcome = if position < whole { act(self, fields) } else { Err(Refused::new(NOT_PERMITTED)) };
            let failed = outcome.is_err();
            outcomes.push(outcome);
            if failed && on_error != OnError::Continue {
                break;
            }
        }
        if outcomes.iter().all(Result::is_ok) {
            return Ok(Reply::html(status, ""));
        }
        if let Some(before) = before {
            *self.running.objects_mut(partition) = before;
        }
        if !list {
            return outcomes.into_iter().collect::<Result<Vec<()>, Refused>>().map(|_| Reply::html(status, ""));
        }
        let done = serde_json::json!({"errorcode": 0, "message": "Done", "severity": "NONE"});
        let outcomes = outcomes.iter().map(|outcome| match outcome {
            Ok(()) => done.clone(),
            Err(refused) => refused.body(&self.schema),
        });
        let response: Vec<Value> = outcomes.collect();
        Ok(Reply::json(
            207,
            &serde_json::json!({
                "errorcode": 1243, "message": "Bulk operation failed", "severity": "ERROR", "response": response
            }),
        ))
    }
}
