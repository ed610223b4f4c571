//! What a load balancer has counted of late, as its scheduler knows it: four lines, and the numbers that they are of.

use askama::Template;
use ballast_proto::v2::{self, Stats, TrafficPoint};
use prost_types::Timestamp;

use super::{
    chart::Chart,
    number::{bits_per_second, grouped},
    time::{Moment, age, of_day},
};

/// How far back, as the address has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Span {
    #[default]
    TenMinutes,
    TwoHours,
}

impl Span {
    pub(crate) fn named(name: &str) -> Self {
        if name == Self::TwoHours.name() { Self::TwoHours } else { Self::TenMinutes }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::TenMinutes => "10m",
            Self::TwoHours => "2h",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::TenMinutes => "10 min",
            Self::TwoHours => "2 h",
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::TenMinutes => 600,
            Self::TwoHours => 7_200,
        }
    }

    pub(crate) const fn asked(self) -> v2::TrafficSpan {
        match self {
            Self::TenMinutes => v2::TrafficSpan::TenMinutes,
            Self::TwoHours => v2::TrafficSpan::TwoHours,
        }
    }
}

/// The numbers of a step.
struct Row {
    /// In seconds since 1970.
    key: i64,
    since: String,
    coming: String,
    going: String,
    new: u64,
    open: u64,
}

#[derive(Template)]
#[template(path = "late.html")]
pub(crate) struct Late {
    charts: Vec<Chart>,
    /// The newest first; none where no table is wanted.
    rows: Vec<Row>,
    span: Span,
    /// Of the page.
    path: String,
    now: String,
    total: String,
    /// From when on it is known, where that is less than was asked for.
    since: Option<Moment>,
}

impl Late {
    /// `path`: of the page that it is on.
    pub(crate) fn of(path: String, traffic: &v2::Traffic, span: Span, stats: &Stats, now: jiff::Timestamp) -> Self {
        let known = traffic.known_since.as_ref();
        let is_short = |since: &&Timestamp| u64::try_from(age(since, now)).unwrap_or_default() < span.seconds();
        Self {
            charts: charts(traffic, span),
            rows: Vec::new(),
            span,
            path,
            now: grouped(stats.active_connections),
            total: grouped(stats.total_connections),
            since: known.filter(is_short).and_then(|since| Moment::of(since, now)),
        }
    }

    /// With the numbers.
    pub(crate) fn with_table(self, traffic: &v2::Traffic) -> Self {
        let (step, begin) = (i64::from(traffic.step_seconds), traffic.begin.unwrap_or_default());
        let row = |(point, at): (&TrafficPoint, i64)| {
            let seconds = u64::from(traffic.step_seconds);
            let since = Timestamp { seconds: begin.seconds + at * step, ..begin };
            Row {
                key: since.seconds,
                since: of_day(&since).split('.').next().unwrap_or_default().to_owned(),
                coming: bits_per_second(point.bytes_in, seconds),
                going: bits_per_second(point.bytes_out, seconds),
                new: point.new_connections,
                open: point.active_connections,
            }
        };
        let mut rows: Vec<Row> = traffic.points.iter().zip(0..).map(row).collect();
        rows.reverse();
        Self { rows, ..self }
    }

    pub(crate) fn has_charts(&self) -> bool {
        !self.charts.is_empty()
    }

    /// Each with its address, and whether it is this one.
    fn spans(&self) -> [(&'static str, String, bool); 2] {
        [Span::TenMinutes, Span::TwoHours].map(|span| {
            let query = if span == Span::default() { String::new() } else { format!("?span={}", span.name()) };
            (span.words(), format!("{}{query}", self.path), span == self.span)
        })
    }
}

fn charts(traffic: &v2::Traffic, span: Span) -> Vec<Chart> {
    let seconds = u64::from(traffic.step_seconds).max(1);
    let room = usize::try_from(span.seconds() / seconds).unwrap_or_default();
    let values = |of: fn(&TrafficPoint) -> u64| traffic.points.iter().map(of).collect::<Vec<u64>>();
    let rate = |bytes: u64| bits_per_second(bytes, seconds);
    let new = |count: u64| format!("{} in {}", grouped(count), if seconds < 60 { "10 s" } else { "1 min" });
    let axis = (room, Some(span.words()));
    let charts = [
        Chart::over("In", &values(|point| point.bytes_in), axis, rate),
        Chart::over("Out", &values(|point| point.bytes_out), axis, rate),
        Chart::over("Connections", &values(|point| point.active_connections), axis, grouped),
        Chart::over("New connections", &values(|point| point.new_connections), axis, new),
    ];
    charts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;

    #[test]
    fn what_was_asked_for_is_said_and_less_than_that_too() {
        let now = samples::now();
        for (name, span) in [("2h", Span::TwoHours), ("10m", Span::TenMinutes), ("", Span::TenMinutes)] {
            assert_eq!(Span::named(name), span);
        }
        let late = |traffic: &v2::Traffic, span| Late::of("/ui/x".to_owned(), traffic, span, &samples::stats(), now);
        let known = samples::traffic();
        let (short, long) = (late(&known, Span::TenMinutes), late(&known, Span::TwoHours));
        assert!(short.since.is_none() && long.since.is_some(), "it is known for an hour");
        assert_eq!(long.spans(), [("10 min", "/ui/x".to_owned(), false), ("2 h", "/ui/x?span=2h".to_owned(), true)]);
        assert_eq!((short.charts.len(), short.rows.len()), (4, 0));
        let rows = short.with_table(&known).rows;
        assert_eq!((rows.len(), rows[0].key - rows[1].key, rows[1].new), (3, 10, 2));
        let unknown = late(&v2::Traffic::default(), Span::TenMinutes);
        assert!(!unknown.has_charts() && unknown.since.is_none());
    }
}
