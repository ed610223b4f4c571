//! The vendor's schema of the resources that this device knows, from `data/nitro.json` (made by `data/nitro.py`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

const TEXT: &str = include_str!("../../data/nitro.json");

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Schema {
    pub(crate) resources: BTreeMap<String, Resource>,
    /// What an error says, by its number.
    pub(crate) errors: BTreeMap<u32, String>,
}

/// A kind of object, or of binding between two objects.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resource {
    /// The attribute that names it; a binding has that of its owner.
    pub(crate) key: String,
    pub(crate) add: Vec<String>,
    pub(crate) set: Vec<String>,
    pub(crate) unset: Vec<String>,
    pub(crate) enable: Vec<String>,
    pub(crate) disable: Vec<String>,
    #[serde(default)]
    pub(crate) change: Vec<String>,
    #[serde(default)]
    pub(crate) link: Vec<String>,
    #[serde(default)]
    pub(crate) unlink: Vec<String>,
    pub(crate) delete_args: Vec<String>,
    pub(crate) get_args: Vec<String>,
    pub(crate) fields: BTreeMap<String, Field>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Field {
    #[serde(rename = "type")]
    pub(crate) form: Form,
    #[serde(default)]
    pub(crate) min: Option<u64>,
    #[serde(default)]
    pub(crate) max: Option<u64>,
    #[serde(default)]
    pub(crate) default: Option<Value>,
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// A number that is shown as text.
    #[serde(default)]
    pub(crate) text: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Form {
    #[serde(rename = "int")]
    Number,
    #[serde(rename = "bool")]
    Flag,
    #[serde(rename = "str")]
    Text,
    #[serde(rename = "list")]
    List,
}

impl Default for Schema {
    fn default() -> Self {
        serde_json::from_str(TEXT).expect("data/nitro.json is what its script makes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_what_the_vendor_says() {
        let schema = Schema::default();
        let vserver = &schema.resources["lbvserver"];
        assert!(vserver.fields["lbmethod"].values.iter().any(|value| value == "SOURCEIPHASH"));
        assert!(vserver.add.iter().any(|name| name == "port") && !vserver.set.iter().any(|name| name == "port"));
        assert_eq!(schema.resources["lbmonitor"].delete_args, ["type"]);
        assert_eq!(schema.errors[&2131], "Monitor must be unbound before it can be deleted");
    }
}
