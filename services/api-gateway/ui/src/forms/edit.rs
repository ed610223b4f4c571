//! What is there, changed. What differs from what was there is written, and only if nobody has changed it meanwhile.

use std::collections::BTreeSet;

use ballast_proto::{
    driver::{MonitorType, PersistenceType},
    v2::{
        HealthMonitor, Listener, LoadBalancer, Pool, SessionPersistence, Status, UpdateHealthMonitorRequest,
        UpdateListenerRequest, UpdateLoadBalancerRequest, UpdatePoolRequest,
    },
};
use prost_types::FieldMask;

use super::{Asking, Draft, Write, must_write};
use crate::{
    trouble::Trouble,
    view::{
        choices,
        parts::{name_or_id, path_of},
        sheet::{Field, Group, Input, Sheet},
    },
};

/// Fields that all of them have.
fn named(name: &str, is_up: Option<bool>) -> Vec<Field> {
    vec![
        Field::new("name", "Name", Input::Text).was(name),
        Field::new("admin_state_up", "Admin state", Input::Choice(choices::states()))
            .hint("Down: it takes no traffic.")
            .was(choices::state(is_up.unwrap_or(true))),
    ]
}

fn description(text: &str) -> Field {
    Field::new("description", "Description", Input::Text).was(text)
}

fn tags(tags: &[String]) -> Field {
    Field::new("tags", "Tags", Input::Text).hint("Parted by commas.").was(tags.join(", "))
}

fn number(name: &'static str, label: &'static str, number: Option<i32>) -> Field {
    Field::new(name, label, Input::Number).was(number.map(|number| number.to_string()).unwrap_or_default())
}

/// What is changed, as the scheduler calls it.
fn mask(changed: &BTreeSet<&'static str>, aliases: &[(&str, &str)]) -> Option<FieldMask> {
    let wire = |own: &&'static str| {
        let named = aliases.iter().find(|(_, alias)| alias == own).map_or(*own, |(wire, _)| *wire);
        named.to_owned()
    };
    let paths: BTreeSet<String> = changed.iter().map(wire).collect();
    Some(FieldMask { paths: paths.into_iter().collect() })
}

/// The etag that the form was made with.
fn etag(asking: &Asking<'_>, status: Option<&Status>) -> (String, Option<Status>) {
    let now = status.map(|status| status.etag.clone()).unwrap_or_default();
    let known = match asking.get("etag") {
        "" => now.clone(),
        sent => sent.to_owned(),
    };
    (now, Some(Status { etag: known, ..Status::default() }))
}

/// A form of an object with this name and etag.
fn draft(title: &str, back: String, sheet: Sheet, (now, known): (String, Option<&Status>)) -> Draft {
    let known = known.map(|status| status.etag.clone()).unwrap_or_default();
    Draft {
        hidden: vec![("etag", known)],
        renewed: vec![("etag", now)],
        ..Draft::new(format!("Change {title}"), back, sheet)
    }
}

