//! What is to be on the host for a load balancer. Pure.

use ballast_l4::desired::Service;
use ballast_namespace::{
    Wanted,
    l4::{Forwarded, kept::Kept},
    plug::Plug,
    validate::Validated,
};

use crate::state::State;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) generation: u64,
    /// `None`: no VIP, so nothing.
    pub(crate) plug: Option<Plug>,
    /// `None`: there is no listener.
    pub(crate) forwarded: Option<Forwarded>,
    /// The same with what is known of its members. `None`: as it was when it was done.
    pub(crate) service: Option<Service>,
    /// Whether to announce a new address at all.
    pub(crate) announce: bool,
    /// Before its addresses are taken anew, the network is asked who has them.
    pub(crate) probe: bool,
    /// It is made ready and not plugged in.
    pub(crate) silent: bool,
}

impl Desired {
    pub(crate) fn of(validated: &Validated, generation: u64) -> Self {
        Self {
            generation,
            plug: validated.vip.as_ref().map(|vip| Plug::of(vip, &validated.pools)),
            forwarded: Forwarded::of(validated),
            service: None,
            announce: true,
            probe: validated.unconfirmed,
            silent: validated.silent,
        }
    }

    /// What was asked for when it was last deployed: whatever the plan would change now was lost.
    pub(crate) fn noted(state: &State, kept: Option<&Kept>) -> Self {
        let forwarded = kept.and_then(|kept| kept.asked.clone());
        let State { generation, plug, silent } = state.clone();
        Self { generation, plug, forwarded, service: None, announce: true, probe: false, silent }
    }

    /// `None`: there is no VIP.
    pub(crate) fn wanted(&self) -> Option<Wanted<'_>> {
        let (forwarded, service) = (self.forwarded.as_ref(), self.service.as_ref());
        let Self { announce, probe, silent, .. } = *self;
        Some(Wanted { plug: self.plug.as_ref()?, forwarded, service, announce, probe, silent })
    }
}
