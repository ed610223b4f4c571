//! Policies and rules.

use ballast_model::{
    check,
    fault::{Fault, Routing},
    ids::L7RuleId,
    l7::{CompareType, DEFAULT_REDIRECT_CODE, L7Action, L7Policy, L7Rule, REDIRECT_CODES, RuleType},
    labels::Labels,
    status::Progress,
};
use ballast_proto::{convert, driver, v2};

use super::{
    super::{super::decode::Mask, enums::one_of},
    Fields, optional_id, optional_text,
};

/// What of a policy can change.
pub(in super::super) const POLICY: [&str; 10] = [
    "name",
    "description",
    "admin_state_up",
    "tags",
    "action",
    "redirect_pool_id",
    "redirect_url",
    "redirect_prefix",
    "redirect_http_code",
    "position",
];

/// What of a rule can change.
pub(in super::super) const RULE: [&str; 7] =
    ["admin_state_up", "tags", "type", "compare_type", "key", "value", "invert"];

/// What the fields say of the policy, apart from what it does.
pub(in super::super) fn policy(fields: &Fields<'_>, sent: &v2::L7Policy, target: &mut L7Policy) -> Result<(), Fault> {
    fields.text("name", &sent.name, &mut target.name)?;
    fields.text("description", &sent.description, &mut target.description)?;
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)
}

/// What a new policy does: of the arguments that do not fit the strongest wins, and REJECT takes none.
pub(in super::super) fn action(sent: &v2::L7Policy) -> Result<L7Action, Fault> {
    let asked = driver::L7Action::try_from(sent.action).unwrap_or_default();
    if asked == driver::L7Action::Unspecified {
        return if sent.action == 0 {
            Err(Fault::missing_field("action"))
        } else {
            Err(check::not_one_of("action", &sent.action.to_string(), L7Action::NAMES))
        };
    }
    if asked == driver::L7Action::Reject {
        return Ok(L7Action::Reject);
    }
    match given(sent)? {
        Some(action) => Ok(action),
        None => Err(missing(asked)),
    }
}

/// What a policy does after a change: an argument that is given changes the action.
pub(in super::super) fn changed_action(
    fields: &Fields<'_>,
    sent: &v2::L7Policy,
    known: &L7Action,
) -> Result<L7Action, Fault> {
    let named = |field: &str, is_set: bool| fields.has(field, is_set);
    let argument = named("redirect_pool_id", !sent.redirect_pool_id.is_empty())
        || named("redirect_url", !sent.redirect_url.is_empty())
        || named("redirect_prefix", !sent.redirect_prefix.is_empty());
    let asked = driver::L7Action::try_from(sent.action).unwrap_or_default();
    if named("action", sent.action != 0) && asked == driver::L7Action::Reject {
        return Ok(L7Action::Reject);
    }
    let code = named("redirect_http_code", sent.redirect_http_code.is_some());
    let sent = match (known.http_code(), code) {
        (Some(known), false) => &v2::L7Policy { redirect_http_code: Some(known.into()), ..sent.clone() },
        _ => sent,
    };
    if argument && let Some(action) = given(sent)? {
        return Ok(action);
    }
    if named("action", sent.action != 0) && convert::to_action(known) != asked {
        return Err(missing(asked));
    }
    Ok(with_code(known, http_code(sent)?))
}

fn given(sent: &v2::L7Policy) -> Result<Option<L7Action>, Fault> {
    if let Some(id) = optional_id("redirect_pool_id", &sent.redirect_pool_id)? {
        return Ok(Some(L7Action::RedirectToPool(id)));
    }
    let http_code = http_code(sent)?;
    if let Some(url) = url("redirect_url", &sent.redirect_url)? {
        return Ok(Some(L7Action::RedirectToUrl { url, http_code }));
    }
    Ok(url("redirect_prefix", &sent.redirect_prefix)?.map(|prefix| L7Action::RedirectPrefix { prefix, http_code }))
}

fn with_code(action: &L7Action, code: u16) -> L7Action {
    match action.clone() {
        L7Action::RedirectToUrl { url, .. } => L7Action::RedirectToUrl { url, http_code: code },
        L7Action::RedirectPrefix { prefix, .. } => L7Action::RedirectPrefix { prefix, http_code: code },
        other => other,
    }
}

fn http_code(sent: &v2::L7Policy) -> Result<u16, Fault> {
    let Some(code) = sent.redirect_http_code else { return Ok(DEFAULT_REDIRECT_CODE) };
    let known = u16::try_from(code).ok().filter(|code| REDIRECT_CODES.contains(code));
    known.ok_or_else(|| {
        check::not_one_of("redirect_http_code", &code.to_string(), REDIRECT_CODES.map(|code| code.to_string()))
    })
}

/// An http or https URL of visible characters.
fn url(field: &str, text: &str) -> Result<Option<String>, Fault> {
    let Some(url) = optional_text(field, text, check::MAX_TEXT)? else { return Ok(None) };
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let visible = url.chars().all(|character| character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '\''));
    if host.is_some_and(|host| !host.is_empty()) && visible {
        return Ok(Some(url));
    }
    Err(check::not_valid(field, text))
}

fn missing(action: driver::L7Action) -> Fault {
    let field = match action {
        driver::L7Action::RedirectToPool => "redirect_pool_id",
        driver::L7Action::RedirectPrefix => "redirect_prefix",
        _ => "redirect_url",
    };
    Routing::ArgumentMissing { field: field.to_owned() }.into()
}

/// What the fields say of the rule.
pub(in super::super) fn rule(fields: &Fields<'_>, sent: &v2::L7Rule, target: &mut L7Rule) -> Result<(), Fault> {
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)?;
    if fields.has("type", sent.r#type != 0) {
        target.rule_type = rule_type(sent.r#type)?;
    }
    if fields.has("compare_type", sent.compare_type != 0) {
        target.compare_type = compare_type(sent.compare_type)?;
    }
    if fields.has("key", !sent.key.is_empty()) {
        target.key = optional_text("key", &sent.key, check::MAX_TEXT)?;
    }
    fields.text("value", &sent.value, &mut target.value)?;
    if fields.has("invert", sent.invert) {
        target.invert = sent.invert;
    }
    Ok(())
}

fn rule_type(number: i32) -> Result<RuleType, Fault> {
    one_of("type", number, &RuleType::ALL, |one| convert::to_rule_type(one).into(), RuleType::as_str)
}

fn compare_type(number: i32) -> Result<CompareType, Fault> {
    one_of("compare_type", number, &CompareType::ALL, |one| convert::to_compare_type(one).into(), CompareType::as_str)
}

/// A new rule of this project.
pub(in super::super) fn new_rule(id: L7RuleId, project_id: &str, sent: &v2::L7Rule) -> Result<L7Rule, Fault> {
    let mut made = L7Rule {
        id,
        project_id: project_id.to_owned(),
        rule_type: rule_type(sent.r#type)?,
        compare_type: compare_type(sent.compare_type)?,
        key: None,
        value: String::new(),
        invert: false,
        admin_state_up: true,
        labels: Labels::default(),
        progress: Progress::created(ballast_model::counters::Generation::FIRST),
    };
    rule(&Fields(&Mask::all(&RULE)), sent, &mut made)?;
    Ok(made)
}
