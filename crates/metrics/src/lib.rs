//! What a process counts and measures, and the texts in which it is told. The tool only: which metrics there are is for
//! each process to say.
//!
//! Labels are enums ([`label!`]) in structs ([`labels!`]), so how many series a metric has is a matter of its type. What
//! comes from elsewhere is a [`Word`]. What is counted for each request is counted in [`Slots`] by a [`Timing`], which
//! take no lock.

mod labels;
mod process;
mod slots;
mod text;
mod timing;
mod word;

use std::fmt;

pub use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge};
use prometheus_client::{encoding::EncodeMetric, metrics::MetricType, registry};

pub use self::{
    process::{Process, resident},
    slots::Slots,
    text::Format,
    timing::{Bounds, Calls, Long, Short, Timing},
    word::Word,
};

#[doc(hidden)]
pub mod encoding {
    pub use prometheus_client::encoding::{
        EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder,
    };
}

/// A gauge of a number that is not whole.
pub type Measure = Gauge<f64, std::sync::atomic::AtomicU64>;

/// The metrics of a process, by their full names.
#[derive(Debug, Default)]
pub struct Registry(registry::Registry);

impl Registry {
    /// Tells this metric from now on. A counter's name ends in `_total`.
    pub fn add<M>(&mut self, name: &str, help: &str, metric: &M)
    where
        M: EncodeMetric + fmt::Debug + Clone + Send + Sync + 'static,
    {
        let name = match metric.metric_type() {
            // The text has the ending by itself.
            MetricType::Counter => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        self.0.register(name, help, metric.clone());
    }

    /// What is read when it is told.
    pub fn add_process(&mut self, process: Process) {
        self.0.register_collector(Box::new(process));
    }

    /// All of them, as they are now.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        text::write(&self.0, format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    label! {
        /// A colour.
        enum Colour { Red = "red", Green = "green" }
    }

    labels! {
        /// Of a thing.
        struct Thing { colour: Colour, name: Word }
    }

    #[test]
    fn a_registry_tells_what_is_counted_in_both_formats() {
        let mut registry = Registry::default();
        let (things, waiting) = (Family::<Thing, Counter>::default(), Gauge::<i64>::default());
        registry.add("ballast_things_total", "Things that were made", &things);
        registry.add("ballast_waiting", "Who waits", &waiting);
        for colour in Colour::ALL {
            things.get_or_create(&Thing { colour: *colour, name: Word::new("a") }).inc_by(2);
        }
        waiting.set(3);
        let open = registry.text(Format::OpenMetrics);
        assert!(open.contains("# TYPE ballast_things counter\n") && open.ends_with("# EOF\n"), "{open}");
        assert!(open.contains("ballast_things_total{colour=\"red\",name=\"a\"} 2\n"), "{open}");
        assert!(open.contains("# HELP ballast_waiting Who waits.\n"), "{open}");
        let plain = registry.text(Format::Prometheus);
        assert!(plain.contains("# HELP ballast_things_total Things that were made.\n"), "{plain}");
        assert!(plain.contains("# TYPE ballast_things_total counter\n"), "{plain}");
        assert!(plain.contains("ballast_things_total{colour=\"green\",name=\"a\"} 2\n"), "{plain}");
        assert!(plain.contains("ballast_waiting 3\n") && !plain.contains("EOF"), "{plain}");
    }
}
