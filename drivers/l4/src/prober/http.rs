//! What a check asks by HTTP, and the first line of the answer. Pure.

use std::net::SocketAddr;

use super::{Reason, Request, Version};

/// No first line is as long as this.
const LONGEST: usize = 4_096;

pub(super) fn request(request: &Request, to: SocketAddr) -> Vec<u8> {
    let version = match request.version {
        Version::V10 => "1.0",
        Version::V11 => "1.1",
    };
    let host = match (&request.host, request.version) {
        (Some(host), _) => Some(host.clone()),
        // HTTP 1.1 must have one.
        (None, Version::V11) => Some(to.to_string()),
        (None, Version::V10) => None,
    };
    let host = host.map(|host| format!("Host: {host}\r\n")).unwrap_or_default();
    format!("{} {} HTTP/{version}\r\n{host}Connection: close\r\n\r\n", request.method, request.path).into_bytes()
}

/// What the beginning of an answer means, with its code and what it says beside. `None`: there is more to come.
pub(super) fn judge(request: &Request, received: &[u8]) -> Option<(Reason, Option<u16>, String)> {
    let Some(end) = received.iter().position(|byte| *byte == b'\n') else {
        let hopeless = received.len() > LONGEST || !is_beginning(received);
        return hopeless.then(|| (Reason::NotHttp, None, String::new()));
    };
    let line = String::from_utf8_lossy(&received[..end]);
    let Some((code, text)) = status(line.trim_end()) else { return Some((Reason::NotHttp, None, String::new())) };
    let good = request.expected.iter().any(|range| range.contains(&code));
    Some((if good { Reason::Passed } else { Reason::WrongCode }, Some(code), text.to_owned()))
}

/// Whether it may become an answer of HTTP.
fn is_beginning(received: &[u8]) -> bool {
    received.iter().zip(b"HTTP/").all(|(one, other)| one == other)
}

fn status(line: &str) -> Option<(u16, &str)> {
    let (_, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    let (code, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = code.parse().ok().filter(|code| (100..600).contains(code))?;
    Some((code, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(version: Version, host: Option<&str>) -> Request {
        let host = host.map(str::to_owned);
        Request {
            method: "GET".to_owned(),
            path: "/up".to_owned(),
            host,
            version,
            expected: vec![200..=204, 301..=301],
        }
    }

    fn text(asked: &Request) -> String {
        String::from_utf8(request(asked, "[fd00::1]:80".parse().unwrap())).unwrap()
    }

    #[test]
    fn the_host_is_named_where_it_has_to_be() {
        assert_eq!(text(&asked(Version::V10, None)), "GET /up HTTP/1.0\r\nConnection: close\r\n\r\n");
        assert!(text(&asked(Version::V11, None)).contains("\r\nHost: [fd00::1]:80\r\n"));
        assert!(text(&asked(Version::V10, Some("example.org"))).contains("\r\nHost: example.org\r\n"));
    }

    #[test]
    fn only_the_first_line_counts_and_it_may_come_in_parts() {
        let asked = asked(Version::V11, None);
        assert_eq!(judge(&asked, b"HTTP/1.1 20"), None);
        assert_eq!(judge(&asked, b"HT"), None);
        assert_eq!(
            judge(&asked, b"HTTP/1.1 204 No Content\r\nx"),
            Some((Reason::Passed, Some(204), "No Content".into()))
        );
        assert_eq!(judge(&asked, b"HTTP/1.0 503\n"), Some((Reason::WrongCode, Some(503), String::new())));
        for bad in [&b"SSH-2.0-x\r\n"[..], b"SSH", b"HTTP/1.1 abc\r\n", b"HTTP/1.1 99 x\r\n", &[b'H'; 5_000]] {
            assert_eq!(judge(&asked, bad).unwrap().0, Reason::NotHttp);
        }
    }
}
