//! What ends a demo early. It is read by a person at a terminal, at once: so it is one text, with a log to look into.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
};

use ballast_lab::LabError;

/// A failure: what, where and what to do; and the log of the service that may know more.
#[derive(Debug)]
pub(crate) struct DemoError {
    text: String,
    log: Option<PathBuf>,
}

impl DemoError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), log: None }
    }

    /// `what` with the error and all its sources.
    pub(crate) fn because(what: impl fmt::Display, error: &dyn Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        Self { text, log: None }
    }

    /// For `map_err`.
    pub(crate) fn when<E: Error>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::because(what, &error)
    }

    pub(crate) fn with_log(mut self, log: Option<&Path>) -> Self {
        self.log = self.log.or_else(|| log.map(Path::to_owned));
        self
    }

    pub(crate) fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<LabError> for DemoError {
    fn from(error: LabError) -> Self {
        Self::because("the lab", &error)
    }
}
