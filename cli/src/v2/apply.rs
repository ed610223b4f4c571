//! `ballast apply` and `ballast diff`: load balancers as a file says they shall be, and what that would change.
//!
//! A document is a load balancer as a POST of v2 takes it, known by its name in its project. What it does not name
//! stays as it is, and nothing is removed but members of a pool whose members are listed, and rules of a policy whose
//! rules are. [`plan`] decides and is pure; [`run`] asks what each step would do to what serves, and takes it.

mod export;
mod file;
mod plan;
mod run;
mod same;
mod shown;
mod steps;
mod tree;

use std::path::PathBuf;

use clap::Args;

pub(super) use export::exported;
pub(super) use tree::tree;

use super::wait::Waiting;
use crate::{
    api::Api,
    arguments::Connection,
    exit::Exit,
    failure::Failure,
    output::{self, Format},
    runtime,
};
use shown::Report;

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    file: File,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Until each load balancer is ACTIVE with it; as 30s or 5m, 300s where nothing is said
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "300s",
        value_parser = super::wait::seconds)]
    wait: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    file: File,
}

#[derive(Debug, Args)]
struct File {
    /// YAML or JSON, a document for each load balancer; - for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: PathBuf,
}

/// # Errors
/// When the file is none, or something of it is refused.
pub(crate) fn diff(diff: &Diff, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let plans = run::plans(api.gateway()?, &diff.file.file).await?;
        let report = Report(&plans);
        output::print(format, &report)?;
        Ok(if report.is_empty() { Exit::Done } else { Exit::NotAsWished })
    })
}

/// # Errors
/// As [`diff`]; what was done before is said then.
pub(crate) fn apply(apply: &Apply, connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    runtime::block_on(async {
        let api = Api::of(connection).await?;
        let gateway = api.gateway()?;
        let plans = run::plans(gateway, &apply.file.file).await?;
        if apply.dry_run {
            return output::print(format, &Report(&plans)).map(|()| Exit::Done);
        }
        let mut done = Vec::new();
        for plan in &plans {
            done.push(run::take(gateway, plan).await?);
        }
        if let Some(seconds) = apply.wait {
            for (plan, id) in plans.iter().zip(&done) {
                Waiting::new(seconds, format!("{} to be ACTIVE", plan.name))
                    .until_active(gateway, &run::target(id))
                    .await?;
            }
        }
        let report = Report(&plans);
        let text = match format {
            Format::Table | Format::Wide => report.done(),
            _ => output::render(format, &report)?,
        };
        output::write(format, &text).map(|()| Exit::Done)
    })
}
