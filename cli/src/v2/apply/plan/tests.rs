use super::*;

const ID: &str = "11111111-1111-4111-8111-111111111111";

pub(super) fn tree() -> Value {
    json!({
        "id": ID, "name": "shop", "description": "", "vip_address": "10.0.0.100", "admin_state_up": true, "tags": [],
        "provisioning_status": "ACTIVE",
        "listeners": [{
            "id": "l1", "name": "front", "protocol": "HTTP", "protocol_port": 80, "default_pool_id": "p1",
            "connection_limit": -1,
            "l7policies": [{"id": "y1", "name": "api", "action": "REDIRECT_TO_POOL", "redirect_pool_id": "p1",
                "position": 1, "rules": [{"id": "r1", "type": "PATH", "compare_type": "STARTS_WITH", "value": "/api",
                    "invert": false}]}],
        }],
        "pools": [{
            "id": "p1", "name": "servers", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "session_persistence": null,
            "healthmonitor": {"id": "h1", "type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 2, "url_path": "/"},
            "members": [
                {"id": "m1", "address": "10.0.0.11", "protocol_port": 80, "weight": 1},
                {"id": "m2", "address": "10.0.0.12", "protocol_port": 80, "weight": 1},
            ],
        }],
    })
}

pub(super) fn document(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

fn steps(wanted: &Value) -> Vec<Step> {
    changes(&document(wanted), &tree()).unwrap()
}

/// The steps as `METHOD path body`.
fn said(wanted: &Value) -> Vec<String> {
    steps(wanted).iter().map(|step| format!("{} {} {}", step.method, step.path, step.body)).collect()
}

#[test]
fn what_is_as_it_shall_be_needs_no_step() {
    let same = json!({
        "name": "shop", "vip_address": "10.0.0.100",
        "listeners": [{"protocol": "HTTP", "protocol_port": "80", "default_pool": {"name": "servers"},
            "l7policies": [{"name": "api", "redirect_pool": {"name": "servers"},
                "rules": [{"type": "PATH", "compare_type": "STARTS_WITH", "value": "/api"}]}]}],
        "pools": [{"name": "servers", "healthmonitor": {"delay": 5}, "members": [
            {"address": "10.0.0.12", "protocol_port": 80},
            {"address": "10.0.0.11", "protocol_port": 80, "weight": 1}]}],
    });
    assert_eq!(steps(&same), []);
    assert_eq!(steps(&json!({"name": "shop"})), []);
    for pool in [json!({"name": "servers"}), json!({"id": "p1"}), json!({"id": "p1", "members": null})] {
        assert_eq!(steps(&json!({"name": "shop", "pools": [pool]})), [], "its members stay");
    }
    // What an export says is as it is.
    assert_eq!(steps(&crate::v2::apply::exported(&tree())), []);
}

#[test]
fn each_field_that_differs_is_one_of_its_objects_change() {
    let prefix = "PUT /v2.0/lbaas";
    for (wanted, expected) in [
        (
            json!({"description": "x"}),
            format!("{prefix}/loadbalancers/{ID} {{\"loadbalancer\":{{\"description\":\"x\"}}}}"),
        ),
        (
            json!({"pools": [{"name": "servers", "lb_algorithm": "SOURCE_IP"}]}),
            format!("{prefix}/pools/p1 {{\"pool\":{{\"lb_algorithm\":\"SOURCE_IP\"}}}}"),
        ),
        (
            json!({"pools": [{"name": "servers", "healthmonitor": {"delay": 9}}]}),
            format!("{prefix}/healthmonitors/h1 {{\"healthmonitor\":{{\"delay\":9}}}}"),
        ),
        (
            json!({"listeners": [{"protocol": "HTTP", "protocol_port": 80, "name": "x"}]}),
            format!("{prefix}/listeners/l1 {{\"listener\":{{\"name\":\"x\"}}}}"),
        ),
        (
            json!({"listeners": [{"id": "l1", "l7policies": [{"name": "api", "position": 2}]}]}),
            format!("{prefix}/l7policies/y1 {{\"l7policy\":{{\"position\":2}}}}"),
        ),
    ] {
        assert_eq!(said(&wanted), [expected], "{wanted}");
    }
    let step = &steps(&json!({"pools": [{"name": "servers", "lb_algorithm": "SOURCE_IP"}]}))[0];
    assert_eq!(step.differences, ["lb_algorithm: ROUND_ROBIN -> SOURCE_IP"]);
}

#[test]
fn members_are_the_lists_and_what_a_member_does_not_name_stays() {
    let members = json!([
        {"address": "10.0.0.11", "protocol_port": 80, "weight": 3},
        {"address": "10.0.0.13", "protocol_port": 80, "weight": 1},
    ]);
    let steps = steps(&json!({"pools": [{"name": "servers", "members": members}]}));
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].body, json!({ "members": members }));
    assert_eq!(steps[0].differences, ["~ 10.0.0.11:80 weight: 1 -> 3", "+ 10.0.0.13:80 weight 1", "- 10.0.0.12:80"]);
    let none = self::steps(&json!({"pools": [{"name": "servers", "members": []}]}));
    assert_eq!(none[0].differences.len(), 2);
}

