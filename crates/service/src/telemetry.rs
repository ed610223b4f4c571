//! Logs: text for people or JSON for machines, on stderr. An event is one line, whatever is in it: in what others have said,
//! a line's end is written as `\n`, so that nobody forges a line.

use std::fmt::{self, Write as _};

use serde::Deserialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Writer, debug_fn},
    },
    registry::LookupSpan,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// Section `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: Format,
    /// A level (`info`) or directives (`info,ballast_agent=debug`), as `tracing_subscriber::EnvFilter` reads them.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::Text, level: "info".to_owned() }
    }
}

/// Starts logging for this process. Where a subscriber runs already (tests), it stays.
///
/// # Errors
/// When `level` cannot be read; the text says why.
pub fn init(log: &Log) -> Result<(), String> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| format!("log.level = \"{}\": {error}", log.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match log.format {
        Format::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let builder = builder.with_ansi(colours).fmt_fields(in_one_line());
            builder.map_event_format(|inner| WithTrace { inner, format: log.format }).try_init()
        }
        Format::Json => {
            let builder = builder.json().flatten_event(true);
            builder.map_event_format(|inner| WithTrace { inner, format: log.format }).try_init()
        }
    };
    Ok(())
}

/// Events, with the id of the trace that they belong to, if that is followed.
struct WithTrace<F> {
    inner: F,
    format: Format,
}

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(id) = ballast_traces::current_id() else { return self.inner.format_event(context, writer, event) };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_trace(line.trim_end_matches('\n'), &id, self.format))
    }
}

fn with_trace(line: &str, id: &str, format: Format) -> String {
    match (format, line.strip_suffix('}')) {
        (Format::Json, Some(open)) => format!("{open},\"trace_id\":\"{id}\"}}\n"),
        _ => format!("{line} trace_id={id}\n"),
    }
}

/// Writes the fields of events and spans, without a character that ends a line, moves a cursor or turns the text around.
fn in_one_line() -> impl for<'a> FormatFields<'a> + 'static {
    debug_fn(|writer, field, value| match field.name() {
        "message" => write!(Escaped(writer), "{value:?}"),
        name => {
            write!(writer, "{}=", name.trim_start_matches("r#"))?;
            write!(Escaped(writer), "{value:?}")
        }
    })
    .delimited(" ")
}

struct Escaped<'a, W>(&'a mut W);

impl<W: fmt::Write> fmt::Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, bad)) = rest.char_indices().find(|(_, character)| is_bad(*character)) {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "{}", bad.escape_default())?;
            rest = &rest[at + bad.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

fn is_bad(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// What others may say: each with a second line that looks like ours.
    const HOSTILE: &[&str] = &[
        "a\n2026-01-01T00:00:00.000000Z  INFO forged",
        "a\r\nforged",
        "a\rforged",
        "\u{1b}[2J\u{1b}[Hforged",
        "a\u{85}\u{9b}forged\0\u{7}\u{8}",
        "a\u{2028}forged\u{2029}\u{202e}degrof\u{2066}",
    ];

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(colours: bool, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let builder = tracing_subscriber::fmt().with_ansi(colours).fmt_fields(in_one_line());
        tracing::subscriber::with_default(builder.with_writer(move || writer.clone()).finish(), log);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_its_fields_and_its_message() {
        for text in HOSTILE {
            let owned = (*text).to_owned();
            let error = io::Error::other(owned.clone());
            let events: [&dyn Fn(); 8] = [
                &|| tracing::info!("{text}"),
                &|| tracing::info!("agent {} came", owned),
                &|| tracing::info!(host = text, "x"),
                &|| tracing::info!(host = %text, "x"),
                &|| tracing::info!(host = ?text, "x"),
                &|| tracing::info!(text, id = %owned, why = owned.as_str(), "{text}"),
                &|| tracing::info!(error = &error as &dyn std::error::Error, "x"),
                &|| {
                    let span = tracing::info_span!("rest", path = text, id = %text, later = tracing::field::Empty);
                    span.record("later", text);
                    span.in_scope(|| tracing::info!("x"));
                },
            ];
            for (index, event) in events.iter().enumerate() {
                let said = logged(false, event);
                let (line, rest) = said.split_once('\n').unwrap();
                assert!(rest.is_empty() && !line.contains(is_bad), "{index} {text:?}: {said:?}");
                assert!(line.contains("forged") || line.contains("degrof"), "{index}: {said:?}");
                let coloured = logged(true, event);
                assert!(coloured.lines().count() == 1 && !coloured.contains("\u{1b}[2J"), "{index}: {coloured:?}");
            }
        }
    }

    #[test]
    fn a_line_ends_with_its_trace() {
        assert_eq!(with_trace("INFO x", "4bf9", Format::Text), "INFO x trace_id=4bf9\n");
        let json = with_trace(r#"{"level":"INFO"}"#, "4bf9", Format::Json);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["trace_id"], "4bf9");
    }

    #[test]
    fn what_is_harmless_looks_as_it_always_did() {
        let said = logged(false, || {
            let span = tracing::info_span!("rest", method = "GET", path = %"/v2.0");
            span.in_scope(|| tracing::warn!(count = 3, name = "ü x", why = %"it's gone", "found {}", "[1]"));
        });
        let after = said.split_once("WARN ").unwrap().1;
        let expected = "rest{method=\"GET\" path=/v2.0}: ballast_service::telemetry::tests: found [1] count=3 name=\"ü x\" \
                        why=it's gone\n";
        assert_eq!(after, expected);
    }
}
