//! Who may ask: a name and a password with every request, a lock after too many wrong ones, and a session that the device
//! keeps behind it and sometimes ends.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::Request;

#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) user: String,
    pub(super) password: String,
    wrong: i64,
    last_wrong: Duration,
    locked_until: Duration,
    /// The next request is refused, whatever its credentials.
    ended: bool,
    /// When the session was used last.
    used: Option<Duration>,
}

/// After how many wrong passwords a user is locked, for how long, and after how long the count begins anew.
pub(super) struct Lock {
    pub(super) after: i64,
    pub(super) time: Duration,
    pub(super) reset: Duration,
}

impl Access {
    pub(super) fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
            wrong: 0,
            last_wrong: Duration::ZERO,
            locked_until: Duration::ZERO,
            ended: false,
            used: None,
        }
    }

    pub(super) fn knows(&self, request: &Request) -> bool {
        credentials(request).is_some_and(|(user, password)| user == self.user && password == self.password)
    }

    pub(super) fn admits(&mut self, request: &Request, now: Duration, idle: Option<Duration>, lock: &Lock) -> bool {
        if now < self.locked_until {
            return false;
        }
        if !self.knows(request) {
            let of_user = credentials(request).is_some_and(|(user, _)| user == self.user);
            if of_user {
                self.count_wrong(now, lock);
            }
            return false;
        }
        self.wrong = 0;
        let idled = idle.is_some_and(|idle| self.used.is_some_and(|used| now.saturating_sub(used) >= idle));
        let refused = std::mem::take(&mut self.ended) || idled;
        self.used = (!refused).then_some(now);
        !refused
    }

    fn count_wrong(&mut self, now: Duration, lock: &Lock) {
        if now.saturating_sub(self.last_wrong) >= lock.reset {
            self.wrong = 0;
        }
        self.wrong += 1;
        self.last_wrong = now;
        if self.wrong >= lock.after {
            self.locked_until = now + lock.time;
            self.wrong = 0;
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.used = None;
    }

    pub(super) fn log_out(&mut self) {
        self.used = None;
    }

    pub(super) fn sessions(&self) -> usize {
        usize::from(self.used.is_some())
    }

    pub(super) fn is_locked(&self, now: Duration) -> bool {
        now < self.locked_until
    }
}

fn credentials(request: &Request) -> Option<(String, String)> {
    let text = String::from_utf8(decoded(request.header("authorization")?.strip_prefix("Basic ")?)?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Base64, in lines or not; none when it is something else.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authorization: &str) -> Request {
        let headers = vec![("authorization".to_owned(), authorization.to_owned())];
        Request { headers, ..Request::default() }
    }

    #[test]
    fn credentials_are_read_from_basic() {
        assert_eq!(credentials(&request("Basic YWRtaW46YTpi")), Some(("admin".to_owned(), "a:b".to_owned())));
        assert_eq!(credentials(&request("Basic %%%")), None);
        assert_eq!(credentials(&request("Bearer YWRtaW46YTpi")), None);
    }

    #[test]
    fn a_user_is_locked_after_so_many_wrong_passwords_and_free_again_later() {
        let lock = Lock { after: 3, time: Duration::from_secs(600), reset: Duration::from_secs(300) };
        let mut access = Access::new("admin", "a:b");
        let (good, bad) = (request("Basic YWRtaW46YTpi"), request("Basic YWRtaW46eA=="));
        let mut ask = |request: &Request, second| access.admits(request, Duration::from_secs(second), None, &lock);
        assert!(!ask(&bad, 0) && !ask(&bad, 1) && ask(&good, 2), "two are forgiven");
        assert!(!ask(&bad, 3) && !ask(&bad, 4) && !ask(&bad, 5) && !ask(&good, 6), "three are not");
        assert!(!ask(&good, 604) && ask(&good, 605));
        assert!(!ask(&bad, 1000) && !ask(&bad, 1001) && !ask(&bad, 1302) && ask(&good, 1303), "old ones do not count");
    }
}
