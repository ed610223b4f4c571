//! What one stream has been told of the drivers: capabilities go in full only when they have changed. Pure.

use std::collections::HashMap;

use ballast_proto::agent::DriverReport;

/// The digests of the capabilities that a stream has been told.
#[derive(Debug, Default)]
pub(super) struct Reported(HashMap<String, String>);

impl Reported {
    /// Leaves out the capabilities that have been told.
    pub(super) fn news(&mut self, mut reports: Vec<DriverReport>) -> Vec<DriverReport> {
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

    use super::*;

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
