//! Kinds of keys and signatures: those that haproxy and rustls both take.

use x509_parser::{
    prelude::X509Certificate,
    public_key::PublicKey,
    x509::{AlgorithmIdentifier, SubjectPublicKeyInfo},
};

/// RSA keys in bits. Longer ones are slow for everybody, and not everybody takes them.
const RSA: std::ops::RangeInclusive<usize> = 2_048..=4_096;
const RSA_OID: &str = "1.2.840.113549.1.1.1";
const EC_OID: &str = "1.2.840.10045.2.1";
const ED25519_OID: &str = "1.3.101.112";
/// Curves that are taken, and those of which the name is known.
const CURVES: [(&str, &str); 2] = [("1.2.840.10045.3.1.7", "P-256"), ("1.3.132.0.34", "P-384")];
const OTHER_CURVES: [(&str, &str); 2] = [("1.3.132.0.35", "P-521"), ("1.3.132.0.10", "secp256k1")];
/// Signatures with a hash for which others with the same can be made.
const WEAK: [(&str, &str); 6] = [
    ("1.2.840.113549.1.1.2", "RSA with MD2"),
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
    ("1.3.14.3.2.29", "RSA with SHA-1"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.2.840.10040.4.3", "DSA with SHA-1"),
];

/// What kind of key it is.
///
/// # Errors
/// The name of a kind that is not taken.
pub(crate) fn of_key(info: &SubjectPublicKeyInfo<'_>) -> Result<String, String> {
    match info.algorithm.algorithm.to_id_string().as_str() {
        RSA_OID => rsa(info),
        EC_OID => curve(&info.algorithm),
        ED25519_OID => Ok("Ed25519".to_owned()),
        other => Err(other.to_owned()),
    }
}

fn rsa(info: &SubjectPublicKeyInfo<'_>) -> Result<String, String> {
    let Ok(PublicKey::RSA(key)) = info.parsed() else { return Err("RSA".to_owned()) };
    let modulus = key.modulus.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &key.modulus[at..]);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    let name = format!("RSA {bits}");
    if RSA.contains(&bits) { Ok(name) } else { Err(name) }
}

fn curve(algorithm: &AlgorithmIdentifier<'_>) -> Result<String, String> {
    let oid = algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let Some(oid) = oid.map(|oid| oid.to_id_string()) else { return Err("ECDSA".to_owned()) };
    let find = |curves: [(&str, &str); 2]| {
        curves.into_iter().find(|(known, _)| *known == oid).map(|(_, name)| format!("ECDSA {name}"))
    };
    find(CURVES).ok_or_else(|| find(OTHER_CURVES).unwrap_or(format!("ECDSA {oid}")))
}

/// The name of a signature that clients refuse.
pub(crate) fn weak_signature(certificate: &X509Certificate<'_>) -> Option<&'static str> {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    WEAK.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}
