//! The load balancer aggregate and its transitions.
//!
//! A transition consumes the old state and can refuse. Each change grows the generation by one, and each object keeps the
//! generation that changed it last: an outcome for generation g settles every object changed at or before g. There is no
//! PENDING lock: a write is accepted while an earlier one is still being deployed.

use crate::{
    Uuid,
    fault::{Code, Fault},
    health_monitor::HealthMonitor,
    listener::{Listener, NewVip, Vip, VipChange},
    member::{Member, MemberChange, NewMember},
    outcome::{MemberHealth, Outcome},
    pool::{Association, NewPool, Pool, PoolChange, SessionPersistence},
    status::{OperatingStatus, Progress, ProvisioningStatus},
};

/// What a pool shows that no agent could take.
pub const NO_ELIGIBLE_BACKEND: &str = "No eligible backend";

/// The unit of placement, generation and deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    pub id: Uuid,
    pub project_id: String,
    /// The name of a provider.
    pub provider: String,
    pub admin_state_up: bool,
    pub vip: Option<Vip>,
    /// Grows by one with each change of what is desired.
    pub generation: u64,
    /// The generation of the last outcome that was taken.
    pub settled: u64,
    pub listeners: Vec<Listener>,
    pub pools: Vec<Pool>,
}

/// A vip on its way from one load balancer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovingVip {
    pub listener: Listener,
    pub vip: Vip,
    pub session_persistence: Option<SessionPersistence>,
}

impl LoadBalancer {
    /// v1's pool: a load balancer and its one pool, with one id.
    #[must_use]
    pub fn with_pool(new: NewPool) -> Self {
        let generation = 1;
        Self {
            id: new.id,
            project_id: new.project_id.clone(),
            provider: new.provider,
            admin_state_up: true,
            vip: None,
            generation,
            settled: 0,
            listeners: Vec::new(),
            pools: vec![Pool {
                id: new.id,
                project_id: new.project_id,
                name: new.name,
                description: new.description,
                subnet_id: new.subnet_id,
                protocol: new.protocol,
                lb_method: new.lb_method,
                session_persistence: None,
                admin_state_up: new.admin_state_up,
                progress: Progress::created(generation),
                members: Vec::new(),
                monitors: Vec::new(),
            }],
        }
    }

    /// The pool of v1: the one that has the load balancer's id.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`], when the load balancer was not made by v1.
    pub fn v1_pool(&self) -> Result<&Pool, Fault> {
        self.pools.iter().find(|pool| pool.id == self.id).ok_or_else(|| pool_not_found(self.id))
    }

    fn v1_pool_mut(&mut self) -> Result<&mut Pool, Fault> {
        let id = self.id;
        self.pools.iter_mut().find(|pool| pool.id == id).ok_or_else(|| pool_not_found(id))
    }

