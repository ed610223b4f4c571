//! The nouns of Ballast and their rules.
//!
//! Pure: no I/O, no clock, no randomness, no async; `now`, ids and random numbers are arguments. What a change does to a
//! load balancer is decided here and nowhere else: the scheduler loads an aggregate, calls a transition, saves.

pub mod fault;
