//! From what is and what shall be to steps. Pure: taking them and planning again gives none.

mod fields;
mod policies;

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    same::same,
    steps::{Action, Late, Step},
};
use crate::{
    noun::text,
    v2::{find, noun::Noun, nouns},
};
use fields::Fields;
use policies::OfListener;

type Object = Map<String, Value>;

/// The steps that make the tree as the document says; `tree` as [`tree`](super::tree()) has it.
///
/// # Errors
/// What in the document cannot be, in a line.
pub(super) fn changes(document: &Object, tree: &Value) -> Result<Vec<Step>, String> {
    let mut planner = Planner { tree, lb: text(&tree["id"]), steps: Vec::new(), made: Vec::new() };
    planner.load_balancer(document)?;
    // Before those who name them.
    for pool in objects(document.get("pools")) {
        planner.pool(pool)?;
    }
    for listener in objects(document.get("listeners")) {
        planner.listener(listener)?;
    }
    Ok(planner.steps)
}

/// The one step that makes it.
///
/// # Errors
/// When the document names what nobody can give.
pub(super) fn creation(document: &Object) -> Result<Vec<Step>, String> {
    Fields::check(
        "the load balancer",
        document,
        &nouns::LOAD_BALANCER,
        &["id", "listeners", "pools", "project_id", "tenant_id"],
    )?;
    if document.contains_key("id") {
        return Err("there is no load balancer of this id: leave it out, and one is made by the name".to_owned());
    }
    let mut differences = Vec::new();
    for (key, what) in [("listeners", "listener"), ("pools", "pool")] {
        for object in objects(document.get(key)) {
            differences.push(format!("{what} {}", label(object, what)));
        }
    }
    Ok(vec![Step {
        action: Action::Add,
        kind: "loadbalancer",
        name: super::file::label(document),
        method: Method::POST,
        path: find::path(&nouns::LOAD_BALANCERS, None),
        body: json!({ "loadbalancer": document }),
        late: Vec::new(),
        differences,
    }])
}

fn objects(value: Option<&Value>) -> impl Iterator<Item = &Object> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What an object is called, for people.
fn label(object: &Object, kind: &str) -> String {
    let said = |key: &str| object.get(key).map(text).filter(|text| !text.is_empty());
    let by_address = || Some(format!("{}:{}", said("address")?, said("protocol_port")?));
    let by_port = || Some(format!("{}/{}", said("protocol")?, said("protocol_port")?));
    let named = said("name").or_else(|| if kind == "listener" { by_port() } else { by_address() });
    crate::find::plain(&named.or_else(|| said("type")).or_else(|| said("id")).unwrap_or_default())
}

struct Planner<'t> {
    tree: &'t Value,
    lb: String,
    steps: Vec<Step>,
    /// Names of pools that are made, with their steps.
    made: Vec<(String, usize)>,
}

