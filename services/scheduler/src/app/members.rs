//! v1's members.

use ballast_model::{
    fault::Fault,
    ids::{MemberId, PoolId},
    load_balancer::{LoadBalancer, member_not_found},
    member::{Member, MemberChange, NewMember},
    quota::Resource,
    view::v1,
};
use ballast_store::{Claim, Placed, Tx};

use super::{App, Caller, load_pool};

impl App {
    /// Adds a member to a pool.
    ///
    /// # Errors
    /// `PoolNotFound`, `MemberExists`, `OverQuota`
    pub async fn create_member(
        &self,
        caller: &Caller,
        pool_id: PoolId,
        new: NewMember,
        claim: Option<&Claim>,
    ) -> Result<LoadBalancer, Fault> {
        let new = &new;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                tx.claim(claim).await?;
                self.admit(tx, Resource::Member, &new.project_id).await?;
                let before = load_pool(tx, caller, pool_id).await?;
                let after = before.load_balancer.clone().add_member(pool_id, new.clone())?;
                let wakes = self.save(tx, &before, &after).await?;
                Ok((after, wakes))
            })
        });
        let (after, wakes) = create.await?;
        self.wake(wakes);
        Ok(after)
    }

    /// The load balancer that has this member.
    ///
    /// # Errors
    /// `MemberNotFound`
    pub async fn member(&self, caller: &Caller, id: MemberId) -> Result<LoadBalancer, Fault> {
        let read = self.store.read(|tx, _| Box::pin(load_member(tx, caller, id))).await;
        read.map(|placed| placed.load_balancer)
    }

    /// Changes a member, or moves it to another pool.
    ///
    /// # Errors
    /// `MemberNotFound`, `PoolNotFound`, `MemberExists`
    pub async fn update_member(
        &self,
        caller: &Caller,
        id: MemberId,
        pool_id: Option<PoolId>,
        change: MemberChange,
    ) -> Result<LoadBalancer, Fault> {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_member(tx, caller, id).await?;
                let after = before.load_balancer.clone().update_member(id, *change)?;
                let Some(pool_id) = pool_id.filter(|pool_id| *pool_id != v1::pool_of(after.id)) else {
                    let wakes = [self.save(tx, &before, &after).await?, None];
                    return Ok((after, wakes));
                };
                let target = load_pool(tx, caller, pool_id).await?;
                let (left, member) = after.remove_member(id)?;
                let received = target.load_balancer.clone().receive_member(pool_id, member)?;
                let wakes = [self.save(tx, &before, &left).await?, self.save(tx, &target, &received).await?];
                Ok((received, wakes))
            })
        });
        let (after, wakes) = update.await?;
        self.wake(wakes.into_iter().flatten());
        Ok(after)
    }

    /// Takes a member away.
    ///
    /// # Errors
    /// `MemberNotFound`
    pub async fn delete_member(&self, caller: &Caller, id: MemberId) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_member(tx, caller, id).await?;
                let (after, _) = before.load_balancer.clone().remove_member(id)?;
                self.save(tx, &before, &after).await
            })
        });
        self.wake(delete.await?);
        Ok(())
    }
}

async fn load_member(tx: &Tx, caller: &Caller, id: MemberId) -> Result<Placed, Fault> {
    let owner = tx.owner_of_member(id).await?.ok_or_else(|| member_not_found(id))?;
    let placed = tx.load_placed(owner).await?.ok_or_else(|| member_not_found(id))?;
    let own = |member: &Member| member.id == id && caller.sees(&member.project_id);
    let found = placed.load_balancer.pools.iter().flat_map(|pool| &pool.members).any(own);
    if !found || !placed.load_balancer.is_of_v1() {
        return Err(member_not_found(id));
    }
    placed.load_balancer.must_be_v1s()?;
    Ok(placed)
}
