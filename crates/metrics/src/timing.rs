//! How long things take: a histogram of atomic numbers. Noting a time is two additions.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};

/// The upper bounds of a histogram's buckets, in seconds and ascending.
pub trait Bounds: fmt::Debug + Send + Sync + 'static {
    const UP_TO: &'static [f64];
}

/// Of calls over a network, as OpenTelemetry has them.
#[derive(Debug, Clone, Copy)]
pub struct Calls;

impl Bounds for Calls {
    const UP_TO: &'static [f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
}

/// Of what is over in a moment: a transaction, a file.
#[derive(Debug, Clone, Copy)]
pub struct Short;

impl Bounds for Short {
    const UP_TO: &'static [f64] =
        &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
}

/// Of what a device may take its time for.
#[derive(Debug, Clone, Copy)]
pub struct Long;

impl Bounds for Long {
    const UP_TO: &'static [f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
}

/// A histogram. Clones are the same one.
#[derive(Debug)]
pub struct Timing<B = Calls> {
    noted: Arc<Noted>,
    bounds: PhantomData<B>,
}

#[derive(Debug)]
struct Noted {
    /// How many in each bucket, and beyond the last bound.
    counts: Box<[AtomicU64]>,
    nanoseconds: AtomicU64,
}

impl<B> Clone for Timing<B> {
    fn clone(&self) -> Self {
        Self { noted: Arc::clone(&self.noted), bounds: PhantomData }
    }
}

impl<B: Bounds> Default for Timing<B> {
    fn default() -> Self {
        let counts = (0..=B::UP_TO.len()).map(|_| AtomicU64::default()).collect();
        Self { noted: Arc::new(Noted { counts, nanoseconds: AtomicU64::default() }), bounds: PhantomData }
    }
}

impl<B: Bounds> Timing<B> {
    /// Something took so long.
    pub fn note(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = B::UP_TO.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.noted.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.noted.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How often something was noted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.noted.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl<B: Bounds> EncodeMetric for Timing<B> {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let counts = self.noted.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let bounds = B::UP_TO.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.noted.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl<B: Bounds> TypedMetric for Timing<B> {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, Registry};

    #[test]
    fn a_time_is_in_the_first_bucket_that_holds_it_and_those_are_told_cumulated() {
        let (timing, mut registry) = (Timing::<Calls>::default(), Registry::default());
        registry.add("ballast_call_duration_seconds", "Calls", &timing);
        for milliseconds in [5, 6, 700, 11_000] {
            timing.note(Duration::from_millis(milliseconds));
        }
        let text = registry.text(Format::Prometheus);
        let bucket = |bound: &str, count: u64| format!("_bucket{{le=\"{bound}\"}} {count}\n");
        for (bound, count) in [("0.005", 1), ("0.01", 2), ("0.5", 2), ("0.75", 3), ("10.0", 3), ("+Inf", 4)] {
            assert!(text.contains(&bucket(bound, count)), "{bound}: {text}");
        }
        assert!(text.contains("_seconds_sum 11.711\n") && text.contains("_seconds_count 4\n"), "{text}");
        assert_eq!(timing.count(), 4);
    }

    #[test]
    fn bounds_ascend() {
        for bounds in [Calls::UP_TO, Short::UP_TO, Long::UP_TO] {
            assert!(bounds.len() == 14 && bounds.is_sorted_by(|one, next| one < next), "{bounds:?}");
        }
    }
}
