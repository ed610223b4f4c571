//! A pool: its service group, members and servers.

use ballast_abi::Pool;
use ballast_device::{Child, DeviceMember, Key, Listed, fields};
use serde_json::{Value, json};

use super::{Draft, method, monitor, service_type, switch, tls};
use crate::kind::Kind;

pub(super) fn draw(draft: &mut Draft<'_>, pool: &Pool) {
    let members = draft.members(pool);
    let Some(service) = service_type(pool.protocol) else {
        return draft.fault(&pool.id, "its protocol is unknown");
    };
    if method(pool).is_none() {
        return draft.fault(&pool.id, "its method is unknown");
    }
    let speaks = tls::of_pool(draft, pool);
    let service = match (service, &speaks) {
        (service, None) if pool.tls.is_none() => service,
        // What was to be encrypted is not sent in the clear.
        (_, None) => return,
        ("HTTP", Some(_)) => "SSL",
        (_, Some(_)) => "SSL_TCP",
    };
    let group = draft.name('p', &pool.id);
    let checked = monitor::draw(draft, pool, &group);
    // Without a monitor of ours the device would check with one of its own.
    let check = if checked { "YES" } else { "NO" };
    let mut object = fields(json!({"servicegroupname": group, "servicetype": service, "healthmonitor": check}));
    object.extend(speaks.iter().flat_map(|speaks| speaks.settings.clone()));
    draft.want(Key::top(Kind::Group, &group), &pool.id, Value::Object(object));
    if let Some(speaks) = speaks {
        speaks.bind(draft, &pool.id, (&group, "servicegroupname"));
    }
    for one in &members {
        member(draft, pool, &group, checked, one);
    }
}

fn member(draft: &mut Draft<'_>, pool: &Pool, group: &str, checked: bool, one: &DeviceMember<'_>) {
    let DeviceMember { member, address, port, weight } = *one;
    let (server, own) = draft.server(address);
    if own {
        draft.want(
            Key::top(Kind::Server, &server),
            &member.id,
            json!({"name": server, "ipaddress": address.to_string(), "state": switch(true)}),
        );
    }
    let on = pool.admin_state_up && member.admin_state_up;
    // With a weight of 0 it gets nothing new, and finishes what it has.
    let graceful = if on { "YES" } else { "NO" };
    draft.want(
        Key::child(Kind::Member, group, Child::at(&server, port)),
        &member.id,
        json!({
            "servicegroupname": group, "servername": server, "port": port, "weight": weight.unwrap_or(1),
            "state": switch(on && weight.is_some()), "graceful": graceful,
        }),
    );
    draft.list(Listed {
        pool: pool.id.clone(),
        member: member.id.clone(),
        group: group.to_owned(),
        server,
        port,
        checked: checked && on,
    });
}
