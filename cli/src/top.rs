//! `ballast top`: load balancers by what goes through them.

mod gather;
mod rates;
#[cfg(feature = "top")]
mod screen;
#[cfg(feature = "top")]
mod state;
#[cfg(feature = "top")]
mod terminal;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::{
    api::Api,
    arguments::Connection,
    exit::Exit,
    failure::Failure,
    output::{self, Format, Print},
    runtime, table,
};
use gather::Gatherer;
use rates::Row;

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Look twice, a second apart, print what went through meanwhile, and end
    #[arg(long)]
    once: bool,
    /// By what they are ordered
    #[arg(long, value_name = "ORDER", default_value = "connections")]
    sort: Order,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
}

/// By what rows are ordered, most first; names as letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    Connections,
    Rate,
    In,
    Out,
    Errors,
    Name,
}

impl Order {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Rate => "rate",
            Self::In => "in",
            Self::Out => "out",
            Self::Errors => "errors",
            Self::Name => "name",
        }
    }
}

/// Between the two looks of `--once`: counters are not looked at more often than once in a second.
const ONCE: Duration = Duration::from_millis(1100);

/// # Errors
/// When the gateway cannot be asked, or there is no terminal.
pub(crate) fn run(top: &Top, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let mut gatherer = Gatherer::new(api.gateway()?);
        if top.once {
            gatherer.look().await?;
            tokio::time::sleep(ONCE).await;
            let mut rows = gatherer.look().await?;
            rates::order(&mut rows, top.sort);
            return output::print(format, &Rows(rows)).map(|()| Exit::Done);
        }
        live(top, gatherer).await
    })
}

#[cfg(feature = "top")]
async fn live(top: &Top, gatherer: Gatherer<'_>) -> Result<Exit, Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("this is no terminal: `ballast top --once` prints it".to_owned()));
    }
    terminal::run(gatherer, top.sort, Duration::from_secs(top.interval)).await
}

#[cfg(not(feature = "top"))]
async fn live(_: &Top, _: Gatherer<'_>) -> Result<Exit, Failure> {
    Err(Failure::Usage("this build has no screen: `ballast top --once` prints it".to_owned()))
}

struct Rows(Vec<Row>);

impl Print for Rows {
    fn table(&self, _wide: bool) -> String {
        let rows: Vec<_> = self.0.iter().map(Row::cells).collect();
        if rows.is_empty() { "No load balancers.\n".to_owned() } else { table::table(&rates::TITLES, &rows) }
    }

    fn value(&self) -> Option<Value> {
        Some(self.0.iter().map(Row::value).collect())
    }
}
