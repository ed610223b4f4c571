use ballast_model::certificate::Validity;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::chain::FIELD;

/// 2026-11-28
const NOW: i64 = 1_795_824_000;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn now() -> Timestamp {
    micros(NOW)
}

fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap() + Duration::days(days)
}

fn at(days: i64) -> Timestamp {
    micros(day(days).unix_timestamp())
}

fn params(name: &str, until: i64, is_ca: bool) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (day(-1), day(until));
    params.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params
}

fn authority(name: &str, until: i64) -> Authority {
    CertifiedIssuer::self_signed(params(name, until, true), KeyPair::generate().unwrap()).unwrap()
}

fn crl(by: &Authority, number: u64, until: i64) -> rcgen::CertificateRevocationList {
    let revoked = RevokedCertParams {
        serial_number: SerialNumber::from(7),
        revocation_time: day(-1),
        reason_code: None,
        invalidity_date: None,
    };
    let params = CertificateRevocationListParams {
        this_update: day(until - 10),
        next_update: day(until),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: vec![revoked],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(by).unwrap()
}

fn list_of(by: &Authority, number: u64, until: i64) -> String {
    crl(by, number, until).pem().unwrap()
}

/// The same list, and it does not say when the next one is due.
fn endless(by: &Authority) -> String {
    let der = crl(by, 1, 5).der().to_vec();
    let header = |der: &[u8]| if der[1] & 0x80 == 0 { 2 } else { 2 + usize::from(der[1] & 0x7f) };
    let tbs = &der[header(&der)..];
    let length = usize::from(tbs[2]);
    let (inner, rest) = tbs[header(tbs)..].split_at(length);
    // UTCTime of 13 characters, twice: thisUpdate, then nextUpdate.
    let next = inner.windows(2).rposition(|window| window == [0x17, 13]);
    let first = inner.windows(2).position(|window| window == [0x17, 13]).unwrap();
    assert!(next.unwrap() > first + 15, "the revoked certificate's is last");
    let inner = [&inner[..first + 15], &inner[first + 30..]].concat();
    let sequence = |content: &[u8]| {
        let long = u8::try_from(content.len()).unwrap();
        let header = if long < 0x80 { vec![0x30, long] } else { vec![0x30, 0x81, long] };
        [header, content.to_vec()].concat()
    };
    block(LIST, &sequence(&[sequence(&inner), rest.to_vec()].concat()))
}

fn expired(fault: &Fault, code: &str, position: u32) {
    let told = fault.to_string();
    assert!(told.contains(code) && told.contains(&format!("position=\"{position}\"")), "{told}");
}

#[test]
fn authorities_are_kept_together_and_expire_with_the_first_of_them() {
    let (root, other) = (authority("root", 90), authority("other", 30));
    let middle = CertifiedIssuer::signed_by(params("middle", 60, true), KeyPair::generate().unwrap(), &root).unwrap();
    let text = ["subject=x\n", &root.pem(), &middle.pem(), &other.pem()].concat();
    let content = read_authorities(&text, now()).unwrap();
    assert_eq!((content.subject.as_str(), content.not_after), ("CN=other", at(30)));
    assert_eq!((content.key_type.as_str(), content.names.len()), ("ECDSA P-256", 0));
    let all = [root.pem(), middle.pem(), other.pem()].concat();
    assert_eq!(content.chain, all.replace("\r\n", "\n"));
    assert_eq!(content.validity(at(31)), Validity::Expired);
    // What is kept is read the same again.
    assert_eq!(read_authorities(&content.chain, now()).unwrap(), content);
}

#[test]
fn who_signed_himself_is_his_own_ca_and_who_did_not_is_none() {
    let key = KeyPair::generate().unwrap();
    let own = params("member", 10, false).self_signed(&key).unwrap().pem();
    assert_eq!(read_authorities(&own, now()).unwrap().subject, "CN=member");
    let root = authority("root", 90);
    let leaf = params("leaf", 10, false).signed_by(&key, &root).unwrap().pem();
    let fault = read_authorities(&[root.pem(), leaf].concat(), now()).unwrap_err();
    let why = Certifying::NoCa { position: 2, subject: "CN=leaf".to_owned() };
    assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some(FIELD)));
}

