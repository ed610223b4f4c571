//! Metrics of a set of labels that is known whole from the start: each is found by its number, without a lock.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

/// A metric for each of these labels; it is told from when it is first counted. Clones are the same.
#[derive(Debug)]
pub struct Slots<L, M>(Arc<[Slot<L, M>]>);

#[derive(Debug)]
struct Slot<L, M> {
    labels: L,
    metric: OnceLock<M>,
}

impl<L, M> Clone for Slots<L, M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L, M: Default> Slots<L, M> {
    pub fn new(labels: impl IntoIterator<Item = L>) -> Self {
        Self(labels.into_iter().map(|labels| Slot { labels, metric: OnceLock::new() }).collect())
    }

    /// The metric of the labels of this number; there may be none.
    #[must_use]
    pub fn at(&self, number: usize) -> Option<&M> {
        self.0.get(number).map(|slot| slot.metric.get_or_init(M::default))
    }

    /// Tells all of them from now on.
    #[must_use]
    pub fn all_told(self) -> Self {
        for slot in self.0.iter() {
            slot.metric.get_or_init(M::default);
        }
        self
    }
}

impl<L, M> EncodeMetric for Slots<L, M>
where
    L: EncodeLabelSet + fmt::Debug + Send + Sync,
    M: EncodeMetric + TypedMetric,
{
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        for Slot { labels, metric } in self.0.iter() {
            if let Some(metric) = metric.get() {
                metric.encode(encoder.encode_family(labels)?)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Format, Registry, label, labels};

    label! { enum Side { Left = "left", Right = "right" } }
    labels! { struct Of { side: Side } }

    #[test]
    fn what_was_counted_is_told_and_what_is_beyond_the_set_is_nothing() {
        let sides = Slots::<Of, Counter>::new(Side::ALL.iter().map(|side| Of { side: *side }));
        let mut registry = Registry::default();
        registry.add("ballast_sides_total", "Sides", &sides);
        sides.at(1).unwrap().inc();
        sides.clone().at(1).unwrap().inc();
        assert!(sides.at(2).is_none());
        let text = registry.text(Format::Prometheus);
        assert!(text.contains("ballast_sides_total{side=\"right\"} 2\n") && !text.contains("left"), "{text}");
        let _told = sides.all_told();
        assert!(registry.text(Format::Prometheus).contains("{side=\"left\"} 0\n"));
    }
}
