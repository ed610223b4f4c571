//! `mode = "token-file"`: tokens in a TOML file, read again when it changes.
//!
//! ```toml
//! [[token]]
//! token_sha256 = "…"      # or token = "…"
//! project_id = "…"
//! user = "ops"
//! roles = ["admin"]       # admin, member, reader, or those of auth.roles
//! ```

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{Fingerprint, Identity, fingerprint};
use crate::{config::RoleNames, secret};

/// The file, and what was in it when it was last read.
pub struct TokenFile {
    path: PathBuf,
    names: RoleNames,
    known: Mutex<Known>,
}

struct Known {
    stamp: Option<Stamp>,
    tokens: Arc<[Token]>,
}

/// What changes when a file is written or replaced: seconds and nanoseconds of the change, inode, size.
type Stamp = (i64, i64, u64, u64);

struct Token {
    fingerprint: Fingerprint,
    identity: Arc<Identity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "token")]
    tokens: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Option<String>,
    token_sha256: Option<String>,
    #[serde(default)]
    project_id: String,
    #[serde(default)]
    user: String,
    roles: Vec<String>,
}

impl TokenFile {
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub(super) fn open(path: &Path, names: RoleNames) -> Result<Self, String> {
        let refuse = |why: &dyn std::fmt::Display| format!("auth.token_file = \"{}\": {why}", path.display());
        let stamp = stamp(path).map_err(|error| refuse(&error))?;
        let tokens = read(path, names).map_err(|error| refuse(&error))?;
        Ok(Self { path: path.to_owned(), names, known: Mutex::new(Known { stamp: Some(stamp), tokens }) })
    }

    /// Every token is compared, each in constant time: how long it takes says nothing about any of them.
    pub(super) fn identify(&self, fingerprint: &Fingerprint) -> Option<Arc<Identity>> {
        let mut found = None;
        for token in self.tokens().iter() {
            if bool::from(token.fingerprint.ct_eq(fingerprint)) {
                found = Some(Arc::clone(&token.identity));
            }
        }
        found
    }

