//! The vip's transitions.

use super::pool_of;
use crate::{
    fault::Fault,
    ids::ListenerId,
    listener::{Answering, Listener, NewVip, Vip, VipChange},
    load_balancer::{LoadBalancer, vip_not_found},
    pool::SessionPersistence,
    set,
    status::Progress,
};

/// A vip on its way from one load balancer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovingVip {
    pub listener: Listener,
    pub vip: Vip,
    pub session_persistence: Option<SessionPersistence>,
}

impl LoadBalancer {
    /// Gives the pool its vip.
    ///
    /// # Errors
    /// As [`Self::check_vip`].
    pub fn add_vip(mut self, new: NewVip) -> Result<Self, Fault> {
        self.check_vip(new.protocol, &new.project_id)?;
        let generation = self.grow();
        let default_pool_id = Some(pool_of(self.id));
        self.pool_mut(pool_of(self.id))?.session_persistence = new.session_persistence;
        self.vip = Some(new.vip);
        self.listeners.push(Listener {
            name: new.name,
            description: new.description,
            connection_limit: new.connection_limit,
            default_pool_id,
            admin_state_up: new.admin_state_up,
            progress: Progress::created(generation),
            ..Listener::new(new.id, new.project_id, new.protocol, new.protocol_port)
        });
        Ok(self)
    }

    /// Changes the vip.
    ///
    /// # Errors
    /// [`VipNotFound`](crate::fault::Code::VipNotFound)
    pub fn update_vip(mut self, id: ListenerId, change: VipChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let listener = self.listeners.iter_mut().find(|listener| listener.id == id).ok_or_else(|| vip_not_found(id))?;
        set(&mut listener.name, change.name);
        set(&mut listener.description, change.description);
        set(&mut listener.connection_limit, change.connection_limit);
        set(&mut listener.admin_state_up, change.admin_state_up);
        listener.progress.update(generation);
        let pool_id = listener.default_pool_id;
        if let Some(pool) = self.pools.iter_mut().find(|pool| Some(pool.id) == pool_id) {
            set(&mut pool.session_persistence, change.session_persistence);
        }
        Ok(self)
    }

    /// Takes the vip away.
    ///
    /// # Errors
    /// [`VipNotFound`](crate::fault::Code::VipNotFound)
    pub fn remove_vip(mut self, id: ListenerId) -> Result<(Self, MovingVip), Fault> {
        self.grow();
        let at = self.listeners.iter().position(|listener| listener.id == id).ok_or_else(|| vip_not_found(id))?;
        let listener = self.listeners.remove(at);
        let vip =
            self.vip.take().ok_or_else(|| Fault::internal(format!("load balancer {} has no address", self.id)))?;
        let session_persistence = self.pool_mut(pool_of(self.id))?.session_persistence.take();
        Ok((self, MovingVip { listener, vip, session_persistence }))
    }

    /// Takes a vip over from another load balancer.
    ///
    /// # Errors
    /// As [`Self::check_vip`].
    pub fn receive_vip(mut self, moving: MovingVip) -> Result<Self, Fault> {
        self.check_vip(moving.listener.protocol, &moving.listener.project_id)?;
        let generation = self.grow();
        let mut listener = moving.listener;
        listener.default_pool_id = Some(pool_of(self.id));
        listener.answering = Answering::No;
        listener.progress.update(generation);
        self.pool_mut(pool_of(self.id))?.session_persistence = moving.session_persistence;
        self.vip = Some(moving.vip);
        self.listeners.push(listener);
        Ok(self)
    }
}
