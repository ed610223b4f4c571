//! L7 rules, one by one.

use ballast_proto::v2::{CreateL7RuleRequest, DeleteRequest, L7Rule, UpdateL7RuleRequest, preview_request::Change};

use super::{
    Asking, Draft,
    fields::{etag, is_up, mask, named, of_this, tags, text, valued},
    policies,
};
use crate::{
    trouble::Trouble,
    view::{
        choices,
        parts::{name_or_id, path_of},
        rules::line,
        same::Within,
        sheet::{Field, Group, Input, Sheet},
    },
};

fn back(id: &str) -> String {
    format!("{}/listeners", path_of(id))
}

pub(super) async fn new(asking: &Asking<'_>, id: &str, policy: &str) -> Result<Draft, Trouble> {
    let (policy, _) = policies::of_load_balancer(asking, id, policy).await?;
    let sheet = Sheet::of(vec![Group::new("Rule", fields(None))], asking.sent.as_ref());
    let rule = L7Rule { l7policy_id: policy.id.clone(), ..said(&sheet) };
    let title = format!("New rule of L7 policy {}", name_or_id(&policy.name, &policy.id));
    let mut draft = Draft::creation(asking, title, back(id), sheet, |request_id| {
        Change::CreateL7rule(CreateL7RuleRequest { rule: Some(rule), request_id, validate_only: false })
    });
    draft.remarks = vec!["A policy acts on requests for which all of its rules hold.".to_owned()];
    draft.within = Within { load_balancer: id.to_owned(), above: policy.id };
    Ok(draft)
}

pub(super) async fn change(asking: &Asking<'_>, id: &str, (policy, part): (&str, &str)) -> Result<Draft, Trouble> {
    let (policy, rules) = policies::of_load_balancer(asking, id, policy).await?;
    let one = of_this(&rules, |one| one.id == part)?;
    let sheet = Sheet::of(vec![Group::new("Rule", fields(Some(one)))], asking.sent.as_ref());
    let (now, status) = etag(asking, one.status.as_ref());
    let changed = sheet.changed();
    let rule = L7Rule { id: one.id.clone(), l7policy_id: policy.id.clone(), status: status.clone(), ..said(&sheet) };
    let request = UpdateL7RuleRequest { rule: Some(rule), update_mask: mask(&changed, &[]), validate_only: false };
    let title = format!("rule of L7 policy {}", name_or_id(&policy.name, &policy.id));
    let mut draft = Draft::change(&title, back(id), sheet, (now, status.as_ref()));
    draft.within = Within { load_balancer: id.to_owned(), above: policy.id };
    if !changed.is_empty() {
        draft.writes = vec![Change::UpdateL7rule(request)];
    }
    Ok(draft)
}

pub(super) async fn delete(asking: &Asking<'_>, id: &str, (policy, part): (&str, &str)) -> Result<Draft, Trouble> {
    let (policy, rules) = policies::of_load_balancer(asking, id, policy).await?;
    let one = of_this(&rules, |one| one.id == part)?;
    let title = format!("Delete a rule of L7 policy {}", name_or_id(&policy.name, &policy.id));
    let mut draft = Draft::new(title, back(id), Sheet::of(Vec::new(), asking.sent.as_ref()));
    let last = "It is the last one: without rules its policy does nothing.";
    let others = "Its policy acts on all requests for which the others hold.";
    draft.remarks = vec![if rules.len() == 1 { last } else { others }.to_owned()];
    draft.objects = vec![line(one)];
    draft.deletes();
    let request = DeleteRequest { id: one.id.clone(), parent_id: policy.id.clone(), ..DeleteRequest::default() };
    draft.writes = vec![Change::DeleteL7rule(request)];
    Ok(draft)
}

fn said(sheet: &Sheet) -> L7Rule {
    L7Rule {
        admin_state_up: is_up(sheet),
        tags: sheet.list("tags"),
        r#type: choices::rule_type_named(&sheet.get("type")).into(),
        compare_type: choices::compare_type_named(&sheet.get("compare_type")).into(),
        key: sheet.get("key"),
        value: sheet.get("value"),
        invert: sheet.get("invert") == "yes",
        ..L7Rule::default()
    }
}

fn fields(was: Option<&L7Rule>) -> Vec<Field> {
    let kind = Field::new("type", "Looks at", Input::Choice(choices::rule_types()));
    let compare = Field::new("compare_type", "Compares", Input::Choice(choices::compare_types()));
    let invert = Field::new("invert", "Must not be so", Input::Choice(choices::yes_or_no()));
    let mut fields = vec![
        match was {
            Some(was) => kind.was(choices::rule_type(was.r#type())),
            None => kind.value("PATH"),
        },
        text("key", "Name", was.map(|was| was.key.as_str()))
            .hint("Of the header, the cookie or the certificate's field."),
        match was {
            Some(was) => compare.was(choices::compare_type(was.compare_type())),
            None => compare.value("STARTS_WITH"),
        },
        text("value", "Value", was.map(|was| was.value.as_str())),
        valued(invert, was.map(|was| if was.invert { "yes" } else { "" })),
    ];
    // A rule has no name.
    fields.extend(named(was.map(|was| ("", was.admin_state_up))).into_iter().skip(1));
    fields.push(tags(was.map(|was| was.tags.as_slice())));
    fields
}
