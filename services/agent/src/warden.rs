//! The warden: a process that outlives the agent, and sees that an address has one owner.
//!
//! ```text
//! agent  -- what runs here, and how long nobody can have given it to others -->  warden
//!        <-- who else says that an address is theirs, and what was let go of --
//! ```
//!
//! It has a packet socket in the namespace of each load balancer. While the lease lasts, a claim of somebody else is answered by
//! an announcement; after it, the address is let go of: whoever has taken over can be heard, and nobody can be asked
//! ([`judge`]). It never lets go of anything because of time alone.
//!
//! One for each state directory, found by a socket in it. It is made when there is something to watch, and ends when an
//! agent of another build comes, or nothing is left and no agent is there.

mod attend;
mod bar;
pub(crate) mod client;
mod election;
mod judge;
mod place;
mod process;
mod side;
mod talk;

use std::{
    fmt,
    fs::File,
    io,
    net::IpAddr,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

use nix::{
    sys::stat::stat,
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

pub use process::run;

/// A load balancer that answers here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    pub(crate) id: String,
    /// The name of its namespace.
    pub(crate) namespace: PathBuf,
    /// Of its link there.
    pub(crate) mac: [u8; 6],
    pub(crate) addresses: Vec<IpAddr>,
    /// It is to be taken away: whoever says that it is theirs is right.
    pub(crate) leaving: bool,
    /// Who had it before may answer as well.
    pub(crate) contested: bool,
    /// It is one of two, and `addresses` are its own.
    #[serde(default)]
    pub(crate) side: Option<Side>,
}

/// One of two sides, of which one answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    /// 1 or 2.
    pub(crate) number: u8,
    /// At which one of them answers.
    pub(crate) vips: Vec<IpAddr>,
    /// The other one's own addresses, in the order of the VIP's. Empty: it is nowhere yet.
    pub(crate) peers: Vec<IpAddr>,
    pub(crate) key: Key,
    /// It is deployed here.
    pub(crate) ready: bool,
    /// The highest that is remembered.
    pub(crate) term: u64,
    /// From this term on this side is to answer, or the other.
    pub(crate) ordered: (u64, bool),
    /// Of TCP. Where nobody listens any more at the VIP, there is nobody to answer.
    pub(crate) ports: Vec<u16>,
}

/// What both sides sign with. It is in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Key(pub(crate) [u8; 32]);

impl Key {
    /// `None`: it is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Key")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        hex::encode(key.0)
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        hex::decode(text).ok().and_then(|bytes| Self::read(&bytes)).ok_or("it is no key")
    }
}

impl Watched {
    /// All that somebody else may claim.
    fn claimable(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().copied().chain(self.side.iter().flat_map(|side| side.vips.iter().copied()))
    }
}

/// What the agent says, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    Begin {
        build: String,
    },
    Watch(Watched),
    /// All that is to be watched was told since the beginning.
    Whole,
    /// It is about to be taken away: nothing is to be open in its namespace.
    Forget {
        id: String,
    },
    /// It was plugged in.
    Plugged {
        id: String,
    },
    /// Until then nobody can have given to others what is here.
    Lease {
        until: u64,
    },
    /// Another warden takes its place.
    End,
}

/// What the warden says, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    Here { build: String },
    Conflict(Conflict),
    Forgot { id: String },
    Standing(Standing),
}

/// How one of two sides stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) id: String,
    /// The highest that it knows of.
    pub(crate) term: u64,
    /// It answers.
    pub(crate) active: bool,
    /// The other one is heard.
    pub(crate) peer_heard: bool,
}

/// Somebody else says that an address is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conflict {
    pub(crate) id: String,
    pub(crate) address: IpAddr,
    pub(crate) mac: [u8; 6],
    /// It was let go of.
    pub(crate) withdrawn: bool,
}

/// The longest line. Longer ones are no agent's.
const LONGEST: usize = 64 << 10;

/// Milliseconds since the machine's start, also those in which it slept: all its processes have the same.
pub(crate) fn now() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_BOOTTIME) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    seconds * 1_000 + u64::try_from(time.tv_nsec()).unwrap_or_default() / 1_000_000
}

/// Which program this is: one that was replaced on the disk is another.
fn build() -> String {
    let file = stat("/proc/self/exe").map(|file| format!("{}:{}", file.st_dev, file.st_ino)).unwrap_or_default();
    format!("{} {file}", env!("CARGO_PKG_VERSION"))
}

/// The socket by a path that is short enough, however long the folder's is. It is good as long as the file is open.
fn socket_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    let open = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/warden.sock", open.as_raw_fd()));
    Ok((open, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_this_program_is_itself() {
        let before = now();
        assert!(before > 0 && now() >= before);
        assert_eq!(build(), build());
    }

    #[test]
    fn what_is_told_is_one_short_line() {
        let watched = Watched {
            id: "i".repeat(64),
            namespace: PathBuf::from("/run/netns/\nqlbaas"),
            mac: [0xff; 6],
            addresses: vec!["fd00:1111:2222:3333:4444:5555:6666:7777".parse().unwrap(); 128],
            leaving: true,
            contested: true,
            side: Some(Side {
                number: 2,
                vips: vec!["fd00:1111:2222:3333:4444:5555:6666:7777".parse().unwrap(); 128],
                peers: vec!["fd00:1111:2222:3333:4444:5555:6666:7777".parse().unwrap(); 128],
                key: Key([0xab; 32]),
                ready: true,
                term: u64::MAX,
                ordered: (u64::MAX, true),
                ports: vec![u16::MAX; 100],
            }),
        };
        assert!(!format!("{watched:?}").to_lowercase().contains("abab"), "a key is in no log");
        let line = serde_json::to_string(&Told::Watch(watched.clone())).unwrap();
        assert!(line.len() < LONGEST && !line.contains('\n'));
        assert_eq!(serde_json::from_str::<Told>(&line).unwrap(), Told::Watch(watched));
    }
}
