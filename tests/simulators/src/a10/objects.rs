//! The objects of a partition: read, made, merged, replaced, deleted.

use serde_json::{Value, json};

use super::{
    A10, Assumptions, Exclusive,
    configuration::Objects,
    error::Refused,
    ok,
    path::{Path, key_of},
    references,
    rules::rules,
    schema::{Kind, Schema},
    validate::{self, Fields},
};
use crate::Reply;

impl A10 {
    pub(super) fn read(&self, partition: &str, target: &Path) -> Result<Reply, Refused> {
        let kind = target.kind(&self.schema);
        let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
        if let Some(parent) = target.parent().filter(|parent| !objects.contains_key(*parent)) {
            return Err(Refused::not_found(parent));
        }
        if target.key.is_some() {
            let path = target.object();
            let fields = objects.get(&path).ok_or_else(|| Refused::not_found(&kind.wrapper))?;
            return Ok(Reply::json(200, &json!({ &kind.wrapper: shown(&self.schema, kind, &path, fields, objects) })));
        }
        let list: Vec<Value> = children(objects, &target.collection)
            .map(|(path, fields)| shown(&self.schema, kind, path, fields, objects))
            .collect();
        if list.is_empty() && !self.assumptions.shows_empty_lists {
            return Ok(Reply::empty(204));
        }
        Ok(Reply::json(200, &json!({ format!("{}-list", kind.wrapper): list })))
    }

    pub(super) fn configure(
        &mut self,
        partition: &str,
        method: &str,
        target: &Path,
        body: Option<&Fields>,
    ) -> Result<Reply, Refused> {
        let kind = target.kind(&self.schema).clone();
        let held = self.running.objects_mut(partition).ok_or_else(|| Refused::not_found("partition"))?;
        // A request for one object either fails before it changes anything, or not at all: large partitions need no copy.
        let single = body.and_then(|body| body.get(&kind.wrapper)).and_then(Value::as_object);
        let single = single.is_some_and(|one| !one.keys().any(|name| kind.lists.contains_key(name)));
        let in_place = method == "DELETE" || (method == "POST" && target.key.is_none() && single);
        let mut draft = if in_place { std::mem::take(held) } else { held.clone() };
        let reply = self.drafted(&mut draft, method, target, (&kind, body));
        if let Some(objects) = self.running.objects_mut(partition).filter(|_| in_place || reply.is_ok()) {
            *objects = draft;
        }
        reply
    }

    fn drafted(
        &mut self,
        draft: &mut Objects,
        method: &str,
        target: &Path,
        (kind, body): (&Kind, Option<&Fields>),
    ) -> Result<Reply, Refused> {
        if let Some(parent) = target.parent().filter(|parent| !draft.contains_key(*parent)) {
            return Err(Refused::not_found(parent));
        }
        Ok(match (method, &target.key) {
            ("POST", None) => {
                let body = body.ok_or_else(Refused::body)?;
                let paths = self.create(draft, target, kind, body)?;
                let mut made = paths.iter().map(|path| shown(&self.schema, kind, path, &draft[path], draft));
                match (made.len(), made.next()) {
                    (1, Some(one)) => Reply::json(200, &json!({ &kind.wrapper: one })),
                    (_, one) => {
                        let all: Vec<Value> = one.into_iter().chain(made).collect();
                        Reply::json(200, &json!({ format!("{}-list", kind.wrapper): all }))
                    }
                }
            }
            ("POST" | "PUT", Some(key)) => {
                let path = target.object();
                let old = draft.get(&path).ok_or_else(|| Refused::not_found(&kind.wrapper))?.clone();
                let fields = body.and_then(|body| body.get(&kind.wrapper)).and_then(Value::as_object);
                let fields = fields.ok_or_else(Refused::body)?;
                self.change(draft, target, (kind, key), (&old, fields, method == "PUT"))?;
                Reply::json(200, &json!({ &kind.wrapper: shown(&self.schema, kind, &path, &draft[&path], draft) }))
            }
            ("DELETE", Some(key)) => {
                delete(&self.schema, draft, target, (kind, key), self.assumptions)?;
                ok()
            }
            (method, _) => return Err(Refused::unsupported(format!("{method} is not supported"))),
        })
    }

    /// One object or a list of them; what was made.
    fn create(
        &mut self,
        draft: &mut Objects,
        target: &Path,
        kind: &Kind,
        body: &Fields,
    ) -> Result<Vec<String>, Refused> {
        let list = body.get(&format!("{}-list", kind.wrapper)).and_then(Value::as_array);
        let bodies: Vec<&Value> = match (body.get(&kind.wrapper), list) {
            (Some(one), None) => vec![one],
            (None, Some(list)) => list.iter().collect(),
            _ => return Err(Refused::body()),
        };
        let mut made = Vec::new();
        for body in bodies {
            let body = body.as_object().ok_or_else(Refused::body)?;
            made.push(self.create_one(draft, target, kind, body)?);
        }
        Ok(made)
    }