#[test]
fn what_is_not_there_is_made_before_those_who_name_it() {
    let wanted = json!({
        "pools": [{"name": "blue", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
            "members": [{"address": "10.0.0.14", "protocol_port": 80}]}],
        "listeners": [
            {"protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": "blue"}},
            {"protocol": "HTTP", "protocol_port": 81, "default_pool": {"name": "blue"}},
            {"protocol": "UDP", "protocol_port": 80},
        ],
    });
    let steps = steps(&wanted);
    let kinds: Vec<_> = steps.iter().map(|step| (step.action.sign(), step.kind, step.late.clone())).collect();
    let (late, none) = (vec![("default_pool_id", 0)], Vec::new());
    assert_eq!(
        kinds,
        [
            ('+', "pool", none.clone()),
            ('~', "listener", late.clone()),
            ('+', "listener", late),
            ('+', "listener", none)
        ]
    );
    assert_eq!(steps[0].body["pool"]["loadbalancer_id"], ID);
    assert_eq!(steps[1].body, json!({"listener": {}}));
}

#[test]
fn policies_of_a_listener_that_is_made_are_made_after_it() {
    let rules = json!([{"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}]);
    let policies = json!([
        {"name": "a", "action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "blue"}, "rules": rules},
        {"name": "b", "action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "servers"}},
    ]);
    let wanted = json!({
        "pools": [{"name": "blue", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}],
        "listeners": [{"protocol": "HTTP", "protocol_port": 81, "l7policies": policies}],
    });
    let steps = steps(&wanted);
    let kinds: Vec<_> = steps.iter().map(|step| (step.kind, step.late.clone())).collect();
    let listener = ("listener_id", 1);
    assert_eq!(
        kinds,
        [
            ("pool", vec![]),
            ("listener", vec![]),
            ("l7policy", vec![("redirect_pool_id", 0), listener]),
            ("l7policy", vec![listener])
        ]
    );
    assert_eq!(steps[1].body["listener"].get("l7policies"), None);
    assert_eq!(steps[2].body["l7policy"]["rules"], rules);
    assert_eq!(steps[3].body["l7policy"]["redirect_pool_id"], "p1");
}

#[test]
fn rules_are_the_lists() {
    let rules = json!([{"type": "PATH", "compare_type": "STARTS_WITH", "value": "/v2"}]);
    let wanted = json!({"listeners": [{"id": "l1", "l7policies": [{"name": "api", "rules": rules}]}]});
    let said = said(&wanted);
    assert!(said[0].starts_with("POST /v2.0/lbaas/l7policies/y1/rules "), "{said:?}");
    assert_eq!(said[1], "DELETE /v2.0/lbaas/l7policies/y1/rules/r1 null");
}

#[test]
fn what_cannot_be_is_refused_with_its_object() {
    for (wanted, why) in [
        (
            json!({"vip_address": "10.0.0.101"}),
            "the load balancer: vip_address: 10.0.0.100 -> 10.0.0.101: it cannot be changed",
        ),
        (json!({"provisioning_status": "ACTIVE"}), "nobody can give 'provisioning_status'"),
        (json!({"pools": [{"name": "servers", "foo": 1}]}), "pool servers: nobody can give 'foo'"),
        (json!({"pools": [{"id": "p9"}]}), "there is none with the id p9"),
        (json!({"pools": [{"name": "servers", "members": [{"address": "10.0.0.1"}]}]}), "has no protocol_port"),
        (
            json!({"pools": [{"name": "servers", "healthmonitor": {"type": "TCP"}}]}),
            "type: HTTP -> TCP: it cannot be changed",
        ),
        (json!({"listeners": [{"name": "front"}]}), "listener front has no protocol_port"),
        (
            json!({"listeners": [{"protocol": "TCP", "protocol_port": 80}]}),
            "protocol: HTTP -> TCP: it cannot be changed",
        ),
        (
            json!({"listeners": [{"protocol_port": 80, "default_pool": {"name": "nosuch"}}]}),
            "there is no pool 'nosuch', neither here nor in the file",
        ),
        (json!({"listeners": [{"id": "l1", "l7policies": [{"action": "REJECT"}]}]}), "has no name"),
    ] {
        let refused = changes(&document(&wanted), &tree()).unwrap_err();
        assert!(refused.contains(why), "{wanted}: {refused}");
    }
    let mut twice = tree();
    twice["pools"] = json!([{"id": "a", "name": "servers"}, {"id": "b", "name": "servers"}]);
    let refused = changes(&document(&json!({"pools": [{"name": "servers"}]})), &twice).unwrap_err();
    assert!(refused.contains("is there twice"), "{refused}");
}

#[test]
fn one_that_is_not_there_is_made_by_one_request() {
    let wanted = json!({"name": "new", "vip_subnet_id": "s", "listeners": [{"protocol": "HTTP", "protocol_port": 80}]});
    let steps = creation(&document(&wanted)).unwrap();
    assert_eq!((steps.len(), &steps[0].body), (1, &json!({ "loadbalancer": wanted })));
    assert_eq!(steps[0].differences, ["listener HTTP/80"]);
    assert!(creation(&document(&json!({"id": ID}))).is_err());
    assert!(creation(&document(&json!({"name": "a", "operating_status": "ONLINE"}))).is_err());
}
