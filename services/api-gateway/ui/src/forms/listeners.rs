//! Listeners, one by one.

use ballast_proto::{
    driver::Protocol,
    v2::{CreateListenerRequest, DeleteRequest, Listener, Pool, UpdateListenerRequest, preview_request::Change},
};

use super::{
    Asking, Draft, delete,
    fields::{description, etag, is_up, mask, named, number, of_this, tags, valued},
    tls,
};
use crate::{
    trouble::Trouble,
    view::{
        choices,
        parts::{name_or_id, path_of},
        same::Within,
        sheet::{Field, Group, Input, Sheet},
    },
};

fn back(id: &str) -> String {
    format!("{}/listeners", path_of(id))
}

pub(super) async fn new(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    let one = reader.load_balancer(id).await?;
    asking.must_write()?;
    let (pools, known) = tokio::try_join!(reader.pools(id), tls::known(asking, &one.project_id))?;
    let mut groups = groups(None, &pools);
    let own = [
        Field::new("protocol", "Protocol", Input::Choice(choices::listener_protocols()))
            .hint("HTTPS is passed through; at TERMINATED_HTTPS TLS ends, by a certificate below.")
            .value("HTTP"),
        Field::new("protocol_port", "Port", Input::Number).hint("1 to 65535."),
    ];
    groups[0].fields.splice(1..1, own);
    let ends = known.of_listener(None);
    let is_asked = asking.get("protocol") == "TERMINATED_HTTPS" || asking.sent.is_none();
    groups.insert(1, if is_asked { ends } else { ends.folded() });
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let listener = Listener {
        load_balancer_id: one.id.clone(),
        protocol: choices::protocol_named(&sheet.get("protocol")).into(),
        protocol_port: sheet.number("protocol_port"),
        tls: tls::of_new_listener(&sheet),
        ..said(&mut sheet)
    };
    let title = format!("New listener of {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::creation(asking, title, back(id), sheet, |request_id| {
        Change::CreateListener(CreateListenerRequest { listener: Some(listener), request_id, validate_only: false })
    });
    draft.within = Within::load_balancer(id);
    Ok(draft)
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let (listeners, pools) = tokio::try_join!(reader.listeners(id), reader.pools(id))?;
    let one = of_this(&listeners, |one| one.id == part)?;
    let mut groups = groups(Some(one), &pools);
    // TLS ends at no other, and which it is is fixed.
    if matches!(one.protocol(), Protocol::TerminatedHttps | Protocol::Prometheus) {
        let known = tls::known(asking, &one.project_id).await?;
        groups.insert(1, known.of_listener(Some(&one.tls.clone().unwrap_or_default())));
    }
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let tls = Some(tls::of_listener(&sheet));
    let listener = Listener { id: one.id.clone(), status: status.clone(), tls, ..said(&mut sheet) };
    let update_mask = mask(&changed, tls::ALIASES);
    let request = UpdateListenerRequest { listener: Some(listener), update_mask, validate_only: false };
    let title = format!("listener {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::change(&title, back(id), sheet, (now, status.as_ref()));
    draft.within = Within::load_balancer(id);
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdateListener(request)];
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let listeners = reader.listeners(id).await?;
    let one = of_this(&listeners, |one| one.id == part)?;
    let request = asking.request(crate::pages::parts::get(&one.id));
    let stats = asking.dashboard.scheduler.listeners().stats(request).await?.into_inner();
    let name = name_or_id(&one.name, &one.id);
    let mut draft = Draft::new(format!("Delete listener {name}"), back(id), delete::sheet(asking, &name, &stats));
    draft.remarks = delete::remarks(&stats, "Its L7 policies go along; its pool stays.");
    draft.objects = delete::counted(one.l7policy_ids.len(), "L7 policy", "L7 policies").into_iter().collect();
    draft.deletes();
    draft.writes = vec![Change::DeleteListener(DeleteRequest { id: one.id.clone(), ..DeleteRequest::default() })];
    Ok(draft)
}

/// What a form says of one, but for what is fixed when it is made.
fn said(sheet: &mut Sheet) -> Listener {
    Listener {
        name: sheet.get("name"),
        admin_state_up: is_up(sheet),
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        default_pool_id: sheet.get("default_pool_id"),
        connection_limit: sheet.number("connection_limit"),
        allowed_cidrs: sheet.list("allowed_cidrs"),
        timeout_client_data: sheet.number("timeout_client_data"),
        timeout_member_connect: sheet.number("timeout_member_connect"),
        timeout_member_data: sheet.number("timeout_member_data"),
        timeout_tcp_inspect: sheet.number("timeout_tcp_inspect"),
        ..Listener::default()
    }
}

fn groups(was: Option<&Listener>, pools: &[Pool]) -> Vec<Group> {
    let none = (String::new(), "none".to_owned());
    let choices = pools.iter().map(|pool| (pool.id.clone(), name_or_id(&pool.name, &pool.id)));
    let choices = Input::Choice(std::iter::once(none).chain(choices).collect());
    let count = |name, label, was: Option<Option<i32>>| match was {
        Some(was) => number(name, label, was),
        None => Field::new(name, label, Input::Number),
    };
    let pool = Field::new("default_pool_id", "Sends to pool", choices);
    let pool = match (was, pools) {
        (Some(was), _) => pool.was(was.default_pool_id.as_str()),
        (None, [only]) => pool.value(only.id.as_str()),
        (None, _) => pool,
    };
    let networks = Field::new("allowed_cidrs", "Allowed networks", Input::Lines)
        .hint("One in a line, as 192.0.2.0/24. Empty: everybody.");
    let limit = if was.is_some() { "-1: no limit." } else { "Empty: no limit." };
    let mut fields = named(was.map(|was| (was.name.as_str(), was.admin_state_up)));
    fields.extend([
        pool,
        count("connection_limit", "Connections at most", was.map(|was| was.connection_limit)).hint(limit),
        valued(networks, was.map(|was| was.allowed_cidrs.join("\n")).as_deref()),
        description(was.map(|was| was.description.as_str())),
        tags(was.map(|was| was.tags.as_slice())),
    ]);
    let timeouts = vec![
        count("timeout_client_data", "Client says nothing", was.map(|was| was.timeout_client_data)),
        count("timeout_member_connect", "Member takes the connection", was.map(|was| was.timeout_member_connect)),
        count("timeout_member_data", "Member says nothing", was.map(|was| was.timeout_member_data)),
        count("timeout_tcp_inspect", "Wait for what is inspected", was.map(|was| was.timeout_tcp_inspect)),
    ];
    vec![Group::new("Listener", fields), Group::new("Timeouts, in milliseconds", timeouts).folded()]
}
