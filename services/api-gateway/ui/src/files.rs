//! What pages load besides: one style sheet, one script, one icon, each under a name with its hash, so that a browser keeps
//! it for good and never has a wrong one.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use sha2::{Digest as _, Sha256};

use crate::trouble::Trouble;

/// A file of this program.
pub(crate) struct File {
    /// As `ballast-0123456789ab.css`
    name: String,
    tag: String,
    media: &'static str,
    text: &'static str,
}

/// All there are.
pub(crate) struct Files {
    pub(crate) style: File,
    pub(crate) script: File,
    pub(crate) icon: File,
}

pub(crate) static FILES: LazyLock<Files> = LazyLock::new(|| Files {
    style: File::new("css", "text/css; charset=utf-8", include_str!("../static/ballast.css")),
    script: File::new("js", "text/javascript; charset=utf-8", include_str!("../static/ballast.js")),
    icon: File::new("svg", "image/svg+xml", include_str!("../static/icon.svg")),
});

impl File {
    fn new(ending: &str, media: &'static str, text: &'static str) -> Self {
        let digest = hex::encode(&Sha256::digest(text.as_bytes())[..6]);
        Self { name: format!("ballast-{digest}.{ending}"), tag: format!("\"{digest}\""), media, text }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> String {
        format!("/ui/static/{}", self.name)
    }
}

pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let files = &*FILES;
    let Some(file) = [&files.style, &files.script, &files.icon].into_iter().find(|file| file.name == name) else {
        return Trouble::NotFound.alone();
    };
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == file.tag.as_bytes());
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => file.text.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if let Ok(tag) = HeaderValue::try_from(file.tag.as_str()) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_keep_to_their_budgets() {
        for (file, most) in [(&FILES.script, 12 << 10), (&FILES.style, 16 << 10), (&FILES.icon, 1 << 10)] {
            assert!(file.text.len() < most, "{} has {} bytes, which are more than {most}", file.name, file.text.len());
        }
    }
}
