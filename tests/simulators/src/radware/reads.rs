//! Reads: whole tables, parts of them, one row; and how odd the bodies are.

use serde_json::{Map, Value, json};

use super::{
    Alteon,
    configuration::{Configuration, below, whole},
    error::Refused,
    path::Path,
    schema::{Copy, Form, Table},
    values::text_of,
};
use crate::{Reply, World};

/// A row as it is shown, with the text of its index.
pub(super) type Shown = (Vec<String>, Map<String, Value>);

impl Alteon {
    pub(super) fn read(&mut self, path: &Path, world: &World<'_>) -> Result<Reply, Refused> {
        let Some(name) = &path.name else { return self.read_scalars(path.option("prop").unwrap_or_default(), world) };
        match name.as_str() {
            "getdiff" => return Ok(Reply::text(&self.difference_text(false))),
            "getdiffflash" => return Ok(Reply::text(&self.difference_text(true))),
            "getcert" => return self.certificate_text(path),
            _ => {}
        }
        let Some((copy, staged, table)) = self.schema.find(name) else {
            return if path.index.is_empty() { self.read_scalars(name, world) } else { Err(Refused::Unknown) };
        };
        if path.index.len() > table.index.len() {
            return Err(Refused::Unknown);
        }
        let rows = match copy {
            Copy::Staged => self.configured(&self.unit.staged, staged, table, true),
            Copy::Applied => self.configured(&self.unit.applied, staged, table, false),
            Copy::Shown => self.worked_out(staged, world),
        };
        let same = |one: &str, two: &str| one == two || (self.assumptions.any_case && one.eq_ignore_ascii_case(two));
        let mut rows: Vec<Shown> = rows
            .into_iter()
            .filter(|(index, _)| index.iter().zip(&path.index).all(|(found, asked)| same(found, asked)))
            .collect();
        if rows.is_empty() && !path.index.is_empty() && path.index.len() == table.index.len() {
            return Err(Refused::Absent(name.clone()));
        }
        filter(path, &mut rows);
        let skipped = rows.into_iter().skip(path.number("offset").unwrap_or(0));
        let count = path.number("count").or(self.assumptions.page).unwrap_or(usize::MAX);
        let list: Vec<Value> = skipped.take(count).map(|(_, row)| Value::Object(chosen(path, row))).collect();
        Ok(Reply::json(200, &json!({ name: list })))
    }

    fn configured(&self, of: &Configuration, table: &str, told: &Table, staged: bool) -> Vec<Shown> {
        let rows = below(&of.rows, &format!("{table}/"));
        rows.map(|(index, row)| {
            let index: Vec<String> = index.split('/').map(str::to_owned).collect();
            let mut shown = Map::new();
            for (key, text) in told.index.iter().zip(&index) {
                shown.insert(key.name.clone(), number_or_text(key.field.form, text));
            }
            if staged {
                let actions = told.fields.iter().filter(|(_, field)| field.action);
                shown.extend(actions.map(|(name, field)| (name.clone(), json!(i32::from(field.form == Form::Enum)))));
            }
            let whole = whole(&self.schema, &format!("{table}/"), row);
            shown.extend(whole.into_iter().filter(|(name, _)| !name.starts_with('_')));
            self.also(of, table, &index, &mut shown);
            (index, shown)
        })
        .collect()
    }

    /// What of a row the device works out itself.
    fn also(&self, of: &Configuration, table: &str, index: &[String], shown: &mut Map<String, Value>) {
        let below = |inside: &str, id: &str| below(&of.rows, &format!("{inside}/{id}/")).count();
        match (table, index) {
            ("SlbNewCfgEnhVirtServerTable", [id]) => {
                let taken = |service: &usize| of.has(&format!("SlbNewCfgEnhVirtServicesTable/{id}/{service}"));
                let free = (1..=8).find(|service| !taken(service)).unwrap_or(0);
                shown.insert("VirtServerFreeServiceIdx".to_owned(), json!(free));
            }
            ("SlbNewCfgEnhRealServerTable", [id]) => {
                let taken = |port: &usize| of.has(&format!("SlbNewCfgEnhRealServPortTable/{id}/{port}"));
                let free = (1..=64).find(|port| !taken(port)).unwrap_or(0);
                shown.insert("NxtRportIdx".to_owned(), json!(free));
            }
            ("Layer7NewCfgContentClassTable", [id]) => {
                for kind in ["HostName", "Path", "FileName", "FileType", "Header", "Cookie"] {
                    let some = below(&format!("Layer7NewCfgContentClass{kind}Table"), id) > 0;
                    shown.insert(kind.to_owned(), json!(if some { 1 } else { 2 }));
                }
            }
            _ => {}
        }
    }

    /// As the device writes it: see [`super::Assumptions`].
    pub(super) fn odd(&self, reply: Reply) -> Reply {
        let strange = &self.assumptions;
        let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else { return reply };
        if strange.numbers_are_text {
            numbers_to_text(&mut body);
        }
        let mut text = body.to_string();
        if strange.stray_commas {
            text = text.replace('}', ",}").replace("{,}", "{}");
        }
        if strange.raw_line_ends {
            text = text.replace("\",\"", "\",\n\"").replacen(":\"", ":\"\t\r\n", 1).replace("\\n", "\n");
        }
        Reply { body: text.into_bytes(), ..reply }
    }
}

fn number_or_text(form: Form, text: &str) -> Value {
    match form {
        Form::Int | Form::Enum | Form::Counter => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Form::Str | Form::Ipv4 | Form::Ipv6 => Value::from(text),
    }
}

fn numbers_to_text(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::from(number.to_string()),
        Value::Array(list) => list.iter_mut().for_each(numbers_to_text),
        Value::Object(fields) => fields.values_mut().for_each(numbers_to_text),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What `filter=F:v,F2:v2&filtertype=exact|any` leaves: "exact" matches parts of a value too, as on the device.
fn filter(path: &Path, rows: &mut Vec<Shown>) {
    let Some(wanted) = path.option("filter") else { return };
    let wanted: Vec<(&str, &str)> = wanted.split(',').filter_map(|pair| pair.split_once(':')).collect();
    let any = path.option("filtertype") == Some("any");
    rows.retain(|(_, row)| {
        let fits = |(name, part): &(&str, &str)| row.get(*name).is_some_and(|value| text_of(value).contains(part));
        if any { wanted.iter().any(fits) } else { wanted.iter().all(fits) }
    });
}

/// What `props` leaves of a row.
fn chosen(path: &Path, mut row: Map<String, Value>) -> Map<String, Value> {
    if let Some(props) = path.option("props") {
        let props: Vec<&str> = props.split(',').collect();
        row.retain(|name, _| props.contains(&name.as_str()));
    }
    row
}
