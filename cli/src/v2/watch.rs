//! `NOUN list -w`: the list, and then each object as it changes.
//!
//! Whatever an event tells, the list is read again and what differs is printed: filters and what belongs to another
//! object hold as in the first list, and a missed event costs nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Request, ask, noun::Noun};
use crate::{
    api::rest::Gateway,
    events::{Follower, Kind, Told},
    exit::Exit,
    failure::Failure,
    output::{self, Format},
    table,
};

/// Events that come within this time are one look.
const GATHER: Duration = Duration::from_millis(100);

/// # Errors
/// When the gateway cannot be asked any more.
pub(super) async fn watch(gateway: &Gateway, request: &Request, format: &Format) -> Result<Exit, Failure> {
    let place = ask::place(gateway, request.noun, &request.matches).await?;
    let kinds: Vec<Kind> = Kind::of_wrapper(request.noun.collection.wrappers.0).into_iter().collect();
    let mut follower = Follower::new(gateway, &kinds, &[]);
    let mut shown: Option<Shown> = None;
    loop {
        // First the stream, then the list: what changes in between is told.
        match follower.next().await? {
            Told::Begun if shown.is_some() => {}
            Told::Begun | Told::Change(_) | Told::Ready | Told::Missed => {
                if shown.is_some() {
                    // What fails now fails again below.
                    let _ = timeout(GATHER, async { while follower.next().await.is_ok() {} }).await;
                }
                let objects = ask::list(gateway, request, &place).await?;
                let text = match &mut shown {
                    None => {
                        let (first, text) = Shown::first(request.noun, &objects, format)?;
                        shown = Some(first);
                        text
                    }
                    Some(shown) => shown.changed(&objects, format)?,
                };
                if !output::stream(format, &text)? {
                    return Ok(Exit::Done);
                }
            }
        }
    }
}

/// What was printed last.
struct Shown {
    noun: &'static Noun,
    widths: Vec<usize>,
    objects: BTreeMap<String, Value>,
}

impl Shown {
    fn first(noun: &'static Noun, objects: &[Value], format: &Format) -> Result<(Self, String), Failure> {
        let titles: Vec<String> = noun.columns.iter().map(|column| column.title.to_owned()).collect();
        let mut rows = vec![titles];
        rows.extend(objects.iter().map(|object| cells(noun, object)));
        let mut shown = Self { noun, widths: table::widths(&rows), objects: BTreeMap::new() };
        let title = if matches!(format, Format::Table | Format::Wide) {
            table::row(&rows[0], &shown.widths)
        } else {
            String::new()
        };
        let text = shown.changed(objects, format)?;
        Ok((shown, title + &text))
    }

    /// What is new, different or gone.
    fn changed(&mut self, objects: &[Value], format: &Format) -> Result<String, Failure> {
        let key = |object: &Value| object[self.noun.collection.key].as_str().unwrap_or_default().to_owned();
        let now: BTreeMap<String, Value> = objects.iter().map(|object| (key(object), object.clone())).collect();
        let mut text = String::new();
        // In the list's order.
        for object in objects.iter().filter(|object| self.objects.get(&key(object)) != Some(object)) {
            let row = table::row(&cells(self.noun, object), &self.widths);
            text += &output::one_of_many(format, object, row)?;
        }
        for (key, object) in self.objects.iter().filter(|(key, _)| !now.contains_key(*key)) {
            let mut row = cells(self.noun, object);
            if let Some(last) = row.last_mut() {
                "gone".clone_into(last);
            }
            let gone = json!({ self.noun.collection.key: key, "name": object["name"], "deleted": true });
            text += &output::one_of_many(format, &gone, table::row(&row, &self.widths))?;
        }
        self.objects = now;
        Ok(text)
    }
}

fn cells(noun: &Noun, object: &Value) -> Vec<String> {
    noun.columns.iter().map(|column| (column.cell)(object)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v2::nouns::ALL;

    #[test]
    fn what_is_new_different_or_gone_is_printed_and_nothing_else() {
        let noun = ALL.iter().find(|noun| noun.command == "pools").unwrap();
        let pool =
            |id: &str, status: &str| json!({"id": id, "name": format!("pool-{id}"), "provisioning_status": status});
        let (one, two) = (pool("1", "ACTIVE"), pool("2", "PENDING_CREATE"));
        let format = Format::Table;
        let (mut shown, text) = Shown::first(noun, &[one.clone(), two.clone()], &format).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert_eq!(shown.changed(&[one.clone(), two], &format).unwrap(), "");
        let text = shown.changed(&[one.clone(), pool("2", "ACTIVE"), pool("3", "ACTIVE")], &format).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with("2 ") && text.contains("\n3 "), "{text}");
        let text = shown.changed(&[one], &Format::Json).unwrap();
        let gone: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(gone[0], json!({"id": "2", "name": "pool-2", "deleted": true}));
        assert_eq!(gone.len(), 2);
    }
}
