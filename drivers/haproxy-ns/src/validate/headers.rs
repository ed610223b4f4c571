//! What a listener adds to requests.

use std::collections::BTreeSet;

use ballast_abi::DriverError;
use ballast_namespace::validate::refuse;

use super::Header;

/// `None`: as LBaaS v1 has it.
pub(super) fn headers(asked: &ballast_abi::Listener) -> Result<Option<BTreeSet<Header>>, DriverError> {
    let wrong =
        |name: &str| refuse("listener", &asked.id, "insert_headers", &format!("has {name:?}, which is not known"));
    asked.insert_headers.as_ref().map(|headers| known(&headers.names)).transpose().map_err(wrong)
}

/// Or the name that is not known.
fn known(names: &[String]) -> Result<BTreeSet<Header>, &str> {
    let header = |name: &str| {
        Some(match name {
            "X-Forwarded-For" => Header::ForwardedFor,
            "X-Forwarded-Port" => Header::ForwardedPort,
            "X-Forwarded-Proto" => Header::ForwardedProto,
            "X-Forwarded-IP" => Header::ForwardedIp,
            "X-Client-IP" => Header::ClientIp,
            "X-Real-IP" => Header::RealIp,
            "X-SSL-Client-Verify" => Header::ClientVerify,
            "X-SSL-Client-Has-Cert" => Header::ClientHasCertificate,
            "X-SSL-Client-DN" => Header::ClientName,
            "X-SSL-Client-CN" => Header::ClientCommonName,
            "X-SSL-Issuer" => Header::Issuer,
            "X-SSL-Client-SHA1" => Header::ClientSha1,
            "X-SSL-Client-Not-Before" => Header::NotBefore,
            "X-SSL-Client-Not-After" => Header::NotAfter,
            _ => return None,
        })
    };
    names.iter().map(|name| header(name).ok_or(name.as_str())).collect()
}