pub(super) async fn load_balancer(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let one = asking.reader().load_balancer(id).await?;
    must_write(asking)?;
    let mut fields = named(&one.name, one.admin_state_up);
    fields.extend([description(&one.description), tags(&one.tags)]);
    let sheet = Sheet::of(vec![Group::new("Load balancer", fields)], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let request = UpdateLoadBalancerRequest {
        load_balancer: Some(LoadBalancer {
            id: one.id.clone(),
            name: sheet.get("name"),
            admin_state_up: Some(sheet.get("admin_state_up") == "up"),
            description: sheet.get("description"),
            tags: sheet.list("tags"),
            status: status.clone(),
            ..LoadBalancer::default()
        }),
        update_mask: mask(&changed, &[]),
        validate_only: false,
    };
    let mut draft = draft(&name_or_id(&one.name, &one.id), path_of(&one.id), sheet, (now, status.as_ref()));
    if !changed.is_empty() {
        draft.writes = vec![Write::Update(Box::new(request))];
    }
    Ok(draft)
}

/// Another load balancer's part is not found under this one.
fn of_this<T>(all: &[T], is_it: impl Fn(&T) -> bool) -> Result<&T, Trouble> {
    all.iter().find(|one| is_it(one)).ok_or(Trouble::NotFound)
}

pub(super) async fn listener(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    must_write(asking)?;
    let (listeners, pools) = tokio::try_join!(reader.listeners(id), reader.pools(id))?;
    let one = of_this(&listeners, |one| one.id == part)?;
    let mut sheet = Sheet::of(listener_groups(one, &pools), asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let listener = Listener {
        id: one.id.clone(),
        name: sheet.get("name"),
        admin_state_up: Some(sheet.get("admin_state_up") == "up"),
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        default_pool_id: sheet.get("default_pool_id"),
        connection_limit: sheet.number("connection_limit"),
        allowed_cidrs: sheet.list("allowed_cidrs"),
        timeout_client_data: sheet.number("timeout_client_data"),
        timeout_member_connect: sheet.number("timeout_member_connect"),
        timeout_member_data: sheet.number("timeout_member_data"),
        timeout_tcp_inspect: sheet.number("timeout_tcp_inspect"),
        status: status.clone(),
        ..Listener::default()
    };
    let request =
        UpdateListenerRequest { listener: Some(listener), update_mask: mask(&changed, &[]), validate_only: false };
    let title = format!("listener {}", name_or_id(&one.name, &one.id));
    let mut draft = draft(&title, format!("{}/listeners", path_of(id)), sheet, (now, status.as_ref()));
    if !changed.is_empty() {
        draft.writes = vec![Write::Listener(Box::new(request))];
    }
    Ok(draft)
}

fn listener_groups(one: &Listener, pools: &[Pool]) -> Vec<Group> {
    let none = (String::new(), "none".to_owned());
    let pools = pools.iter().map(|pool| (pool.id.clone(), name_or_id(&pool.name, &pool.id)));
    let pools = Input::Choice(std::iter::once(none).chain(pools).collect());
    let mut fields = named(&one.name, one.admin_state_up);
    fields.extend([
        Field::new("default_pool_id", "Sends to pool", pools).was(one.default_pool_id.as_str()),
        number("connection_limit", "Connections at most", one.connection_limit).hint("-1: no limit."),
        Field::new("allowed_cidrs", "Allowed networks", Input::Lines)
            .hint("One in a line, as 192.0.2.0/24. Empty: everybody.")
            .was(one.allowed_cidrs.join("\n")),
        description(&one.description),
        tags(&one.tags),
    ]);
    let timeouts = vec![
        number("timeout_client_data", "Client says nothing", one.timeout_client_data),
        number("timeout_member_connect", "Member takes the connection", one.timeout_member_connect),
        number("timeout_member_data", "Member says nothing", one.timeout_member_data),
        number("timeout_tcp_inspect", "Wait for what is inspected", one.timeout_tcp_inspect),
    ];
    vec![Group::new("Listener", fields), Group::new("Timeouts, in milliseconds", timeouts).folded()]
}

/// What a pool's form calls what the scheduler has within one field.
const OF_POOLS: &[(&str, &str)] =
    &[("session_persistence", "persistence"), ("session_persistence", "cookie_name"), ("type", "persistence")];

pub(super) async fn pool(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    must_write(asking)?;
    let pools = reader.pools(id).await?;
    let one = of_this(&pools, |one| one.id == part)?;
    let sheet = Sheet::of(vec![Group::new("Pool", pool_fields(one))], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let kept = choices::persistence_named(&sheet.get("persistence"));
    let session_persistence = (kept != PersistenceType::Unspecified).then(|| SessionPersistence {
        r#type: kept.into(),
        cookie_name: sheet.get("cookie_name"),
        ..SessionPersistence::default()
    });
    let pool = Pool {
        id: one.id.clone(),
        name: sheet.get("name"),
        admin_state_up: Some(sheet.get("admin_state_up") == "up"),
        lb_algorithm: choices::method_named(&sheet.get("lb_algorithm")).into(),
        session_persistence,
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        status: status.clone(),
        ..Pool::default()
    };
    let request = UpdatePoolRequest { pool: Some(pool), update_mask: mask(&changed, OF_POOLS), validate_only: false };
    let title = format!("pool {}", name_or_id(&one.name, &one.id));
    let mut draft = draft(&title, path_of(id), sheet, (now, status.as_ref()));
    draft.aliases = OF_POOLS;
    if !changed.is_empty() {
        draft.writes = vec![Write::Pool(Box::new(request))];
    }
    Ok(draft)
}

fn pool_fields(one: &Pool) -> Vec<Field> {
    let kept = one.session_persistence.as_ref();
    let mut fields = named(&one.name, one.admin_state_up);
    fields.extend([
        Field::new("lb_algorithm", "Method", Input::Choice(choices::methods()))
            .was(choices::method(one.lb_algorithm())),
        Field::new("persistence", "Clients stay at their member", Input::Choice(choices::persistences()))
            .was(kept.map(|kept| choices::persistence(kept.r#type())).unwrap_or_default()),
        Field::new("cookie_name", "Cookie", Input::Text)
            .hint("Of the application's cookie alone.")
            .was(kept.map(|kept| kept.cookie_name.clone()).unwrap_or_default()),
        description(&one.description),
        tags(&one.tags),
    ]);
    fields
}

pub(super) async fn monitor(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    must_write(asking)?;
    let monitors = reader.monitors(&reader.pools(id).await?).await?;
    let one = of_this(&monitors, |one| one.id == part)?;
    let mut sheet = Sheet::of(vec![Group::new("Health monitor", monitor_fields(one))], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let some = |text: String| (!text.is_empty()).then_some(text);
    let monitor = HealthMonitor {
        id: one.id.clone(),
        name: sheet.get("name"),
        admin_state_up: Some(sheet.get("admin_state_up") == "up"),
        delay: sheet.number("delay"),
        timeout: sheet.number("timeout"),
        max_retries: sheet.number("max_retries"),
        max_retries_down: sheet.number("max_retries_down"),
        http_method: some(sheet.get("http_method")),
        url_path: some(sheet.get("url_path")),
        expected_codes: some(sheet.get("expected_codes")),
        tags: sheet.list("tags"),
        status: status.clone(),
        ..HealthMonitor::default()
    };
    let update_mask = mask(&changed, &[]);
    let request = UpdateHealthMonitorRequest { health_monitor: Some(monitor), update_mask, validate_only: false };
    let title = format!("health monitor {}", name_or_id(&one.name, &one.id));
    let mut draft = draft(&title, format!("{}/monitors", path_of(id)), sheet, (now, status.as_ref()));
    if !changed.is_empty() {
        draft.writes = vec![Write::Monitor(Box::new(request))];
    }
    Ok(draft)
}

fn monitor_fields(one: &HealthMonitor) -> Vec<Field> {
    let text =
        |name, label, text: &Option<String>| Field::new(name, label, Input::Text).was(text.clone().unwrap_or_default());
    let mut fields = named(&one.name, one.admin_state_up);
    fields.extend([
        number("delay", "Every (seconds)", one.delay),
        number("timeout", "Fails after (seconds)", one.timeout),
        number("max_retries", "Up after so many that passed", one.max_retries),
        number("max_retries_down", "Down after so many that failed", one.max_retries_down),
    ]);
    if matches!(one.r#type(), MonitorType::Http | MonitorType::Https) {
        fields.extend([
            text("http_method", "Method", &one.http_method),
            text("url_path", "Path", &one.url_path),
            text("expected_codes", "Expected status", &one.expected_codes).hint("As 200, 200,204 or 200-299."),
        ]);
    }
    fields.push(tags(&one.tags));
    fields
}
