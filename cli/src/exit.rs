//! What the process ends with: one table for the code, `--help` and the documents.

use std::process::ExitCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    NotAsWished,
    TooLong,
    Interrupted,
}

impl Exit {
    pub(crate) const ALL: [Self; 6] =
        [Self::Done, Self::Failed, Self::Usage, Self::NotAsWished, Self::TooLong, Self::Interrupted];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotAsWished => 3,
            Self::TooLong => 4,
            Self::Interrupted => 130,
        }
    }

    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "could not: one line on stderr says why",
            Self::Usage => "wrong usage",
            Self::NotAsWished => {
                "not as wished: a difference was found, something needs attention, what was waited for is in ERROR, or \
                 a check was skipped"
            }
            Self::TooLong => "waited for too long: what was asked for goes on",
            Self::Interrupted => "interrupted by Ctrl-C: what was asked for goes on",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table, at the end of the help.
pub(crate) fn help() -> String {
    let lines = Exit::ALL.map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    format!("Exit status:\n{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_table() {
        let page = include_str!("../../docs/cli.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |\n", exit.code(), exit.meaning());
            assert!(page.contains(&row), "docs/cli.md lacks: {row}");
        }
    }
}
