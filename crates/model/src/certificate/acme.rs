//! Certificates that a CA issues by itself, by ACME (RFC 8555): for which names, how far it is, and when it is tried next.

use crate::{
    certificate::Content,
    fault::{Fault, Issuing},
    ids::SchedulerId,
    time::Timestamp,
};

/// How many names one certificate may be for: what public CAs take.
pub const MOST_DOMAINS: usize = 100;
/// The longest DNS name, and the longest of its labels (RFC 1035, 2.3.4).
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

const MINUTE: i64 = 60_000_000;
/// What public CAs bear: they refuse who fails five times in an hour.
const FIRST_PAUSE: i64 = 5 * MINUTE;
const SHORTEST_LIFE: i64 = 60 * MINUTE;
/// One that expires in a day is still tried some times.
const LONGEST_PAUSE: i64 = 6 * 60 * MINUTE;

/// How a certificate is issued, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// In small letters, each once.
    pub domains: Vec<String>,
    /// How many attempts have failed since the last that did not.
    pub failures: u32,
    /// Why the last one failed, or what it waits for.
    pub last_error: Option<String>,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// The scheduler that is at it.
    pub worker: Option<SchedulerId>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeState {
    /// It has never been issued, and nothing has failed.
    Pending,
    Valid,
    /// It serves, and a new one is being issued.
    Renewing,
    /// The last attempt failed. What was issued before goes on serving.
    Failed,
}

impl AcmeState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Valid, Self::Renewing, Self::Failed];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Valid => "VALID",
            Self::Renewing => "RENEWING",
            Self::Failed => "FAILED",
        }
    }
}

impl Acme {
    /// One that is to be issued now.
    ///
    /// # Errors
    /// Those of [`check_domains`].
    pub fn new(domains: &[String], now: Timestamp) -> Result<Self, Fault> {
        Ok(Self { domains: check_domains(domains)?, failures: 0, last_error: None, next_at: now, worker: None })
    }

    #[must_use]
    pub fn state(&self, content: Option<&Content>) -> AcmeState {
        match content {
            _ if self.failures > 0 => AcmeState::Failed,
            None => AcmeState::Pending,
            Some(_) if self.worker.is_some() => AcmeState::Renewing,
            Some(_) => AcmeState::Valid,
        }
    }

    /// Whether it is time for an attempt, and nobody is at it that is among those who `live`.
    pub fn is_due(&self, now: Timestamp, live: impl Fn(SchedulerId) -> bool) -> bool {
        self.next_at <= now && !self.worker.is_some_and(live)
    }

    /// It was issued. One whose time to be renewed is over already, as by a clock that is wrong, is not renewed again and again.
    #[must_use]
    pub fn issued(self, content: &Content, now: Timestamp) -> Self {
        let next_at = renew_at(content).max(Timestamp(now.0.saturating_add(SHORTEST_LIFE)));
        Self { failures: 0, last_error: None, next_at, worker: None, ..self }
    }

    /// An attempt failed; `fraction` is chance, from 0 to 1.
    #[must_use]
    pub fn failed(self, why: &str, now: Timestamp, fraction: f64) -> Self {
        let failures = self.failures.saturating_add(1);
        let next_at = retry_at(failures, now, fraction);
        Self { failures, last_error: Some(why.to_owned()), next_at, worker: None, ..self }
    }

    /// It cannot be tried yet, which is nobody's failure.
    #[must_use]
    pub fn waits(self, for_what: &str, until: Timestamp) -> Self {
        Self { last_error: Some(for_what.to_owned()), next_at: until, worker: None, ..self }
    }
}

/// When a certificate is renewed: at two thirds of its life.
#[must_use]
pub fn renew_at(content: &Content) -> Timestamp {
    let life = content.not_after.0.saturating_sub(content.not_before.0);
    Timestamp(content.not_before.0.saturating_add(life / 3 * 2))
}

/// When it is tried again after so many failures: each pause is twice the one before, up to a bound, and up to a quarter longer
/// by chance, so that many do not come together.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "hours in microseconds are small")]
pub fn retry_at(failures: u32, now: Timestamp, fraction: f64) -> Timestamp {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let pause = doubled.min(LONGEST_PAUSE);
    let more = (pause as f64 / 4.0 * fraction.clamp(0.0, 1.0)) as i64;
    Timestamp(now.0.saturating_add(pause + more))
}

/// The names as they are asked for: in small letters, each once.
///
/// # Errors
/// [`Issuing::DomainRefused`]: it is no DNS name, or one that cannot be shown to be its owner's over HTTP, as one with `*`
/// (RFC 8555, 8.3); [`Issuing::TooManyDomains`]; that there is none.
pub fn check_domains(domains: &[String]) -> Result<Vec<String>, Fault> {
    if domains.is_empty() {
        return Err(Fault::missing_field("acme.domains"));
    }
    let mut checked = Vec::with_capacity(domains.len());
    for domain in domains {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        if !is_domain(&domain) {
            return Err(Issuing::DomainRefused { domain: domain.chars().take(LONGEST).collect() }.into());
        }
        if !checked.contains(&domain) {
            checked.push(domain);
        }
    }
    if checked.len() > MOST_DOMAINS {
        return Err(Issuing::TooManyDomains { most: u32::try_from(MOST_DOMAINS).unwrap_or(u32::MAX) }.into());
    }
    Ok(checked)
}

