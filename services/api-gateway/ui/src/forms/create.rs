//! A whole load balancer: where clients connect, its members, how they are checked. All but the first may be left out.

use ballast_proto::{
    driver::{LbMethod, Protocol},
    v1::ListRequest as ListOfV1,
    v2::{CreateLoadBalancerRequest, Listener, LoadBalancer, Member, Pool, Vip, preview_request::Change},
};

use super::{Asking, Draft, members, monitors, pools, tls};
use crate::{
    pages::parts::Parts,
    trouble::Trouble,
    view::{
        choices,
        parts::{name_or_id, path_of, socket},
        sheet::{Field, Group, Input, Sheet},
    },
};

/// With more subnets, one is named by its id.
const SUBNETS: u32 = 200;

pub(super) async fn draft(asking: &Asking<'_>) -> Result<Draft, Trouble> {
    asking.must_write()?;
    let subnets = subnets(asking).await?;
    let from = match asking.query.get("from") {
        "" => None,
        id => Some(asking.reader().all(id).await?),
    };
    let mut groups = groups(&subnets, from.as_ref());
    groups[0].fields.push(certificate(asking, from.as_ref()).await?);
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let load_balancer = load_balancer(asking, &mut sheet);
    let back = from.as_ref().map_or_else(|| "/ui/load-balancers".to_owned(), |from| path_of(&from.load_balancer.id));
    let mut draft = Draft::creation(asking, "New load balancer".to_owned(), back, sheet, |request_id| {
        let load_balancer = Some(load_balancer);
        Change::CreateLoadBalancer(CreateLoadBalancerRequest { load_balancer, request_id, validate_only: false })
    });
    draft.leads_to = None;
    draft.aliases = &[("type", "monitor_type"), ("weight", "members"), ("network_id", "subnet_id")];
    draft.remarks = from.iter().flat_map(remarks).collect();
    Ok(draft)
}

/// That of a listener at which TLS ends.
async fn certificate(asking: &Asking<'_>, from: Option<&Parts>) -> Result<Field, Trouble> {
    let known = tls::known(asking, &asking.visitor.scope()).await?;
    let own = from.and_then(|from| from.listeners.first()).and_then(|listener| listener.tls.as_ref());
    let value = own.map(|tls| tls.default_tls_container_ref.clone()).unwrap_or_default();
    Ok(known.default(None).value(value))
}

/// What can be chosen; none: it has to be named, as others keep subnets, or there are too many.
async fn subnets(asking: &Asking<'_>) -> Result<Vec<(String, String)>, Trouble> {
    if !asking.dashboard.keeps_networks {
        return Ok(Vec::new());
    }
    let request = asking.request(ListOfV1 { page_size: SUBNETS + 1, ..ListOfV1::default() });
    let found = asking.dashboard.scheduler.networks().list_subnets(request).await?.into_inner().subnets;
    if found.len() > SUBNETS as usize {
        return Ok(Vec::new());
    }
    Ok(found
        .into_iter()
        .map(|one| (one.id.clone(), format!("{} {}", name_or_id(&one.name, &one.id), one.cidr)))
        .collect())
}

/// What of the copied one is not copied.
fn remarks(from: &Parts) -> Vec<String> {
    let many = |count: usize, noun: &str| {
        (count > 1).then(|| format!("It is a copy of one with {count} {noun}: the first of them is copied."))
    };
    let listeners = many(from.listeners.len(), "listeners");
    listeners.into_iter().chain(many(from.pools.len(), "pools")).collect()
}

fn groups(subnets: &[(String, String)], from: Option<&Parts>) -> Vec<Group> {
    let listener = from.and_then(|from| from.listeners.first());
    let whole = from.and_then(|from| from.pools.first());
    let one = from.map(|from| &from.load_balancer);
    let subnet = one.and_then(|one| one.vip.as_ref()).map(|vip| vip.subnet_id.clone()).unwrap_or_default();
    let pool = whole.map(|(pool, ..)| pool);
    let monitor = whole.and_then(|(.., monitor)| monitor.as_ref());
    let members = whole.map(|(_, members, _)| members.iter().map(line).collect::<Vec<_>>().join("\n"));
    vec![
        where_clients_connect(subnets, &subnet, one, listener),
        members::group(&members.unwrap_or_default()),
        monitors::group_of_new(monitor),
        more(one, pool, listener),
    ]
}

/// As it is pasted.
fn line(one: &Member) -> String {
    let port = u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default();
    let socket = socket(&one.address, port);
    match one.weight.unwrap_or(1) {
        1 => socket,
        weight => format!("{socket} {weight}"),
    }
}

