//! Planning twice changes nothing: whatever a file says, once its steps are taken there is nothing left to do.

use proptest::prelude::*;

use super::{
    tests::{document, tree},
    *,
};

/// A server that does what each step asks, as far as a plan can tell.
struct Server {
    tree: Value,
    made: usize,
}

impl Server {
    fn take(&mut self, steps: &[Step]) {
        let mut ids = Vec::new();
        for step in steps {
            let mut object = step.body[step.kind].clone();
            for (key, before) in &step.late {
                object[*key] = Value::clone(&ids[*before]);
            }
            ids.push(self.one(step, object));
        }
    }

    fn one(&mut self, step: &Step, object: Value) -> Value {
        let parts: Vec<&str> = step.path.trim_start_matches("/v2.0/lbaas/").split('/').collect();
        match (&step.method, &parts[..]) {
            (&Method::PUT, ["loadbalancers", _]) => merge(&mut self.tree, &object),
            (&Method::PUT, ["pools", pool, "members"]) => {
                let before = self.pool(pool)["members"].clone();
                let members = list(&step.body["members"]).iter().map(|wanted| {
                    let is = |one: &&Value| one["address"] == wanted["address"];
                    let mut member = list(&before).iter().find(is).cloned().unwrap_or_else(|| json!({"weight": 1}));
                    merge(&mut member, wanted);
                    member
                });
                let members: Vec<_> = members.collect();
                self.pool(pool)["members"] = members.into();
            }
            (&Method::PUT, ["pools", pool]) => merge(self.pool(pool), &object),
            (&Method::PUT, ["listeners", id]) => merge(find_in(&mut self.tree["listeners"], id), &object),
            (&Method::PUT, ["healthmonitors", id]) => {
                let pools = self.tree["pools"].as_array_mut().unwrap();
                let of = pools.iter_mut().find(|pool| pool["healthmonitor"]["id"] == *id).unwrap();
                merge(&mut of["healthmonitor"], &object);
            }
            (&Method::PUT, ["l7policies", id]) => merge(self.policy(id), &object),
            (&Method::POST, [kind @ ("pools" | "listeners")]) => {
                let new = self.with_ids(object, kind);
                push(&mut self.tree[*kind], new.clone());
                return new["id"].clone();
            }
            (&Method::POST, ["healthmonitors"]) => {
                let new = self.with_ids(object, "healthmonitors");
                let pool = text(&new["pool_id"]);
                self.pool(&pool)["healthmonitor"] = new;
            }
            (&Method::POST, ["l7policies"]) => {
                let new = self.with_ids(object, "l7policies");
                let listener = text(&new["listener_id"]);
                push(&mut find_in(&mut self.tree["listeners"], &listener)["l7policies"], new.clone());
                return new["id"].clone();
            }
            (&Method::POST, ["l7policies", policy, "rules"]) => {
                let new = self.with_ids(object, "rules");
                push(&mut self.policy(policy)["rules"], new);
            }
            (&Method::DELETE, ["l7policies", policy, "rules", id]) => {
                self.policy(policy)["rules"].as_array_mut().unwrap().retain(|rule| rule["id"] != *id);
            }
            other => panic!("nobody answers {other:?}"),
        }
        Value::Null
    }

    /// With ids for it and what is in it, and lists where there are none.
    fn with_ids(&mut self, mut object: Value, kind: &str) -> Value {
        self.made += 1;
        object["id"] = format!("new-{}", self.made).into();
        if kind == "pools" {
            let monitor = object["healthmonitor"].take();
            object["healthmonitor"] =
                if monitor.is_null() { monitor } else { self.with_ids(monitor, "healthmonitors") };
        }
        let below: &[&str] = match kind {
            "pools" => &["members"],
            "listeners" => &["l7policies"],
            "l7policies" => &["rules"],
            _ => &[],
        };
        for key in below {
            let all = list(&object[*key].take()).to_vec();
            object[*key] = all.into_iter().map(|one| self.with_ids(one, key)).collect();
        }
        // A pool is named by its id, and never within what is made.
        assert!(["redirect_pool", "default_pool"].iter().all(|key| object.get(key).is_none()), "{object}");
        object
    }

    fn pool(&mut self, id: &str) -> &mut Value {
        find_in(&mut self.tree["pools"], id)
    }

