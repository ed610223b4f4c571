//! What a change does, and how checks end.

use crate::{Entry, Kind, Next};

const fn said(kind: Kind, word: &'static str, meaning: &'static str) -> Entry {
    Entry { kind, word, meaning, next: Next::Nobody, at_most: "", todo: "" }
}

const fn failed(word: &'static str, meaning: &'static str, todo: &'static str) -> Entry {
    Entry { kind: Kind::Check, word, meaning, next: Next::Member, at_most: "", todo }
}

pub(crate) const ALL: &[Entry] = &[
    said(Kind::Effect, "none", "What serves is not touched."),
    said(Kind::Effect, "runtime", "What serves is told while it runs; no process is replaced."),
    said(
        Kind::Effect,
        "reload",
        "A new process takes over at once; the old one ends when its last connection does, or after a bounded time.",
    ),
    said(Kind::Effect, "restart", "What serves is ended and started: there is a moment without service."),
    said(Kind::Effect, "move", "Another agent takes over, on another host."),
    said(Kind::Connections, "kept", "Connections that are open stay open."),
    said(
        Kind::Connections,
        "drained",
        "Connections that are open go on for a bounded time, and new ones go the new way.",
    ),
    said(Kind::Connections, "cut", "Connections that are open end at once."),
    said(Kind::Check, "L3OK", "The member answered a PING."),
    failed("L3TOUT", "The member answered no PING in time.", "Is it up, and does it let ICMP through?"),
    said(Kind::Check, "L4OK", "The member took a connection."),
    failed(
        "L4TOUT",
        "The member took no connection in time.",
        "Is it up? Does a firewall drop what comes from the load balancer?",
    ),
    failed(
        "L4CON",
        "The connection was refused, or no way leads there.",
        "Does its server listen at that address and port?",
    ),
    said(Kind::Check, "L6OK", "The member began TLS."),
    failed("L6TOUT", "The member did not finish TLS in time.", "Is its server overloaded?"),
    failed("L6RSP", "What came back is no TLS.", "Is it the right port, and does its server speak TLS there?"),
    said(Kind::Check, "L7OK", "The member answered the request as expected."),
    failed(
        "L7TOUT",
        "The member did not answer the request in time.",
        "Is its server overloaded? Else give the monitor more `timeout`.",
    ),
    failed("L7RSP", "What came back is no HTTP.", "Is it the right port, and the monitor's type the right one?"),
    failed(
        "L7STS",
        "The member answered with another status than the monitor expects.",
        "Look at its server's log; or set the monitor's `path` and `codes`.",
    ),
    Entry {
        kind: Kind::Check,
        word: "SOCKERR",
        meaning: "The check could not be made: the load balancer's host had no socket for it.",
        next: Next::Operator,
        at_most: "",
        todo: "Look at the agent's log and the limits of its host.",
    },
];
