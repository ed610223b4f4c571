//! `lbaas.v2.L7Rules`

use ballast_model::{
    fault::Fault,
    ids::{L7PolicyId, L7RuleId},
    l7::L7Rule,
    load_balancer::{policy_not_found, rule_not_found},
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateL7RuleRequest, DeleteRequest, GetRequest, ListL7RulesResponse, ListRequest, UpdateL7RuleRequest,
        l7_rules_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token},
    once::{claim, once},
};
use super::{
    apply::{self, Fields},
    check_etag, etag,
    query::{page, query},
};
use crate::app::{Seen, Target, Write};

#[tonic::async_trait]
impl l7_rules_server::L7Rules for Api {
    async fn create(&self, request: Request<CreateL7RuleRequest>) -> Result<Response<v2::L7Rule>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("rule", request.rule)?;
            let policy_id: L7PolicyId = id(&sent.l7policy_id, policy_not_found)?;
            let new: &L7Rule = &apply::new_rule(self.0.new_id(), "", &sent)?;
            let id = new.id;
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::L7Rule),
                ..Write::new(caller, request.validate_only)
            };
            let make = Box::pin(self.0.change_of_v2(write, Target::Policy(policy_id), |before| {
                let project_id = before.project_id.clone();
                before.add_rule(policy_id, L7Rule { project_id, ..new.clone() })
            }));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Policy(policy_id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            encode(&made, policy_id, id)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::L7Rule>, Status> {
        answer(async {
            let caller = caller(&request);
            let (policy_id, rule_id) = ids(&request.get_ref().parent_id, &request.get_ref().id)?;
            encode(&self.0.seen(&caller, Target::Policy(policy_id)).await?, policy_id, rule_id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListL7RulesResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let policy_id: L7PolicyId = id(&request.parent_id, policy_not_found)?;
            let query = query(&caller, request)?;
            let seen = self.0.seen(&caller, Target::Policy(policy_id)).await?;
            let (_, policy) = seen.load_balancer.policy(policy_id)?;
            let all = policy.rules.iter().map(|rule| convert::to_v2_l7rule(policy, rule)).collect();
            let (rules, more) = page(&query, all)?;
            let next_page_token = next_page_token(more, rules.last().map(|one: &v2::L7Rule| one.id.as_str()));
            Ok(ListL7RulesResponse { rules, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateL7RuleRequest>) -> Result<Response<v2::L7Rule>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("rule", request.rule)?;
            let (policy_id, rule_id) = ids(&sent.l7policy_id, &sent.id)?;
            let mask = &Mask::new::<v2::L7Rule>(request.update_mask, &apply::RULE)?;
            let write = Write::new(&caller, request.validate_only);
            let changed = self.0.change_of_v2(write, Target::Policy(policy_id), |before| {
                before.change_rule(policy_id, rule_id, |target| {
                    check_etag(etag(sent.status.as_ref()), &target.progress, rule_id)?;
                    apply::rule(&Fields(mask), sent, target)
                })
            });
            encode(&changed.await?, policy_id, rule_id)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let (policy_id, rule_id) = ids(&request.parent_id, &request.id)?;
            let write = Write::new(&caller, request.validate_only);
            let removed = self.0.change_of_v2(write, Target::Policy(policy_id), |before| {
                let rule = before.policy(policy_id)?.1.rule(rule_id).ok_or_else(|| rule_not_found(rule_id))?;
                check_etag(&request.etag, &rule.progress, rule_id)?;
                before.remove_rule(policy_id, rule_id)
            });
            removed.await.map(|_| ())
        })
        .await
    }
}

fn ids(policy: &str, rule: &str) -> Result<(L7PolicyId, L7RuleId), Fault> {
    Ok((id(policy, policy_not_found)?, id(rule, rule_not_found)?))
}

fn encode(seen: &Seen, policy_id: L7PolicyId, id: L7RuleId) -> Result<v2::L7Rule, Fault> {
    let (_, policy) = seen.load_balancer.policy(policy_id)?;
    Ok(convert::to_v2_l7rule(policy, policy.rule(id).ok_or_else(|| rule_not_found(id))?))
}
