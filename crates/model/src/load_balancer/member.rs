//! The members' transitions.

use super::{LoadBalancer, member_not_found, set};
use crate::{
    fault::{Exists, Fault, Misfit},
    ids::{MemberId, PoolId},
    member::{Member, MemberChange, NewMember},
    pool::Pool,
    status::{OperatingStatus, Progress},
};

impl LoadBalancer {
    /// Adds a member to a pool.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](crate::fault::Code::PoolNotFound); [`Exists::Member`]; [`Misfit::MemberIsVip`].
    pub fn add_member(mut self, pool_id: PoolId, new: NewMember) -> Result<Self, Fault> {
        let generation = self.grow();
        let member = Member {
            weight: new.weight,
            admin_state_up: new.admin_state_up,
            progress: Progress::created(generation),
            ..Member::new(new.id, new.project_id, new.address, new.protocol_port)
        };
        self.receive(pool_id, member)?;
        Ok(self)
    }

    /// Changes a member.
    ///
    /// # Errors
    /// [`Code::MemberNotFound`](crate::fault::Code::MemberNotFound)
    pub fn update_member(mut self, id: MemberId, change: MemberChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let at = |pool: &Pool| pool.members.iter().position(|member| member.id == id);
        let found = self.pools.iter().enumerate().find_map(|(pool, parts)| Some((pool, at(parts)?)));
        let (pool, at) = found.ok_or_else(|| member_not_found(id))?;
        let member = &mut self.pools[pool].members[at];
        set(&mut member.weight, change.weight);
        set(&mut member.admin_state_up, change.admin_state_up);
        if !member.admin_state_up {
            member.operating_status = OperatingStatus::Unknown;
        }
        member.progress.update(generation);
        Ok(self)
    }

    /// Takes a member away.
    ///
    /// # Errors
    /// [`Code::MemberNotFound`](crate::fault::Code::MemberNotFound)
    pub fn remove_member(mut self, id: MemberId) -> Result<(Self, Member), Fault> {
        self.grow();
        for pool in &mut self.pools {
            if let Some(at) = pool.members.iter().position(|member| member.id == id) {
                let member = pool.members.remove(at);
                return Ok((self, member));
            }
        }
        Err(member_not_found(id))
    }

    /// Takes a member of another pool or load balancer over.
    ///
    /// # Errors
    /// As [`Self::add_member`].
    pub fn receive_member(mut self, pool_id: PoolId, mut member: Member) -> Result<Self, Fault> {
        let generation = self.grow();
        member.progress.update(generation);
        member.operating_status = OperatingStatus::Unknown;
        self.receive(pool_id, member)?;
        Ok(self)
    }

    fn receive(&mut self, pool_id: PoolId, member: Member) -> Result<(), Fault> {
        let itself = self.is_itself(&member);
        let (address, port) = (member.address, member.protocol_port);
        let pool = self.pool_mut(pool_id)?;
        let twin = |other: &Member| other.address == address && other.protocol_port == port;
        if pool.members.iter().any(twin) {
            return Err(Exists::Member { address, port, pool_id }.into());
        }
        if itself {
            return Err(Misfit::MemberIsVip { address, port, pool_id }.into());
        }
        pool.members.push(member);
        Ok(())
    }

    /// A vip that comes later is not refused for its members: its driver says it of each, and serves the others.
    fn is_itself(&self, member: &Member) -> bool {
        let here = self.vip.as_ref().is_some_and(|vip| vip.address.to_canonical() == member.address.to_canonical());
        here && self.listeners.iter().any(|listener| listener.protocol_port == member.protocol_port)
    }
}
