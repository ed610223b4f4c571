//! Files that only their owner can read, as services ask of what has a token, a password or a key in it.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Writes such a file; one that is there keeps its mode.
///
/// # Panics
/// When it cannot be written.
pub fn write(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("its text");
}
