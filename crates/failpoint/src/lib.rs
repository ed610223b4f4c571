//! Places between two steps, at which a test ends or stops the process that passes them.
//!
//! A test names a folder in the environment variable [`FOLDER`]. Each place that is passed is added to the file
//! `passed` in it, a line each. The file `order` has one line: `kill 1 PLACE` or `stop 2 PLACE`, an action, a count and a place.
//! The process does it to itself, by SIGKILL or SIGSTOP, when it passes the place for that time. An order is done once,
//! and its file is removed before: a process that is started again is not ended again.
//!
//! It is for builds with debug assertions, as those of tests. In a release build no place is passed.

use std::fmt::Debug;

/// The environment variable with the folder. Agents keep what begins with `BALLAST_` from drivers, so this does not.
pub const FOLDER: &str = "FAILPOINTS";
/// The file with the order.
pub const ORDER: &str = "order";
/// The file with the places that were passed.
pub const PASSED: &str = "passed";

/// Whether this build has failpoints.
pub const PRESENT: bool = cfg!(debug_assertions);

/// A place by its name.
#[inline]
pub fn at(place: &str) {
    #[cfg(debug_assertions)]
    armed::pass(|| place.to_owned());
    #[cfg(not(debug_assertions))]
    let _ = place;
}

/// The place before a step of a plan. Its name is that of the plan and that of the step, without the step's fields.
#[inline]
pub fn before(plan: &str, step: &dyn Debug) {
    #[cfg(debug_assertions)]
    armed::pass(|| format!("{plan}: {}", name(step)));
    #[cfg(not(debug_assertions))]
    let _ = (plan, step);
}

/// A step's name: of the step as Rust prints it, the variant's, and that of one inside: `Host(MakeLink)` is `Host MakeLink`.
#[must_use]
pub fn name(step: &dyn Debug) -> String {
    let printed = format!("{step:?}");
    let is_name = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_uppercase()) && word.chars().all(char::is_alphanumeric)
    };
    let first = |text: &str| text.split(|other: char| !other.is_alphanumeric()).next().unwrap_or_default().to_owned();
    let (outer, inner) = printed.split_once('(').unwrap_or((&printed, ""));
    let names = [first(outer), first(inner)];
    names.iter().map(String::as_str).filter(is_name).collect::<Vec<_>>().join(" ")
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env,
        fs::{self, OpenOptions},
        io::{self, Write as _},
        path::{Path, PathBuf},
        sync::{Mutex, OnceLock, PoisonError},
    };

    use nix::sys::signal::{Signal, raise};

    use super::{FOLDER, ORDER, PASSED};

    static OF_THIS_PROCESS: OnceLock<Option<PathBuf>> = OnceLock::new();
    /// Threads pass one at a time.
    static PASSING: Mutex<()> = Mutex::new(());

    pub(super) fn pass(place: impl FnOnce() -> String) {
        let folder = OF_THIS_PROCESS.get_or_init(|| env::var_os(FOLDER).map(PathBuf::from));
        let Some(folder) = folder else { return };
        let _one = PASSING.lock().unwrap_or_else(PoisonError::into_inner);
        // A test that looks for a place which was not noted fails.
        if let Ok(Some(signal)) = note(folder, &place()) {
            let _ = raise(signal);
        }
    }

    /// What is to be done to this process now.
    fn note(folder: &Path, place: &str) -> io::Result<Option<Signal>> {
        let mut passed = OpenOptions::new().create(true).append(true).open(folder.join(PASSED))?;
        passed.write_all(format!("{place}\n").as_bytes())?;
        let order = folder.join(ORDER);
        let text = fs::read_to_string(&order)?;
        match due(text.trim_end(), place) {
            Due::Never => Ok(None),
            Due::Later(left) => fs::write(&order, left).map(|()| None),
            Due::Now(signal) => fs::remove_file(&order).map(|()| Some(signal)),
        }
    }

    #[derive(Debug, PartialEq)]
    pub(super) enum Due {
        Never,
        /// The order as it is from now on.
        Later(String),
        Now(Signal),
    }

    pub(super) fn due(order: &str, place: &str) -> Due {
        let mut words = order.splitn(3, ' ');
        let (Some(action), Some(count), Some(wanted)) = (words.next(), words.next(), words.next()) else {
            return Due::Never;
        };
        let (signal, count) = match (action, count.parse::<u32>()) {
            ("kill", Ok(count)) => (Signal::SIGKILL, count),
            ("stop", Ok(count)) => (Signal::SIGSTOP, count),
            _ => return Due::Never,
        };
        match count {
            _ if wanted != place => Due::Never,
            0 | 1 => Due::Now(signal),
            more => Due::Later(format!("{action} {} {wanted}", more - 1)),
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use nix::sys::signal::Signal;

    use super::{
        armed::{Due, due},
        name,
    };

    struct Printed(&'static str);

    impl std::fmt::Debug for Printed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn an_order_is_due_at_its_place_when_it_is_passed_for_that_time() {
        assert_eq!(due("kill 1 bring up: Host MakeLink", "bring up: Host MakeLink"), Due::Now(Signal::SIGKILL));
        assert_eq!(due("stop 2 a: b", "a: b"), Due::Later("stop 1 a: b".to_owned()));
        assert_eq!(due("stop 1 a: b", "a: b"), Due::Now(Signal::SIGSTOP));
        for other in ["", "kill", "kill 1", "kill x a: b", "end 1 a: b", "kill 1 a: bc"] {
            assert_eq!(due(other, "a: b"), Due::Never, "{other}");
        }
    }

    #[test]
    fn a_step_is_called_by_its_names_and_not_by_its_fields() {
        for (printed, expected) in [
            ("NoteDone", "NoteDone"),
            ("Host(MakeNamespace)", "Host MakeNamespace"),
            ("Host(Configure(Changes { mac: true }))", "Host Configure"),
            ("Confine(4711)", "Confine"),
            ("EndProcesses([4711, 4712])", "EndProcesses"),
            ("Tell { pid: 1, changes: [Generation(2)] }", "Tell"),
            ("StartHaproxy { replacing: Some(1) }", "StartHaproxy"),
        ] {
            assert_eq!(name(&Printed(printed)), expected);
        }
    }
}