    fn create_one(
        &mut self,
        draft: &mut Objects,
        target: &Path,
        kind: &Kind,
        body: &Fields,
    ) -> Result<String, Refused> {
        let (lists, own) = split(kind, body);
        let checked = validate::checked(&kind.fields, &own, self.assumptions.null_is_the_default)?;
        let mut fields = validate::without_nulls(checked);
        for key in &kind.keys {
            if let (None, Some(default)) = (fields.get(key), kind.fields.get(key).and_then(|key| key.default.clone())) {
                fields.insert(key.clone(), default);
            }
        }
        let key = key_of(kind, &fields).ok_or_else(|| Refused::value("a key is missing"))?;
        let path = format!("{}/{key}", target.collection);
        if draft.contains_key(&path) {
            return Err(Refused::exists(&kind.wrapper));
        }
        references::resolved(&self.schema, kind, &fields, draft)?;
        rules(&target.kind, &path, &fields, draft)?;
        fields.insert("uuid".to_owned(), Value::from(self.uuid()));
        if target.kind == "slb/service-group/member" {
            self.make_server_port(draft, target, &fields);
        }
        draft.insert(path.clone(), fields);
        for (list, bodies) in lists {
            let child = &kind.lists[list];
            let wrapper = self.schema.objects[child].clone();
            let collection = format!("{path}/{}", wrapper.wrapper);
            let inside = Path { kind: child.clone(), collection, key: None, aspect: target.aspect };
            for body in bodies.as_array().ok_or_else(Refused::body)? {
                self.create_one(draft, &inside, &wrapper, body.as_object().ok_or_else(Refused::body)?)?;
            }
        }
        Ok(path)
    }

    fn change(
        &mut self,
        draft: &mut Objects,
        target: &Path,
        (kind, key): (&Kind, &str),
        (old, body, replace): (&Fields, &Fields, bool),
    ) -> Result<(), Refused> {
        let (lists, own) = split(kind, body);
        if !lists.is_empty() {
            return Err(Refused::unsupported("children are changed by their own path"));
        }
        let new = validate::checked(&kind.fields, &own, self.assumptions.null_is_the_default)?;
        let exclusive = if replace { Exclusive::Replaces } else { self.assumptions.exclusive };
        let mut fields = validate::merged(&kind.fields, old, &new, exclusive)?;
        if replace {
            let kept = kind.keys.iter().map(String::as_str).chain(["uuid"]);
            let mut replaced: Fields =
                kept.filter_map(|name| Some((name.to_owned(), old.get(name)?.clone()))).collect();
            replaced.extend(validate::without_nulls(new));
            fields = replaced;
            remove_children(draft, &target.object());
        }
        if key_of(kind, &fields).as_deref() != Some(key) {
            return Err(Refused::value("the key in the body is not that of the path"));
        }
        references::resolved(&self.schema, kind, &fields, draft)?;
        let path = target.object();
        draft.remove(&path);
        rules(&target.kind, &path, &fields, draft)?;
        draft.insert(path, fields);
        Ok(())
    }

    /// A member makes the port of its server where it is missing.
    fn make_server_port(&mut self, draft: &mut Objects, target: &Path, member: &Fields) {
        let group = target.parent().and_then(|group| draft.get(group));
        let protocol =
            group.and_then(|group| group.get("protocol")).and_then(Value::as_str).unwrap_or("tcp").to_owned();
        let (Some(server), Some(port)) = (member["name"].as_str(), member["port"].as_u64()) else { return };
        let path = format!("slb/server/{server}/port/{port}+{protocol}");
        draft.entry(path).or_insert_with(|| {
            let made = json!({"port-number": port, "protocol": protocol, "uuid": self.uuid()});
            made.as_object().cloned().unwrap_or_default()
        });
    }

    fn uuid(&mut self) -> String {
        let hex = self.unique(32);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

fn delete(
    schema: &Schema,
    draft: &mut Objects,
    target: &Path,
    (kind, key): (&Kind, &str),
    assumptions: Assumptions,
) -> Result<(), Refused> {
    let path = target.object();
    if !draft.contains_key(&path) {
        return Err(Refused::not_found(&kind.wrapper));
    }
    if assumptions.deletes_what_is_used {
        references::forget(schema, &target.kind, key, draft);
    } else if let Some(user) = references::user_of(schema, &target.kind, key, draft) {
        return Err(Refused::in_use(&user));
    }
    draft.remove(&path);
    remove_children(draft, &path);
    if target.kind == "slb/server" {
        draft.retain(|path, fields| {
            references::kind_of(path) != "slb/service-group/member" || fields.get("name") != Some(&Value::from(key))
        });
    }
    Ok(())
}

fn remove_children(draft: &mut Objects, path: &str) {
    let inside = format!("{path}/");
    draft.retain(|path, _| !path.starts_with(&inside));
}

/// A body's lists of children, and its own fields.
fn split<'a>(kind: &Kind, body: &'a Fields) -> (Vec<(&'a String, &'a Value)>, Fields) {
    let lists = body.iter().filter(|(name, _)| kind.lists.contains_key(*name)).collect();
    let own = body.iter().filter(|(name, _)| !kind.lists.contains_key(*name));
    (lists, own.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The objects directly in a collection.
pub(super) fn children<'a>(
    objects: &'a Objects,
    collection: &str,
) -> impl Iterator<Item = (&'a String, &'a Fields)> + use<'a> {
    let inside = format!("{collection}/");
    objects.iter().filter(move |(path, _)| path.strip_prefix(&inside).is_some_and(|rest| !rest.contains('/')))
}

/// An object as a read shows it: with defaults and children.
fn shown(schema: &Schema, kind: &Kind, path: &str, fields: &Fields, objects: &Objects) -> Value {
    let mut out = validate::with_defaults(&kind.fields, fields);
    for (list, child) in &kind.lists {
        let child = &schema.objects[child];
        let collection = format!("{path}/{}", child.wrapper);
        let all: Vec<Value> =
            children(objects, &collection).map(|(path, fields)| shown(schema, child, path, fields, objects)).collect();
        if !all.is_empty() {
            out.insert(list.clone(), Value::from(all));
        }
    }
    Value::Object(out)
}
