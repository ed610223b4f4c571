//! Requests and replies as a device sees them: whole, and without a connection.

use serde_json::Value;

/// A request, with its body read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Without the query, as it was sent (percent-encoded).
    pub path: String,
    pub query: Option<String>,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; none when there is none or it is something else.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The parts `json` and `file` of a form (multipart/form-data); none when it is something else.
    #[must_use]
    pub fn form(&self) -> Option<(Value, String)> {
        let kind = self.header("content-type")?.strip_prefix("multipart/form-data")?;
        let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
        let body = std::str::from_utf8(&self.body).ok()?;
        let separator = format!("--{boundary}");
        let part = |name: &str| {
            let named = format!("name=\"{name}\"");
            let mut parts = body.split(separator.as_str()).filter_map(|part| part.split_once("\r\n\r\n"));
            let (_, content) = parts.find(|(head, _)| head.contains(&named))?;
            content.strip_suffix("\r\n")
        };
        Some((serde_json::from_str(part("json")?).ok()?, part("file")?.to_owned()))
    }
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    #[must_use]
    pub fn text(body: &str) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    /// A reply without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    #[must_use]
    pub fn html(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Text without percent-encoding; what is not well encoded stays as it is.
#[must_use]
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// JSON in which a comma may stand before a closing brace, as some clients write it; none when it is something else.
#[must_use]
pub fn loose_json(body: &[u8]) -> Option<Value> {
    if let Ok(strict) = serde_json::from_slice(body) {
        return Some(strict);
    }
    let mut kept = Vec::with_capacity(body.len());
    let (mut in_text, mut escaped) = (false, false);
    for (at, byte) in body.iter().enumerate() {
        let next = || body[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
        if !in_text && *byte == b',' && next().is_some_and(|next| b"}]".contains(next)) {
            continue;
        }
        if *byte == b'"' && !escaped {
            in_text = !in_text;
        }
        escaped = in_text && *byte == b'\\' && !escaped;
        kept.push(*byte);
    }
    serde_json::from_slice(&kept).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_before_a_brace_is_passed_over_unless_it_is_text() {
        let value = |text: &str| loose_json(text.as_bytes());
        assert_eq!(value("{\n\"a\":\"1\",\n}"), Some(serde_json::json!({"a": "1"})));
        assert_eq!(value(r#"{"a":"x\",}","b":[1,],}"#), Some(serde_json::json!({"a": "x\",}", "b": [1]})));
        assert_eq!(value("{,"), None);
    }

    #[test]
    fn percent_encoding_is_taken_off_and_a_stray_sign_stays() {
        assert_eq!(decoded("a%2Fb%20c%"), "a/b c%");
        assert_eq!(decoded("80+tcp%zz"), "80+tcp%zz");
    }
}