    fn policy(&mut self, id: &str) -> &mut Value {
        let listeners = self.tree["listeners"].as_array_mut().unwrap().iter_mut();
        let mut policies = listeners.flat_map(|listener| listener["l7policies"].as_array_mut().unwrap());
        policies.find(|policy| policy["id"] == *id).unwrap()
    }
}

fn find_in<'v>(values: &'v mut Value, id: &str) -> &'v mut Value {
    values.as_array_mut().unwrap().iter_mut().find(|one| one["id"] == *id).unwrap()
}

fn push(values: &mut Value, new: Value) {
    values.as_array_mut().unwrap().push(new);
}

fn merge(object: &mut Value, change: &Value) {
    for (key, value) in change.as_object().unwrap() {
        object[key] = value.clone();
    }
}

/// An object of these keys, each there or not.
fn some(keys: Vec<(&'static str, BoxedStrategy<Value>)>) -> impl Strategy<Value = Value> + Clone {
    let each: Vec<_> = keys.into_iter().map(|(key, value)| (Just(key), proptest::option::of(value))).collect();
    each.prop_map(|fields| {
        let given = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(given.collect())
    })
}

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<Value> {
    proptest::sample::select(values).prop_map(Value::from).boxed()
}

fn up_to(most: i64) -> BoxedStrategy<Value> {
    (1..=most).prop_map(Value::from).boxed()
}

/// A list of objects that have one of these values each at the key.
fn keyed(
    key: &'static str,
    values: &'static [&'static str],
    of: impl Strategy<Value = Value> + Clone + 'static,
) -> BoxedStrategy<Value> {
    let chosen = proptest::sample::subsequence(values, 0..=values.len());
    chosen
        .prop_flat_map(move |chosen| {
            let one = |value: &'static str| {
                of.clone().prop_map(move |mut object| {
                    object[key] = value.into();
                    object
                })
            };
            chosen.into_iter().map(one).collect::<Vec<_>>()
        })
        .prop_map(Value::from)
        .boxed()
}

fn pools() -> BoxedStrategy<Value> {
    let member = some(vec![("weight", up_to(3))]).prop_map(|mut member| {
        member["protocol_port"] = 80.into();
        member
    });
    let members = keyed("address", &["10.0.0.11", "10.0.0.12", "10.0.0.13"], member);
    let monitor = some(vec![("delay", up_to(9)), ("url_path", one_of(&["/", "/x"]))]).boxed();
    let fields = vec![
        ("lb_algorithm", one_of(&["ROUND_ROBIN", "SOURCE_IP"])),
        ("members", members),
        ("healthmonitor", monitor),
        ("session_persistence", Just(json!({"type": "SOURCE_IP"})).boxed()),
    ];
    // Both are always there: listeners name them.
    let each = ["servers", "blue"].map(|name| {
        some(fields.clone()).prop_map(move |mut pool| {
            pool["name"] = name.into();
            pool
        })
    });
    each.to_vec().prop_map(Value::from).boxed()
}

fn listeners() -> BoxedStrategy<Value> {
    let pool = proptest::sample::select(&["servers", "blue"][..]).prop_map(|name| json!({ "name": name })).boxed();
    let rule = some(vec![("compare_type", one_of(&["STARTS_WITH", "EQUAL_TO"]))]).prop_map(|mut rule| {
        rule["type"] = "PATH".into();
        rule
    });
    let rules = keyed("value", &["/api", "/v2"], rule);
    let policy = some(vec![("rules", rules), ("redirect_pool", pool.clone()), ("position", up_to(3))]);
    let policies = keyed("name", &["api", "new"], policy);
    let listener = some(vec![("name", one_of(&["front", "x"])), ("default_pool", pool), ("l7policies", policies)]);
    keyed("protocol_port", &["80", "81"], listener)
}

proptest! {
    #[test]
    fn what_was_applied_needs_no_step(
        pools in pools(), listeners in listeners(), name in one_of(&["shop", "other"]),
    ) {
        let wanted = document(&json!({ "name": name, "pools": pools, "listeners": listeners }));
        let mut server = Server { tree: tree(), made: 0 };
        let first = changes(&wanted, &server.tree).unwrap();
        server.take(&first);
        prop_assert_eq!(changes(&wanted, &server.tree).unwrap(), [], "after {:?}", first);
        // And what is exported then is as it is.
        let exported = document(&crate::v2::apply::exported(&server.tree));
        prop_assert_eq!(changes(&exported, &server.tree).unwrap(), []);
    }
}
