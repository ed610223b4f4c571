//! What a load balancer and its parts have counted, and how fast, as long as somebody looks.

use std::{collections::VecDeque, time::Duration};

use askama::Template;
use ballast_proto::v2::Stats;

use super::{
    chart::{Chart, POINTS},
    late::Late,
    number::{bytes, grouped},
    one::Head,
};

/// What was counted at moments of late: kept by the stream of an open page, and gone with it.
#[derive(Debug, Default)]
pub(crate) struct Memory(VecDeque<(Duration, Stats)>);

impl Memory {
    /// Another look. Looks that follow too closely say nothing of how fast it goes.
    pub(crate) fn note(&mut self, at: Duration, stats: Stats) {
        let is_close = |last: &(Duration, Stats)| at.saturating_sub(last.0) < Duration::from_secs(1);
        if self.0.back().is_some_and(is_close) {
            return;
        }
        if self.0.len() > POINTS {
            self.0.pop_front();
        }
        self.0.push_back((at, stats));
    }

    /// What grew, in a second, between each two looks.
    fn rates(&self, of: impl Fn(&Stats) -> u64) -> Vec<u64> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        let rate = |(before, after): (&(Duration, Stats), &(Duration, Stats))| {
            let passed = u64::try_from(after.0.saturating_sub(before.0).as_millis()).unwrap_or(u64::MAX).max(1);
            of(&after.1).saturating_sub(of(&before.1)).saturating_mul(1_000) / passed
        };
        pairs.map(rate).collect()
    }

    fn charts(&self) -> Vec<Chart> {
        let per_second = |number: u64| format!("{}/s", bytes(number));
        let now: Vec<u64> = self.0.iter().map(|(_, stats)| stats.active_connections).collect();
        let charts = [
            Chart::of("In", &self.rates(|stats| stats.bytes_in), per_second),
            Chart::of("Out", &self.rates(|stats| stats.bytes_out), per_second),
            Chart::of("New connections", &self.rates(|stats| stats.total_connections), |one| format!("{one}/s")),
            Chart::of("Connections", &now, grouped),
        ];
        charts.into_iter().flatten().collect()
    }
}

/// A part with its counters.
struct Row {
    id: String,
    kind: &'static str,
    name: String,
    now: String,
    total: String,
    coming: String,
    going: String,
    errors: String,
}

/// A part, what kind it is of, and its counters.
pub(crate) struct Counted {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) stats: Stats,
}

#[derive(Template)]
#[template(path = "traffic.html")]
pub(crate) struct Traffic {
    head: Head,
    late: Late,
    rows: Vec<Row>,
    /// Where its scheduler knows nothing of late.
    charts: Vec<Chart>,
    /// Members that are not shown.
    more: usize,
}

impl Traffic {
    pub(crate) fn of(head: Head, late: Late, counted: Vec<Counted>, more: usize, memory: &Memory) -> Self {
        let row = |one: Counted| Row {
            id: one.id,
            kind: one.kind,
            name: one.name,
            now: grouped(one.stats.active_connections),
            total: grouped(one.stats.total_connections),
            coming: bytes(one.stats.bytes_in),
            going: bytes(one.stats.bytes_out),
            errors: grouped(one.stats.request_errors),
        };
        let charts = if late.has_charts() { Vec::new() } else { memory.charts() };
        Self { head, late, rows: counted.into_iter().map(row).collect(), charts, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_that_passed_and_never_negative() {
        let mut memory = Memory::default();
        let stats = |bytes_in| Stats { bytes_in, ..Stats::default() };
        for (milliseconds, bytes_in) in [(0, 0), (500, 9), (2_000, 1_000), (4_000, 1_000), (5_000, 10)] {
            memory.note(Duration::from_millis(milliseconds), stats(bytes_in));
        }
        assert_eq!(memory.rates(|stats| stats.bytes_in), [500, 0, 0]);
        for second in 10..1_000 {
            memory.note(Duration::from_secs(second), stats(second));
        }
        assert!(memory.0.len() <= POINTS + 1);
    }
}
