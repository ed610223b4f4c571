//! Sets, maps and their elements.
//!
//! The kernel knows only the lengths of keys and data. What they are and in which byte order they are is said for
//! `nft list ruleset`, which an operator may use: it shows a mark reversed otherwise.

use super::attribute::Attributes;

/// What a key or a datum is: the number that the nft program gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Ipv4,
    Ipv6,
    Protocol,
    Port,
    Mark,
}

impl Kind {
    fn code(self) -> u32 {
        match self {
            Self::Number => 4,
            Self::Ipv4 => 7,
            Self::Ipv6 => 8,
            Self::Protocol => 12,
            Self::Port => 13,
            Self::Mark => 19,
        }
    }

    /// In bytes.
    fn length(self) -> u32 {
        match self {
            Self::Protocol => 1,
            Self::Port => 2,
            Self::Number | Self::Ipv4 | Self::Mark => 4,
            Self::Ipv6 => 16,
        }
    }

    fn is_hosts_order(self) -> bool {
        match self {
            Self::Number | Self::Mark => true,
            Self::Ipv4 | Self::Ipv6 | Self::Protocol | Self::Port => false,
        }
    }
}

/// What a set has for its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Nothing,
    Data(Vec<Kind>),
    Verdicts,
    /// Names of counters.
    Counters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    pub name: String,
    pub key: Vec<Kind>,
    pub content: Content,
    /// Elements are ends of intervals.
    pub interval: bool,
    /// Rules fill it, and say how long an element stays.
    pub dynamic: bool,
    /// At most so many elements.
    pub size: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub key: Vec<u8>,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Nothing,
    /// The first key that is not of the interval any more.
    End,
    Data(Vec<u8>),
    /// Of a set that rules fill: gone after so long.
    Remembered {
        data: Vec<u8>,
        milliseconds: u64,
    },
    GoTo(String),
    Counter(String),
}

const INTERVAL: u32 = 4;
const MAP: u32 = 8;
const TIMEOUT: u32 = 16;
const FILLED_BY_RULES: u32 = 32;
const OBJECTS: u32 = 64;
const VERDICTS: u32 = 0xffff_ff00;
const COUNTERS: u32 = 1;
const GO_TO: i32 = -4;

impl Set {
    fn flags(&self) -> u32 {
        let content = match self.content {
            Content::Nothing => 0,
            Content::Data(_) | Content::Verdicts => MAP,
            // Together with MAP it is refused.
            Content::Counters => OBJECTS,
        };
        let interval = if self.interval { INTERVAL } else { 0 };
        let dynamic = if self.dynamic { TIMEOUT | FILLED_BY_RULES } else { 0 };
        content | interval | dynamic
    }

    /// `id` tells sets of a batch apart.
    pub(super) fn encode(&self, table: &str, id: u32) -> Attributes {
        let (key, key_length) = kinds(&self.key);
        let mut written = Attributes::new().text(1, table).text(2, &self.name).number(3, self.flags());
        written = written.number(4, key).number(5, key_length);
        written = match &self.content {
            Content::Nothing => written,
            Content::Data(data) => {
                let (data, length) = kinds(data);
                written.number(6, data).number(7, length)
            }
            Content::Verdicts => written.number(6, VERDICTS),
            Content::Counters => written.number(15, COUNTERS),
        };
        if let Some(size) = self.size {
            written = written.nested(9, &Attributes::new().number(1, size));
        }
        written = written.number(10, id);
        let data = match &self.content {
            Content::Data(data) => order(data),
            Content::Nothing | Content::Verdicts | Content::Counters => NETWORKS_ORDER,
        };
        // Two records of type, length and a number of the host's order.
        written.bytes(13, &[0, 4, order(&self.key), 0, 0, 0, 1, 4, data, 0, 0, 0])
    }
}

const HOSTS_ORDER: u8 = 1;
const NETWORKS_ORDER: u8 = 2;

fn order(kinds: &[Kind]) -> u8 {
    if kinds.iter().all(|kind| kind.is_hosts_order()) { HOSTS_ORDER } else { NETWORKS_ORDER }
}

/// The type of a concatenation, six bits for each part, and its length: each part has whole registers. One alone is
/// as long as it is.
fn kinds(kinds: &[Kind]) -> (u32, u32) {
    if let [one] = kinds {
        return (one.code(), one.length());
    }
    let add = |(code, length), kind: &Kind| (code << 6 | kind.code(), length + kind.length().next_multiple_of(4));
    kinds.iter().fold((0, 0), add)
}

impl Element {
    pub fn new(key: impl Into<Vec<u8>>, value: Value) -> Self {
        Self { key: key.into(), value }
    }

    pub(super) fn encode(&self) -> Attributes {
        let key = Attributes::new().nested(1, &data(&self.key));
        match &self.value {
            Value::Nothing => key,
            Value::End => key.number(3, 1),
            Value::Data(bytes) => key.nested(2, &data(bytes)),
            Value::Remembered { data: bytes, milliseconds } => {
                key.nested(2, &data(bytes)).long(4, *milliseconds).long(5, *milliseconds)
            }
            Value::GoTo(chain) => {
                let verdict = Attributes::new().bytes(1, &GO_TO.to_be_bytes()).text(2, chain);
                key.nested(2, &Attributes::new().nested(2, &verdict))
            }
            Value::Counter(name) => key.text(9, name),
        }
    }
}

fn data(bytes: &[u8]) -> Attributes {
    Attributes::new().bytes(1, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_objects_is_not_flagged_as_a_map_too() {
        let set = |content, dynamic| Set {
            name: "s".to_owned(),
            key: vec![Kind::Mark],
            content,
            interval: false,
            dynamic,
            size: None,
        };
        assert_eq!(set(Content::Counters, false).flags(), 64);
        assert_eq!(set(Content::Verdicts, false).flags(), 8);
        assert_eq!(set(Content::Data(vec![Kind::Mark]), true).flags(), 8 | 16 | 32);
    }

    #[test]
    fn a_concatenation_has_six_bits_for_each_part() {
        assert_eq!(kinds(&[Kind::Ipv4, Kind::Protocol, Kind::Port]), (7 << 12 | 12 << 6 | 13, 12));
        assert_eq!(kinds(&[Kind::Ipv6, Kind::Port]).1, 20);
        assert_eq!(kinds(&[Kind::Port]), (13, 2));
    }
}