#[test]
fn what_is_no_ca_certificate_is_refused() {
    let (root, old) = (authority("root", 90), authority("old", 0));
    let key = root.key().serialize_pem();
    let many = root.pem().repeat(MOST_TOGETHER + 1);
    let label = |label: &str| Certifying::NoCertificate { label: label.to_owned() };
    let weak = include_str!("../../fixtures/rsa1024.pem");
    for (text, why) in [
        ("nothing".to_owned(), Certifying::Unreadable),
        (root.pem()[..200].to_owned(), Certifying::Unreadable),
        (root.pem().replacen("MII", "MIJ", 1), Certifying::Malformed { position: 1 }),
        ([root.pem(), key].concat(), label("PRIVATE KEY")),
        ([root.pem(), list_of(&root, 1, 5)].concat(), label(LIST)),
        (weak.to_owned(), Certifying::KeyTypeRefused { position: 1, key_type: "RSA 1024".to_owned() }),
        (many, Certifying::ChainTooLong { most: 100 }),
    ] {
        let fault = read_authorities(&text, now()).unwrap_err();
        assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some(FIELD)), "{text}");
    }
    expired(&read_authorities(&[root.pem(), old.pem()].concat(), at(1)).unwrap_err(), "CERTIFICATE_EXPIRED", 2);
    assert_eq!(read_authorities("", now()).unwrap_err().facts(), Fault::missing_field(FIELD).facts());
}

#[test]
fn revocation_lists_are_kept_together_and_are_good_until_the_first_next_one_is_due() {
    let (root, other) = (authority("root", 90), authority("other", 90));
    let text = [list_of(&root, 0x1ff, 9), list_of(&other, 2, 4)].concat();
    let content = read_lists(&text, now()).unwrap();
    assert_eq!((content.subject.as_str(), content.issuer.as_str()), ("CN=other", "CN=other"));
    assert_eq!((content.serial.as_str(), content.not_before, content.not_after), ("2", at(-6), at(4)));
    assert_eq!((content.key_type.as_str(), content.names.len(), content.fingerprint.len()), ("", 0, 64));
    assert_eq!(content.chain, text.replace("\r\n", "\n"));
    assert_eq!(read_lists(&list_of(&root, 0x1ff, 9), now()).unwrap().serial, "1ff");
}

#[test]
fn what_is_no_revocation_list_is_refused() {
    let root = authority("root", 90);
    let good = list_of(&root, 1, 5);
    let issuer = "CN=root".to_owned();
    for (text, why) in [
        ("nothing".to_owned(), Certifying::Unreadable),
        (good[..100].to_owned(), Certifying::Unreadable),
        (good.replacen("MI", "MJ", 1), Revoking::Malformed { position: 1 }.into()),
        ([good.clone(), root.pem()].concat(), Revoking::NoList { label: LABEL.to_owned() }.into()),
        ([good.clone(), endless(&root)].concat(), Revoking::Endless { position: 2, issuer }.into()),
        (good.repeat(MOST_TOGETHER + 1), Revoking::TooMany { most: 100 }.into()),
    ] {
        let fault = read_lists(&text, now()).unwrap_err();
        assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some(FIELD)), "{text}");
    }
    expired(&read_lists(&[list_of(&root, 1, 9), good].concat(), at(6)).unwrap_err(), "REVOCATION_LIST_EXPIRED", 2);
}

/// One bit in the place of any: nothing falls.
#[test]
fn whatever_of_a_list_is_damaged_nothing_falls() {
    let der = crl(&authority("root", 90), 1, 5).der().to_vec();
    let mut refusals = 0;
    for at in 0..der.len() {
        let mut damaged = der.clone();
        damaged[at] ^= 0x40;
        refusals += usize::from(read_lists(&block(LIST, &damaged), now()).is_err());
        assert!(read_lists(&block(LIST, &der[..at]), now()).is_err(), "{at}");
    }
    assert!(refusals > 20, "{refusals}");
}
