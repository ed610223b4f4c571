//! What a reply means. The number in the body decides, the HTTP status only where there is none: statuses differ by
//! release, and most were never seen.

use ballast_device::Verdict;
use serde_json::Value;

/// Device busy, an operation in progress, a synchronisation, another one's save; too many sessions or connections.
const BUSY: [u64; 8] = [272, 292, 293, 412, 445, 446, 447, 603];
/// The session has ended, or there is none.
const EXPIRED: [u64; 5] = [444, 450, 451, 472, 1027];
/// A wrong name or password.
const UNWELCOME: [u64; 2] = [354, 355];
/// This is a secondary; or the administrator may not do it.
const READ_ONLY: [u64; 2] = [1028, 2138];
/// No such resource, server, virtual server, service group, certificate, revocation list, group of ciphers; a monitor or a
/// certificate that is not bound.
const ABSENT: [u64; 9] = [258, 351, 461, 463, 1540, 1542, 1550, 2170, 3621];

pub(crate) fn verdict(status: u16, body: &[u8]) -> Verdict {
    if body.iter().all(u8::is_ascii_whitespace) {
        return match status {
            200..=299 => Verdict::Done(Value::Null),
            401 => Verdict::Expired,
            500..=599 => Verdict::Unreadable(format!("HTTP {status} without a body")),
            _ => Verdict::Refused { code: 0, said: "nothing".to_owned(), absent: status == 404 },
        };
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Unreadable(format!("HTTP {status} with a body that is not JSON"));
    };
    let code = value["errorcode"].as_u64();
    let said = value["message"].as_str().unwrap_or("nothing").to_owned();
    match code {
        Some(0) if status < 400 => Verdict::Done(value),
        Some(code) if BUSY.contains(&code) => Verdict::Busy,
        Some(code) if EXPIRED.contains(&code) => Verdict::Expired,
        Some(code) if UNWELCOME.contains(&code) => Verdict::Unwelcome(said),
        Some(code) if READ_ONLY.contains(&code) => Verdict::ReadOnly,
        Some(code) => Verdict::Refused { code, said, absent: ABSENT.contains(&code) },
        None if status == 401 => Verdict::Expired,
        None => Verdict::Unreadable(format!("HTTP {status} without an error number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: u64) -> Verdict {
        verdict(status, format!(r#"{{"errorcode":{code},"message":"m","severity":"ERROR"}}"#).as_bytes())
    }

    #[test]
    fn the_number_decides_whatever_the_status() {
        for status in [200, 400, 503, 599] {
            assert_eq!(said(status, 272), Verdict::Busy);
            assert_eq!(said(status, 444), Verdict::Expired);
            assert_eq!(said(status, 1028), Verdict::ReadOnly);
            assert_eq!(said(status, 354), Verdict::Unwelcome("m".into()));
            assert_eq!(said(status, 461), Verdict::Refused { code: 461, said: "m".into(), absent: true });
            assert_eq!(said(status, 273), Verdict::Refused { code: 273, said: "m".into(), absent: false });
        }
        assert!(matches!(said(200, 0), Verdict::Done(_)));
        assert!(matches!(said(599, 0), Verdict::Refused { .. }));
    }

    #[test]
    fn what_is_not_nitro_is_no_answer() {
        assert_eq!(verdict(201, b""), Verdict::Done(Value::Null));
        assert!(matches!(verdict(503, b"<html>"), Verdict::Unreadable(_)));
        assert!(matches!(verdict(200, b"{}"), Verdict::Unreadable(_)));
        assert_eq!(verdict(401, b""), Verdict::Expired);
    }
}
