//! Provisioning and operating statuses, liveness, states of drivers.

use crate::{Entry, Kind, Next};

const fn entry(
    kind: Kind,
    word: &'static str,
    meaning: &'static str,
    next: (Next, &'static str, &'static str),
) -> Entry {
    let (next, at_most, todo) = next;
    Entry { kind, word, meaning, next, at_most, todo }
}

const fn provisioning(word: &'static str, meaning: &'static str, next: (Next, &'static str, &'static str)) -> Entry {
    entry(Kind::Provisioning, word, meaning, next)
}

const fn operating(word: &'static str, meaning: &'static str, next: (Next, &'static str, &'static str)) -> Entry {
    entry(Kind::Operating, word, meaning, next)
}

/// Of what waits for its agent.
const WAITS: (Next, &str, &str) = (
    Next::Ballast,
    "as long as its agent is away or its device is busy; else a second or two",
    "If it stays so: `ballast agents list` says whether an agent is alive with the driver ready, and \
     status_description why it takes longer.",
);

pub(crate) const ALL: &[Entry] = &[
    provisioning("PENDING_CREATE", "It is stored, and its agent has not deployed it yet.", WAITS),
    provisioning(
        "PENDING_UPDATE",
        "A change is stored, and its agent has not deployed it yet. What ran before serves on. It can be changed \
         again meanwhile.",
        WAITS,
    ),
    provisioning(
        "PENDING_DELETE",
        "It is deleted, and its agent has not confirmed yet that it is gone. Its address stays taken until then.",
        WAITS,
    ),
    provisioning("ACTIVE", "What was asked for is what runs.", (Next::Nobody, "", "")),
    provisioning(
        "ERROR",
        "It could not be deployed as asked; status_description says why. What ran before serves on where it can.",
        (
            Next::You,
            "",
            "Change or delete what status_description names. Where it names a host or a driver it is an operator's: \
             it is tried again by itself, ever more slowly, and the agent's log says more.",
        ),
    ),
    operating("ONLINE", "It answers, and so do the members that are checked.", (Next::Nobody, "", "")),
    operating(
        "OFFLINE",
        "It does not serve: it or what it belongs to is switched off, no listener that answers uses it, its agent \
         is Dead, or nothing was heard of it yet.",
        (
            Next::You,
            "",
            "Look at its admin state and those of what it belongs to; give it a listener; `ballast agents list` \
             says whether its agent lives.",
        ),
    ),
    operating(
        "DEGRADED",
        "It serves, but not with everything: some members fail their checks, or a listener is full.",
        (Next::Member, "", "`ballast lb health NAME` says which members fail, and what their last checks got."),
    ),
    operating(
        "ERROR",
        "No traffic is served: all its members fail their checks or have the weight 0. Of a member: it fails its \
         checks and gets no traffic.",
        (
            Next::Member,
            "",
            "`ballast lb health NAME` says what the last checks got. A member comes back by itself with the first \
             checks that pass.",
        ),
    ),
    operating(
        "DRAINING",
        "Its weight is 0: it gets no new clients, and who is connected stays.",
        (
            Next::You,
            "",
            "Take it away once `ballast members stats POOL MEMBER` shows no connection, or give it a weight again.",
        ),
    ),
    operating(
        "NO_MONITOR",
        "Nobody checks it: it gets traffic whether it answers or not.",
        (
            Next::You,
            "",
            "`ballast monitors create --pool POOL --type TCP --delay 2 --timeout 2 --retries 2` has them checked.",
        ),
    ),
    entry(Kind::Liveness, "ALIVE", "The agent is heard of, as all seconds.", (Next::Nobody, "", "")),
    entry(
        Kind::Liveness,
        "SUSPECT",
        "The agent was not heard of for a while. What it runs serves on; new load balancers go to others.",
        (
            Next::Ballast,
            "until it is heard of, or `agents.dead_after_ms` has passed (20 s)",
            "Look at its host and its log.",
        ),
    ),
    entry(
        Kind::Liveness,
        "DEAD",
        "The agent was not heard of for `agents.dead_after_ms`. What it ran moves to others that can run it.",
        (
            Next::Operator,
            "",
            "Start it again or repair its host. `ballast agents forget HOST` if it will not come back. A host that \
             is cut off from the scheduler alone lets go of what has moved by itself.",
        ),
    ),
    entry(
        Kind::Driver,
        "STARTING",
        "The agent starts the driver's process.",
        (Next::Ballast, "a minute, for which load balancers wait for it", ""),
    ),
    entry(Kind::Driver, "READY", "The driver can run load balancers.", (Next::Nobody, "", "")),
    entry(
        Kind::Driver,
        "FAILED",
        "The driver cannot be used: nothing new is placed on it, and what runs serves on.",
        (
            Next::Operator,
            "",
            "`ballast agents show HOST` has the reason; the agent starts it again with growing pauses.",
        ),
    ),
    entry(
        Kind::Driver,
        "UNKNOWN",
        "It is not known, or a word of a later release stands there.",
        (Next::Operator, "", "If it stays so, upgrade what shows it."),
    ),
];
