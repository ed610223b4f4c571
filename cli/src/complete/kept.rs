//! The names that were offered last, in one file that nobody else can read.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ballast_service::clock::Clock;
use serde::{Deserialize, Serialize};

use super::{KEPT, Offer};

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of what was typed, and of who is asked.
    question: u64,
    offers: Vec<Offer>,
}

/// What is kept of this question, or what is found now, and kept. None is an answer, too.
pub(super) fn or_else(words: &[OsString], find: impl FnOnce() -> Vec<Offer>) -> Vec<Offer> {
    let Some(path) = path() else { return find() };
    let question = question(words, env::vars_os());
    if let Some(offers) = read(&path, question) {
        return offers;
    }
    let kept = Kept { question, offers: find() };
    // It can be asked for again.
    let _ = write(&path, &kept);
    kept.offers
}

/// In the folder of this login, which goes with it, or else where caches are.
fn path() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    Some(set("XDG_RUNTIME_DIR").or_else(cache)?.join("ballast/names.json"))
}

/// Who is asked is said by options and the environment.
fn question(words: &[OsString], environment: impl Iterator<Item = (OsString, OsString)>) -> u64 {
    let is_ours = |name: &OsStr| ["BALLAST_", "OS_"].iter().any(|ours| name.to_string_lossy().starts_with(ours));
    let mut said: Vec<_> = environment.filter(|(name, _)| is_ours(name)).collect();
    said.sort();
    let mut hasher = DefaultHasher::new();
    (words, said).hash(&mut hasher);
    hasher.finish()
}

fn read(path: &Path, question: u64) -> Option<Vec<Offer>> {
    let written = fs::metadata(path).ok()?.modified().ok()?;
    let age = Clock::system().now().duration_since(written).ok()?;
    let kept: Kept = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (age < KEPT && kept.question == question).then_some(kept.offers)
}

fn write(path: &Path, kept: &Kept) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_added_extension(std::process::id().to_string());
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(serde_json::to_string(kept)?.as_bytes()).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_answers_the_same_question_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ballast/names.json");
        let offers = vec![Offer::of("shop", "1").unwrap()];
        write(&path, &Kept { question: 7, offers: offers.clone() }).unwrap();
        assert_eq!(read(&path, 7), Some(offers));
        assert_eq!(read(&path, 8), None);
        let old = Clock::system().now() - KEPT;
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        assert_eq!(read(&path, 7), None);
        fs::write(&path, "{").unwrap();
        assert_eq!(read(&path, 7), None);
    }

    #[test]
    fn another_place_or_caller_is_another_question() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        let of = |text: &str, set: &[(&str, &str)]| {
            question(&words(text), set.iter().map(|(name, value)| (name.into(), value.into())))
        };
        let one = of("ballast lb show", &[("BALLAST_URL", "http://a"), ("PATH", "/")]);
        assert_eq!(one, of("ballast lb show", &[("PATH", "/bin"), ("BALLAST_URL", "http://a")]));
        for other in [
            of("ballast lb show", &[("BALLAST_URL", "http://b")]),
            of("ballast lb delete", &[("BALLAST_URL", "http://a")]),
            of("ballast lb show", &[("BALLAST_URL", "http://a"), ("OS_CLOUD", "x")]),
        ] {
            assert_ne!(one, other);
        }
    }
}
