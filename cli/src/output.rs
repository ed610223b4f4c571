//! What a command prints: one answer in the form that was asked for. stdout is data; what is said besides goes to
//! stderr.

mod color;
mod path;
mod select;

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::failure::Failure;
pub(crate) use color::Color;
pub(crate) use select::Select;

/// The forms.
#[derive(Debug, Clone, Default)]
pub(crate) enum Format {
    #[default]
    Table,
    /// With more columns.
    Wide,
    Json,
    Yaml,
    /// Names, or ids where there is no name, one a line.
    Name,
    JsonPath(path::JsonPath),
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once('=') {
            Some(("jsonpath", path)) => Self::JsonPath(path.parse()?),
            _ => match text {
                "table" => Self::Table,
                "wide" => Self::Wide,
                "json" => Self::Json,
                "yaml" => Self::Yaml,
                "name" => Self::Name,
                _ => return Err("write table, wide, json, yaml, name or jsonpath=PATH".to_owned()),
            },
        })
    }
}

/// What can be printed.
pub(crate) trait Print {
    /// For people.
    fn table(&self, wide: bool) -> String;
    /// For programs; none: there is nothing but that it is done.
    fn value(&self) -> Option<Value>;
    fn names(&self) -> Vec<String> {
        self.value().as_ref().map(names).unwrap_or_default()
    }
}

/// # Errors
/// When it cannot be said so.
pub(crate) fn render(format: &Format, what: &impl Print) -> Result<String, Failure> {
    let value = || what.value().unwrap_or_default();
    Ok(match format {
        Format::Table => what.table(false),
        Format::Wide => what.table(true),
        Format::Json | Format::Yaml if what.value().is_none() => String::new(),
        Format::Json => format!("{:#}\n", value()),
        Format::Yaml => yaml(&value())?,
        Format::Name => what.names().iter().map(|name| format!("{}\n", crate::find::plain(name))).collect(),
        Format::JsonPath(path) => path.lines(&value()),
    })
}

/// # Errors
/// When it cannot be said so, or stdout cannot be written.
pub(crate) fn print(format: &Format, what: &impl Print) -> Result<(), Failure> {
    write(format, &render(format, what)?)
}

/// A text that is in its form already.
///
/// # Errors
/// When stdout cannot be written. A reader that has read enough is no failure of ours.
pub(crate) fn write(format: &Format, text: &str) -> Result<(), Failure> {
    stream(format, text).map(|_| ())
}

/// The same, for what goes on: whether somebody still reads.
///
/// # Errors
/// As [`write()`].
pub(crate) fn stream(format: &Format, text: &str) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    let painted = match format {
        Format::Table | Format::Wide if color::is_on(stdout.is_terminal()) => color::paint(text),
        _ => text.to_owned(),
    };
    match stdout.write_all(painted.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Output(error)),
        Ok(()) => Ok(true),
    }
}

/// One of many that come one after the other: as JSON a line, as YAML a document; `row` is it for people.
///
/// # Errors
/// When it cannot be said so.
pub(crate) fn one_of_many(format: &Format, value: &Value, row: String) -> Result<String, Failure> {
    Ok(match format {
        Format::Table | Format::Wide => row,
        Format::Json => format!("{value}\n"),
        Format::Yaml => format!("---\n{}", yaml(value)?),
        Format::Name => names(value).iter().map(|name| format!("{}\n", crate::find::plain(name))).collect(),
        Format::JsonPath(path) => path.lines(value),
    })
}

/// A text without colours.
///
/// # Errors
/// As [`write()`].
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    write(&Format::Json, text)
}

/// # Errors
/// When YAML cannot say it.
pub(crate) fn yaml(value: &Value) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(value).map_err(|error| Failure::Output(io::Error::other(error.to_string())))?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}

/// What is said besides, on stderr. Where that is closed nobody listens.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Of an object its name, else its id or host; of a list those of all.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(names).collect(),
        _ => {
            let keys = ["name", "id", "host", "project_id"];
            let texts = keys.into_iter().filter_map(|key| value[key].as_str());
            texts.filter(|text| !text.is_empty()).take(1).map(str::to_owned).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Two;

    impl Print for Two {
        fn table(&self, wide: bool) -> String {
            if wide { "wide\n" } else { "narrow\n" }.to_owned()
        }

        fn value(&self) -> Option<Value> {
            Some(json!([{"id": "1", "name": "a", "tags": ["x: y"]}, {"id": "2", "name": ""}]))
        }
    }

    #[test]
    fn each_form_says_the_same_in_its_way() {
        let said = |format: &str| render(&format.parse().unwrap(), &Two).unwrap();
        assert_eq!(said("table"), "narrow\n");
        assert_eq!(said("wide"), "wide\n");
        assert_eq!(serde_json::from_str::<Value>(&said("json")).unwrap(), Two.value().unwrap());
        assert_eq!(serde_saphyr::from_str::<Value>(&said("yaml")).unwrap(), Two.value().unwrap());
        assert_eq!(said("name"), "a\n2\n");
        assert_eq!(said("jsonpath=[*].id"), "1\n2\n");
        assert!("xml".parse::<Format>().is_err() && "jsonpath=[".parse::<Format>().is_err());
    }
}
