//! What is to be on the host for a load balancer. Pure.

use std::collections::HashSet;

use ballast_l4::desired::{Filter, Service};
use ballast_namespace::{
    Wanted,
    l4::{Forwarded, kept::Kept},
    plug::Plug,
};
use ballast_netns::identity::Identity;

use crate::{
    failure::Failure,
    page::{PEERS, Page},
    ping::Echoes,
    render::render,
    state::State,
    validate::Validated,
};

/// What is to be on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) generation: u64,
    pub(crate) identity: Option<Identity>,
    /// `None`: no VIP, so nothing.
    pub(crate) plug: Option<Plug>,
    /// The text of haproxy.cfg.
    pub(crate) config: String,
    /// What the text says; `None`: it is not known.
    pub(crate) page: Option<Page>,
    pub(crate) echoes: Vec<Echoes>,
    /// What the kernel is to forward, and whom it is to keep out. `None`: neither.
    pub(crate) forwarded: Option<Forwarded>,
    /// The same with what is known of its members. `None`: as it was when it was done.
    pub(crate) service: Option<Service>,
    /// Whether to announce a new address at all.
    pub(crate) announce: bool,
    /// Before its addresses are taken anew, the network is asked who has them.
    pub(crate) probe: bool,
    /// How many old processes may finish their connections.
    pub(crate) old_processes: u32,
    /// The kernel serves all of it: no haproxy is to run.
    pub(crate) alone: bool,
    /// The haproxy of its project is to serve it, and none of its own. Its text is what that is to say of it.
    pub(crate) shared: Option<String>,
}

/// Where tables are shared the kernel keeps all others out.
fn among_peers(forwarded: Option<Forwarded>, page: &Page) -> Option<Forwarded> {
    let Some(peers) = &page.peers else { return forwarded };
    let mut forwarded = forwarded.unwrap_or_default();
    forwarded.filters.push(Filter { port: PEERS, allowed: peers.allowed() });
    Some(forwarded)
}

impl Desired {
    /// What was asked for when it was last deployed, as far as it is noted: whatever the plan would change now was lost.
    /// `None`: it is not noted.
    pub(crate) fn noted(
        state: &State,
        config: Option<String>,
        page: Option<Page>,
        kept: Option<&Kept>,
    ) -> Option<Self> {
        let unknown = state.plug.is_none() || ((config.is_some() || state.shared.is_some()) && page.is_none());
        if state.interface.is_some() && unknown {
            return None;
        }
        Some(Self {
            generation: state.generation,
            identity: state.identity,
            plug: state.plug.clone(),
            // Without one there is nothing to compare the process with, and the plan says so.
            config: config.unwrap_or_default(),
            page,
            echoes: state.echoes.clone(),
            forwarded: kept.and_then(|kept| kept.asked.clone()),
            service: None,
            announce: true,
            probe: false,
            old_processes: u32::MAX,
            alone: state.alone,
            shared: state.shared.clone(),
        })
    }

    /// What a haproxy that is shared is to be: it has no network of its own.
    ///
    /// # Errors
    /// The page cannot be rendered: a defect.
    pub(crate) fn of_project(
        page: Page,
        echoes: Vec<Echoes>,
        identity: Option<Identity>,
        old_processes: u32,
    ) -> Result<Self, Failure> {
        Ok(Self {
            generation: page.generation,
            identity,
            plug: None,
            config: render(&page)?,
            page: Some(page),
            echoes,
            forwarded: None,
            service: None,
            announce: false,
            probe: false,
            old_processes,
            alone: false,
            shared: None,
        })
    }

    /// Members that are pinged, by pool and id.
    pub(crate) fn pinged(&self) -> HashSet<(String, String)> {
        let of = |echoes: &Echoes| {
            echoes.backends().map(|backend| (backend.to_owned(), echoes.member.clone())).collect::<Vec<_>>()
        };
        self.echoes.iter().flat_map(of).collect()
    }

    /// Whether its own haproxy has any.
    pub(crate) fn has_secrets(&self) -> bool {
        self.page.as_ref().is_some_and(|page| !page.secrets.is_empty())
    }

    /// What every driver puts on the host. `None`: there is no VIP.
    pub(crate) fn wanted(&self) -> Option<Wanted<'_>> {
        let (forwarded, service) = (self.forwarded.as_ref(), self.service.as_ref());
        let (announce, probe) = (self.announce, self.probe);
        Some(Wanted { plug: self.plug.as_ref()?, forwarded, service, announce, probe })
    }

    /// # Errors
    /// The page cannot be rendered: a defect.
    pub(crate) fn of(validated: &Validated, page: Page, generation: u64) -> Result<Self, Failure> {
        let page = Page { generation, ..page };
        let config = render(&page)?;
        let plug = validated.vip.as_ref().map(|vip| Plug::of(vip, &validated.pools));
        let echoes = if plug.is_some() { Echoes::of(validated, &page) } else { Vec::new() };
        let forwarded = among_peers(Forwarded::of(validated), &page);
        let forwards = forwarded.as_ref().is_some_and(Forwarded::forwards);
        let alone = forwards && page.frontends.is_empty() && page.backends.is_empty();
        let page = Some(page);
        Ok(Self {
            generation,
            identity: None,
            plug,
            config,
            page,
            echoes,
            forwarded,
            service: None,
            announce: true,
            probe: validated.unconfirmed,
            old_processes: u32::MAX,
            alone,
            shared: None,
        })
    }
}
