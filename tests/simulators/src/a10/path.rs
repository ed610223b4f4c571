//! The path of a request: which kind of object, which one, and what of it.

use serde_json::Value;

use super::{
    error::Refused,
    schema::{Kind, Schema},
    validate::Fields,
};
use crate::http::decoded;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    Configuration,
    Oper,
    Stats,
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// As in `slb/server/port`.
    pub(crate) kind: String,
    /// The collection that it is in, as in `slb/server/s1/port`.
    pub(crate) collection: String,
    /// None: the whole collection.
    pub(crate) key: Option<String>,
    pub(crate) aspect: Aspect,
}

impl Path {
    /// Below `/axapi/v3/`, without a slash at the end.
    pub(crate) fn parse(path: &str, schema: &Schema) -> Result<Self, Refused> {
        let unknown = || Refused::not_found(path);
        let mut segments: Vec<String> = path.split('/').map(decoded).collect();
        let aspect = match segments.last().map(String::as_str) {
            Some("oper") => Aspect::Oper,
            Some("stats") => Aspect::Stats,
            _ => Aspect::Configuration,
        };
        if aspect != Aspect::Configuration {
            segments.pop();
        }
        if segments.iter().any(String::is_empty) {
            return Err(unknown());
        }
        let depth = (1..=segments.len()).rev().find(|depth| schema.objects.contains_key(&segments[..*depth].join("/")));
        let depth = depth.ok_or_else(unknown)?;
        let root = segments[..depth].join("/");
        let rest = &segments[depth..];
        let (kind, collection, key) = match rest {
            [] => (root.clone(), root, None),
            [key] => (root.clone(), root, Some(key.clone())),
            [parent, child, key @ ..] if key.len() < 2 => {
                (format!("{root}/{child}"), format!("{root}/{parent}/{child}"), key.first().cloned())
            }
            _ => return Err(unknown()),
        };
        if !schema.objects.contains_key(&kind) || kind == "partition" {
            return Err(unknown());
        }
        Ok(Self { kind, collection, key, aspect })
    }

    pub(crate) fn kind<'a>(&self, schema: &'a Schema) -> &'a Kind {
        &schema.objects[&self.kind]
    }

    /// The object's path; the collection's when there is none.
    pub(crate) fn object(&self) -> String {
        match &self.key {
            Some(key) => format!("{}/{key}", self.collection),
            None => self.collection.clone(),
        }
    }

    /// The path of the object that this is a child of.
    pub(crate) fn parent(&self) -> Option<&str> {
        let (parent, _) = self.collection.rsplit_once('/')?;
        (self.kind.matches('/').count() < parent.matches('/').count() + 1 && self.kind != self.collection)
            .then_some(parent)
    }
}

/// The key of an object with these fields; none when one is missing.
pub(crate) fn key_of(kind: &Kind, fields: &Fields) -> Option<String> {
    let parts: Option<Vec<String>> = kind
        .keys
        .iter()
        .map(|name| match fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    parts.map(|parts| parts.join("+"))
}

/// What is in a body's wrapper.
pub(crate) fn as_object<'a>(body: &'a Value, wrapper: &str) -> Result<&'a Fields, Refused> {
    body.get(wrapper).and_then(Value::as_object).ok_or_else(Refused::body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::a10::Release;

    #[test]
    fn paths_lead_to_kinds_keys_and_aspects() {
        let schema = Schema::of(Release::Four);
        let found = |path| Path::parse(path, &schema).map(|path| (path.kind.clone(), path.object(), path.aspect));
        let stats = ("slb/virtual-server/port".to_owned(), "slb/virtual-server/v/port".to_owned(), Aspect::Stats);
        assert_eq!(found("slb/virtual-server/v/port/stats"), Ok(stats));
        let cookie = "slb/template/persist/cookie";
        assert_eq!(found(cookie), Ok((cookie.to_owned(), cookie.to_owned(), Aspect::Configuration)));
        let port = found("slb/template/port/w5").map(|found| found.0);
        assert_eq!(port, Ok("slb/template/port".to_owned()));
        assert!(found("slb/servers").is_err() && found("slb/server/a/port/80+tcp/x").is_err());
        let member = Path::parse("slb/service-group/g/member/s+80", &schema);
        assert_eq!(member.unwrap().parent(), Some("slb/service-group/g"));
        assert_eq!(Path::parse("slb/template/persist/cookie/c", &schema).unwrap().parent(), None);
    }
}
