//! v2's transitions of members.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use super::{LoadBalancer, check::twice, member_not_found};
use crate::{
    fault::{Balancing, Fault},
    ids::{MemberId, PoolId},
    member::Member,
    pool::Pool,
    status::{OperatingStatus, Progress},
};

/// What is to become of a pool's members.
pub struct Batch<F> {
    /// Each as it is when it is new.
    pub members: Vec<Member>,
    /// What of the one at this place is given, of one that is there.
    pub apply: F,
    /// What is not among them stays.
    pub additive_only: bool,
}

impl LoadBalancer {
    /// Adds a member to a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound),
    /// [`Exists::Member`](crate::fault::Exists::Member), an address of its own.
    pub fn insert_member(mut self, pool_id: PoolId, mut member: Member) -> Result<Self, Fault> {
        member.progress = Progress::created(self.grow());
        let at = self.pool_at(pool_id)?;
        let pool = &self.pools[at];
        self.check_member(&member, pool)?;
        if pool.members.iter().any(|other| place(other) == place(&member)) {
            return Err(twice(&member, pool_id));
        }
        self.pools[at].members.push(member);
        self.check_size()?;
        Ok(self.touched(pool_id))
    }

    /// Changes a member of a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound), [`MemberNotFound`](crate::fault::Code::MemberNotFound), those of
    /// `change`.
    pub fn change_member(
        mut self,
        pool_id: PoolId,
        id: MemberId,
        change: impl FnOnce(&mut Member) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let generation = self.grow();
        let pool = self.pool_at(pool_id)?;
        let at = member_at(&self.pools[pool], id)?;
        let member = &mut self.pools[pool].members[at];
        change(member)?;
        settle_down(member);
        member.progress.touch(generation);
        Ok(self.touched(pool_id))
    }

    /// Takes a member from a pool.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound), [`MemberNotFound`](crate::fault::Code::MemberNotFound)
    pub fn delete_member(mut self, pool_id: PoolId, id: MemberId) -> Result<Self, Fault> {
        self.grow();
        let pool = self.pool_at(pool_id)?;
        let at = member_at(&self.pools[pool], id)?;
        self.pools[pool].members.remove(at);
        Ok(self.touched(pool_id))
    }

    /// Makes these the members of a pool. Nothing changes where nothing is given and nothing is there.
    ///
    /// # Errors
    /// [`PoolNotFound`](crate::fault::Code::PoolNotFound), [`Exists::Member`](crate::fault::Exists::Member),
    /// [`Balancing::MemberTwice`], those of `apply`.
    pub fn replace_members<F>(mut self, pool_id: PoolId, batch: Batch<F>) -> Result<Self, Fault>
    where
        F: Fn(usize, &mut Member) -> Result<(), Fault>,
    {
        let at = self.pool_at(pool_id)?;
        if batch.members.is_empty() && (batch.additive_only || self.pools[at].members.is_empty()) {
            return Ok(self);
        }
        let generation = self.grow();
        let given: HashSet<(IpAddr, u16)> = batch.members.iter().map(place).collect();
        let mut members: Vec<Member> = self.pools[at].members.to_vec();
        members.retain(|member| batch.additive_only || given.contains(&place(member)));
        let known: HashMap<(IpAddr, u16), usize> =
            members.iter().enumerate().map(|(at, member)| (place(member), at)).collect();
        let mut seen = HashSet::new();
        for (index, new) in batch.members.into_iter().enumerate() {
            let known = known.get(&place(&new)).copied();
            if !seen.insert(place(&new)) {
                let (address, port) = (new.address, new.protocol_port);
                return Err(match known {
                    Some(_) => Balancing::MemberTwice { address, port }.into(),
                    None => twice(&new, pool_id),
                });
            }
            if let Some(member) = known.and_then(|at| members.get_mut(at)) {
                (batch.apply)(index, member)?;
                settle_down(member);
                member.progress.touch(generation);
            } else {
                self.check_member(&new, &self.pools[at])?;
                members.push(Member { progress: Progress::created(generation), ..new });
            }
        }
        self.pools[at].members = members.into();
        self.check_size()?;
        Ok(self.touched(pool_id))
    }
}

/// Where it is reached: other spellings are the same place.
fn place(member: &Member) -> (IpAddr, u16) {
    (member.address.to_canonical(), member.protocol_port)
}

fn member_at(pool: &Pool, id: MemberId) -> Result<usize, Fault> {
    pool.members.iter().position(|member| member.id == id).ok_or_else(|| member_not_found(id))
}

/// Nobody checks one that is switched off.
fn settle_down(member: &mut Member) {
    if !member.admin_state_up {
        member.operating_status = OperatingStatus::Unknown;
    }
}
