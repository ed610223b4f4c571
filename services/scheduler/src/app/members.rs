//! v1's members.

use ballast_model::{
    Uuid,
    fault::Fault,
    load_balancer::{LoadBalancer, member_not_found},
    member::{Member, MemberChange, NewMember},
    quota::Resource,
};
use ballast_store::Tx;

use super::{App, Caller, load_pool, save, wakes_of};

impl App {
    /// Adds a member to a pool.
    ///
    /// # Errors
    /// `PoolNotFound`, `MemberExists`, `OverQuota`
    pub async fn create_member(&self, caller: &Caller, pool_id: Uuid, new: NewMember) -> Result<LoadBalancer, Fault> {
        let new = &new;
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                self.admit(tx, Resource::Member, &new.project_id).await?;
                let before = load_pool(tx, caller, pool_id).await?;
                let after = before.clone().add_member(new.clone())?;
                let wakes = save(tx, &before, &after).await?;
                Ok((after, wakes))
            })
        });
        let (after, wakes) = create.await?;
        self.wakes.wake(wakes);
        Ok(after)
    }

    /// The load balancer that has this member.
    ///
    /// # Errors
    /// `MemberNotFound`
    pub async fn member(&self, caller: &Caller, id: Uuid) -> Result<LoadBalancer, Fault> {
        self.store.read(|tx, _| Box::pin(load_member(tx, caller, id))).await
    }

    /// Changes a member, or moves it to another pool.
    ///
    /// # Errors
    /// `MemberNotFound`, `PoolNotFound`, `MemberExists`
    pub async fn update_member(
        &self,
        caller: &Caller,
        id: Uuid,
        pool_id: Option<Uuid>,
        change: MemberChange,
    ) -> Result<LoadBalancer, Fault> {
        let change = &change;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_member(tx, caller, id).await?;
                let after = before.clone().update_member(id, *change)?;
                let Some(pool_id) = pool_id.filter(|pool_id| *pool_id != before.id) else {
                    let wakes = save(tx, &before, &after).await?;
                    return Ok((after, wakes));
                };
                let target = load_pool(tx, caller, pool_id).await?;
                let (left, member) = after.remove_member(id)?;
                let received = target.clone().receive_member(member)?;
                tx.save(&before, &left).await?;
                tx.save(&target, &received).await?;
                let mut wakes = wakes_of(tx, left.id).await?;
                wakes.extend(wakes_of(tx, received.id).await?);
                Ok((received, wakes))
            })
        });
        let (after, wakes) = update.await?;
        self.wakes.wake(wakes);
        Ok(after)
    }

    /// Takes a member away.
    ///
    /// # Errors
    /// `MemberNotFound`
    pub async fn delete_member(&self, caller: &Caller, id: Uuid) -> Result<(), Fault> {
        let delete = self.store.write(|tx, _| {
            Box::pin(async move {
                let before = load_member(tx, caller, id).await?;
                let (after, _) = before.clone().remove_member(id)?;
                save(tx, &before, &after).await
            })
        });
        self.wakes.wake(delete.await?);
        Ok(())
    }
}

async fn load_member(tx: &Tx, caller: &Caller, id: Uuid) -> Result<LoadBalancer, Fault> {
    let owner = tx.owner_of_member(id).await?.ok_or_else(|| member_not_found(id))?;
    let load_balancer = tx.load(owner).await?.ok_or_else(|| member_not_found(id))?;
    let own = |member: &Member| member.id == id && caller.sees(&member.project_id);
    let found = load_balancer.pools.iter().flat_map(|pool| &pool.members).any(own);
    if found { Ok(load_balancer) } else { Err(member_not_found(id)) }
}
