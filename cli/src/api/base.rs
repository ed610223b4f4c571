//! The other end's address, as `--url` has it.

use std::{fmt, path::PathBuf, str::FromStr};

use http::Uri;

use crate::failure::Failure;

/// `http://`, `https://`: a gateway. `grpc://`, `grpcs://`, `unix:/path`: a scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Base {
    Rest { secure: bool, authority: String, path: String },
    Grpc { secure: bool, authority: String },
    Unix(PathBuf),
}

impl Base {
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::Rest { secure: true, .. } | Self::Grpc { secure: true, .. })
    }

    pub(crate) fn is_rest(&self) -> bool {
        matches!(self, Self::Rest { .. })
    }
}

impl FromStr for Base {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let refuse = || Failure::Url { url: text.to_owned() };
        if let Some(path) = text.strip_prefix("unix:") {
            // unix:///path is a common spelling of unix:/path
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(refuse()) };
        }
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let authority = uri.authority().ok_or_else(refuse)?;
        // A password in the address would be shown with it.
        if authority.as_str().contains('@') || authority.host().is_empty() || uri.query().is_some() {
            return Err(refuse());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        let with_port = |port: u16| match authority.port_u16() {
            Some(_) => authority.to_string(),
            None => format!("{}:{port}", authority.host()),
        };
        match uri.scheme_str() {
            Some("http") => Ok(Self::Rest { secure: false, authority: with_port(80), path }),
            Some("https") => Ok(Self::Rest { secure: true, authority: with_port(443), path }),
            Some(scheme @ ("grpc" | "grpcs")) if path.is_empty() => {
                Ok(Self::Grpc { secure: scheme == "grpcs", authority: with_port(9697) })
            }
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.is_secure() { "s" } else { "" };
        match self {
            Self::Rest { authority, path, .. } => write!(f, "http{s}://{authority}{path}"),
            Self::Grpc { authority, .. } => write!(f, "grpc{s}://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_refused() {
        for text in [
            "",
            "localhost",
            "localhost:9696",
            "ftp://x",
            "http://user:secret@x",
            "https://user@x",
            "/v2.0",
            "http://x/?a=b",
            "grpc://x/path",
            "unix:relative",
        ] {
            assert!(matches!(text.parse::<Base>(), Err(Failure::Url { .. })), "{text}");
        }
    }

    #[test]
    fn each_kind_is_read_and_shown_with_its_port() {
        for (text, shown) in [
            ("http://[::1]:9696/", "http://[::1]:9696"),
            ("http://api.example/lb/", "http://api.example:80/lb"),
            ("https://api.example", "https://api.example:443"),
            ("grpc://127.0.0.1:1", "grpc://127.0.0.1:1"),
            ("grpcs://scheduler.example", "grpcs://scheduler.example:9697"),
            ("unix:/run/s.sock", "unix:/run/s.sock"),
            ("unix:///run/s.sock", "unix:/run/s.sock"),
        ] {
            assert_eq!(text.parse::<Base>().unwrap().to_string(), shown);
        }
    }
}
