//! What a reply means. The body decides, the HTTP status only where it says nothing: devices differ in their statuses.

use ballast_device::Verdict;
use serde_json::Value;

/// Codes for an object that does not exist.
const NOT_FOUND: [u64; 12] = [
    1_023_460_352,
    1_023_410_176,
    1_023_410_181,
    1_023_443_968,
    1_023_475_722,
    1_023_475_727,
    1_023_509_504,
    1_023_656_960,
    1_023_656_962,
    1_207_959_957,
    1_208_078_344,
    520_749_062,
];
/// Busy, or not ready yet.
const BUSY: [u64; 5] = [1_023_464_193, 1_023_464_192, 1_023_463_424, 1_208_025_095, 4_294_967_295];
/// Invalid session, besides HTTP 401.
const EXPIRED: [u64; 3] = [419_495_936, 1_207_960_052, 1_208_025_092];
const READ_ONLY: u64 = 419_545_856;

pub(crate) fn verdict(status: u16, body: &[u8]) -> Verdict {
    if status == 401 {
        return Verdict::Expired;
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return match status {
            200..=299 => Verdict::Done(Value::Null),
            500..=599 => Verdict::Unreadable(format!("HTTP {status} without a body")),
            _ => Verdict::Refused { code: 0, said: "nothing".to_owned(), absent: status == 404 },
        };
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return Verdict::Unreadable(format!("HTTP {status} with a body that is not JSON"));
    };
    if let Some(schema) = value.get("authorizationschema") {
        let said = schema["error"].as_str().unwrap_or_default().to_owned();
        return if schema["code"] == 401 { Verdict::Expired } else { Verdict::Unwelcome(said) };
    }
    let error = &value["response"]["err"];
    let failed = value["response"]["status"] == "fail" || error.is_object();
    if !failed && status < 400 {
        return Verdict::Done(value);
    }
    let code = error["code"].as_u64().unwrap_or_default();
    let said = error["msg"].as_str().unwrap_or("nothing").to_owned();
    match code {
        code if BUSY.contains(&code) => Verdict::Busy,
        code if EXPIRED.contains(&code) => Verdict::Expired,
        READ_ONLY => Verdict::ReadOnly,
        code => {
            let absent = NOT_FOUND.contains(&code) || (code == 0 && status == 404);
            Verdict::Refused { code, said, absent }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_decides_before_the_status() {
        let fail = br#"{"response":{"status":"fail","err":{"code":1023464193,"from":"CM","msg":"busy"}}}"#;
        assert_eq!(verdict(200, fail), Verdict::Busy);
        let fail = br#"{"response":{"status":"fail","err":{"code":1023460352,"msg":"no"}}}"#;
        assert_eq!(verdict(200, fail), Verdict::Refused { code: 1_023_460_352, said: "no".into(), absent: true });
        assert_eq!(verdict(204, b""), Verdict::Done(Value::Null));
        assert!(matches!(verdict(503, b"<html>"), Verdict::Unreadable(_)));
        let unwelcome = br#"{"authorizationschema":{"code":403,"error":"Incorrect user name or password"}}"#;
        assert_eq!(verdict(403, unwelcome), Verdict::Unwelcome("Incorrect user name or password".into()));
        assert_eq!(verdict(401, b"{}"), Verdict::Expired);
    }
}
