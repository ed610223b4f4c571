//! States of what runs, derived from the servers' health.

use std::{net::IpAddr, time::Duration};

use super::{
    checks::{FIFTH, GROUPS, LOGEXP, MEMBERS, PORTS, PREDEFINED, SERVERS, SERVICES, SEVENTH, VIRTS},
    configuration::View,
    rules,
};
use crate::Health;

/// How long the checks wait that every device has.
const PREDEFINED_TIMEOUT: Duration = Duration::from_secs(5);

/// What a member of a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Blocked,
    Running,
    Failed,
    Disabled,
}

pub(super) struct Member {
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) state: State,
}

/// What runs, at one moment.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) view: View<'a>,
    pub(super) health: &'a Health,
    /// Load balancing as a whole is on.
    pub(super) on: bool,
}

impl Look<'_> {
    /// The members of a service, by its index as in `v1/1`.
    pub(super) fn members(&self, service: &str) -> Vec<Member> {
        let view = self.view;
        if view.number(FIFTH, service, "ServApplicationType") != 0 && view.number(FIFTH, service, "Action") != 1 {
            return Vec::new();
        }
        let group = view.text(SEVENTH, service, "RealGroup");
        let virt = service.split('/').next().unwrap_or_default();
        let enabled = self.on && view.number(VIRTS, virt, "VirtServerState") == 2;
        view.indexes(MEMBERS, &group)
            .filter_map(|path| path.split('/').nth(1))
            .map(|server| {
                let port = self.port(service, server);
                let state = self.member(&group, server, port);
                let state = if enabled || state == State::Disabled { state } else { State::Blocked };
                Member { server: server.to_owned(), port, state }
            })
            .collect()
    }

    /// Where a service sends requests for a server: 0 stands for the server's own port.
    fn port(&self, service: &str, server: &str) -> u16 {
        let view = self.view;
        let own = || view.indexes(PORTS, server).next().map(|path| view.number(PORTS, path, "RealPort"));
        let port = match view.number(SERVICES, service, "RealPort") {
            0 => own().unwrap_or_else(|| view.number(SERVICES, service, "VirtPort")),
            port => port,
        };
        u16::try_from(port).unwrap_or(0)
    }

    pub(super) fn member(&self, group: &str, server: &str, port: u16) -> State {
        let view = self.view;
        let disabled_here = view.number(MEMBERS, &format!("{group}/{server}"), "State") == 2;
        if disabled_here || self.is_disabled(server) {
            return State::Disabled;
        }
        let Some(address) = rules::server_address(view, server) else { return State::Failed };
        let health = view.text(GROUPS, group, "HealthID");
        if self.passes(&health, address, port) { State::Running } else { State::Failed }
    }

    /// 3 and 4 take it out of service; 5 and 6 let it serve those that it has.
    fn is_disabled(&self, server: &str) -> bool {
        [3, 4].contains(&self.view.number(SERVERS, server, "State"))
    }

    fn passes(&self, check: &str, address: IpAddr, port: u16) -> bool {
        let view = self.view;
        match rules::check_table(view, check) {
            Some(LOGEXP) => {
                let text = view.text(LOGEXP, check, "Text");
                text.split('|').any(|all| all.split('&').all(|one| one == check || self.passes(one, address, port)))
            }
            Some(table) => {
                let own = u16::try_from(view.number(table, check, "DPort")).unwrap_or(0);
                let within = u64::try_from(view.number(table, check, "Timeout")).unwrap_or(0);
                self.health.answers(address, if own == 0 { port } else { own }, Duration::from_secs(within))
            }
            None if check == "none" => true,
            None => PREDEFINED.contains(&check) && self.health.answers(address, port, PREDEFINED_TIMEOUT),
        }
    }

    /// A server by itself: what it does in any service, or whether it answers at all.
    pub(super) fn server(&self, id: &str) -> State {
        if self.is_disabled(id) {
            return State::Disabled;
        }
        let services = self.view.indexes(SERVICES, "");
        let members = services.flat_map(|service| self.members(service)).filter(|member| member.server == id);
        let states: Vec<State> = members.map(|member| member.state).collect();
        if states.is_empty() {
            let address = rules::server_address(self.view, id);
            let answers = address.is_some_and(|address| self.health.answers(address, 0, PREDEFINED_TIMEOUT));
            return if answers { State::Running } else { State::Failed };
        }
        if states.contains(&State::Running) { State::Running } else { State::Failed }
    }
}