fn where_clients_connect(
    subnets: &[(String, String)],
    subnet: &str,
    from: Option<&LoadBalancer>,
    listener: Option<&Listener>,
) -> Group {
    let (input, hint) = match subnets.is_empty() {
        true => (Input::Text, "The id of a subnet."),
        false => (Input::Choice(subnets.to_vec()), ""),
    };
    let first = subnets.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let subnet = if subnet.is_empty() { first } else { subnet.to_owned() };
    let protocol = listener.map_or("HTTP".to_owned(), |one| choices::protocol(one.protocol()).to_owned());
    let usual = if from.is_some() { None } else { Some(80) };
    let port = listener.map_or(usual, |one| one.protocol_port).map(|port| port.to_string()).unwrap_or_default();
    let name = from.map(|from| if from.name.is_empty() { String::new() } else { format!("{}-copy", from.name) });
    Group::new(
        "Where clients connect",
        vec![
            Field::new("name", "Name", Input::Text).value(name.unwrap_or_default()),
            Field::new("subnet_id", "Subnet", input).hint(hint).value(subnet),
            Field::new("address", "Address", Input::Text).hint("Empty: one that is free."),
            Field::new("protocol", "Protocol", Input::Choice(choices::protocols()))
                .hint("HTTPS is passed through; at TERMINATED_HTTPS TLS ends, by a certificate.")
                .value(protocol),
            Field::new("protocol_port", "Port", Input::Number).hint("Empty: it gets no listener yet.").value(port),
        ],
    )
}

fn more(from: Option<&LoadBalancer>, pool: Option<&Pool>, listener: Option<&Listener>) -> Group {
    let method = pool.map_or(choices::method(LbMethod::RoundRobin), |one| choices::method(one.lb_algorithm()));
    let kept = pool.and_then(|pool| pool.session_persistence.as_ref());
    let limit = listener.and_then(|one| one.connection_limit).filter(|limit| *limit >= 0);
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    Group::new(
        "More",
        vec![
            Field::new("lb_algorithm", "Method", Input::Choice(choices::methods())).value(method),
            Field::new("persistence", "Clients stay at their member", Input::Choice(choices::persistences()))
                .value(kept.map(|one| choices::persistence(one.r#type())).unwrap_or_default()),
            Field::new("cookie_name", "Cookie", Input::Text)
                .hint("Of the application's cookie alone.")
                .value(text(kept.map(|one| &one.cookie_name))),
            Field::new("connection_limit", "Connections at most", Input::Number)
                .hint("Empty: no limit.")
                .value(limit.map(|limit| limit.to_string()).unwrap_or_default()),
            Field::new("provider", "Provider", Input::Text)
                .hint("Empty: the default.")
                .value(text(from.map(|one| &one.provider))),
            Field::new("description", "Description", Input::Text).value(text(from.map(|one| &one.description))),
            Field::new("tags", "Tags", Input::Text)
                .hint("Parted by commas.")
                .value(from.map(|one| one.tags.join(", ")).unwrap_or_default()),
        ],
    )
    .folded()
}

/// What the fields say. A number that is none and a line that is no member are said at their fields.
fn load_balancer(asking: &Asking<'_>, sheet: &mut Sheet) -> LoadBalancer {
    let protocol = choices::protocol_named(&sheet.get("protocol"));
    let listener = listener(sheet, protocol);
    let pool = pool(sheet, protocol, listener.is_some());
    // The scheduler knows pools that are made along with others by their names.
    let default_pool = pool.as_ref().map(|pool| Pool { name: pool.name.clone(), ..Pool::default() });
    let vip = Vip { subnet_id: sheet.get("subnet_id"), address: sheet.get("address"), ..Vip::default() };
    LoadBalancer {
        project_id: asking.visitor.scope(),
        name: sheet.get("name"),
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        provider: sheet.get("provider"),
        vip: Some(vip),
        listeners: listener.map(|listener| Listener { default_pool, ..listener }).into_iter().collect(),
        pools: pool.into_iter().collect(),
        ..LoadBalancer::default()
    }
}

fn listener(sheet: &mut Sheet, protocol: Protocol) -> Option<Listener> {
    let port = sheet.number("protocol_port");
    if sheet.get("protocol_port").is_empty() {
        return None;
    }
    Some(Listener {
        name: sheet.get("name"),
        protocol: protocol.into(),
        protocol_port: port,
        connection_limit: sheet.number("connection_limit"),
        tls: tls::of_new_listener(sheet),
        ..Listener::default()
    })
}

/// Made with a listener, which has to send somewhere, and for whatever is a pool's.
fn pool(sheet: &mut Sheet, protocol: Protocol, has_listener: bool) -> Option<Pool> {
    let members = members::said(sheet);
    let monitor = monitors::said_of_new(sheet);
    if !has_listener && members.is_empty() && monitor.is_none() {
        return None;
    }
    let name = sheet.get("name");
    Some(Pool {
        name: if name.is_empty() { "pool".to_owned() } else { name },
        // What came by TLS goes on without.
        protocol: if protocol == Protocol::TerminatedHttps { Protocol::Http } else { protocol }.into(),
        lb_algorithm: choices::method_named(&sheet.get("lb_algorithm")).into(),
        session_persistence: pools::persistence(sheet),
        members,
        health_monitor: monitor,
        ..Pool::default()
    })
}
