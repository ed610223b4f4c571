//! The ELF note: who a driver is and which ABI it speaks, readable without loading it.
//!
//! A driver of another major must be refused before `dlopen`, because its constructors already run there. The note
//! survives `strip` and link-time optimisation.

use crate::{Driver, ffi};

/// The note's owner, as in `readelf -n`.
pub(crate) const OWNER: &[u8; OWNER_LENGTH as usize] = b"BALLAST\0";
const OWNER_LENGTH: u32 = 8;
/// The type of the one note that this version writes.
pub(crate) const TYPE: u32 = 1;
const CONTENT_LENGTH: u32 = 160;

type Content = [u8; CONTENT_LENGTH as usize];

const NAME_LIMIT: usize = 64;
const VERSION_LIMIT: usize = 32;

/// What a driver's process asks of its agent. Told by the note, so before any code of the driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// The network, [`state_dir`](crate::Context::state_dir), and to read the files that its section of the configuration
    /// names by an absolute path. It runs as a user of its own, not root, and has no other file of the machine's but what
    /// every program needs.
    Nothing,
    /// To make network namespaces and links, and processes in them that run as other users.
    NetworkNamespaces,
}

impl Needs {
    const ALL: [Self; 2] = [Self::Nothing, Self::NetworkNamespaces];

    const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NetworkNamespaces => "netns",
        }
    }
}

/// The note as it lies in the file: the three lengths of an ELF note, its owner, its content padded with zeros.
#[repr(C, align(4))]
#[derive(Debug)]
pub struct ElfNote {
    owner_length: u32,
    content_length: u32,
    kind: u32,
    owner: [u8; OWNER_LENGTH as usize],
    content: Content,
}

impl ElfNote {
    /// The note of a driver: `abi=1.0 name=haproxy-ns version=0.1.0`. Fails to compile when the name or the version is
    /// too long or has other characters than [`Driver::NAME`] allows.
    #[must_use]
    pub const fn of<D: Driver>() -> Self {
        assert!(is_word(D::NAME, NAME_LIMIT), "Driver::NAME: 1 to 64 of a-z, 0-9, '-' and '_'");
        assert!(is_version(D::VERSION, VERSION_LIMIT), "Driver::VERSION: 1 to 32 printable characters without spaces");
        let mut content = [0; CONTENT_LENGTH as usize];
        let mut at = append(&mut content, 0, b"abi=");
        at = append_digit(&mut content, at, ffi::ABI_MAJOR);
        at = append(&mut content, at, b".");
        at = append_digit(&mut content, at, ffi::ABI_MINOR);
        at = append(&mut content, at, b" name=");
        at = append(&mut content, at, D::NAME.as_bytes());
        at = append(&mut content, at, b" version=");
        at = append(&mut content, at, D::VERSION.as_bytes());
        if let Some(needs) = D::NEEDS {
            at = append(&mut content, at, b" needs=");
            append(&mut content, at, needs.word().as_bytes());
        }
        Self { owner_length: OWNER_LENGTH, content_length: CONTENT_LENGTH, kind: TYPE, owner: *OWNER, content }
    }
}

const fn append(content: &mut Content, at: usize, bytes: &[u8]) -> usize {
    let mut done = 0;
    while done < bytes.len() {
        content[at + done] = bytes[done];
        done += 1;
    }
    at + bytes.len()
}

const fn append_digit(content: &mut Content, at: usize, number: u32) -> usize {
    assert!(number < 10, "the note writes ABI versions with one digit");
    content[at] = b'0' + number.to_le_bytes()[0];
    at + 1
}

const fn is_word(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= limit
}

const fn is_version(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_graphic() {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty() && bytes.len() <= limit
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub abi_major: u32,
    pub abi_minor: u32,
    /// The driver's name.
    pub name: String,
    /// The driver's version.
    pub version: String,
    /// `None`: it says nothing, or something that this version does not know.
    pub needs: Option<Needs>,
}

impl Note {
    /// Reads a note's content; `None` when it is not what [`ElfNote`] writes. Words that a newer version appends are
    /// skipped.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?.trim_end_matches('\0');
        let word = |key: &str| text.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        let (major, minor) = word("abi")?.split_once('.')?;
        let name = word("name")?;
        if !is_word(name, NAME_LIMIT) {
            return None;
        }
        Some(Self {
            abi_major: major.parse().ok()?,
            abi_minor: minor.parse().ok()?,
            name: name.to_owned(),
            version: word("version")?.to_owned(),
            needs: word("needs").and_then(|asked| Needs::ALL.into_iter().find(|needs| needs.word() == asked)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_with_words_of_a_newer_version_is_read() {
        let note = Note::parse(b"abi=1.7 name=acme-9 version=0.3.1 sdk=9\0\0").unwrap();
        let expected = Note { abi_major: 1, abi_minor: 7, name: "acme-9".into(), version: "0.3.1".into(), needs: None };
        assert_eq!(note, expected);
    }

    #[test]
    fn what_a_note_asks_for_is_read_and_what_is_not_known_is_as_if_it_asked_for_nothing_in_particular() {
        let needs = |word: &str| Note::parse(format!("abi=1.1 name=x version=1{word}\0").as_bytes()).unwrap().needs;
        assert_eq!(needs(" needs=nothing"), Some(Needs::Nothing));
        assert_eq!(needs(" needs=netns"), Some(Needs::NetworkNamespaces));
        assert_eq!([needs(""), needs(" needs=the-moon")], [None, None]);
    }

    #[test]
    fn a_note_without_a_usable_name_is_none() {
        for content in
            ["", "abi=1.0", "abi=1.0 name=../x version=1", "abi=1 name=x version=1", "abi=1.0 name= version=1"]
        {
            assert_eq!(Note::parse(content.as_bytes()), None, "{content:?}");
        }
    }
}