fn is_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // What ends in a number is an address, or looks like one.
    let is_numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= LONGEST && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * MINUTE;

    fn texts(domains: &[&str]) -> Vec<String> {
        domains.iter().map(|domain| (*domain).to_owned()).collect()
    }

    fn content(not_before: i64, not_after: i64) -> Content {
        Content { not_before: Timestamp(not_before), not_after: Timestamp(not_after), ..Content::default() }
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
        assert_eq!(renew_at(&content(0, 90 * DAY)), Timestamp(60 * DAY));
        assert_eq!(renew_at(&content(10 * DAY, 16 * DAY)), Timestamp(14 * DAY));
        assert_eq!(renew_at(&content(7, 7)), Timestamp(7));
        assert!(renew_at(&content(0, i64::MAX)) < Timestamp(i64::MAX));
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_chance_makes_them_a_quarter_longer_at_most() {
        let now = Timestamp(1_000);
        let minutes = |failures, fraction| (retry_at(failures, now, fraction).0 - now.0) / MINUTE;
        assert_eq!([1, 2, 3, 4].map(|failures| minutes(failures, 0.0)), [5, 10, 20, 40]);
        assert_eq!([7, 8, 60, u32::MAX].map(|failures| minutes(failures, 0.0)), [320, 360, 360, 360]);
        assert_eq!((minutes(1, 0.8), minutes(60, 1.0)), (6, 450));
        // What chance says beyond its range changes nothing.
        assert_eq!((minutes(60, 7.0), minutes(60, f64::NAN)), (450, 360));
        // Of a first failure, five in an hour are not reached.
        let first_hour = (1..).scan(0, |at, failures| Some(std::mem::replace(at, *at + minutes(failures, 0.0))));
        assert!(first_hour.take_while(|at| *at < 60).count() < 5);
    }

    #[test]
    fn how_far_it_is_follows_from_what_happened() {
        let (now, issued) = (Timestamp(5), content(0, 9 * DAY));
        let acme = Acme::new(&texts(&["a.example"]), now).unwrap();
        assert_eq!(acme.state(None), AcmeState::Pending);
        let waits = acme.clone().waits("no listener names it", Timestamp(9));
        assert_eq!((waits.state(None), waits.failures, waits.next_at), (AcmeState::Pending, 0, Timestamp(9)));
        let failed = acme.failed("no address", now, 0.0).failed("no answer", now, 0.0);
        assert_eq!((failed.state(None), failed.failures), (AcmeState::Failed, 2));
        assert_eq!((failed.last_error.as_deref(), failed.next_at), (Some("no answer"), retry_at(2, now, 0.0)));
        let valid = failed.issued(&issued, now);
        assert_eq!((valid.state(Some(&issued)), valid.next_at), (AcmeState::Valid, Timestamp(6 * DAY)));
        let late = valid.clone().issued(&issued, Timestamp(7 * DAY));
        assert_eq!(late.next_at, Timestamp(7 * DAY + 60 * MINUTE));
        let renewing = Acme { worker: Some(SchedulerId::from_u128(1)), ..valid.clone() };
        assert_eq!(renewing.state(Some(&issued)), AcmeState::Renewing);
        assert_eq!(valid.failed("gone", now, 0.0).state(Some(&issued)), AcmeState::Failed);
    }

    #[test]
    fn it_is_due_when_it_is_time_and_nobody_who_lives_is_at_it() {
        let id = SchedulerId::from_u128(1);
        let acme = Acme::new(&texts(&["a.example"]), Timestamp(5)).unwrap();
        assert!(acme.is_due(Timestamp(5), |_| true) && !acme.is_due(Timestamp(4), |_| true));
        let taken = Acme { worker: Some(id), ..acme };
        assert!(!taken.is_due(Timestamp(5), |worker| worker == id) && taken.is_due(Timestamp(5), |_| false));
    }

    #[test]
    fn domains_are_names_that_http_can_show_each_once_in_small_letters() {
        let checked = check_domains(&texts(&["WWW.Example.", "www.example", "xn--bcher-kva.example", "a"])).unwrap();
        assert_eq!(checked, ["www.example", "xn--bcher-kva.example", "a"]);
        let long = ["a".repeat(64), "example".to_owned()].join(".");
        for bad in
            ["", ".", "*.example", "a..b", "-a.example", "a-.example", "a_b.example", "10.0.0.1", "::1", "a b", &long]
        {
            let fault = check_domains(&texts(&[bad])).unwrap_err();
            assert_eq!(fault.field(), Some("acme.domains"), "{bad}");
        }
        let many: Vec<String> = (0..=MOST_DOMAINS).map(|number| format!("a{number}.example")).collect();
        assert_eq!(
            check_domains(&many).unwrap_err().facts(),
            Fault::from(Issuing::TooManyDomains { most: 100 }).facts()
        );
        assert!(check_domains(&many[1..]).is_ok());
        assert_eq!(check_domains(&[]).unwrap_err().facts(), Fault::missing_field("acme.domains").facts());
    }
}
