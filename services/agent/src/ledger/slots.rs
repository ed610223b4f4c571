//! A file that is written again and again, and after a crash holds the old content or the new one, never a mixture.
//!
//! It has two halves. A write goes to the half that does not hold the newest content, so the newest one is not touched
//! until the next is on the disk. Nothing about the file itself changes: there is no file to make, to rename or to remove,
//! and no journal of the file system to wait for. Each half begins with a line: what it is, the check sum of all that
//! follows, the number of the write, and the length of the content behind the line.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use sha2::{Digest as _, Sha256};

use super::file;

const HEAD: &str = "ballast-ledger 2 ";
/// Halves share no page, so no half is written with the other one.
const PAGE: usize = 4096;

/// What a half holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot<'a> {
    number: u64,
    content: &'a [u8],
}

impl<'a> Slot<'a> {
    fn parse(half: &'a [u8]) -> Result<Self, &'static str> {
        let rest = half.strip_prefix(HEAD.as_bytes()).ok_or("it is no file of this ledger")?;
        let space = rest.iter().position(|byte| *byte == b' ').ok_or("it is cut short")?;
        let (sum, rest) = (&rest[..space], &rest[space + 1..]);
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or("it is cut short")?;
        let numbers = str::from_utf8(&rest[..end]).ok().and_then(|line| line.split_once(' '));
        let numbers = numbers.and_then(|(number, length)| Some((number.parse().ok()?, length.parse::<usize>().ok()?)));
        let (number, length) = numbers.ok_or("its numbers cannot be read")?;
        let whole = end.checked_add(1).and_then(|begin| begin.checked_add(length)).and_then(|end| rest.get(..end));
        let whole = whole.ok_or("it is cut short")?;
        if sum != hex::encode(Sha256::digest(whole)).as_bytes() {
            return Err("its check sum is wrong");
        }
        Ok(Self { number, content: &whole[end + 1..] })
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut rest = format!("{} {}\n", self.number, self.content.len()).into_bytes();
        rest.extend_from_slice(self.content);
        let mut bytes = format!("{HEAD}{} ", hex::encode(Sha256::digest(&rest))).into_bytes();
        bytes.append(&mut rest);
        bytes
    }
}

/// The newest slot of a file, and whether it is in the first half.
fn newest(file: &[u8]) -> Result<(Slot<'_>, bool), &'static str> {
    let (first, second) = file.split_at(file.len() / 2);
    match (Slot::parse(first), Slot::parse(second)) {
        (Ok(first), Ok(second)) if first.number < second.number => Ok((second, false)),
        (Ok(first), _) => Ok((first, true)),
        (Err(_), Ok(second)) => Ok((second, false)),
        (Err(why), Err(_)) => Err(why),
    }
}

/// What was written last.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read(file: &[u8]) -> Result<&[u8], &'static str> {
    newest(file).map(|(slot, _)| slot.content)
}

/// Writes, and waits until it is on the disk. One writer per path at a time.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut old = Vec::new();
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(mut file) => file.read_to_end(&mut old).map(|_| Some(file))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let newest = newest(&old).ok();
    let number = newest.map_or(0, |(slot, _)| slot.number) + 1;
    let mut slot = Slot { number, content }.to_bytes();
    let half = old.len() / 2;
    if let Some(file) = file
        && half.is_multiple_of(PAGE)
        && slot.len() <= half
    {
        let at = if newest.is_some_and(|(_, first)| first) { half } else { 0 };
        file.write_all_at(&slot, at as u64)?;
        return file.sync_data();
    }
    // There is none, or it has become too small.
    slot.resize(slot.len().next_power_of_two().max(PAGE) * 2, 0);
    file::replace(path, &slot)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file with what was written before and what was written last.
    fn written(before: &[u8], last: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, before).unwrap();
        write(&path, last).unwrap();
        (dir, path)
    }

    #[test]
    fn the_last_write_is_read_whatever_was_longer() {
        let (_dir, path) = written(b"long before", b"last");
        for content in [&b""[..], b"x", &[7; PAGE], b"y", &[0; 3 * PAGE], b"z"] {
            write(&path, content).unwrap();
            assert_eq!(read(&fs::read(&path).unwrap()), Ok(content));
            assert_eq!(fs::read(&path).unwrap().len() % (2 * PAGE), 0);
        }
    }

    #[test]
    fn a_write_in_place_makes_no_file() {
        use std::os::unix::fs::MetadataExt as _;

        let (_dir, path) = written(b"before", b"last");
        let made = fs::metadata(&path).unwrap().ino();
        write(&path, b"again").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), made);
        write(&path, &[1; PAGE]).unwrap();
        assert_ne!(fs::metadata(&path).unwrap().ino(), made);
    }

    #[test]
    fn a_write_that_was_cut_off_at_any_byte_leaves_what_was_there() {
        let (_dir, path) = written(b"before", b"last");
        let whole = fs::read(&path).unwrap();
        let next = Slot { number: 3, content: b"the next one" }.to_bytes();
        for cut in 0..next.len() {
            let mut torn = whole.clone();
            torn[..cut].copy_from_slice(&next[..cut]);
            assert_eq!(read(&torn), Ok(&b"last"[..]), "cut at {cut}");
            // The next write takes the torn half.
            fs::write(&path, &torn).unwrap();
            write(&path, b"after the crash").unwrap();
            assert_eq!(read(&fs::read(&path).unwrap()), Ok(&b"after the crash"[..]));
        }
    }

    #[test]
    fn a_byte_that_changed_is_noticed_and_what_was_there_before_is_read() {
        let (_dir, path) = written(b"before", b"last");
        let whole = fs::read(&path).unwrap();
        let (half, last) = (whole.len() / 2, Slot { number: 2, content: b"last" });
        for at in half..half + last.to_bytes().len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert_eq!(read(&changed), Ok(&b"before"[..]), "changed at {at}");
            changed[0] ^= 1;
            assert!(read(&changed).is_err(), "both, at {at}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for bytes in
            [&b""[..], b"x", &[0; 2 * PAGE], b"ballast-ledger 2 ", b"ballast-ledger 2 ballast-ledger 2 0 9 9\n"]
        {
            assert!(read(bytes).is_err());
        }
    }
}
