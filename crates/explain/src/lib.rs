//! What statuses, errors and other words of Ballast mean, who acts next, for how long at most, and what to do.
//!
//! One table, so that `ballast explain`, the documents and pages say the same. Plain texts and no code of others: it
//! knows no transport, and a test holds it to the model's codes and statuses.

mod certificates;
mod codes;
mod page;
mod statuses;
mod words;

pub use page::{codes_table, words_table};

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// How far our work on an object is.
    Provisioning,
    /// How the traffic of an object fares.
    Operating,
    /// How long an agent was not heard of.
    Liveness,
    /// How far an agent is with a driver.
    Driver,
    /// How it stands with a certificate.
    Certificate,
    /// What a change does to what serves.
    Effect,
    /// What a change does to connections.
    Connections,
    /// How the check of a member ended.
    Check,
    /// The code of an error.
    Code,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Provisioning,
        Self::Operating,
        Self::Liveness,
        Self::Driver,
        Self::Certificate,
        Self::Effect,
        Self::Connections,
        Self::Check,
        Self::Code,
    ];

    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning status",
            Self::Operating => "operating status",
            Self::Liveness => "liveness of an agent",
            Self::Driver => "state of a driver",
            Self::Certificate => "state of a certificate",
            Self::Effect => "effect of a change",
            Self::Connections => "what becomes of connections",
            Self::Check => "result of a member's check",
            Self::Code => "error",
        }
    }
}

/// A word, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    /// As it is on the wire.
    pub word: &'static str,
    pub meaning: &'static str,
    /// Who acts next.
    pub next: Next,
    /// For how long at most it stays so by itself; empty: until somebody acts.
    pub at_most: &'static str,
    /// What a person does; empty: nothing.
    pub todo: &'static str,
}

/// Who acts next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nobody: it is well, or it is over.
    Nobody,
    /// Who called.
    You,
    /// An operator.
    Operator,
    /// Ballast itself.
    Ballast,
    /// A member's own server, or who runs it.
    Member,
}

impl Next {
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::You => "you",
            Self::Operator => "an operator",
            Self::Ballast => "Ballast, by itself",
            Self::Member => "the member's server",
        }
    }
}

/// All of them, kind after kind.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    statuses::ALL.iter().chain(certificates::ALL).chain(words::ALL).chain(codes::ALL)
}

/// The one of this kind.
#[must_use]
pub fn of(kind: Kind, word: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.kind == kind && entry.word == word)
}

/// Everything that this word means, however it is written: `no-eligible-agent` is `NO_ELIGIBLE_AGENT`.
#[must_use]
pub fn find(word: &str) -> Vec<&'static Entry> {
    let wanted = plain(word);
    all().filter(|entry| plain(entry.word) == wanted).collect()
}

/// Words that look like this one, for who mistyped: those that have it in them, or begin alike.
#[must_use]
pub fn alike(word: &str) -> Vec<&'static str> {
    let wanted = plain(word);
    let start: String = wanted.chars().take(4).collect();
    if start.len() < 2 {
        return Vec::new();
    }
    let looks = |entry: &&Entry| {
        let known = plain(entry.word);
        known.contains(&wanted) || known.starts_with(&start)
    };
    let mut words: Vec<_> = all().filter(looks).map(|entry| entry.word).collect();
    words.dedup();
    words
}

/// Letters and digits alone, all large.
fn plain(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_however_it_is_written() {
        for word in ["NO_ELIGIBLE_AGENT", "no-eligible-agent", "NoEligibleAgent"] {
            assert_eq!(find(word).len(), 1, "{word}");
        }
        let kinds: Vec<_> = find("error").iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [Kind::Provisioning, Kind::Operating]);
        assert!(find("nosuch").is_empty() && find("").is_empty());
        assert!(alike("PENDING").contains(&"PENDING_CREATE"));
        assert!(alike("").is_empty() && alike("zzzz").is_empty());
    }

    #[test]
    fn every_word_is_explained_once_for_its_kind_in_whole_sentences() {
        let mut seen = Vec::new();
        for entry in all() {
            assert!(!seen.contains(&(entry.kind, entry.word)), "{} is there twice", entry.word);
            seen.push((entry.kind, entry.word));
            assert!(entry.meaning.ends_with('.'), "{}: {}", entry.word, entry.meaning);
            for text in [entry.meaning, entry.todo, entry.at_most] {
                assert!(!text.contains('|') && !text.contains('\n') && text.trim() == text, "{}: {text}", entry.word);
            }
            let idle = matches!(entry.next, Next::Nobody | Next::Ballast);
            assert!(idle || !entry.todo.is_empty(), "{}: what is to be done?", entry.word);
            assert!(entry.next != Next::Ballast || !entry.at_most.is_empty(), "{}: for how long?", entry.word);
        }
        assert!(Kind::ALL.iter().all(|kind| seen.iter().any(|(known, _)| known == kind)));
    }
}