impl Planner<'_> {
    fn load_balancer(&mut self, document: &Object) -> Result<(), String> {
        let others = ["id", "listeners", "pools", "project_id", "tenant_id"];
        let fields = Fields::of("the load balancer", document, self.tree, (&nouns::LOAD_BALANCER, &others))?;
        let path = find::item(&find::path(&nouns::LOAD_BALANCERS, None), &self.lb);
        self.change("loadbalancer", label(document, ""), path, fields);
        Ok(())
    }

    fn pool(&mut self, pool: &Object) -> Result<(), String> {
        let name = label(pool, "pool");
        let of = format!("pool {name}");
        let others = ["id", "members", "healthmonitor"];
        let pools = list(&self.tree["pools"]);
        let Some(found) = known(&of, pool, pools, |found| same(&pool["name"], &found["name"]))? else {
            Fields::check(&of, pool, &nouns::POOL, &others)?;
            let mut object = pool.clone();
            object.insert("loadbalancer_id".to_owned(), self.lb.clone().into());
            self.made.push((name.clone(), self.steps.len()));
            let members = objects(pool.get("members")).map(|member| format!("member {}", member_label(member)));
            let differences = members.collect();
            self.add(("pool", name), find::path(&nouns::POOLS, None), object, (Vec::new(), differences));
            return Ok(());
        };
        let path = find::item(&find::path(&nouns::POOLS, None), &text(&found["id"]));
        let fields = Fields::of(&of, pool, found, (&nouns::POOL, &others))?;
        self.change("pool", name.clone(), path.clone(), fields);
        if let Some(members) = pool.get("members").filter(|members| !members.is_null()) {
            self.members(&name, &path, members, list(&found["members"]))?;
        }
        match pool.get("healthmonitor") {
            Some(Value::Object(monitor)) => self.monitor(&name, monitor, found),
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(format!("{of}: 'healthmonitor' is no object")),
        }
    }

    /// All of a pool, in one request: they are the list's.
    fn members(&mut self, pool: &str, path: &str, wanted: &Value, found: &[Value]) -> Result<(), String> {
        let is = |one: &Object, other: &Value| {
            same(&one["address"], &other["address"]) && same(&one["protocol_port"], &other["protocol_port"])
        };
        let mut differences = Vec::new();
        for member in objects(Some(wanted)) {
            let of = format!("member {} of pool {pool}", member_label(member));
            for key in ["address", "protocol_port"] {
                member.get(key).ok_or_else(|| format!("{of} has no {key}"))?;
            }
            match found.iter().find(|found| is(member, found)) {
                None => {
                    Fields::check(&of, member, &nouns::MEMBER, &["id"])?;
                    differences.push(format!("+ {}{}", member_label(member), weight(member)));
                }
                Some(found) => {
                    let fields = Fields::of(&of, member, found, (&nouns::MEMBER, &["id"]))?;
                    let each = fields.differences.iter().map(|line| format!("~ {} {line}", member_label(member)));
                    differences.extend(each);
                }
            }
        }
        let gone = found.iter().filter(|found| !objects(Some(wanted)).any(|member| is(member, found)));
        differences.extend(gone.filter_map(Value::as_object).map(|member| format!("- {}", member_label(member))));
        if differences.is_empty() {
            return Ok(());
        }
        let without_id = objects(Some(wanted)).map(|member| {
            let mut member = member.clone();
            member.remove("id");
            Value::Object(member)
        });
        self.steps.push(Step {
            action: Action::Change,
            kind: "members",
            name: format!("of {pool}"),
            method: Method::PUT,
            path: find::path(&nouns::MEMBERS, Some(path)),
            body: json!({ "members": without_id.collect::<Vec<_>>() }),
            late: Vec::new(),
            differences,
        });
        Ok(())
    }

    fn monitor(&mut self, pool: &str, monitor: &Object, of_pool: &Value) -> Result<(), String> {
        let (of, name) = (format!("health monitor of pool {pool}"), format!("of {pool}"));
        let found = &of_pool["healthmonitor"];
        let path = find::path(&nouns::MONITORS, None);
        if found.is_null() {
            Fields::check(&of, monitor, &nouns::MONITOR, &["id"])?;
            let mut object = monitor.clone();
            object.insert("pool_id".to_owned(), of_pool["id"].clone());
            self.add(("healthmonitor", name), path, object, Default::default());
            return Ok(());
        }
        let fields = Fields::of(&of, monitor, found, (&nouns::MONITOR, &["id"]))?;
        self.change("healthmonitor", name, find::item(&path, &text(&found["id"])), fields);
        Ok(())
    }

    /// A listener is known by its port: two of a load balancer cannot have one.
    fn listener(&mut self, listener: &Object) -> Result<(), String> {
        let name = label(listener, "listener");
        let of = format!("listener {name}");
        let others = ["id", "default_pool", "l7policies"];
        let listeners = list(&self.tree["listeners"]);
        let transport = |value: Option<&Value>| match value.and_then(Value::as_str) {
            Some("UDP") => "udp",
            Some("SCTP") => "sctp",
            _ => "tcp",
        };
        let is = |found: &Value| {
            same(&listener["protocol_port"], &found["protocol_port"])
                && transport(listener.get("protocol")) == transport(found.get("protocol"))
        };
        if !listener.contains_key("id") && !listener.contains_key("protocol_port") {
            return Err(format!("{of} has no protocol_port"));
        }
        let Some(found) = known(&of, listener, listeners, is)? else {
            Fields::check(&of, listener, &nouns::LISTENER, &others)?;
            let mut object = listener.clone();
            let (pool, late) = self.pool_of(&of, &mut object, ("default_pool", "default_pool_id"))?;
            // Within a listener that is made a policy could name no pool that is there.
            object.remove("l7policies");
            object.insert("loadbalancer_id".to_owned(), self.lb.clone().into());
            let differences = pool.map(|pool| format!("default pool {pool}")).into_iter().collect();
            let step = self.steps.len();
            self.add(("listener", name.clone()), find::path(&nouns::LISTENERS, None), object, (late, differences));
            for policy in objects(listener.get("l7policies")) {
                self.policy(&name, policy, &OfListener::Made(step))?;
            }
            return Ok(());
        };
        let mut object = listener.clone();
        let (pool, late) = self.pool_of(&of, &mut object, ("default_pool", "default_pool_id"))?;
        let mut fields = Fields::of(&of, &object, found, (&nouns::LISTENER, &others))?;
        fields.names_pool("default_pool_id", pool, late);
        let path = find::item(&find::path(&nouns::LISTENERS, None), &text(&found["id"]));
        self.change("listener", name.clone(), path, fields);
        for policy in objects(listener.get("l7policies")) {
            self.policy(&name, policy, &OfListener::There(found))?;
        }
        Ok(())
    }

    /// The pool that an object names becomes an id in it, or the step that makes it.
    fn pool_of(
        &self,
        of: &str,
        object: &mut Object,
        (key, id_key): (&'static str, &'static str),
    ) -> Result<(Option<String>, Vec<Late>), String> {
        let Some(pool) = object.remove(key) else { return Ok((None, Vec::new())) };
        let name = text(&pool["name"]);
        if let Some((_, step)) = self.made.iter().find(|(made, _)| *made == name) {
            return Ok((Some(name), vec![(id_key, *step)]));
        }
        let found = list(&self.tree["pools"]).iter().find(|pool| pool["name"] == name);
        let found = found.ok_or_else(|| format!("{of}: there is no pool '{name}', neither here nor in the file"))?;
        object.insert(id_key.to_owned(), found["id"].clone());
        Ok((Some(name), Vec::new()))
    }

    fn add(
        &mut self,
        (kind, name): (&'static str, String),
        path: String,
        mut object: Object,
        (late, differences): (Vec<Late>, Vec<String>),
    ) {
        object.remove("id");
        let (body, method) = (json!({ kind: object }), Method::POST);
        self.steps.push(Step { action: Action::Add, kind, name, method, path, body, late, differences });
    }

    fn change(&mut self, kind: &'static str, name: String, path: String, fields: Fields) {
        if fields.changed.is_empty() && fields.late.is_empty() {
            return;
        }
        let (body, method) = (json!({ kind: fields.changed }), Method::PUT);
        let (late, differences) = (fields.late, fields.differences);
        self.steps.push(Step { action: Action::Change, kind, name, method, path, body, late, differences });
    }
}

