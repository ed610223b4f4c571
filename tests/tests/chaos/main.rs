//! Proof under faults: a driver's process, the agent's and haproxy are killed between any two steps, and the next pass
//! makes it good. Nothing is left in the end, and whoever serves beside it serves on.
//!
//! Three schedulers over one database are killed and stopped under load, again and again ([`schedulers`]).
//!
//! The places are not listed here. A change is made once by a process that notes which places it passes
//! (`ballast-failpoint`), and then once more for each of them. So a step that is new is in here by itself.
//!
//! `BALLAST_CHAOS=all` (`make chaos`) takes every change, every kind of network and every place, and there each process
//! in turn; with `wide` it is one process at each place. Without, it is a bring-up and a teardown, and few rounds.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod asked;
mod blow;
mod census;
mod changes;
mod cycles;
mod driver;
mod load;
mod place;
mod schedulers;
mod steps;
mod switch;
mod victim;

/// How much is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Few,
    Wide,
    All,
}

fn extent() -> Extent {
    match std::env::var_os("BALLAST_CHAOS") {
        Some(value) if value == "all" => Extent::All,
        Some(value) if value == "wide" => Extent::Wide,
        Some(_) | None => Extent::Few,
    }
}
