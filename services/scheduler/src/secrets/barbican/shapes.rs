//! Barbican's objects as they come. What is not looked at is not read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::Entity;

/// How many secrets a container may have that is named here: a certificate has four.
pub(super) const MOST_SECRETS: usize = 16;

#[derive(Deserialize)]
pub(super) struct Container {
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) creator_id: Option<String>,
    #[serde(default)]
    secret_refs: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
    secret_ref: String,
}

impl Container {
    /// Its secrets by their names.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn secrets(&self) -> Result<Vec<(&str, Entity)>, String> {
        if self.secret_refs.len() > MOST_SECRETS {
            return Err(format!("the container has more than {MOST_SECRETS} secrets"));
        }
        let one = |named: &'_ Named| match Entity::of(&named.secret_ref) {
            Some(entity @ Entity::Secret(_)) => Some(entity),
            _ => None,
        };
        let all = self.secret_refs.iter().map(|named| Some((named.name.as_deref().unwrap_or_default(), one(named)?)));
        all.collect::<Option<_>>().ok_or_else(|| "the container names something that is no secret".to_owned())
    }
}

#[derive(Deserialize)]
pub(super) struct Secret {
    #[serde(default)]
    pub(super) creator_id: Option<String>,
    #[serde(default)]
    content_types: Option<BTreeMap<String, String>>,
}

impl Secret {
    /// As what its payload is kept.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.content_types.as_ref()?.get("default").map(String::as_str)
    }
}

/// Who may do what with a secret or a container, by operations. Those that are not known here stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Acl(BTreeMap<String, Allowed>);

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Allowed {
    #[serde(rename = "project-access", default = "by_default")]
    project_access: bool,
    #[serde(default)]
    users: Vec<String>,
}

const fn by_default() -> bool {
    true
}

const READ: &str = "read";

impl Acl {
    pub(super) fn lets_read(&self, user_id: &str) -> bool {
        self.0.get(READ).is_some_and(|read| read.users.iter().any(|user| user == user_id))
    }

    /// The same in which this user may read, or may not.
    pub(super) fn with(mut self, user_id: &str, may_read: bool) -> Self {
        let allowed = || Allowed { project_access: true, users: Vec::new() };
        let read = self.0.entry(READ.to_owned()).or_insert_with(allowed);
        read.users.retain(|user| user != user_id);
        if may_read {
            read.users.push(user_id.to_owned());
        }
        self
    }

    pub(super) fn body(&self) -> serde_json::Value {
        serde_json::json!(self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn acl(value: serde_json::Value) -> Acl {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_user_is_added_and_taken_away_and_all_else_stays() {
        let first = acl(json!({"read": {"project-access": true}}));
        assert!(!first.lets_read("u"));
        let second = first.with("u", true);
        assert!(second.lets_read("u"));
        assert_eq!(second.body(), json!({"read": {"project-access": true, "users": ["u"]}}));
        let private = json!({"read": {"project-access": false, "users": ["a", "u"], "created": "x", "updated": "y"},
                             "write": {"project-access": false, "users": ["b"]}});
        let taken = acl(private).with("u", false);
        let kept = json!({"read": {"project-access": false, "users": ["a"]}, "write": {"project-access": false, "users": ["b"]}});
        assert_eq!(taken.body(), kept);
        assert_eq!(taken.clone().with("a", true).body(), kept);
    }

    #[test]
    fn a_container_has_its_secrets_by_name_in_bounds() {
        let id = "8f058aa4-c979-4913-ad85-69ab9370e4e6";
        let container = |refs: serde_json::Value| -> Container {
            serde_json::from_value(json!({"type": "generic", "name": "c", "secret_refs": refs})).unwrap()
        };
        let one = json!({"name": "certificate", "secret_ref": format!("http://h/v1/secrets/{id}")});
        let found = container(json!([one]));
        assert_eq!(found.secrets().unwrap()[0].0, "certificate");
        assert!(container(json!(vec![one; MOST_SECRETS + 1])).secrets().unwrap_err().contains("more than"));
        let other = json!({"name": "certificate", "secret_ref": format!("http://h/v1/containers/{id}")});
        assert!(container(json!([other])).secrets().unwrap_err().contains("no secret"));
    }
}