    /// What is in the file now. What cannot be read changes nothing, and is said once: a slip of an editor must not
    /// shut everyone out. An empty file does.
    fn tokens(&self) -> Arc<[Token]> {
        let now = stamp(&self.path);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp == now.as_ref().ok().copied() {
            return Arc::clone(&known.tokens);
        }
        known.stamp = now.as_ref().ok().copied();
        match now.map_err(|error| error.to_string()).and_then(|_| read(&self.path, self.names)) {
            Ok(tokens) => {
                tracing::info!(path = %self.path.display(), tokens = tokens.len(), "the tokens have changed");
                known.tokens = tokens;
            }
            Err(error) => {
                tracing::error!(path = %self.path.display(), "the tokens stay as they were: {error}");
            }
        }
        Arc::clone(&known.tokens)
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let found = fs::metadata(path)?;
    Ok((found.ctime(), found.ctime_nsec(), found.ino(), found.size()))
}

fn read(path: &Path, names: RoleNames) -> Result<Arc<[Token]>, String> {
    // No error of the parser is passed on as it is: it shows the line, which may have a token in it.
    let unreadable = "it is not TOML with [[token]] sections of token or token_sha256, project_id, user and roles";
    secret::check(path)?;
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let parsed = config::Config::builder().add_source(config::File::from_str(&text, config::FileFormat::Toml)).build();
    let file: File = parsed.and_then(config::Config::try_deserialize).map_err(|_| unreadable.to_owned())?;
    let tokens = file
        .tokens
        .into_iter()
        .zip(1..)
        .map(|(entry, number)| token(entry, names).map_err(|why| format!("[[token]] number {number}: {why}")));
    tokens.collect()
}

fn token(entry: Entry, names: RoleNames) -> Result<Token, String> {
    let fingerprint = match (entry.token, entry.token_sha256) {
        (Some(token), None) if !token.is_empty() => fingerprint(token.as_bytes()),
        (None, Some(hex)) => unhex(&hex).ok_or("token_sha256 is not 64 hexadecimal digits")?,
        _ => return Err("it needs either token or token_sha256".to_owned()),
    };
    if entry.roles.iter().any(|name| names.named(name).is_none()) {
        return Err(format!("roles are {}", names.said()));
    }
    let roles = names.of(entry.roles.iter().map(String::as_str));
    if roles.are_none() {
        return Err(format!("it has no role: there are {}", names.said()));
    }
    if entry.project_id.is_empty() && !roles.is_admin() {
        return Err("project_id is missing; only an admin needs none".to_owned());
    }
    let identity = Identity { project_id: entry.project_id, user: entry.user, roles };
    Ok(Token { fingerprint, identity: Arc::new(identity) })
}

fn unhex(text: &str) -> Option<Fingerprint> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = Fingerprint::default();
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        (directory, path)
    }

    fn who(tokens: &TokenFile, token: &str) -> Option<String> {
        tokens.identify(&fingerprint(token.as_bytes())).map(|identity| identity.user.clone())
    }

    /// SHA-256 of "hashed".
    fn hashed() -> String {
        fingerprint(b"hashed").iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_token_is_known_by_itself_or_by_its_hash() {
        let text = format!(
            "[[token]]\ntoken = \"plain\"\nuser = \"a\"\nroles = [\"admin\"]\n\
             [[token]]\ntoken_sha256 = \"{}\"\nproject_id = \"p\"\nuser = \"b\"\nroles = [\"member\"]\n",
            hashed()
        );
        let (_directory, path) = file(&text);
        let tokens = TokenFile::open(&path, RoleNames::Keystone).unwrap();
        assert_eq!(who(&tokens, "plain").as_deref(), Some("a"));
        assert_eq!(who(&tokens, "hashed").as_deref(), Some("b"));
        assert_eq!(who(&tokens, &hashed()), None);
        assert_eq!(who(&tokens, "other"), None);
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_not_believed() {
        let entry = |token: &str| format!("[[token]]\ntoken = \"{token}\"\nuser = \"{token}\"\nroles = [\"admin\"]\n");
        let (_directory, path) = file(&entry("first"));
        let tokens = TokenFile::open(&path, RoleNames::Keystone).unwrap();
        fs::write(&path, entry("the second")).unwrap();
        assert_eq!((who(&tokens, "first"), who(&tokens, "the second").is_some()), (None, true));
        fs::write(&path, "[[token").unwrap();
        assert!(who(&tokens, "the second").is_some());
        fs::remove_file(&path).unwrap();
        assert!(who(&tokens, "the second").is_some());
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(who(&tokens, "the second").is_some(), "a file that others can read is believed");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert!(who(&tokens, "the second").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_token() {
        for (text, why) in [
            ("[[token]]\ntoken = \"s3cret\"\nroles = [\"root\"]\n", "admin, member and reader"),
            ("[[token]]\ntoken = \"s3cret\"\nroles = []\n", "no role"),
            ("[[token]]\ntoken = \"s3cret\"\nroles = [\"member\"]\n", "project_id is missing"),
            ("[[token]]\ntoken = \"s3cret\"\ntoken_sha256 = \"s3cret\"\nroles = []\n", "either token or"),
            ("[[token]]\ntoken_sha256 = \"s3cret\"\nroles = []\n", "64 hexadecimal"),
            ("[[token]]\ntoken = \"s3cret\nroles = []\n", "not TOML"),
            ("[[token]]\ntoken = \"s3cret\"\nrole = \"admin\"\n", "not TOML"),
        ] {
            let (_directory, path) = file(text);
            let error = TokenFile::open(&path, RoleNames::Keystone).err().unwrap();
            assert!(error.contains(why) && !error.contains("s3cret"), "{error}");
        }
        assert!(
            TokenFile::open(Path::new("/nonexistent"), RoleNames::Keystone).err().unwrap().contains("/nonexistent")
        );
    }
}
