//! The vendor's tables, fields and scalars that this device knows, from `data/radware.json` (made by `data/radware.py`).
//!
//! `New` tables are what is staged, and their `Cur` twins what runs; both have the same fields. Several tables may be parts of
//! one row.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

const TEXT: &str = include_str!("../../data/radware.json");
/// How long a name may be in old trains.
const SHORT: i64 = 32;

/// Which releases of the device's software this one behaves as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// 29 and 30: short names, no warnings from an apply, no TLS 1.3.
    Old,
    /// 33 and 34, as the schema says.
    #[default]
    New,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Schema {
    /// What can be configured, by the names of the staged tables.
    pub(crate) tables: BTreeMap<String, Table>,
    /// What the device works out itself.
    pub(crate) shown: BTreeMap<String, Table>,
    pub(crate) scalars: BTreeMap<String, Field>,
    #[serde(skip)]
    pub(crate) release: Release,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Table {
    pub(crate) index: Vec<Key>,
    /// The first table of the same row.
    #[serde(default)]
    pub(crate) part_of: Option<String>,
    pub(crate) fields: BTreeMap<String, Field>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) field: Field,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Field {
    #[serde(rename = "type")]
    pub(crate) form: Form,
    /// Of a number its range, of text its length.
    #[serde(default)]
    pub(crate) min: Option<i64>,
    #[serde(default)]
    pub(crate) max: Option<i64>,
    #[serde(default)]
    pub(crate) values: Vec<i64>,
    #[serde(default)]
    pub(crate) default: Option<Value>,
    /// It does something, and keeps nothing.
    #[serde(default)]
    pub(crate) action: bool,
    #[serde(default)]
    pub(crate) ro: bool,
    /// Old trains lack it.
    #[serde(default)]
    later: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    Int,
    Enum,
    Counter,
    Str,
    Ipv4,
    Ipv6,
}

/// What a table in a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    Staged,
    Applied,
    Shown,
}

impl Schema {
    pub(crate) fn of(release: Release) -> Self {
        let mut schema: Self = serde_json::from_str(TEXT).expect("data/radware.json is what its script makes");
        schema.release = release;
        if release == Release::Old {
            for table in schema.tables.values_mut() {
                table.fields.retain(|_, field| !field.later);
                table.index.iter_mut().for_each(|key| key.field.shorten());
                table
                    .fields
                    .iter_mut()
                    .filter(|(name, _)| name.ends_with("ame"))
                    .for_each(|(_, field)| field.shorten());
            }
            schema.scalars.retain(|_, field| !field.later);
        }
        schema
    }

    /// The table of this name, with the name of its staged twin.
    pub(crate) fn find(&self, name: &str) -> Option<(Copy, &str, &Table)> {
        let found =
            |copy, name: &str| self.tables.get_key_value(name).map(|(name, table)| (copy, name.as_str(), table));
        if let Some((name, table)) = self.shown.get_key_value(name) {
            return Some((Copy::Shown, name, table));
        }
        found(Copy::Staged, name).or_else(|| {
            let staged = name.replacen("Cur", "New", 1);
            (staged != name).then(|| found(Copy::Applied, &staged)).flatten()
        })
    }

    /// The other tables of a row.
    pub(crate) fn parts<'a>(&'a self, first: &'a str) -> impl Iterator<Item = &'a str> {
        let part = move |(_, table): &(&String, &Table)| table.part_of.as_deref() == Some(first);
        self.tables.iter().filter(part).map(|(name, _)| name.as_str())
    }
}

impl Field {
    fn shorten(&mut self) {
        if self.form == Form::Str {
            self.max = self.max.map(|max| max.min(SHORT));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_what_the_vendor_says() {
        let schema = Schema::of(Release::New);
        let server = &schema.tables["SlbNewCfgEnhRealServerTable"].fields;
        assert_eq!((server["Weight"].min, server["Weight"].max), (Some(1), Some(48)));
        assert_eq!(server["State"].values, [2, 3, 4, 5, 6]);
        let parts: Vec<&str> = schema.parts("SlbNewCfgEnhRealServerTable").collect();
        assert_eq!(parts, ["SlbNewCfgEnhRealServerSecondPartTable", "SlbNewCfgEnhRealServerThirdPartTable"]);
        let (copy, twin, _) = schema.find("Layer7CurCfgContentClassTable").unwrap();
        assert_eq!((copy, twin), (Copy::Applied, "Layer7NewCfgContentClassTable"));
        assert!(schema.find("SlbCurrent").is_none());
    }

    #[test]
    fn old_trains_have_short_names_and_lack_what_came_later() {
        let policy =
            |release| Schema::of(release).tables["SlbNewSslCfgSSLPolTable"].fields.contains_key("FETls13Version");
        assert!(policy(Release::New) && !policy(Release::Old));
        let old = Schema::of(Release::Old);
        assert_eq!(old.tables["SlbNewCfgEnhGroupTable"].index[0].field.max, Some(32));
        assert_eq!(old.tables["SlbNewCfgEnhGroupTable"].fields["Name"].max, Some(32));
    }

    #[test]
    fn each_field_has_a_default_that_it_takes() {
        for (name, table) in &Schema::of(Release::New).tables {
            for (field, told) in table.fields.iter().filter(|(_, told)| !told.action) {
                let default = told.default.as_ref().unwrap_or_else(|| panic!("{name} {field}"));
                let empty = default.as_str() == Some("");
                assert!(empty || told.accepts(default).is_some(), "{name} {field}: {default}");
            }
        }
    }
}
