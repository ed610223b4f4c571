//! Who logs in. Never shown.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl Credentials {
    /// From a file of two lines, which nobody else can read.
    ///
    /// # Errors
    /// What is wrong with it, without what is in it.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let path = file.display();
        let said = |error: io::Error| format!("{path}: {error}");
        let mode = fs::metadata(file).map_err(said)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(format!("{path} can be read by others, its mode is {:04o}: chmod 600 {path}", mode & 0o7777));
        }
        let text = fs::read_to_string(file).map_err(said)?;
        let mut lines = text.lines().map(str::to_owned);
        match (lines.next(), lines.next()) {
            (Some(username), Some(password)) if !username.is_empty() => Ok(Self { username, password }),
            _ => Err(format!("{path} must have two lines: a name and a password")),
        }
    }
}
