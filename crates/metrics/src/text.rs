//! The two texts: OpenMetrics, and what Prometheus read before it.

use prometheus_client::{encoding::text, registry::Registry};

/// How metrics are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    /// Version 0.0.4 of Prometheus' own text.
    Prometheus,
}

impl Format {
    /// What an `Accept` header asks for. Who does not name OpenMetrics gets the older one.
    #[must_use]
    pub fn asked(accept: &str) -> Self {
        let wants = |one: &str| {
            let mut parts = one.split(';').map(str::trim);
            let refused = |part: &str| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0_f32);
            parts.next() == Some("application/openmetrics-text") && !parts.any(refused)
        };
        if accept.split(',').any(|one| wants(one.trim())) { Self::OpenMetrics } else { Self::Prometheus }
    }

    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

pub(crate) fn write(registry: &Registry, format: Format) -> String {
    let mut told = String::new();
    // Writing to memory does not fail, and neither do our metrics.
    if text::encode(&mut told, registry).is_err() {
        told.clear();
    }
    match format {
        Format::OpenMetrics => told,
        Format::Prometheus => older(&told),
    }
}

/// The older text names a counter by the ending that its samples have, and knows neither units nor an end.
fn older(told: &str) -> String {
    let mut text = String::with_capacity(told.len());
    let mut help = None;
    for line in told.lines() {
        if line.starts_with("# HELP ") {
            help = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let ending = if kind == "counter" { "_total" } else { "" };
            let help = help.take().map(|(_, help)| help).unwrap_or_default();
            text.extend(["# HELP ", name, ending, " ", help, "\n# TYPE ", name, ending, " ", kind, "\n"]);
        } else if !line.starts_with('#') {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_openmetrics_gets_it_and_nobody_else() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("text/plain, application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("application/openmetrics-texts", Format::Prometheus),
            ("text/html", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            assert_eq!(Format::asked(accept), format, "{accept}");
        }
    }
}
