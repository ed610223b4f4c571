//! Pools, one by one; a new one with its members and its health monitor, where it is to have them.

use ballast_proto::{
    driver::{LbMethod, PersistenceType},
    v2::{
        CreatePoolRequest, DeleteRequest, Listener, Pool, PoolTls, SessionPersistence, UpdatePoolRequest,
        preview_request::Change,
    },
};

use super::{
    Asking, Draft, delete,
    fields::{description, etag, is_up, mask, named, of_this, tags, text, valued},
    members, monitors, tls,
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

/// What a pool's form calls what the scheduler has within one field.
const ALIASES: &[(&str, &str)] = &[
    ("session_persistence", "persistence"),
    ("session_persistence", "cookie_name"),
    ("type", "persistence"),
    ("tls.enabled", "tls_enabled"),
    ("tls.tls_container_ref", "tls_container_ref"),
    ("tls.ca_tls_container_ref", "ca_tls_container_ref"),
    ("tls.crl_container_ref", "crl_container_ref"),
];
/// The same of a new one, whose monitor has a type, too.
const ALIASES_OF_NEW: &[(&str, &str)] = &[
    ("session_persistence", "persistence"),
    ("type", "monitor_type"),
    ("address", "members"),
    ("protocol_port", "members"),
    ("weight", "members"),
];

pub(super) async fn new(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    let one = reader.load_balancer(id).await?;
    asking.must_write()?;
    let (listeners, known) = tokio::try_join!(reader.listeners(id), tls::known(asking, &one.project_id))?;
    let mut groups = groups_of_new(&listeners);
    groups.push(known.of_pool(None).folded());
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let pool = Pool {
        load_balancer_id: one.id.clone(),
        listener_id: sheet.get("listener_id"),
        protocol: choices::protocol_named(&sheet.get("protocol")).into(),
        members: members::said(&mut sheet),
        health_monitor: monitors::said_of_new(&mut sheet),
        tls: Some(tls::of_pool(&sheet)).filter(|tls| *tls != PoolTls::default()),
        ..said(&sheet)
    };
    let title = format!("New pool of {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::creation(asking, title, path_of(id), sheet, |request_id| {
        Change::CreatePool(CreatePoolRequest { pool: Some(pool), request_id, validate_only: false })
    });
    draft.within = Within::load_balancer(id);
    draft.aliases = ALIASES_OF_NEW;
    Ok(draft)
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let pools = reader.pools(id).await?;
    let one = of_this(&pools, |one| one.id == part)?;
    let known = tls::known(asking, &one.project_id).await?;
    let groups =
        vec![Group::new("Pool", fields(Some(one))), known.of_pool(Some(&one.tls.clone().unwrap_or_default())).folded()];
    let sheet = Sheet::of(groups, asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let tls = Some(tls::of_pool(&sheet));
    let pool = Pool { id: one.id.clone(), status: status.clone(), tls, ..said(&sheet) };
    let request = UpdatePoolRequest { pool: Some(pool), update_mask: mask(&changed, ALIASES), validate_only: false };
    let title = format!("pool {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::change(&title, path_of(id), sheet, (now, status.as_ref()));
    draft.within = Within::load_balancer(id);
    draft.aliases = ALIASES;
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdatePool(request)];
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let pools = reader.pools(id).await?;
    let one = of_this(&pools, |one| one.id == part)?;
    let request = asking.request(crate::pages::parts::get(&one.id));
    let stats = asking.dashboard.scheduler.pools().stats(request).await?.into_inner();
    let name = name_or_id(&one.name, &one.id);
    let mut draft = Draft::new(format!("Delete pool {name}"), path_of(id), delete::sheet(asking, &name, &stats));
    draft.remarks = delete::remarks(&stats, "Its members and its health monitor go along.");
    let monitors = usize::from(!one.health_monitor_id.is_empty());
    draft.objects = [
        delete::counted(one.member_ids.len(), "member", "members"),
        delete::counted(monitors, "health monitor", "health monitors"),
        delete::counted(one.listener_ids.len(), "listener that sends to it", "listeners that send to it"),
    ]
    .into_iter()
    .flatten()
    .collect();
    draft.deletes();
    draft.writes = vec![Change::DeletePool(DeleteRequest { id: one.id.clone(), ..DeleteRequest::default() })];
    Ok(draft)
}

/// What a form says of how clients stay at their member.
pub(super) fn persistence(sheet: &Sheet) -> Option<SessionPersistence> {
    let kept = choices::persistence_named(&sheet.get("persistence"));
    (kept != PersistenceType::Unspecified).then(|| SessionPersistence {
        r#type: kept.into(),
        cookie_name: sheet.get("cookie_name"),
        ..SessionPersistence::default()
    })
}

/// What a form says of one, but for what is fixed when it is made.
fn said(sheet: &Sheet) -> Pool {
    Pool {
        name: sheet.get("name"),
        admin_state_up: is_up(sheet),
        lb_algorithm: choices::method_named(&sheet.get("lb_algorithm")).into(),
        session_persistence: persistence(sheet),
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        ..Pool::default()
    }
}

/// How it balances.
pub(super) fn balancing(was: Option<&Pool>) -> Vec<Field> {
    let kept = was.and_then(|was| was.session_persistence.as_ref());
    let method = Field::new("lb_algorithm", "Method", Input::Choice(choices::methods()));
    let persistence = Field::new("persistence", "Clients stay at their member", Input::Choice(choices::persistences()));
    vec![
        match was {
            Some(was) => method.was(choices::method(was.lb_algorithm())),
            None => method.value(choices::method(LbMethod::RoundRobin)),
        },
        valued(persistence, was.map(|_| kept.map(|kept| choices::persistence(kept.r#type())).unwrap_or_default())),
        text("cookie_name", "Cookie", was.map(|_| kept.map(|kept| kept.cookie_name.as_str()).unwrap_or_default()))
            .hint("Of the application's cookie alone."),
    ]
}

fn fields(was: Option<&Pool>) -> Vec<Field> {
    let mut fields = named(was.map(|was| (was.name.as_str(), was.admin_state_up)));
    fields.extend(balancing(was));
    fields.push(description(was.map(|was| was.description.as_str())));
    fields.push(tags(was.map(|was| was.tags.as_slice())));
    fields
}

fn groups_of_new(listeners: &[Listener]) -> Vec<Group> {
    let none = (String::new(), "none yet".to_owned());
    let free = listeners.iter().filter(|one| one.default_pool_id.is_empty());
    let free = free.map(|one| (one.id.clone(), name_or_id(&one.name, &one.id)));
    let listeners = Input::Choice(std::iter::once(none).chain(free).collect());
    let mut fields = fields(None);
    let own = [
        Field::new("protocol", "Protocol", Input::Choice(choices::pool_protocols()))
            .hint("PROXY and PROXYV2: with the client's address before what it says.")
            .value("HTTP"),
        Field::new("listener_id", "Of listener", listeners).hint("Those that send to no pool yet."),
    ];
    fields.splice(1..1, own);
    vec![Group::new("Pool", fields), members::group(""), monitors::group_of_new(None)]
}
