//! The transitions of policies and their rules.

use super::{LoadBalancer, policy_not_found, rule_not_found};
use crate::{
    counters::Generation,
    fault::Fault,
    ids::{L7PolicyId, L7RuleId, ListenerId},
    l7::{L7Policy, L7Rule},
    listener::Listener,
    status::Progress,
};

impl LoadBalancer {
    /// The listener of a policy, and the policy.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound)
    pub fn policy(&self, id: L7PolicyId) -> Result<(&Listener, &L7Policy), Fault> {
        let found = self.listeners.iter().find_map(|listener| Some((listener, listener.policy(id)?)));
        found.ok_or_else(|| policy_not_found(id))
    }

    /// Adds a policy to a listener, at a position from 1; none, or one beyond the last: as the last.
    ///
    /// # Errors
    /// [`ListenerNotFound`](crate::fault::Code::ListenerNotFound), and what the policy and the other parts do not allow each
    /// other.
    pub fn add_policy(
        mut self,
        listener_id: ListenerId,
        mut policy: L7Policy,
        position: Option<usize>,
    ) -> Result<Self, Fault> {
        let generation = self.grow();
        made(&mut policy, generation);
        let at = self.listener_at(listener_id)?;
        self.check_policy(&policy, self.listeners[at].protocol)?;
        insert(&mut self.listeners[at].policies, policy, position);
        self.check_size()?;
        Ok(self.touched_listeners(&[listener_id]))
    }

    /// Changes a policy, and its position if one is given.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound), those of `change`, and as [`Self::add_policy`].
    pub fn change_policy(
        mut self,
        id: L7PolicyId,
        position: Option<usize>,
        change: impl FnOnce(&mut L7Policy) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let generation = self.grow();
        let (listener_at, at) = self.policy_at(id)?;
        let mut policy = self.listeners[listener_at].policies[at].clone();
        change(&mut policy)?;
        policy.progress.touch(generation);
        self.check_policy(&policy, self.listeners[listener_at].protocol)?;
        let listener = &mut self.listeners[listener_at];
        if position.is_some() {
            listener.policies.remove(at);
            insert(&mut listener.policies, policy, position);
        } else {
            listener.policies[at] = policy;
        }
        let listener_id = listener.id;
        Ok(self.touched_listeners(&[listener_id]))
    }

    /// Removes a policy with its rules.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound)
    pub fn remove_policy(mut self, id: L7PolicyId) -> Result<Self, Fault> {
        self.grow();
        let (listener_at, at) = self.policy_at(id)?;
        let listener = &mut self.listeners[listener_at];
        listener.policies.remove(at);
        let listener_id = listener.id;
        Ok(self.touched_listeners(&[listener_id]))
    }

    /// Adds a rule to a policy.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound), and what a rule and a policy do not allow.
    pub fn add_rule(self, policy_id: L7PolicyId, mut rule: L7Rule) -> Result<Self, Fault> {
        rule.progress = Progress::created(self.generation.next());
        self.change_policy(policy_id, None, |policy| {
            policy.rules.push(rule);
            Ok(())
        })
    }

    /// Changes a rule of a policy.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound), [`L7RuleNotFound`](crate::fault::Code::L7RuleNotFound),
    /// those of `change`, and what a rule does not allow.
    pub fn change_rule(
        self,
        policy_id: L7PolicyId,
        id: L7RuleId,
        change: impl FnOnce(&mut L7Rule) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let generation = self.generation.next();
        self.change_policy(policy_id, None, |policy| {
            let at = rule_at(policy, id)?;
            let rule = &mut policy.rules[at];
            change(rule)?;
            rule.progress.touch(generation);
            Ok(())
        })
    }

    /// Takes a rule from a policy.
    ///
    /// # Errors
    /// [`L7PolicyNotFound`](crate::fault::Code::L7PolicyNotFound), [`L7RuleNotFound`](crate::fault::Code::L7RuleNotFound)
    pub fn remove_rule(self, policy_id: L7PolicyId, id: L7RuleId) -> Result<Self, Fault> {
        self.change_policy(policy_id, None, |policy| {
            let at = rule_at(policy, id)?;
            policy.rules.remove(at);
            Ok(())
        })
    }

    fn policy_at(&self, id: L7PolicyId) -> Result<(usize, usize), Fault> {
        let at = |listener: &Listener| listener.policies.iter().position(|policy| policy.id == id);
        let found = self.listeners.iter().enumerate().find_map(|(listener, parts)| Some((listener, at(parts)?)));
        found.ok_or_else(|| policy_not_found(id))
    }
}

/// A policy that this generation makes, with its rules.
pub(super) fn made(policy: &mut L7Policy, generation: Generation) {
    policy.progress = Progress::created(generation);
    for rule in &mut policy.rules {
        rule.progress = Progress::created(generation);
    }
}

fn insert(policies: &mut Vec<L7Policy>, policy: L7Policy, position: Option<usize>) {
    let last = policies.len();
    let at = position.map_or(last, |position| position.saturating_sub(1).min(last));
    policies.insert(at, policy);
}

fn rule_at(policy: &L7Policy, id: L7RuleId) -> Result<usize, Fault> {
    policy.rules.iter().position(|rule| rule.id == id).ok_or_else(|| rule_not_found(id))
}
