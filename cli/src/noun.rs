//! What a command of v1 or of agents is about: where its objects are, and how they are shown.

use serde_json::Value;

use crate::table;

/// Which service of the scheduler's knows them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Pool,
    Vip,
    Member,
    Monitor,
    Agent,
}

/// A kind of object.
#[derive(Debug)]
pub(crate) struct Noun {
    pub(crate) kind: Kind,
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// Over REST, below `/v2.0/`.
    pub(crate) path: &'static str,
    /// The key that a list is under.
    pub(crate) wrapper: &'static str,
    /// The key that holds a name, when objects have one.
    pub(crate) name: Option<&'static str>,
    /// Of a list.
    pub(crate) columns: &'static [Column],
    /// One object in full.
    pub(crate) page: fn(&Value) -> String,
}

/// A column of a list.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) cell: fn(&Value) -> String,
}

impl Noun {
    /// A list as a table.
    pub(crate) fn table(&self, objects: &[Value], wide: bool) -> String {
        columns(self.columns, objects, wide)
    }
}

/// What a wide table has besides, of the objects that have it.
const WIDE: &[(&str, Column)] = &[
    ("project_id", Column { title: "PROJECT", cell: |object| text(&object["project_id"]) }),
    ("tenant_id", Column { title: "PROJECT", cell: |object| text(&object["tenant_id"]) }),
    ("tags", Column { title: "TAGS", cell: |object| text(&object["tags"]) }),
    ("created_at", Column { title: "CREATED", cell: |object| text(&object["created_at"]) }),
    ("updated_at", Column { title: "UPDATED", cell: |object| text(&object["updated_at"]) }),
    ("status_description", Column { title: "WHY", cell: |object| text(&object["status_description"]) }),
];

/// Objects as a table of these columns; where it shall be wide, with more.
pub(crate) fn columns(columns: &[Column], objects: &[Value], wide: bool) -> String {
    let mut all: Vec<&Column> = columns.iter().collect();
    for (key, column) in WIDE.iter().filter(|_| wide) {
        let is_new = all.iter().all(|known| known.title != column.title);
        if is_new && objects.iter().any(|object| object.get(key).is_some()) {
            all.push(column);
        }
    }
    let titles: Vec<_> = all.iter().map(|column| column.title).collect();
    let row = |object| all.iter().map(|column| (column.cell)(object)).collect();
    table::table(&titles, &objects.iter().map(row).collect::<Vec<_>>())
}

/// A value as a cell shows it: text as it is, nothing for null, lists by commas.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{key}={}", text(value))).collect::<Vec<_>>().join(" ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// `up` or `down`, of `admin_state_up`.
pub(crate) fn admin(object: &Value) -> String {
    let word = object["admin_state_up"].as_bool().map(|up| if up { "up" } else { "down" });
    word.unwrap_or_default().to_owned()
}

/// One object, a field a line: id and name first. `left_out` is shown otherwise.
pub(crate) fn fields(object: &Value, left_out: &[&str]) -> String {
    let Some(map) = object.as_object() else { return String::new() };
    let first = ["id", "name", "host"].into_iter().filter_map(|key| map.get_key_value(key));
    let others = map.iter().filter(|(key, _)| !["id", "name", "host"].contains(&key.as_str()));
    let shown = first.chain(others).filter(|(key, _)| !left_out.contains(&key.as_str()));
    let lines = |(key, value): (&String, &Value)| match value {
        Value::Array(values) if values.len() > 1 => {
            let keys = std::iter::once(key.clone()).chain(std::iter::repeat(String::new()));
            keys.zip(values).map(|(key, value)| vec![key, text(value)]).collect()
        }
        _ => vec![vec![key.clone(), text(value)]],
    };
    table::rows(&shown.flat_map(lines).collect::<Vec<_>>())
}

/// One object, a field a line.
pub(crate) fn all_fields(object: &Value) -> String {
    fields(object, &[])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_shown_a_field_a_line_with_its_name_first() {
        let shown = all_fields(&json!({
            "address": null, "name": "web", "id": "1", "members": ["a", "b"],
            "session_persistence": {"cookie_name": "sid", "type": "APP_COOKIE"}
        }));
        let expected = "id                   1\n\
                        name                 web\n\
                        address\n\
                        members              a\n\
                        \x20                    b\n\
                        session_persistence  cookie_name=sid type=APP_COOKIE\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_admin_state_that_is_not_there_is_neither_up_nor_down() {
        assert_eq!(admin(&json!({"admin_state_up": true})), "up");
        assert_eq!(admin(&json!({"admin_state_up": false})), "down");
        assert_eq!(admin(&json!({})), "");
    }
}
