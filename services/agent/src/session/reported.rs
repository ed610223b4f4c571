//! What one stream has been told of the drivers: capabilities go in full only when they have changed. Pure.

use std::collections::HashMap;

use ballast_proto::agent::DriverReport;

/// The digests of the capabilities that a stream has been told.
#[derive(Debug, Default)]
pub(super) struct Reported(HashMap<String, String>);

impl Reported {
    /// Leaves out the capabilities that have been told. A driver that is not in a report is forgotten by who reads it: when
    /// it comes back, it is told in full.
    pub(super) fn news(&mut self, mut reports: Vec<DriverReport>) -> Vec<DriverReport> {
        self.0.retain(|name, _| reports.iter().any(|report| report.name == *name));
        for report in &mut reports {
            if report.capabilities.is_none() {
                continue;
            }
            let told = self.0.insert(report.name.clone(), report.digest.clone());
            if told.as_ref() == Some(&report.digest) {
                report.capabilities = None;
            }
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::driver::Capabilities;
    use proptest::prelude::*;

    use super::*;

    /// A driver as it is: its name, and its features once it is ready.
    type Driver = (String, Option<Vec<String>>);

    fn drivers() -> impl Strategy<Value = Vec<Driver>> {
        let features = prop::option::of(prop::collection::vec("[xy]", 0..2));
        prop::collection::btree_map("[ab]", features, 0..3).prop_map(|drivers| drivers.into_iter().collect())
    }

    fn report_of((name, features): &Driver) -> DriverReport {
        let capabilities = features.clone().map(|features| Capabilities { features, ..Capabilities::default() });
        let digest = features.as_ref().map(|features| features.concat()).unwrap_or_default();
        DriverReport { name: name.clone(), digest, capabilities, ..DriverReport::default() }
    }

    proptest! {
        /// Who reads keeps the last report alone, and of a driver without capabilities those of the report before.
        #[test]
        fn who_reads_knows_of_each_ready_driver_what_it_can_do(life in prop::collection::vec(drivers(), 1..8)) {
            let mut reported = Reported::default();
            let mut known: HashMap<String, Capabilities> = HashMap::new();
            for drivers in life {
                let reports = reported.news(drivers.iter().map(report_of).collect());
                let learnt = reports.into_iter().filter_map(|report| {
                    let now = report.capabilities.or_else(|| known.get(&report.name).cloned())?;
                    Some((report.name, now))
                });
                known = learnt.collect();
                for (name, features) in drivers.iter().filter_map(|(name, features)| Some((name, features.as_ref()?))) {
                    prop_assert_eq!(known.get(name).map(|known| &known.features), Some(features), "{}", name);
                }
            }
        }
    }

    fn report(digest: &str, known: bool) -> Vec<DriverReport> {
        vec![DriverReport {
            name: "fault".to_owned(),
            digest: digest.to_owned(),
            capabilities: known.then(Capabilities::default),
            ..DriverReport::default()
        }]
    }

    #[test]
    fn capabilities_go_in_full_only_when_their_digest_has_changed() {
        let mut reported = Reported::default();
        let mut told = |digest, known| reported.news(report(digest, known))[0].capabilities.is_some();
        assert!(!told("", false), "a driver that starts has none yet");
        assert!(told("a", true));
        assert!(!told("a", true));
        assert!(!told("", false));
        assert!(!told("a", true));
        assert!(told("b", true));
    }
}