/// The one that is meant: by its id, or as `is` says.
fn known<'t>(
    of: &str,
    wanted: &Object,
    all: &'t [Value],
    is: impl Fn(&Value) -> bool,
) -> Result<Option<&'t Value>, String> {
    if let Some(id) = wanted.get("id") {
        let found = all.iter().find(|found| same(id, &found["id"]));
        return found.map(Some).ok_or_else(|| format!("{of}: there is none with the id {}", text(id)));
    }
    let mut found = all.iter().filter(|found| is(found));
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(format!("{of} is there twice: say its id")),
        (found, _) => Ok(found),
    }
}

fn member_label(member: &Object) -> String {
    let said = |key: &str| member.get(key).map(text).unwrap_or_default();
    format!("{}:{}", said("address"), said("protocol_port"))
}

fn weight(member: &Object) -> String {
    member.get("weight").map(|weight| format!(" weight {}", text(weight))).unwrap_or_default()
}

/// Fields of a noun that an object may have, by the first part of their keys.
pub(super) fn field_keys(noun: &'static Noun) -> impl Iterator<Item = &'static str> {
    noun.fields.iter().map(|field| field.key.split('.').next().unwrap_or(field.key))
}

#[cfg(test)]
mod again;
#[cfg(test)]
mod tests;
