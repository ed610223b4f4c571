//! What a status means, who acts next, how long that takes at most, and what to do.

use askama::Template;

/// A status, explained.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) status: &'static str,
    /// Of what it is said.
    pub(crate) of: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) next: &'static str,
    pub(crate) todo: &'static str,
}

/// All there are. One word can be a status of several kinds of things.
pub(crate) const MEANINGS: &[Meaning] = &[
    Meaning {
        status: "ONLINE",
        of: "operating status",
        meaning: "It was seen to answer: its checks pass, or what it is made of is online.",
        next: "Nobody has to act.",
        todo: "Nothing.",
    },
    Meaning {
        status: "OFFLINE",
        of: "operating status",
        meaning: "It serves nothing: its admin state is down, it has no members, or its load balancer is not deployed yet.",
        next: "Whoever made it: an admin state goes up when it is set, members get traffic when there are some.",
        todo: "Set the admin state up, or add members.",
    },
    Meaning {
        status: "DEGRADED",
        of: "operating status",
        meaning: "It serves, and some of what it is made of does not: members fail their checks, or are down.",
        next: "Members come back by themselves when their checks pass.",
        todo: "Look at the members that are ERROR, and at what their last check got.",
    },
    Meaning {
        status: "DRAINING",
        of: "operating status",
        meaning: "Its weight is 0: it gets no new connections, and keeps those it has.",
        next: "Its connections end when their clients end them.",
        todo: "Wait until it has no connections, then take it away; or give it a weight again.",
    },
    Meaning {
        status: "NO_MONITOR",
        of: "operating status",
        meaning: "Nothing checks it. It gets traffic whether it answers or not.",
        next: "Nobody has to act.",
        todo: "Make a health monitor for its pool, if members shall be left out when they fail.",
    },
    Meaning {
        status: "ERROR",
        of: "operating status",
        meaning: "It does not answer: a member fails its checks, all members of a pool do, or the agent is Dead.",
        next: "A member comes back by itself when its checks pass. What a Dead agent ran moves to another agent.",
        todo: "Look at what the last check got: it is at each member. On an agent that is Dead, start it again.",
    },
    Meaning {
        status: "ERROR",
        of: "provisioning status",
        meaning: "It could not be deployed as it is asked for. What was deployed before serves on.",
        next: "The agent tries again with each change, and from time to time by itself.",
        todo: "Read the reason beside it. Change the object that it names, or what its host lacks.",
    },
    Meaning {
        status: "ACTIVE",
        of: "provisioning status",
        meaning: "What was asked for is deployed.",
        next: "Nobody has to act.",
        todo: "Nothing.",
    },
    Meaning {
        status: "PENDING_CREATE",
        of: "provisioning status",
        meaning: "It is new, and its agent has not said yet that it is deployed. It can be changed meanwhile.",
        next: "The agent, within a second or so. Without an agent that can take it, it waits for one.",
        todo: "If it stays so, see whether an agent is alive and has the driver of its provider.",
    },
    Meaning {
        status: "PENDING_UPDATE",
        of: "provisioning status",
        meaning: "It was changed, and its agent has not said yet that this is deployed. It can be changed again meanwhile.",
        next: "The agent, within a second or so. If the agent is Dead, its load balancers move to another one.",
        todo: "If it stays so, look at its agent.",
    },
    Meaning {
        status: "PENDING_DELETE",
        of: "provisioning status",
        meaning: "It is deleted, and its agent has not confirmed yet that it is gone from its host.",
        next: "The agent, within a second or so, or when it is back.",
        todo: "Nothing. Its address is free once the agent has let go of it.",
    },
    Meaning {
        status: "ALIVE",
        of: "agent",
        meaning: "The scheduler hears of it.",
        next: "Nobody has to act.",
        todo: "Nothing.",
    },
    Meaning {
        status: "SUSPECT",
        of: "agent",
        meaning: "It was not heard of for a while (agents.suspect_after_ms). It gets new load balancers only if no other can take them.",
        next: "The scheduler: after agents.dead_after_ms it is Dead, and what it ran moves.",
        todo: "See whether its host is reachable and its process runs. Traffic goes on either way.",
    },
    Meaning {
        status: "DEAD",
        of: "agent",
        meaning: "It was not heard of for agents.dead_after_ms.",
        next: "The scheduler moves what it ran to other agents, unless more than half of all agents are Dead.",
        todo: "Start the agent or its host again. What has moved meanwhile is removed there when it is back.",
    },
    Meaning {
        status: "READY",
        of: "driver",
        meaning: "The driver's process runs, and takes load balancers.",
        next: "Nobody has to act.",
        todo: "Nothing.",
    },
    Meaning {
        status: "STARTING",
        of: "driver",
        meaning: "The driver's process is being started, for the first time or after it ended.",
        next: "The agent, within driver_host.start_timeout_ms.",
        todo: "If it stays so, read the agent's log.",
    },
    Meaning {
        status: "FAILED",
        of: "driver",
        meaning: "The driver cannot be used on this host. What it deployed serves on, and cannot be changed.",
        next: "The agent tries again every three minutes, and on SIGHUP.",
        todo: "Read the reason beside it, mend that, and send the agent SIGHUP.",
    },
    Meaning {
        status: "UNKNOWN",
        of: "anything",
        meaning: "It is not known, or of a later release than this gateway.",
        next: "Nobody has to act.",
        todo: "If it stays so, upgrade the gateway.",
    },
];

/// Those of one status, or all.
#[derive(Template)]
#[template(path = "explain.html")]
pub(crate) struct Explain {
    pub(crate) status: Option<String>,
    pub(crate) meanings: Vec<&'static Meaning>,
}

impl Explain {
    pub(crate) fn all() -> Self {
        Self { status: None, meanings: MEANINGS.iter().collect() }
    }

    /// None: there is no such status.
    pub(crate) fn of(status: &str) -> Option<Self> {
        let meanings: Vec<_> = MEANINGS.iter().filter(|one| one.status.eq_ignore_ascii_case(status)).collect();
        let status = meanings.first()?.status.to_owned();
        Some(Self { status: Some(status), meanings })
    }
}
