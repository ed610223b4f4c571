//! The file of contexts.

use std::{
    collections::BTreeMap,
    env, fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use ballast_service::tls;
use serde::{Deserialize, Serialize};

use crate::{
    arguments::{Secret, Target},
    failure::Failure,
};

/// A place that is asked, and who asks there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cacert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Secret>,
}

impl Context {
    pub(crate) fn target(&self) -> Target {
        Target {
            url: self.url.clone(),
            files: tls::Files { ca: self.cacert.clone(), cert: self.cert.clone(), key: self.key.clone() },
            token: self.token.clone(),
            project: self.project.clone(),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    #[serde(default, rename = "context")]
    pub(crate) all: BTreeMap<String, Context>,
}

/// Where the file is: as `BALLAST_CONTEXTS` says, or in the folder that people's configuration is in.
///
/// # Errors
/// When nobody says where home is.
pub(crate) fn path() -> Result<PathBuf, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("BALLAST_CONTEXTS") {
        return Ok(path);
    }
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let folder =
        folder.ok_or_else(|| Failure::Context("there is no HOME: name the file by BALLAST_CONTEXTS".to_owned()))?;
    Ok(folder.join("ballast/config.toml"))
}

impl Contexts {
    /// Those of the file; none where there is no file.
    ///
    /// # Errors
    /// When others can read it, or it is no file of contexts.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::Context(format!("{}: {why}", path.display()));
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            found => found.map_err(|error| refuse(error.to_string()))?,
        };
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let why = format!("its mode {mode:04o} opens it to others: chmod 600 {}", path.display());
            return Err(refuse(why));
        }
        let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        // What the parser shows of the text could be a token.
        toml::from_str(&text).map_err(|error| refuse(error.message().to_owned()))
    }

    /// # Errors
    /// When there is none of this name.
    pub(crate) fn get(&self, name: &str) -> Result<&Context, Failure> {
        self.all.get(name).ok_or_else(|| {
            let names: Vec<_> = self.all.keys().map(String::as_str).collect();
            let have =
                if names.is_empty() { "there are none".to_owned() } else { format!("have: {}", names.join(", ")) };
            Failure::Context(format!(
                "there is no context '{}' ({have}); `ballast context set NAME` makes one",
                crate::find::plain(name)
            ))
        })
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let refuse = |error: io::Error| Failure::Context(format!("{}: {error}", path.display()));
        let text = toml::to_string(self).map_err(|error| refuse(io::Error::other(error)))?;
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refuse)?;
        }
        let beside = path.with_added_extension(format!("{}.new", std::process::id()));
        let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
        let written = open.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        written.and_then(|()| fs::rename(&beside, path)).map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/config.toml");
        let mut contexts = Contexts::read(&path).unwrap();
        assert!(contexts.all.is_empty());
        let token = Some(Secret("t\"o\nk".to_owned()));
        let context = Context { url: "http://x".to_owned(), token, project: None, cacert: None, cert: None, key: None };
        contexts.all.insert("my lab".to_owned(), context);
        contexts.current = Some("my lab".to_owned());
        contexts.write(&path).unwrap();
        let read = Contexts::read(&path).unwrap();
        assert_eq!(read.get("my lab").unwrap().token.as_ref().unwrap().0, "t\"o\nk");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read.get("other").unwrap_err().to_string().contains("have: my lab"));
        for mode in (0..0o1000).filter(|mode| mode & 0o400 != 0) {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = Contexts::read(&path).map(|_| ()).map_err(|failure| failure.to_string());
            assert_eq!(read.is_ok(), mode & 0o077 == 0, "{mode:o}: {read:?}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "[context.a]\nurl = 1\ntoken = \"hunter2\"\n").unwrap();
        let refused = Contexts::read(&path).unwrap_err().to_string();
        assert!(refused.contains("config.toml") && !refused.contains("hunter2"), "{refused}");
    }
}
