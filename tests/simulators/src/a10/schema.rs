//! The vendor's schema of the objects that this device knows, from `data/axapi.json` (made by `data/axapi.py`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

const TEXT: &str = include_str!("../../data/axapi.json");

/// Which releases of the device's software this one behaves as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// 4.0 and 4.1, as the schema says.
    #[default]
    Four,
    /// 5 and later: longer monitor names, more connections, more methods.
    Five,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Schema {
    pub(crate) objects: BTreeMap<String, Kind>,
    later: Vec<(String, String, Change)>,
    /// As the device says it.
    #[serde(skip)]
    pub(crate) version: &'static str,
}

/// A kind of object.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Kind {
    /// The name around the object in a body.
    pub(crate) wrapper: String,
    /// The fields that make its key, joined by `+`.
    pub(crate) keys: Vec<String>,
    /// Children in lists: the list's name and the child's kind.
    pub(crate) lists: BTreeMap<String, String>,
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
    /// Fields that cannot be set together with this one.
    #[serde(default)]
    pub(crate) not: Vec<String>,
    /// Cannot be changed once it is set.
    #[serde(default)]
    pub(crate) fixed: bool,
    /// The kind of object that it names.
    #[serde(default, rename = "ref")]
    pub(crate) names: Option<String>,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Field>,
    /// The first release that has it.
    #[serde(default)]
    since: Option<u8>,
    /// The first release that has it no more.
    #[serde(default)]
    until: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    Number,
    Flag,
    Enum,
    Ipv4,
    Ipv6,
    String,
    List,
    Object,
    Any,
}

#[derive(Clone, Debug, Deserialize)]
struct Change {
    max: Option<u64>,
    default: Option<Value>,
    #[serde(default)]
    also: Vec<String>,
}

impl Schema {
    pub(crate) fn of(release: Release) -> Self {
        let mut schema: Self = serde_json::from_str(TEXT).expect("data/axapi.json is what its script makes");
        let (number, version) = match release {
            Release::Four => (4, "4.1.4-GR1-P5, build 81"),
            Release::Five => (5, "5.2.1-p2, build 46"),
        };
        schema.version = version;
        schema.objects.values_mut().for_each(|kind| keep(&mut kind.fields, number));
        if release == Release::Five {
            for (object, field, change) in std::mem::take(&mut schema.later) {
                let field = schema.objects.get_mut(&object).and_then(|kind| kind.fields.get_mut(&field));
                let Some(field) = field else { continue };
                field.max = change.max.or(field.max);
                field.default = change.default.or(field.default.take());
                field.values.extend(change.also);
            }
        }
        schema
    }
}

/// What a release has.
fn keep(fields: &mut BTreeMap<String, Field>, release: u8) {
    fields.retain(|_, field| {
        let there = field.since.is_none_or(|since| since <= release);
        there && field.until.is_none_or(|until| release < until)
    });
    fields.values_mut().for_each(|field| keep(&mut field.fields, release));
}

/// Two fields of an object that exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rivals {
    /// As in `slb/server/port`.
    pub object: String,
    /// The objects in it in which they are, as `method` and `http`.
    pub inside: Vec<String>,
    /// Both, with a value that is not the default. A name is that of an object `other`.
    pub fields: [(String, Value); 2],
}

/// All that exclude each other, in both orders.
#[must_use]
pub fn rivals(release: Release) -> Vec<Rivals> {
    let mut found = Vec::new();
    for (object, kind) in Schema::of(release).objects {
        collect(&object, &[], &kind.fields, &mut found);
    }
    found
}

fn collect(object: &str, inside: &[String], fields: &BTreeMap<String, Field>, found: &mut Vec<Rivals>) {
    for (name, field) in fields {
        for rival in &field.not {
            let Some(other) = fields.get(rival) else { continue };
            let fields = [(name.clone(), field.sample()), (rival.clone(), other.sample())];
            found.push(Rivals { object: object.to_owned(), inside: inside.to_vec(), fields });
        }
        collect(object, &[inside, std::slice::from_ref(name)].concat(), &field.fields, found);
    }
}

impl Field {
    /// A value that it can have, and that is not its default.
    fn sample(&self) -> Value {
        match self.form {
            Form::Flag => Value::from(1),
            Form::Number => Value::from(self.min.unwrap_or(0).max(1)),
            Form::Enum => {
                let other =
                    self.values.iter().find(|value| self.default.as_ref().is_none_or(|no| no != value.as_str()));
                other.map_or(Value::Null, |value| Value::from(value.as_str()))
            }
            Form::Ipv4 => Value::from("192.0.2.77"),
            Form::Ipv6 => Value::from("2001:db8::77"),
            Form::String | Form::Any | Form::List | Form::Object => Value::from("other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_what_the_vendor_says_and_later_releases_allow_more() {
        let (four, five) = (Schema::of(Release::Four), Schema::of(Release::Five));
        let longest = |schema: &Schema| schema.objects["health/monitor"].fields["name"].max;
        assert_eq!((longest(&four), longest(&five)), (Some(29), Some(63)));
        let port = &four.objects["slb/virtual-server/port"].fields;
        assert_eq!(port["template-persist-cookie"].names.as_deref(), Some("slb/template/persist/cookie"));
        assert!(four.objects["slb/server"].fields["host"].fixed);
        let of_tls = |schema: &Schema| {
            let fields = &schema.objects["slb/template/client-ssl"].fields;
            (fields.contains_key("cert"), fields.contains_key("dgversion"))
        };
        assert_eq!((of_tls(&four), of_tls(&five)), ((true, false), (false, true)));
    }
}
