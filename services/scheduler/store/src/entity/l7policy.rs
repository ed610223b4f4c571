//! Layer-7 policies, each with its rules.

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, LoadBalancerId},
    l7::{CompareType, L7Action, L7Policy, L7Rule, RuleType},
    parts::Parts,
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::codec::{from_json, labels, member_of, natural, number, progress, tags, times, unreadable};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "l7policy")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub load_balancer_id: Uuid,
    pub listener_id: Uuid,
    pub project_id: String,
    pub name: String,
    pub description: String,
    pub action: String,
    pub redirect_pool_id: Option<Uuid>,
    /// A URL or a prefix.
    pub redirect_target: Option<String>,
    pub redirect_http_code: Option<i64>,
    /// From 1.
    pub position: i64,
    pub admin_state_up: bool,
    /// All of them, in their order.
    pub rules: String,
    pub rule_count: i64,
    pub tags: String,
    pub created_at: i64,
    pub updated_at: Option<i64>,
    pub provisioning_status: String,
    pub status_description: Option<String>,
    pub changed: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A rule, as it is stored with its policy.
#[derive(Serialize, Deserialize)]
struct Rule {
    id: Uuid,
    project_id: String,
    r#type: String,
    compare_type: String,
    key: Option<String>,
    value: String,
    invert: bool,
    admin_state_up: bool,
    tags: Vec<String>,
    created_at: i64,
    updated_at: Option<i64>,
    provisioning_status: String,
    status_description: Option<String>,
    changed: i64,
}

impl ActiveModel {
    /// The policy at this place of a listener, from 0.
    pub(crate) fn of(
        policy: &L7Policy,
        load_balancer_id: LoadBalancerId,
        listener_id: ListenerId,
        place: usize,
    ) -> Self {
        let (created_at, updated_at) = times(&policy.labels);
        let target = match &policy.action {
            L7Action::RedirectToUrl { url, .. } => Some(url.clone()),
            L7Action::RedirectPrefix { prefix, .. } => Some(prefix.clone()),
            L7Action::Reject | L7Action::RedirectToPool(_) => None,
        };
        let rules: Vec<Rule> = policy.rules.iter().map(Rule::of).collect();
        Self {
            seq: NotSet,
            id: Set(policy.id.uuid()),
            load_balancer_id: Set(load_balancer_id.uuid()),
            listener_id: Set(listener_id.uuid()),
            project_id: Set(policy.project_id.clone()),
            name: Set(policy.name.clone()),
            description: Set(policy.description.clone()),
            action: Set(policy.action.name().to_owned()),
            redirect_pool_id: Set(policy.action.pool_id().map(|id| id.uuid())),
            redirect_target: Set(target),
            redirect_http_code: Set(policy.action.http_code().map(Into::into)),
            position: Set(number(place as u64 + 1)),
            admin_state_up: Set(policy.admin_state_up),
            rule_count: Set(number(rules.len() as u64)),
            rules: Set(serde_json::to_string(&rules).unwrap_or_default()),
            tags: Set(tags(&policy.labels)),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            provisioning_status: Set(policy.progress.status.as_str().to_owned()),
            status_description: Set(policy.progress.description.clone()),
            changed: Set(number(policy.progress.changed)),
        }
    }
}

impl Model {
    pub(crate) fn into_policy(self) -> Result<L7Policy, Fault> {
        let action = self.action()?;
        let rules: Vec<Rule> = from_json("rules", &self.rules)?;
        let rules: Vec<L7Rule> = rules.into_iter().map(Rule::into_rule).collect::<Result<_, _>>()?;
        Ok(L7Policy {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            description: self.description,
            action,
            admin_state_up: self.admin_state_up,
            rules: Parts::from(rules),
            labels: labels(&self.tags, self.created_at, self.updated_at)?,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
        })
    }

    fn action(&self) -> Result<L7Action, Fault> {
        let target = || self.redirect_target.clone().ok_or_else(|| unreadable("redirect_target", ""));
        let http_code = || natural("redirect_http_code", self.redirect_http_code.unwrap_or(302));
        Ok(match self.action.as_str() {
            "REJECT" => L7Action::Reject,
            "REDIRECT_TO_URL" => L7Action::RedirectToUrl { url: target()?, http_code: http_code()? },
            "REDIRECT_PREFIX" => L7Action::RedirectPrefix { prefix: target()?, http_code: http_code()? },
            "REDIRECT_TO_POOL" => {
                let id = self.redirect_pool_id.ok_or_else(|| unreadable("redirect_pool_id", ""))?;
                L7Action::RedirectToPool(id.into())
            }
            other => return Err(unreadable("action", other)),
        })
    }
}

impl Rule {
    fn of(rule: &L7Rule) -> Self {
        let (created_at, updated_at) = times(&rule.labels);
        Self {
            id: rule.id.uuid(),
            project_id: rule.project_id.clone(),
            r#type: rule.rule_type.as_str().to_owned(),
            compare_type: rule.compare_type.as_str().to_owned(),
            key: rule.key.clone(),
            value: rule.value.clone(),
            invert: rule.invert,
            admin_state_up: rule.admin_state_up,
            tags: rule.labels.tags.clone(),
            created_at,
            updated_at,
            provisioning_status: rule.progress.status.as_str().to_owned(),
            status_description: rule.progress.description.clone(),
            changed: number(rule.progress.changed),
        }
    }

    fn into_rule(self) -> Result<L7Rule, Fault> {
        let labels = ballast_model::labels::Labels { tags: self.tags, ..labels("", self.created_at, self.updated_at)? };
        Ok(L7Rule {
            id: self.id.into(),
            project_id: self.project_id,
            rule_type: member_of("type", &self.r#type, RuleType::parse)?,
            compare_type: member_of("compare_type", &self.compare_type, CompareType::parse)?,
            key: self.key,
            value: self.value,
            invert: self.invert,
            admin_state_up: self.admin_state_up,
            labels,
            progress: progress(&self.provisioning_status, self.status_description, self.changed)?,
        })
    }
}
