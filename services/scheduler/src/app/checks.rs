//! How the checks of members last ended, as the agents say that have a session here. In memory alone: an answer changes with
//! any check, and nothing is decided by it. An agent tells everything again in each session, so what a start of this process
//! loses is soon back; other schedulers do not know it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ballast_model::{
    counters::Epoch,
    ids::{AgentId, LoadBalancerId, MemberId},
    load_balancer::LoadBalancer,
    status::OperatingStatus,
    time::Timestamp,
    told::told,
};
use ballast_proto::driver::CheckAnswer;

use super::Owner;

/// Of one agent. More are not kept.
const MEMBERS: usize = 100_000;

/// What an agent says of a member.
#[derive(Debug, Clone)]
pub struct Said {
    pub member_id: MemberId,
    pub status: OperatingStatus,
    /// For how many milliseconds it has been so; 0: it does not say.
    pub for_milliseconds: u64,
    pub answer: Option<CheckAnswer>,
}

/// What is known of a member's checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    pub status: OperatingStatus,
    /// `None`: it was so when it was first heard of.
    pub since: Option<Timestamp>,
    pub answer: Option<CheckAnswer>,
}

#[derive(Debug, Default)]
struct Page {
    epoch: Epoch,
    members: HashMap<MemberId, Checked>,
}

/// By agent and load balancer.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<AgentId, HashMap<LoadBalancerId, Page>>>);

impl Checks {
    /// Notes what an agent said of members of a load balancer that it has, or says that it has.
    pub fn note(&self, owner: &Owner, said: &[Said], now: Timestamp) {
        let mut all = self.lock();
        let pages = all.entry(owner.agent_id).or_default();
        let mut room = MEMBERS.saturating_sub(pages.values().map(|page| page.members.len()).sum());
        let page = pages.entry(owner.load_balancer_id).or_default();
        if page.epoch != owner.epoch {
            *page = Page { epoch: owner.epoch, ..Page::default() };
        }
        for said in said {
            let checked = page.checked(said, now);
            if let Some(known) = page.members.get_mut(&said.member_id) {
                *known = checked;
            } else if room > 0 {
                room -= 1;
                page.members.insert(said.member_id, checked);
            }
        }
    }

    /// Those of these members that are there, and when what is stored of some has changed.
    pub fn settled(&self, owner: &Owner, now_is: &LoadBalancer, changed: &[MemberId], now: Timestamp) {
        let mut all = self.lock();
        let Some(page) = all.get_mut(&owner.agent_id).and_then(|pages| pages.get_mut(&owner.load_balancer_id)) else {
            return;
        };
        let members = now_is.pools.iter().flat_map(|pool| pool.members.iter());
        let there: HashSet<MemberId> = members.map(|member| member.id).collect();
        page.members.retain(|id, _| there.contains(id));
        for id in changed {
            if let Some(checked) = page.members.get_mut(id) {
                checked.since.get_or_insert(now);
            }
        }
    }

    /// What is known of a load balancer's members, from its owner.
    pub fn of(&self, owner: &Owner) -> HashMap<MemberId, Checked> {
        let all = self.lock();
        let page = all.get(&owner.agent_id).and_then(|pages| pages.get(&owner.load_balancer_id));
        page.filter(|page| page.epoch == owner.epoch).map(|page| page.members.clone()).unwrap_or_default()
    }

    pub fn forget(&self, agent_id: AgentId, load_balancer_id: LoadBalancerId) {
        if let Some(pages) = self.lock().get_mut(&agent_id) {
            pages.remove(&load_balancer_id);
        }
    }

    pub fn forget_agent(&self, agent_id: AgentId) {
        self.lock().remove(&agent_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, HashMap<LoadBalancerId, Page>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// Since when: as the agent says, or else what is known; a change that it does not date is of now.
    fn checked(&self, said: &Said, now: Timestamp) -> Checked {
        let before = self.members.get(&said.member_id);
        let micros = i64::try_from(said.for_milliseconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        let since = match before {
            _ if micros > 0 => Some(Timestamp(now.0.saturating_sub(micros))),
            Some(before) if before.status == said.status => before.since,
            Some(_) => Some(now),
            None => None,
        };
        let answer = said.answer.as_ref().map(|answer| CheckAnswer {
            result: told(&answer.result),
            text: told(&answer.text),
            ..answer.clone()
        });
        Checked { status: said.status, since, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner =
        Owner { agent_id: AgentId::from_u128(1), load_balancer_id: LoadBalancerId::from_u128(2), epoch: Epoch::FIRST };
    const MEMBER: MemberId = MemberId::from_u128(3);

    fn said(status: OperatingStatus, for_milliseconds: u64, result: &str) -> Vec<Said> {
        let answer = Some(CheckAnswer { result: result.to_owned(), ..CheckAnswer::default() });
        vec![Said { member_id: MEMBER, status, for_milliseconds, answer }]
    }

    #[test]
    fn since_when_is_what_the_driver_says_or_when_it_was_heard_to_change() {
        let checks = Checks::default();
        let since = |at: i64, status: OperatingStatus, for_milliseconds: u64| {
            checks.note(&OWNER, &said(status, for_milliseconds, "L4OK"), Timestamp(at));
            checks.of(&OWNER)[&MEMBER].since.map(|since| since.0)
        };
        let (up, down) = (OperatingStatus::Online, OperatingStatus::Offline);
        assert_eq!(since(1_000_000, up, 0), None, "nobody says since when");
        assert_eq!(since(2_000_000, down, 0), Some(2_000_000));
        assert_eq!(since(3_000_000, down, 0), Some(2_000_000), "the answer alone has changed");
        assert_eq!(since(9_000_000, up, 500), Some(8_500_000));
        assert_eq!(since(9_900_000, up, 0), Some(8_500_000));
    }

    #[test]
    fn what_a_former_owner_said_is_nobodys_and_what_is_gone_is_forgotten() {
        let checks = Checks::default();
        checks.note(&OWNER, &said(OperatingStatus::Online, 1, "L4OK"), Timestamp(0));
        let next = Owner { epoch: OWNER.epoch.next(), ..OWNER };
        assert!(checks.of(&next).is_empty());
        let other = Owner { agent_id: AgentId::from_u128(9), ..OWNER };
        assert!(checks.of(&other).is_empty());
        checks.note(&next, &said(OperatingStatus::Online, 1, "L4OK"), Timestamp(0));
        assert!(checks.of(&OWNER).is_empty() && checks.of(&next).len() == 1);
        checks.forget(next.agent_id, next.load_balancer_id);
        assert!(checks.of(&next).is_empty());
    }

    #[test]
    fn an_agent_that_says_too_much_is_not_remembered_beyond_its_bound() {
        let checks = Checks::default();
        for number in 0..3_u128 {
            let owner = Owner { load_balancer_id: LoadBalancerId::from_u128(number), ..OWNER };
            let one = &said(OperatingStatus::Online, 1, "L4OK")[0];
            let member = |at: usize| Said { member_id: MemberId::from_u128(number << 64 | at as u128), ..one.clone() };
            checks.note(&owner, &(0..MEMBERS / 2).map(member).collect::<Vec<_>>(), Timestamp(0));
        }
        let kept: usize = checks.lock()[&OWNER.agent_id].values().map(|page| page.members.len()).sum();
        assert_eq!(kept, MEMBERS);
    }
}
