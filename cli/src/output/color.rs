//! Colours: words of a status, where a person reads them.

use std::sync::atomic::{AtomicU8, Ordering};

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, where `NO_COLOR` is not set
    Auto,
    Always,
    Never,
}

const AUTO: u8 = 0;
const ALWAYS: u8 = 1;
const NEVER: u8 = 2;

/// What was asked for, once for the process.
static CHOSEN: AtomicU8 = AtomicU8::new(AUTO);

impl Color {
    /// From now on it is so.
    pub(crate) fn choose(self) {
        let chosen = match self {
            Self::Auto => AUTO,
            Self::Always => ALWAYS,
            Self::Never => NEVER,
        };
        CHOSEN.store(chosen, Ordering::Relaxed);
    }
}

/// Whether there are colours, on a terminal or on something else.
pub(super) fn is_on(terminal: bool) -> bool {
    match CHOSEN.load(Ordering::Relaxed) {
        ALWAYS => true,
        NEVER => false,
        _ => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// The text with its statuses in their colours. It is as wide as it was.
pub(super) fn paint(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut painted = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(is_part).unwrap_or(rest.len());
        painted.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        match color(word) {
            Some(color) => painted.extend([color, word, PLAIN]),
            None => painted.push_str(word),
        }
        rest = &rest[end..];
    }
    painted
}

fn color(word: &str) -> Option<&'static str> {
    Some(match word {
        "ACTIVE" | "ONLINE" | "READY" | "alive" => GREEN,
        "PENDING_CREATE" | "PENDING_UPDATE" | "PENDING_DELETE" | "DEGRADED" | "DRAINING" | "STARTING" | "suspect" => {
            YELLOW
        }
        "ERROR" | "FAILED" | "dead" | "DOWN" => RED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_alone_are_painted_and_nothing_is_lost() {
        let text = "web  ACTIVE  ERRORS my-ERROR ERROR\nöß ";
        let painted = paint(text);
        assert_eq!(painted, "web  \x1b[32mACTIVE\x1b[0m  ERRORS my-ERROR \x1b[31mERROR\x1b[0m\nöß ");
        let plain = [GREEN, YELLOW, RED, PLAIN].iter().fold(painted, |text, code| text.replace(code, ""));
        assert_eq!(plain, text);
        assert_eq!(paint(""), "");
    }
}
