//! Health monitors, one by one.

use ballast_proto::{
    driver::MonitorType,
    v2::{
        CreateHealthMonitorRequest, DeleteRequest, HealthMonitor, UpdateHealthMonitorRequest, preview_request::Change,
    },
};

use super::{
    Asking, Draft,
    fields::{etag, is_up, mask, named, number, of_this, some, tags, text},
};
use crate::{
    trouble::Trouble,
    view::{
        choices,
        parts::{monitor_line, name_or_id, path_of},
        same::Within,
        sheet::{Field, Group, Input, Sheet},
    },
};

fn back(id: &str) -> String {
    format!("{}/monitors", path_of(id))
}

pub(super) async fn new(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let pools = reader.pools(id).await?;
    let pool = of_this(&pools, |one| one.id == part)?;
    let mut group = group_of_new(None);
    if let Some(kind) = group.fields.first_mut() {
        *kind = Field::new("monitor_type", "Check", Input::Choice(choices::monitor_types())).value("HTTP");
    }
    let mut more = named(None);
    more.extend([http_method(None), tags(None)]);
    let mut sheet = Sheet::of(vec![group, Group::new("More", more).folded()], asking.sent.as_ref());
    let monitor = HealthMonitor {
        pool_id: pool.id.clone(),
        name: sheet.get("name"),
        admin_state_up: is_up(&sheet),
        http_method: some(sheet.get("http_method")),
        tags: sheet.list("tags"),
        ..said_of_new(&mut sheet).unwrap_or_default()
    };
    let title = format!("New health monitor of pool {}", name_or_id(&pool.name, &pool.id));
    let mut draft = Draft::creation(asking, title, back(id), sheet, |request_id| {
        let health_monitor = Some(monitor);
        Change::CreateHealthMonitor(CreateHealthMonitorRequest { health_monitor, request_id, validate_only: false })
    });
    draft.within = Within { load_balancer: id.to_owned(), above: pool.id.clone() };
    draft.aliases = &[("type", "monitor_type")];
    Ok(draft)
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let one = one(asking, id, part).await?;
    let mut sheet = Sheet::of(vec![Group::new("Health monitor", fields(&one))], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let monitor = HealthMonitor {
        id: one.id.clone(),
        name: sheet.get("name"),
        admin_state_up: is_up(&sheet),
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
    let mut draft = Draft::change(&title, back(id), sheet, (now, status.as_ref()));
    draft.within = Within { load_balancer: id.to_owned(), above: one.pool_ids.first().cloned().unwrap_or_default() };
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdateHealthMonitor(request)];
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let one = one(asking, id, part).await?;
    let title = format!("Delete health monitor {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::new(title, back(id), Sheet::of(Vec::new(), asking.sent.as_ref()));
    draft.remarks = vec!["Nothing checks the members then: they get traffic whether they answer or not.".to_owned()];
    draft.objects = vec![monitor_line(&one)];
    draft.deletes();
    let request = DeleteRequest { id: one.id.clone(), ..DeleteRequest::default() };
    draft.writes = vec![Change::DeleteHealthMonitor(request)];
    Ok(draft)
}

/// That of this load balancer.
async fn one(asking: &Asking<'_>, id: &str, part: &str) -> Result<HealthMonitor, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let monitors = reader.monitors(&reader.pools(id).await?).await?;
    of_this(&monitors, |one| one.id == part).cloned()
}

fn http_method(was: Option<&str>) -> Field {
    text("http_method", "Method", was).hint("HTTP and HTTPS alone. Empty: GET.")
}

/// How members are checked, of a pool that is made; `from`: one that is copied.
pub(super) fn group_of_new(from: Option<&HealthMonitor>) -> Group {
    let number = |number: Option<i32>, default: i32| number.unwrap_or(default).to_string();
    let text = |text: Option<&Option<String>>| text.cloned().flatten().unwrap_or_default();
    let kind = from.map(|one| choices::monitor(one.r#type()).to_owned()).unwrap_or_default();
    let http = "HTTP and HTTPS alone.";
    Group::new(
        "Health check",
        vec![
            Field::new("monitor_type", "Check", Input::Choice(choices::monitors()))
                .hint("Without one, members get traffic whether they answer or not.")
                .value(kind),
            Field::new("url_path", "Path", Input::Text).hint(http).value(text(from.map(|one| &one.url_path))),
            Field::new("expected_codes", "Expected status", Input::Text)
                .hint("As 200, 200,204 or 200-299. HTTP and HTTPS alone.")
                .value(text(from.map(|one| &one.expected_codes))),
            Field::new("delay", "Every (seconds)", Input::Number).value(number(from.and_then(|one| one.delay), 5)),
            Field::new("timeout", "Fails after (seconds)", Input::Number)
                .value(number(from.and_then(|one| one.timeout), 3)),
            Field::new("max_retries", "Up after so many that passed", Input::Number)
                .value(number(from.and_then(|one| one.max_retries), 2)),
            Field::new("max_retries_down", "Down after so many that failed", Input::Number)
                .value(number(from.and_then(|one| one.max_retries_down), 3)),
        ],
    )
}

/// What these fields say; none: no monitor.
pub(super) fn said_of_new(sheet: &mut Sheet) -> Option<HealthMonitor> {
    let kind = choices::monitor_named(&sheet.get("monitor_type"));
    if kind == MonitorType::Unspecified && sheet.get("monitor_type").is_empty() {
        return None;
    }
    Some(HealthMonitor {
        r#type: kind.into(),
        delay: sheet.number("delay"),
        timeout: sheet.number("timeout"),
        max_retries: sheet.number("max_retries"),
        max_retries_down: sheet.number("max_retries_down"),
        url_path: some(sheet.get("url_path")),
        expected_codes: some(sheet.get("expected_codes")),
        ..HealthMonitor::default()
    })
}

fn fields(one: &HealthMonitor) -> Vec<Field> {
    let was = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut fields = named(Some((&one.name, one.admin_state_up)));
    fields.extend([
        number("delay", "Every (seconds)", one.delay),
        number("timeout", "Fails after (seconds)", one.timeout),
        number("max_retries", "Up after so many that passed", one.max_retries),
        number("max_retries_down", "Down after so many that failed", one.max_retries_down),
    ]);
    if matches!(one.r#type(), MonitorType::Http | MonitorType::Https) {
        fields.extend([
            http_method(Some(&was(&one.http_method))),
            text("url_path", "Path", Some(&was(&one.url_path))),
            text("expected_codes", "Expected status", Some(&was(&one.expected_codes)))
                .hint("As 200, 200,204 or 200-299."),
        ]);
    }
    fields.push(tags(Some(&one.tags)));
    fields
}