    /// The next generation of what is desired.
    const fn grow(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Changes the pool.
    ///
    /// # Errors
    /// As [`Self::v1_pool`].
    pub fn update_pool(mut self, change: PoolChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let pool = self.v1_pool_mut()?;
        set(&mut pool.name, change.name);
        set(&mut pool.description, change.description);
        set(&mut pool.lb_method, change.lb_method);
        set(&mut pool.admin_state_up, change.admin_state_up);
        pool.progress.update(generation);
        Ok(self)
    }

    /// Refuses while the pool has a vip.
    ///
    /// # Errors
    /// [`Code::PoolInUse`]
    pub fn check_deletable(&self) -> Result<(), Fault> {
        if self.listeners.is_empty() {
            return Ok(());
        }
        Err(Fault::new(Code::PoolInUse, format!("Pool {} is still in use", self.id)))
    }

    /// Refuses a vip of this protocol and project, or a second one. Asked before an address is taken.
    ///
    /// # Errors
    /// [`Code::VipExists`], [`Code::ProtocolMismatch`], [`Code::NotAuthorized`]
    pub fn check_vip(&self, protocol: crate::listener::Protocol, project_id: &str) -> Result<(), Fault> {
        let pool = self.v1_pool()?;
        if pool.project_id != project_id {
            return Err(Fault::new(Code::NotAuthorized, "Not authorized."));
        }
        if pool.protocol != protocol {
            return Err(Fault::new(
                Code::ProtocolMismatch,
                format!("Protocol {} does not match pool protocol {}", protocol.as_str(), pool.protocol.as_str()),
            ));
        }
        if !self.listeners.is_empty() {
            return Err(Fault::new(Code::VipExists, format!("Another Vip already exists for pool {}", self.id)));
        }
        Ok(())
    }

    /// Gives the pool its vip.
    ///
    /// # Errors
    /// As [`Self::check_vip`].
    pub fn add_vip(mut self, new: NewVip) -> Result<Self, Fault> {
        self.check_vip(new.protocol, &new.project_id)?;
        let generation = self.grow();
        let default_pool_id = self.id;
        self.v1_pool_mut()?.session_persistence = new.session_persistence;
        self.vip = Some(new.vip);
        self.listeners.push(Listener {
            id: new.id,
            project_id: new.project_id,
            name: new.name,
            description: new.description,
            protocol: new.protocol,
            protocol_port: new.protocol_port,
            connection_limit: new.connection_limit,
            default_pool_id,
            admin_state_up: new.admin_state_up,
            progress: Progress::created(generation),
        });
        Ok(self)
    }

    /// Changes the vip.
    ///
    /// # Errors
    /// [`Code::VipNotFound`]
    pub fn update_vip(mut self, id: Uuid, change: VipChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let listener = self.listeners.iter_mut().find(|listener| listener.id == id).ok_or_else(|| vip_not_found(id))?;
        set(&mut listener.name, change.name);
        set(&mut listener.description, change.description);
        set(&mut listener.connection_limit, change.connection_limit);
        set(&mut listener.admin_state_up, change.admin_state_up);
        listener.progress.update(generation);
        let pool_id = listener.default_pool_id;
        if let Some(pool) = self.pools.iter_mut().find(|pool| pool.id == pool_id) {
            set(&mut pool.session_persistence, change.session_persistence);
        }
        Ok(self)
    }

    /// Takes the vip away.
    ///
    /// # Errors
    /// [`Code::VipNotFound`]
    pub fn remove_vip(mut self, id: Uuid) -> Result<(Self, MovingVip), Fault> {
        self.grow();
        let at = self.listeners.iter().position(|listener| listener.id == id).ok_or_else(|| vip_not_found(id))?;
        let listener = self.listeners.remove(at);
        let vip =
            self.vip.take().ok_or_else(|| Fault::internal(format!("load balancer {} has no address", self.id)))?;
        let session_persistence = self.v1_pool_mut()?.session_persistence.take();
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
        listener.default_pool_id = self.id;
        listener.progress.update(generation);
        self.v1_pool_mut()?.session_persistence = moving.session_persistence;
        self.vip = Some(moving.vip);
        self.listeners.push(listener);
        Ok(self)
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`Code::MemberExists`]
    pub fn add_member(mut self, new: NewMember) -> Result<Self, Fault> {
        let generation = self.grow();
        self.receive(Member {
            id: new.id,
            project_id: new.project_id,
            address: new.address,
            protocol_port: new.protocol_port,
            weight: new.weight,
            admin_state_up: new.admin_state_up,
            progress: Progress::created(generation),
            operating_status: OperatingStatus::Unknown,
        })?;
        Ok(self)
    }

    /// Changes a member.
    ///
    /// # Errors
    /// [`Code::MemberNotFound`]
    pub fn update_member(mut self, id: Uuid, change: MemberChange) -> Result<Self, Fault> {
        let generation = self.grow();
        let member = self
            .pools
            .iter_mut()
            .flat_map(|pool| &mut pool.members)
            .find(|member| member.id == id)
            .ok_or_else(|| member_not_found(id))?;
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
    /// [`Code::MemberNotFound`]
    pub fn remove_member(mut self, id: Uuid) -> Result<(Self, Member), Fault> {
        self.grow();
        for pool in &mut self.pools {
            if let Some(at) = pool.members.iter().position(|member| member.id == id) {
                let member = pool.members.remove(at);
                return Ok((self, member));
            }
        }
        Err(member_not_found(id))
    }

    /// Takes a member over from another load balancer.
    ///
    /// # Errors
    /// [`Code::MemberExists`]
    pub fn receive_member(mut self, mut member: Member) -> Result<Self, Fault> {
        let generation = self.grow();
        member.progress.update(generation);
        member.operating_status = OperatingStatus::Unknown;
        self.receive(member)?;
        Ok(self)
    }

    fn receive(&mut self, member: Member) -> Result<(), Fault> {
        let pool = self.v1_pool_mut()?;
        let twin = |other: &Member| other.address == member.address && other.protocol_port == member.protocol_port;
        if pool.members.iter().any(twin) {
            return Err(Fault::new(
                Code::MemberExists,
                format!(
                    "Member with address {} and port {} already present in pool {}",
                    member.address, member.protocol_port, pool.id
                ),
            ));
        }
        pool.members.push(member);
        Ok(())
    }

    /// Associates a monitor with the pool.
    ///
    /// # Errors
    /// [`Code::AssociationExists`]
    pub fn associate(mut self, monitor: HealthMonitor) -> Result<Self, Fault> {
        let generation = self.grow();
        let pool = self.v1_pool_mut()?;
        if pool.monitors.iter().any(|association| association.monitor.id == monitor.id) {
            return Err(Fault::new(
                Code::AssociationExists,
                format!("health_monitor {} is already associated with pool {}", monitor.id, pool.id),
            ));
        }
        pool.monitors.push(Association { monitor, progress: Progress::created(generation) });
        Ok(self)
    }

    /// Ends an association.
    ///
    /// # Errors
    /// [`Code::AssociationNotFound`]
    pub fn disassociate(mut self, monitor_id: Uuid) -> Result<Self, Fault> {
        self.grow();
        let id = self.id;
        let pool = self.v1_pool_mut()?;
        let at = pool.monitors.iter().position(|association| association.monitor.id == monitor_id);
        let at = at.ok_or_else(|| association_not_found(monitor_id, id))?;
        pool.monitors.remove(at);
        pool.forget_health_unless_monitored();
        Ok(self)
    }

    /// A monitor that this load balancer has was changed. As in v1 the association's status stays what it is.
    #[must_use]
    pub fn monitor_changed(mut self, monitor: &HealthMonitor) -> Self {
        let generation = self.grow();
        for pool in &mut self.pools {
            for association in pool.monitors.iter_mut().filter(|association| association.monitor.id == monitor.id) {
                association.monitor = monitor.clone();
                association.progress.changed = generation;
            }
            pool.forget_health_unless_monitored();
        }
        self
    }

    /// No agent could take it: the pool says so until one can.
    #[must_use]
    pub fn unplaceable(mut self) -> Self {
        for pool in &mut self.pools {
            pool.progress.fail(NO_ELIGIBLE_BACKEND);
        }
        self
    }

    /// An agent took what could not be placed before.
    #[must_use]
    pub fn placed(mut self) -> Self {
        for pool in &mut self.pools {
            if pool.progress.status == ProvisioningStatus::Error {
                pool.progress = Progress::created(pool.progress.changed);
            }
        }
        self
    }

    /// Takes an outcome; one that is older than the last is dropped. Whether it comes from the agent that owns the load
    /// balancer now (its epoch) is for the caller to know.
    #[must_use]
    pub fn settle(mut self, outcome: &Outcome) -> Self {
        if outcome.generation < self.settled || outcome.generation > self.generation {
            return self;
        }
        self.settled = outcome.generation;
        let fault_of = |id: Uuid| outcome.faults.iter().find(|(object, _)| *object == id).map(|(_, why)| why.as_str());
        for (id, progress) in self.objects_mut() {
            if progress.changed > outcome.generation {
                continue;
            }
            match (&outcome.fault, fault_of(id)) {
                (Some(why), _) if progress.status != ProvisioningStatus::Active => progress.fail(why),
                (Some(_), _) => {}
                (None, Some(why)) => progress.fail(why),
                (None, None) => progress.succeed(),
            }
        }
        // A deploy that failed as a whole shows on the pool, whatever it was that changed.
        if let Some(why) = &outcome.fault {
            for pool in self.pools.iter_mut().filter(|pool| pool.progress.changed <= outcome.generation) {
                pool.progress.fail(why);
            }
        }
        self
    }

    fn objects_mut(&mut self) -> impl Iterator<Item = (Uuid, &mut Progress)> {
        let listeners = self.listeners.iter_mut().map(|listener| (listener.id, &mut listener.progress));
        let pools = self.pools.iter_mut().flat_map(|pool| {
            let members = pool.members.iter_mut().map(|member| (member.id, &mut member.progress));
            let monitors = pool.monitors.iter_mut().map(|one| (one.monitor.id, &mut one.progress));
            std::iter::once((pool.id, &mut pool.progress)).chain(members).chain(monitors)
        });
        listeners.chain(pools)
    }

    /// Takes what an agent observed of members. What nobody checks stays unknown.
    #[must_use]
    pub fn observe(mut self, health: &[MemberHealth]) -> Self {
        for pool in self.pools.iter_mut().filter(|pool| pool.is_monitored()) {
            for member in &mut pool.members {
                if let Some(observed) = health.iter().find(|observed| observed.member_id == member.id) {
                    member.operating_status = observed.status;
                }
            }
        }
        self
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// There is no such pool.
#[must_use]
pub fn pool_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::PoolNotFound, format!("Pool {id} could not be found"))
}

/// There is no such vip.
#[must_use]
pub fn vip_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::VipNotFound, format!("Vip {id} could not be found"))
}

/// There is no such member.
#[must_use]
pub fn member_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::MemberNotFound, format!("Member {id} could not be found"))
}

/// There is no such monitor.
#[must_use]
pub fn monitor_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::HealthMonitorNotFound, format!("Health_monitor {id} could not be found"))
}

/// The pool does not have this monitor.
#[must_use]
pub fn association_not_found(monitor: impl std::fmt::Display, pool: impl std::fmt::Display) -> Fault {
    Fault::new(Code::AssociationNotFound, format!("Monitor {monitor} is not associated with Pool {pool}"))
}

#[cfg(test)]
mod tests;
