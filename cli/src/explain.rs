//! `ballast explain`: what a status, an error or a field means, and what to do. Asks nobody.

use ballast_explain::{Entry, Kind, Next};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    complete,
    exit::Exit,
    failure::Failure,
    output::{self, Format, Print},
    table, v2,
};

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// As ERROR, NO_ELIGIBLE_AGENT, L7STS, weight or pools.lb_algorithm; none: all words
    #[arg(value_name = "WORD", add = complete::words())]
    word: Option<String>,
}

/// What was found.
struct Found {
    words: Vec<&'static Entry>,
    fields: Vec<v2::Explained>,
    /// Whether one word was asked for.
    whole: bool,
}

/// # Errors
/// When nothing has this name.
pub(crate) fn run(explain: &Explain, format: &Format) -> Result<Exit, Failure> {
    let found = match &explain.word {
        None => Found { words: ballast_explain::all().collect(), fields: v2::explained(None), whole: false },
        Some(word) => Found { words: ballast_explain::find(word), fields: v2::explained(Some(word)), whole: true },
    };
    if let (true, true, Some(word)) = (found.words.is_empty(), found.fields.is_empty(), &explain.word) {
        return Err(Failure::Unexplained { word: crate::find::plain(word), alike: alike(word) });
    }
    output::print(format, &found).map(|()| Exit::Done)
}

fn alike(word: &str) -> String {
    let known = ballast_explain::alike(word);
    if known.is_empty() { "`ballast explain` lists all".to_owned() } else { format!("is it {}?", known.join(", ")) }
}

impl Print for Found {
    fn table(&self, _wide: bool) -> String {
        if self.whole {
            let words = self.words.iter().map(|entry| page(entry));
            let fields = self.fields.iter().map(v2::Explained::page);
            return words.chain(fields).collect::<Vec<_>>().join("\n");
        }
        let words = self.words.iter().map(|entry| row(entry.word, entry.kind.title(), entry.meaning));
        let fields = self.fields.iter().map(|field| row(&field.name(), "field", field.help));
        table::table(&["WORD", "IS", "MEANS"], &words.chain(fields).collect::<Vec<_>>())
    }

    fn value(&self) -> Option<Value> {
        let words = self.words.iter().map(|entry| {
            json!({ "word": entry.word, "kind": kind(entry.kind), "meaning": entry.meaning, "next": next(entry.next),
                "at_most": some(entry.at_most), "do": some(entry.todo) })
        });
        Some(words.chain(self.fields.iter().map(v2::Explained::value)).collect())
    }

    fn names(&self) -> Vec<String> {
        let words = self.words.iter().map(|entry| entry.word.to_owned());
        words.chain(self.fields.iter().map(v2::Explained::name)).collect()
    }
}

fn row(word: &str, is: &str, means: &str) -> Vec<String> {
    vec![word.to_owned(), is.to_owned(), means.to_owned()]
}

fn page(entry: &Entry) -> String {
    let mut text = format!("{}: {}\n  {}\n", entry.word, entry.kind.title(), entry.meaning);
    let lines = [("acts next", entry.next.title()), ("at most", entry.at_most), ("do", entry.todo)];
    for (title, said) in lines.into_iter().filter(|(_, said)| !said.is_empty()) {
        text.push_str(&format!("  {title:<10} {said}\n"));
    }
    text
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Provisioning => "provisioning_status",
        Kind::Operating => "operating_status",
        Kind::Liveness => "liveness",
        Kind::Driver => "driver",
        Kind::Certificate => "certificate",
        Kind::Effect => "effect",
        Kind::Connections => "connections",
        Kind::Check => "check",
        Kind::Code => "code",
    }
}

const fn next(next: Next) -> &'static str {
    match next {
        Next::Nobody => "nobody",
        Next::You => "caller",
        Next::Operator => "operator",
        Next::Ballast => "ballast",
        Next::Member => "member",
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
