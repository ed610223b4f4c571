//! `ballast driver`: for who writes or operates a driver. Asks no gateway.
//!
//! `check` runs the conformance suite of `ballast-abi`. Each check gets a lab of its own, in which this program runs again
//! ([`inside`]): nothing that a driver plugs, starts or writes there reaches the machine. The lab has no way out but to the
//! devices that were named ([`relay`]).

mod arguments;
mod configuration;
mod inside;
mod order;
mod outside;
mod relay;
mod report;

use ballast_abi::conformance::{checks, subject};

pub(crate) use arguments::Driver;

use crate::{exit::Exit, failure::Failure, output::text as print};

/// Does it, and prints what comes of it.
pub(crate) fn run(command: &Driver, json: bool) -> Result<Exit, Failure> {
    match command {
        Driver::Check(check) => outside::run(check, json),
        Driver::Checks => {
            let lines: Vec<_> =
                checks().iter().map(|check| vec![check.name.to_owned(), check.title.to_owned()]).collect();
            print(&crate::table::rows(&lines)).map(|()| Exit::Done)
        }
        Driver::Inside { order } => inside::run(order).map(|()| Exit::Done),
        Driver::Subject => {
            let refuse = |error| Failure::Check(format!("`driver subject` is for `driver check` alone: {error}"));
            subject::serve().map(|()| Exit::Done).map_err(refuse)
        }
    }
}
