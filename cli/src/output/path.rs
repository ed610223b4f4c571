//! `jsonpath=`: a part of an answer. Keys, indices and `*`, as in `[*].listeners[0].name`; no filters and no functions.

use std::str::FromStr;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    /// From the end where it is negative.
    Index(i64),
    Every,
}

impl FromStr for JsonPath {
    type Err = String;

    /// `$` and `.` at the start and braces around are allowed, as others have them.
    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let mut rest = inner.strip_prefix('$').unwrap_or(inner);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, left) = match rest.strip_prefix('[') {
                Some(after) => {
                    let (inside, left) = bracketed(after).ok_or_else(|| format!("no ] in '{rest}'"))?;
                    (inside, left)
                }
                None => dotted(rest.strip_prefix('.').unwrap_or(rest)),
            };
            steps.push(step.ok_or_else(|| format!("'{rest}' is no key, no index and no *"))?);
            rest = left;
        }
        Ok(Self(steps))
    }
}

/// What is in brackets, and what comes after.
fn bracketed(text: &str) -> Option<(Option<Step>, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    if let Some(quote) = quote {
        let (key, left) = text[1..].split_once(quote)?;
        return left.strip_prefix(']').map(|left| (Some(Step::Key(key.to_owned())), left));
    }
    let (inside, left) = text.split_once(']')?;
    let step = if inside == "*" { Some(Step::Every) } else { inside.parse().ok().map(Step::Index) };
    Some((step, left))
}

fn dotted(text: &str) -> (Option<Step>, &str) {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let step = match &text[..end] {
        "" => None,
        "*" => Some(Step::Every),
        key => Some(Step::Key(key.to_owned())),
    };
    (step, &text[end..])
}

impl JsonPath {
    /// What is there; what is not there is left out.
    pub(crate) fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        self.0.iter().fold(vec![value], |found, step| found.into_iter().flat_map(|value| step.of(value)).collect())
    }

    /// A line for each; texts as they are, others as JSON.
    pub(crate) fn lines(&self, value: &Value) -> String {
        let line = |value: &Value| match value {
            Value::String(text) => format!("{}\n", crate::find::plain(text)),
            other => format!("{other}\n"),
        };
        self.find(value).into_iter().map(line).collect()
    }
}

impl Step {
    fn of<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Key(key), Value::Object(fields)) => fields.get(key).into_iter().collect(),
            (Self::Index(index), Value::Array(values)) => {
                let from_end = || values.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
                let at = usize::try_from(*index).ok().or_else(from_end);
                at.and_then(|at| values.get(at)).into_iter().collect()
            }
            (Self::Every, Value::Array(values)) => values.iter().collect(),
            (Self::Every, Value::Object(fields)) => fields.values().collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_found_by_keys_indices_and_stars() {
        let value = json!([{"id": 1, "a": {"x.y": "b"}, "l": [1, 2, 3]}, {"id": 2, "l": []}]);
        for (path, expected) in [
            ("", json!([value])),
            ("$", json!([value])),
            ("[*].id", json!([1, 2])),
            ("{[*].id}", json!([1, 2])),
            ("$.*.id", json!([1, 2])),
            ("[0].l[-1]", json!([3])),
            ("[0].l[-4]", json!([])),
            ("[0].l[9]", json!([])),
            ("[*].l[*]", json!([1, 2, 3])),
            ("[0].a['x.y']", json!(["b"])),
            ("[0].nosuch.more", json!([])),
        ] {
            let found: Vec<_> = path.parse::<JsonPath>().unwrap().find(&value).into_iter().cloned().collect();
            assert_eq!(Value::from(found), expected, "{path}");
        }
        for path in ["[", "[x]", "a..b", "['x", "a."] {
            assert!(path.parse::<JsonPath>().is_err(), "{path}");
        }
        let path: JsonPath = "[*]".parse().unwrap();
        assert_eq!(path.lines(&json!(["a\nb", 1, {"c": null}])), "a b\n1\n{\"c\":null}\n");
    }
}
