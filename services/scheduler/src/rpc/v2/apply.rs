//! What a request says of an object, put onto the object: all of it when it is made, and what a mask names when it changes.

mod listener;
mod member;
mod monitor;
mod policy;
mod pool;

use std::str::FromStr;

use ballast_model::{
    check,
    fault::{Fault, Form},
    labels,
};

pub(super) use self::{
    listener::{LISTENER, listener},
    member::{MEMBER, given_of_member, member, new_member},
    monitor::{MONITOR, monitor, new_monitor},
    policy::{POLICY, RULE, action, changed_action, new_rule, policy, rule},
    pool::{POOL, algorithm, pool},
};
use super::super::decode::Mask;

/// The fields of an object that a request changes.
pub(super) struct Fields<'a>(pub(super) &'a Mask);

impl Fields<'_> {
    /// Whether the field changes; without a mask, when it is set.
    fn has(&self, field: &str, is_set: bool) -> bool {
        self.0.pick(field, is_set, ()).is_some()
    }

    /// A field within another: either may be named.
    fn has_in(&self, whole: &str, field: &str, is_set: bool) -> bool {
        self.has(whole, false) || self.has(&format!("{whole}.{field}"), is_set)
    }

    fn text(&self, field: &str, sent: &str, target: &mut String) -> Result<(), Fault> {
        if self.has(field, !sent.is_empty()) {
            *target = check::text(field, sent.to_owned(), check::MAX_TEXT)?;
        }
        Ok(())
    }

    fn flag(&self, field: &str, sent: Option<bool>, default: bool, target: &mut bool) {
        if self.has(field, sent.is_some()) {
            *target = sent.unwrap_or(default);
        }
    }

    fn tags(&self, sent: &[String], target: &mut labels::Labels) -> Result<(), Fault> {
        if self.has("tags", !sent.is_empty()) {
            target.tags = labels::tags(sent.to_vec())?;
        }
        Ok(())
    }
}

/// A reference to another object; empty: none.
pub(super) fn optional_id<I: FromStr>(field: &str, text: &str) -> Result<Option<I>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| check::malformed(field, text, Form::Uuid))
}

/// A text that is none when it is empty.
fn optional_text(field: &str, text: &str, most: usize) -> Result<Option<String>, Fault> {
    if text.is_empty() { Ok(None) } else { check::text(field, text.to_owned(), most).map(Some) }
}
