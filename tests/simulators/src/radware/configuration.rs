//! A configuration: rows by path, and scalars. What is staged, what runs and what flash holds are three of these.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::Schema;

/// Fields that were set. Names that begin with `_` are the device's own, and shown to nobody.
pub(crate) type Row = BTreeMap<String, Value>;

/// A table, and where else rows go when one of its rows goes: tables whose index begins with the same.
const CHILDREN: &[(&str, &[&str])] = &[
    ("SlbNewCfgEnhRealServerTable", &["SlbNewCfgEnhRealServPortTable"]),
    ("SlbNewCfgEnhGroupTable", &["SlbNewCfgEnhGroupRealServerTable"]),
    (
        "SlbNewCfgEnhVirtServerTable",
        &["SlbNewCfgEnhVirtServicesTable", "SlbNewCfgEnhContRuleTable", "SlbNewCfgEnhSerAppShapeTable"],
    ),
    ("SlbNewCfgEnhVirtServicesTable", &["SlbNewCfgEnhContRuleTable", "SlbNewCfgEnhSerAppShapeTable"]),
    (
        "Layer7NewCfgContentClassTable",
        &[
            "Layer7NewCfgContentClassHostNameTable",
            "Layer7NewCfgContentClassPathTable",
            "Layer7NewCfgContentClassFileNameTable",
            "Layer7NewCfgContentClassFileTypeTable",
            "Layer7NewCfgContentClassHeaderTable",
            "Layer7NewCfgContentClassCookieTable",
        ],
    ),
];

/// The row that must be there before this one: its table, and how much of the index is its.
pub(crate) fn parent(table: &str) -> Option<(&'static str, usize)> {
    match table {
        "SlbNewCfgEnhContRuleTable" | "SlbNewCfgEnhSerAppShapeTable" => Some(("SlbNewCfgEnhVirtServicesTable", 2)),
        _ => CHILDREN.iter().find(|(_, children)| children.contains(&table)).map(|(parent, _)| (*parent, 1)),
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Configuration {
    /// As in `SlbNewCfgEnhVirtServicesTable/v1/1`; each part of a row has an entry of its own, and all come and go together.
    pub(crate) rows: BTreeMap<String, Row>,
    pub(crate) scalars: BTreeMap<String, Value>,
}

impl Configuration {
    pub(crate) fn has(&self, path: &str) -> bool {
        self.rows.contains_key(path)
    }

    /// Makes a row with all its parts; what is there stays.
    pub(crate) fn make(&mut self, schema: &Schema, table: &str, index: &str) {
        for name in std::iter::once(table).chain(schema.parts(table)) {
            self.rows.entry(format!("{name}/{index}")).or_default();
        }
    }

    /// With all its parts and what is below it.
    pub(crate) fn remove(&mut self, schema: &Schema, table: &str, index: &str) {
        for name in std::iter::once(table).chain(schema.parts(table)) {
            self.rows.remove(&format!("{name}/{index}"));
        }
        let children = CHILDREN.iter().find(|(parent, _)| *parent == table).map_or(&[][..], |(_, children)| children);
        for child in children {
            for name in std::iter::once(*child).chain(schema.parts(child)) {
                let inside = format!("{name}/{index}/");
                self.rows.retain(|path, _| !path.starts_with(&inside));
            }
        }
    }

    /// Takes out the rows that have an index and nothing else, as an apply does.
    pub(crate) fn drop_empty(&mut self, schema: &Schema) {
        let tables = schema.tables.iter().filter(|(_, table)| table.part_of.is_none());
        for (table, _) in tables {
            let start = format!("{table}/");
            let empty: Vec<String> = below(&self.rows, &start)
                .filter(|(index, row)| {
                    let part = |part: &str| self.rows.get(&format!("{part}/{index}")).is_none_or(Row::is_empty);
                    row.is_empty() && schema.parts(table).all(part)
                })
                .map(|(index, _)| index.to_owned())
                .collect();
            for index in empty {
                self.remove(schema, table, &index);
            }
        }
    }

    /// Whether both mean the same: a field that has its default may be set or not.
    pub(crate) fn agrees(&self, schema: &Schema, other: &Self) -> bool {
        self.rows.len() == other.rows.len()
            && self.rows.keys().eq(other.rows.keys())
            && self.differences(schema, other).is_empty()
    }

    /// The paths of rows that only one has, or that differ, and the names of scalars that do.
    pub(crate) fn differences(&self, schema: &Schema, other: &Self) -> Vec<String> {
        let paths = self.rows.keys().chain(other.rows.keys().filter(|path| !self.rows.contains_key(*path)));
        let differs = |path: &&String| match (self.rows.get(*path), other.rows.get(*path)) {
            (Some(one), Some(two)) => whole(schema, path, one) != whole(schema, path, two),
            _ => true,
        };
        let scalar = |of: &Self, name: &str| {
            let default = || schema.scalars.get(name).and_then(|field| field.default.clone());
            of.scalars.get(name).cloned().or_else(default)
        };
        let names = schema.scalars.keys().filter(|name| scalar(self, name) != scalar(other, name));
        paths.filter(differs).chain(names).cloned().collect()
    }
}

/// A row with its defaults.
pub(crate) fn whole(schema: &Schema, path: &str, row: &Row) -> Row {
    let table = schema.tables.get(path.split('/').next().unwrap_or_default());
    let fields = table.into_iter().flat_map(|table| &table.fields).filter(|(_, field)| !field.action);
    let mut whole: Row =
        fields.map(|(name, field)| (name.clone(), field.default.clone().unwrap_or_default())).collect();
    whole.extend(row.iter().map(|(name, value)| (name.clone(), value.clone())));
    whole
}

/// What is below a path that ends with a slash, with what is left of their paths.
pub(crate) fn below<'a>(
    rows: &'a BTreeMap<String, Row>,
    start: &str,
) -> impl Iterator<Item = (&'a str, &'a Row)> + use<'a> {
    let start = start.to_owned();
    let length = start.len();
    let from = rows.range(start.clone()..);
    from.take_while(move |(path, _)| path.starts_with(&start)).map(move |(path, row)| (&path[length..], row))
}

/// A configuration with its defaults.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) of: &'a Configuration,
}

impl<'a> View<'a> {
    pub(crate) fn value(&self, table: &str, index: &str, field: &str) -> Value {
        let set = self.of.rows.get(&format!("{table}/{index}")).and_then(|row| row.get(field)).cloned();
        let default = || self.schema.tables.get(table)?.fields.get(field)?.default.clone();
        set.or_else(default).unwrap_or_default()
    }

    pub(crate) fn text(&self, table: &str, index: &str, field: &str) -> String {
        super::values::text_of(&self.value(table, index, field))
    }

    pub(crate) fn number(&self, table: &str, index: &str, field: &str) -> i64 {
        self.value(table, index, field).as_i64().unwrap_or(0)
    }

    pub(crate) fn has(&self, table: &str, index: &str) -> bool {
        self.of.has(&format!("{table}/{index}"))
    }

    /// The indexes of a table's rows that begin so; all with an empty start.
    pub(crate) fn indexes(&self, table: &str, start: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let slash = if start.is_empty() { "" } else { "/" };
        let skipped = table.len() + 1;
        let inside = format!("{table}/{start}{slash}");
        let from = self.of.rows.range(inside.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&inside)).map(move |(path, _)| &path[skipped..])
    }
}
