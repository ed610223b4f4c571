//! L7 policies, one by one; a new one with its rules.

use ballast_proto::{
    driver::L7Action,
    v2::{
        CreateL7PolicyRequest, DeleteRequest, L7Policy, L7Rule, Listener, Pool, UpdateL7PolicyRequest,
        preview_request::Change,
    },
};

use super::{
    Asking, Draft, delete,
    fields::{description, etag, is_up, mask, named, number, of_this, tags, text, valued},
};
use crate::{
    trouble::Trouble,
    view::{
        choices,
        parts::{name_or_id, path_of},
        rules,
        same::Within,
        sheet::{Field, Group, Input, Sheet},
    },
};

/// What the scheduler says of rules stands at the lines.
const ALIASES: &[(&str, &str)] =
    &[("type", "rules"), ("compare_type", "rules"), ("key", "rules"), ("value", "rules"), ("invert", "rules")];

fn back(id: &str) -> String {
    format!("{}/listeners", path_of(id))
}

pub(super) async fn new(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let (listeners, pools) = tokio::try_join!(reader.listeners(id), reader.pools(id))?;
    let listener = of_this(&listeners, |one| one.id == part)?;
    let rules = Field::new("rules", "Rules", Input::Lines).hint(
        "One in a line, as PATH STARTS_WITH /api or HEADER X-Version not EQUAL_TO 1. All of them must hold. Without \
         any it does nothing.",
    );
    let groups = vec![Group::new("Policy", fields(None, &pools)), Group::new("Rules", vec![rules])];
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    let rules = rules::rules(&sheet.get("rules")).unwrap_or_else(|why| {
        sheet.blame("rules", &why);
        Vec::new()
    });
    let policy = L7Policy { listener_id: listener.id.clone(), rules, ..said(&mut sheet, None) };
    let title = format!("New L7 policy of listener {}", name_or_id(&listener.name, &listener.id));
    let mut draft = Draft::creation(asking, title, back(id), sheet, |request_id| {
        Change::CreateL7policy(CreateL7PolicyRequest { l7policy: Some(policy), request_id, validate_only: false })
    });
    draft.within = Within { load_balancer: id.to_owned(), above: listener.id.clone() };
    draft.aliases = ALIASES;
    Ok(draft)
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let (one, _) = of_load_balancer(asking, id, part).await?;
    let pools = asking.reader().pools(id).await?;
    let mut sheet = Sheet::of(vec![Group::new("Policy", fields(Some(&one), &pools))], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let policy = L7Policy { id: one.id.clone(), status: status.clone(), ..said(&mut sheet, Some(&one)) };
    let request =
        UpdateL7PolicyRequest { l7policy: Some(policy), update_mask: mask(&changed, &[]), validate_only: false };
    let title = format!("L7 policy {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::change(&title, back(id), sheet, (now, status.as_ref()));
    draft.within = Within { load_balancer: id.to_owned(), above: one.listener_id.clone() };
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdateL7policy(request)];
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str, part: &str) -> Result<Draft, Trouble> {
    let (one, _) = of_load_balancer(asking, id, part).await?;
    let title = format!("Delete L7 policy {}", name_or_id(&one.name, &one.id));
    let mut draft = Draft::new(title, back(id), Sheet::of(Vec::new(), asking.sent.as_ref()));
    draft.remarks = vec!["Requests that it took go on to the next policy, or to the listener's pool.".to_owned()];
    draft.objects = delete::counted(one.rule_ids.len(), "rule", "rules").into_iter().collect();
    draft.deletes();
    draft.writes = vec![Change::DeleteL7policy(DeleteRequest { id: one.id, ..DeleteRequest::default() })];
    Ok(draft)
}

/// The policy of this load balancer, with its rules.
pub(super) async fn of_load_balancer(
    asking: &Asking<'_>,
    id: &str,
    part: &str,
) -> Result<(L7Policy, Vec<L7Rule>), Trouble> {
    let reader = asking.reader();
    reader.load_balancer(id).await?;
    asking.must_write()?;
    let listeners: Vec<Listener> = reader.listeners(id).await?;
    if !listeners.iter().any(|listener| listener.l7policy_ids.iter().any(|own| own == part)) {
        return Err(Trouble::NotFound);
    }
    let request = asking.request(crate::pages::parts::get(part));
    let policy = asking.dashboard.scheduler.policies().get(request).await?.into_inner();
    let rules = reader.rules(policy.id.clone()).await?;
    Ok((policy, rules))
}

/// What a form says of one. Of what does not go with its action nothing is said, unless it was there before.
fn said(sheet: &mut Sheet, was: Option<&L7Policy>) -> L7Policy {
    let action = choices::action_named(&sheet.get("action"));
    let if_of = |of: L7Action, text: String| if was.is_some() || action == of { text } else { String::new() };
    let redirects = matches!(action, L7Action::RedirectToUrl | L7Action::RedirectPrefix);
    L7Policy {
        name: sheet.get("name"),
        admin_state_up: is_up(sheet),
        description: sheet.get("description"),
        tags: sheet.list("tags"),
        action: action.into(),
        redirect_pool_id: if_of(L7Action::RedirectToPool, sheet.get("redirect_pool_id")),
        redirect_url: if_of(L7Action::RedirectToUrl, sheet.get("redirect_url")),
        redirect_prefix: if_of(L7Action::RedirectPrefix, sheet.get("redirect_prefix")),
        redirect_http_code: sheet.number("redirect_http_code").filter(|_| was.is_some() || redirects),
        position: sheet.number("position"),
        ..L7Policy::default()
    }
}

fn fields(was: Option<&L7Policy>, pools: &[Pool]) -> Vec<Field> {
    let none = (String::new(), "none".to_owned());
    let pools = pools.iter().map(|pool| (pool.id.clone(), name_or_id(&pool.name, &pool.id)));
    let pools = Input::Choice(std::iter::once(none).chain(pools).collect());
    let action = Field::new("action", "What it does", Input::Choice(choices::actions()));
    let code = Field::new("redirect_http_code", "Status of a redirect", Input::Choice(choices::redirect_codes()));
    let position = Field::new("position", "Position", Input::Number).hint("From 1. Policies are asked in this order.");
    let mut fields = named(was.map(|was| (was.name.as_str(), was.admin_state_up)));
    fields.extend([
        valued(action, was.map(|was| choices::action(was.action()))),
        valued(Field::new("redirect_pool_id", "To pool", pools), was.map(|was| was.redirect_pool_id.as_str())),
        text("redirect_url", "To URL", was.map(|was| was.redirect_url.as_str())).hint("As https://other.example/."),
        text("redirect_prefix", "To prefix", was.map(|was| was.redirect_prefix.as_str()))
            .hint("The path and the query that were asked for stand behind it."),
        valued(code, was.map(|was| was.redirect_http_code.map(|code| code.to_string()).unwrap_or_default()).as_deref()),
        match was {
            Some(was) => number("position", "Position", was.position).hint("From 1. Policies are asked in this order."),
            None => position.hint("From 1. Empty: the last. Policies are asked in this order."),
        },
        description(was.map(|was| was.description.as_str())),
        tags(was.map(|was| was.tags.as_slice())),
    ]);
    fields
}
