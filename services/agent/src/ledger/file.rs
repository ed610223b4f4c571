//! Replacing a file as a whole: after a crash there is the old content or the new one, never a mixture.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use ballast_failpoint as failpoint;

/// The extension of a file that is being written.
pub(crate) const UNFINISHED: &str = "unfinished";

/// Writes beside `path`, waits until it is on the disk, and renames over it. One writer per path at a time.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_added_extension(UNFINISHED);
    let mut written = File::create(&beside)?;
    written.write_all(bytes)?;
    written.sync_data()?;
    failpoint::at("ledger: a file is written and not yet renamed");
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Waits until the names in a folder are on the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
