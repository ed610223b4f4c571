//! Paths and queries with bytes that no text has: they are refused before anything looks at them.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::kit::refusal::{Manner, Refusal};

/// The middleware that refuses them.
pub(crate) async fn refuse(request: Request, next: Next) -> Response {
    match odd_part(&request) {
        Some(part) => Refusal::from(Manner::OddBytes(part)).into_response(),
        None => next.run(request).await,
    }
}

/// The same, in a page.
pub(crate) async fn refuse_page(request: Request, next: Next) -> Response {
    if odd_part(&request).is_some() { ballast_ui::refuse_odd_bytes() } else { next.run(request).await }
}

fn odd_part(request: &Request) -> Option<&'static str> {
    let uri = request.uri();
    let parts = [("path", uri.path()), ("query", uri.query().unwrap_or_default())];
    parts.into_iter().find(|(_, text)| !is_text(text)).map(|(part, _)| part)
}

fn is_text(encoded: &str) -> bool {
    let bytes = encoded.as_bytes();
    if !bytes.contains(&b'%') {
        return true;
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, others)) = rest.split_first() {
        let digits = others.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    !decoded.contains(&0) && str::from_utf8(&decoded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn what_decodes_to_text_is_text() {
        for good in ["", "/v2.0/lb/pools", "name=a%20b+c&x=%C3%BC", "100%", "%zz%1", "%2500"] {
            assert!(is_text(good), "{good}");
        }
        for bad in ["/a%00", "name=%00", "%ff", "a%C3", "%80=1"] {
            assert!(!is_text(bad), "{bad}");
        }
    }
}
