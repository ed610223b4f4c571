//! The table as Markdown, for docs/errors.md.

use crate::{Entry, Kind, all};

/// What to do about each code of an error.
#[must_use]
pub fn codes_table() -> String {
    let rows = all().filter(|entry| entry.kind == Kind::Code).map(|entry| {
        format!("| `{}` | {} | {} | {} |\n", entry.word, entry.meaning, entry.next.title(), or_dash(entry.todo))
    });
    format!("| code | means | acts next | do |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

/// What all other words mean.
#[must_use]
pub fn words_table() -> String {
    let row = |entry: &Entry| {
        let cells = [entry.meaning, entry.next.title(), or_dash(entry.at_most), or_dash(entry.todo)];
        format!("| {} | `{}` | {} |\n", entry.kind.title(), entry.word, cells.join(" | "))
    };
    let rows = all().filter(|entry| entry.kind != Kind::Code).map(row);
    format!(
        "| | word | means | acts next | for how long at most | do |\n|---|---|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

const fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
