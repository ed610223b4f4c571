//! How long a certificate is good, and when that has to be said.

use std::path::Path;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY: i64 = 24 * 60 * 60;
/// It is said from here on at the latest.
const EARLY: i64 = 30 * DAY;

/// In seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    from: i64,
    until: i64,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
enum Notice {
    EndsIn { days: i64 },
    Ended,
}

impl Validity {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        Ok(Self { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
    }

    /// In the last quarter of its life, and the last thirty days.
    fn notice(self, now: i64) -> Option<Notice> {
        let left = self.until - now;
        let early = EARLY.min((self.until - self.from) / 4);
        match left {
            ..=0 => Some(Notice::Ended),
            left if left <= early => Some(Notice::EndsIn { days: left / DAY }),
            _ => None,
        }
    }

    pub(super) fn say(self, path: &Path) {
        let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
        match self.notice(now) {
            Some(Notice::Ended) => {
                tracing::error!(cert = %path.display(), "the certificate has ended, and nobody takes it: renew it");
            }
            Some(Notice::EndsIn { days }) => {
                tracing::warn!(cert = %path.display(), days, "the certificate ends soon: renew it");
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_end_is_said_in_the_last_quarter_and_thirty_days_before_at_most() {
        let of_days = |days| Validity { from: 0, until: days * DAY };
        for (days, day, notice) in [
            (90, 0, None),
            (90, 67, None),
            (90, 68, Some(Notice::EndsIn { days: 22 })),
            (90, 89, Some(Notice::EndsIn { days: 1 })),
            (90, 90, Some(Notice::Ended)),
            (365, 334, None),
            (365, 335, Some(Notice::EndsIn { days: 30 })),
            (3650, 3619, None),
            (0, 0, Some(Notice::Ended)),
        ] {
            assert_eq!(of_days(days).notice(day * DAY), notice, "day {day} of {days}");
        }
    }
}
