//! What a word means, who acts next, for how long at most, and what to do: the texts are those of `ballast explain`.

use askama::Template;
use ballast_explain::{Entry, Kind};

/// A text with commands and names in it, which stand between backticks.
#[derive(Debug, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = "{% for (is_code, part) in parts %}{% if *is_code %}<code>{{ part }}</code>{% else %}{{ part }}{% endif %}\
              {% endfor %}"
)]
struct Prose {
    parts: Vec<(bool, &'static str)>,
}

impl Prose {
    fn of(text: &'static str) -> Self {
        Self { parts: text.split('`').enumerate().map(|(at, part)| (at % 2 == 1, part)).collect() }
    }
}

/// A word in the list of all.
struct Row {
    word: &'static str,
    meaning: Prose,
}

/// All words of a kind.
struct Words {
    title: &'static str,
    rows: Vec<Row>,
}

/// Every word there is.
#[derive(Template)]
#[template(path = "explain.html")]
pub(crate) struct Explain {
    kinds: Vec<Words>,
}

impl Explain {
    pub(crate) fn all() -> Self {
        let row = |entry: &Entry| Row { word: entry.word, meaning: Prose::of(entry.meaning) };
        let words = |kind: Kind| Words {
            title: kind.title(),
            rows: ballast_explain::all().filter(|entry| entry.kind == kind).map(row).collect(),
        };
        Self { kinds: Kind::ALL.into_iter().map(words).collect() }
    }
}

/// What a word means as a word of one kind.
struct Meaning {
    of: &'static str,
    meaning: Prose,
    next: &'static str,
    at_most: Option<Prose>,
    todo: Option<Prose>,
}

/// One word. It can be one of several kinds.
#[derive(Template)]
#[template(path = "explain_one.html")]
pub(crate) struct ExplainOne {
    pub(crate) word: &'static str,
    meanings: Vec<Meaning>,
}

impl ExplainOne {
    /// None: there is no such word.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let found = ballast_explain::find(word);
        let some = |text: &'static str| (!text.is_empty()).then(|| Prose::of(text));
        let meaning = |entry: &&'static Entry| Meaning {
            of: entry.kind.title(),
            meaning: Prose::of(entry.meaning),
            next: entry.next.title(),
            at_most: some(entry.at_most),
            todo: some(entry.todo),
        };
        Some(Self { word: found.first()?.word, meanings: found.iter().map(meaning).collect() })
    }
}
