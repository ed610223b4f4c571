//! Fields that several forms have, and what is common to forms of what is there.

use std::collections::BTreeSet;

use ballast_proto::v2::Status;
use prost_types::FieldMask;

use super::Asking;
use crate::{
    trouble::Trouble,
    view::{
        choices,
        sheet::{Field, Input, Sheet},
    },
};

/// A name and an admin state; of something new: `None`.
pub(super) fn named(was: Option<(&str, Option<bool>)>) -> Vec<Field> {
    let name = Field::new("name", "Name", Input::Text);
    let state =
        Field::new("admin_state_up", "Admin state", Input::Choice(choices::states())).hint("Down: it takes no part.");
    match was {
        Some((was, is_up)) => vec![name.was(was), state.was(choices::state(is_up.unwrap_or(true)))],
        None => vec![name, state.value(choices::state(true))],
    }
}

pub(super) fn description(was: Option<&str>) -> Field {
    text("description", "Description", was)
}

pub(super) fn tags(was: Option<&[String]>) -> Field {
    let was = was.map(|tags| tags.join(", "));
    text("tags", "Tags", was.as_deref()).hint("Parted by commas.")
}

/// A text; of something that is there, as it was.
pub(super) fn text(name: &'static str, label: &'static str, was: Option<&str>) -> Field {
    valued(Field::new(name, label, Input::Text), was)
}

pub(super) fn number(name: &'static str, label: &'static str, number: Option<i32>) -> Field {
    Field::new(name, label, Input::Number).was(number.map(|number| number.to_string()).unwrap_or_default())
}

pub(super) fn valued(field: Field, was: Option<&str>) -> Field {
    match was {
        Some(was) => field.was(was),
        None => field,
    }
}

/// What a form says of an admin state.
pub(super) fn is_up(sheet: &Sheet) -> Option<bool> {
    Some(sheet.get("admin_state_up") == "up")
}

pub(super) fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// What is changed, as the scheduler calls it.
pub(super) fn mask(changed: &BTreeSet<&'static str>, aliases: &[(&str, &str)]) -> Option<FieldMask> {
    let wire = |own: &&'static str| {
        let named = aliases.iter().find(|(_, alias)| alias == own).map_or(*own, |(wire, _)| *wire);
        named.to_owned()
    };
    let paths: BTreeSet<String> = changed.iter().map(wire).collect();
    Some(FieldMask { paths: paths.into_iter().collect() })
}

/// The etag that the object has now, and the one that the form was made with.
pub(super) fn etag(asking: &Asking<'_>, status: Option<&Status>) -> (String, Option<Status>) {
    let now = status.map(|status| status.etag.clone()).unwrap_or_default();
    let known = match asking.get("etag") {
        "" => now.clone(),
        sent => sent.to_owned(),
    };
    (now, Some(Status { etag: known, ..Status::default() }))
}

/// Another load balancer's part is not found under this one.
pub(super) fn of_this<T>(all: &[T], is_it: impl Fn(&T) -> bool) -> Result<&T, Trouble> {
    all.iter().find(|one| is_it(one)).ok_or(Trouble::NotFound)
}
