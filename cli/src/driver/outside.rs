//! All checks, one after another, each in a lab of its own.

use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    time::Instant,
};

use ballast_abi::{
    conformance::{Bench, Check, Files, Patience, checks},
    host::preflight,
    note::Note,
};
use ballast_lab::{availability, run_again_in_lab};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    arguments, configuration,
    order::{Order, Outcome},
    relay,
    report::{Line, Report},
};
use crate::{exit::Exit, failure::Failure, output::text as print};

/// The code of a driver that does not reach its device, as a report has it.
const UNAVAILABLE: &str = "UNAVAILABLE";

/// What is checked, and how.
struct Plan<'a> {
    arguments: &'a arguments::Check,
    file: std::path::PathBuf,
    note: Option<Note>,
    section: Option<Value>,
    seed: u64,
}

/// Prints each outcome as it comes, or all of them as JSON in the end.
pub(super) fn run(arguments: &arguments::Check, json: bool) -> Result<Exit, Failure> {
    let plan = Plan::of(arguments)?;
    let wanted = wanted(&arguments.only)?;
    if !json {
        print(&plan.title())?;
    }
    let mut report = Report::default();
    for check in wanted {
        let begun = Instant::now();
        let outcome = match check.after.filter(|after| report.passed(after) == Some(false)) {
            Some(after) => Outcome::Skipped(format!("not without {after}")),
            None => plan.check(&check)?,
        };
        let line = Line { check, outcome, milliseconds: begun.elapsed().as_millis() };
        if !json {
            print(&line.text())?;
        }
        report.0.push(line);
    }
    let end = if json {
        report.json(&plan.file, plan.note.as_ref(), plan.seed)
    } else {
        format!("\n{}{}", plan.hint(&report), report.summary(plan.seed))
    };
    print(&end)?;
    Ok(report.status())
}

fn wanted(only: &[String]) -> Result<Vec<Check>, Failure> {
    let is = |check: &Check, word: &str| {
        check.name == word || check.name.strip_prefix(word).is_some_and(|rest| rest.starts_with('.'))
    };
    if let Some(word) = only.iter().find(|word| !checks().iter().any(|check| is(check, word))) {
        return Err(Failure::Check(format!("there is no check '{word}': `ballast driver checks` has them all")));
    }
    let all = checks().into_iter();
    Ok(all.filter(|check| only.is_empty() || only.iter().any(|word| is(check, word))).collect())
}

impl<'a> Plan<'a> {
    fn of(arguments: &'a arguments::Check) -> Result<Self, Failure> {
        let unreadable = |error| Failure::Check(format!("{}: {error}", arguments.file.display()));
        let file = fs::canonicalize(&arguments.file).map_err(unreadable)?;
        fs::File::open(&file).map_err(unreadable)?;
        let note = preflight(&file).ok();
        let section = match (&arguments.config, &note) {
            (Some(path), Some(note)) => Some(configuration::section(path, &note.name)?),
            _ => None,
        };
        // Short enough to be typed again.
        let seed = arguments.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() % 1_000_000);
        Ok(Self { arguments, file, note, section, seed })
    }

    fn title(&self) -> String {
        let shown = self.file.display();
        match &self.note {
            Some(note) => {
                format!("{} {}, ABI {}.{}: {shown}\n\n", note.name, note.version, note.abi_major, note.abi_minor)
            }
            None => format!("{shown}\n\n"),
        }
    }

    /// What is most likely wrong when a device cannot be reached.
    fn hint(&self, report: &Report) -> &'static str {
        let unreached = self.section.is_some() && self.arguments.devices.is_empty() && report.says(UNAVAILABLE);
        if unreached { "A lab has no way to a device: name it by --device ADDRESS:PORT.\n\n" } else { "" }
    }

    fn check(&self, check: &Check) -> Result<Outcome, Failure> {
        if !check.runs_code {
            return Ok(check.run(&self.bench_without_lab()).into());
        }
        if let Err(why) = availability() {
            return Ok(Outcome::Skipped(format!("it would run the driver outside of a lab: {why}")));
        }
        let folder = TempDir::with_prefix("ballast-check-")
            .map_err(|error| Failure::File { path: std::env::temp_dir(), error })?;
        let order = self.order(check, folder.path())?;
        let path = order.path();
        let words = ["driver", "inside"].map(std::ffi::OsString::from).into_iter().chain([path.into_os_string()]);
        Ok(match run_again_in_lab(words) {
            Err(error) => Outcome::Skipped(error.to_string()),
            Ok(status) => {
                order.told().unwrap_or_else(|| Outcome::Failed(format!("the lab ended by itself ({status})")))
            }
        })
    }

    /// Written down where the lab finds it, with the relay at work.
    fn order(&self, check: &Check, folder: &Path) -> Result<Order, Failure> {
        let order = Order {
            check: check.name.to_owned(),
            file: self.file.clone(),
            config: self.section.clone(),
            folder: folder.to_owned(),
            devices: self.arguments.devices.clone(),
            timeout: self.arguments.timeout,
            glibc: self.arguments.glibc,
            seed: self.seed,
        };
        let failed = |error| Failure::File { path: folder.to_owned(), error };
        fs::DirBuilder::new().mode(0o755).create(order.scratch()).map_err(failed)?;
        // A driver's own programs may have other users, who must be able to pass.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(folder, passable).map_err(failed)?;
        for (number, device) in order.devices.iter().enumerate() {
            relay::serve(*device, &order.relay(number)).map_err(failed)?;
        }
        let path = order.path();
        let text = serde_json::to_vec(&order).map_err(std::io::Error::other).map_err(failed)?;
        // The configuration may hold passwords.
        crate::pki::write(&path, &String::from_utf8_lossy(&text), 0o600)?;
        Ok(order)
    }

    fn bench_without_lab(&self) -> Bench {
        Bench {
            file: self.file.clone(),
            config: self.section.clone(),
            program: std::path::PathBuf::new(),
            arguments: Vec::new(),
            scratch: std::path::PathBuf::new(),
            patience: Patience::default(),
            glibc: self.arguments.glibc,
            seed: self.seed,
            files: Files::Unwatched("no code is run".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_chosen_by_their_names_or_the_start_of_them() {
        assert_eq!(wanted(&[]).unwrap().len(), checks().len());
        let some = wanted(&["static".to_owned(), "load.open".to_owned()]).unwrap();
        assert!(
            some.len() > 3 && some.iter().all(|check| check.name.starts_with("static.") || check.name == "load.open")
        );
        assert!(wanted(&["stat".to_owned()]).is_err());
    }
}
