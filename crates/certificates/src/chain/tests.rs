use ballast_model::{certificate::Validity, fault::Keying};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    SanType,
};
use time::{Duration, OffsetDateTime};

use super::*;

/// 2026-11-28
const NOW: i64 = 1_795_824_000;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

fn now() -> Timestamp {
    Timestamp(NOW * MICROS)
}

fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap() + Duration::days(days)
}

fn params(common: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    if !common.is_empty() {
        params.distinguished_name.push(DnType::CommonName, common);
    }
    (params.not_before, params.not_after) = (day(-1), day(90));
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A root, an intermediate, and a certificate for www.example with its key.
struct World {
    root: CertifiedIssuer<'static, KeyPair>,
    middle: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
    leaf: String,
}

impl World {
    fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
        let middle = CertifiedIssuer::signed_by(authority("middle"), KeyPair::generate().unwrap(), &root).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = params("www.example", &["www.example", "*.example", "10.0.0.1", "fd00::1"]);
        params.subject_alt_names.push(SanType::Rfc822Name("ops@example".try_into().unwrap()));
        let leaf = params.signed_by(&key, &middle).unwrap().pem();
        Self { root, middle, key, leaf }
    }

    fn issue(&self, params: &CertificateParams) -> String {
        params.signed_by(&self.key, &self.middle).unwrap().pem()
    }

    fn chain(&self) -> String {
        [self.leaf.as_str(), &self.middle.pem(), &self.root.pem()].concat()
    }
}

fn refused(chain: &str, key: &str) -> Fault {
    let fault = read(chain, key, now()).unwrap_err();
    assert!(!format!("{fault:?} {fault}").contains("PRIVATE KEY-----"), "{fault:?}");
    fault
}

#[test]
fn a_certificate_says_who_it_is_for_and_by_and_until_when() {
    let world = World::new();
    let read = read(&world.chain(), &world.key.serialize_pem(), now()).unwrap();
    let content = read.content;
    assert_eq!((content.subject.as_str(), content.issuer.as_str()), ("CN=www.example", "CN=middle"));
    assert_eq!(content.names, ["www.example", "*.example", "10.0.0.1", "fd00::1"]);
    assert_eq!(
        (content.not_before, content.not_after),
        (Timestamp(day(-1).unix_timestamp() * MICROS), Timestamp(day(90).unix_timestamp() * MICROS))
    );
    assert_eq!(content.key_type, "ECDSA P-256");
    assert_eq!((content.fingerprint.len(), content.validity(now())), (64, Validity::Valid));
    // Without the root.
    let normal = |pem: &str| pem.replace("\r\n", "\n");
    assert_eq!(content.chain, normal(&[world.leaf.as_str(), &world.middle.pem()].concat()));
    assert_eq!(read.private_key.as_str(), normal(&world.key.serialize_pem()));
}

#[test]
fn nothing_shows_the_key_of_what_was_read() {
    let world = World::new();
    let shown = format!("{:?}", read(&world.chain(), &world.key.serialize_pem(), now()).unwrap());
    assert!(shown.contains("www.example") && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn one_that_signed_itself_is_kept_as_it_is_and_one_that_is_not_valid_yet_too() {
    let key = KeyPair::generate().unwrap();
    let mut params = params("early.example", &[]);
    params.not_before = day(10);
    let pem = params.self_signed(&key).unwrap().pem();
    let content = read(&pem, &key.serialize_pem(), now()).unwrap().content;
    assert_eq!((content.names, content.chain.matches("BEGIN").count()), (vec!["early.example".to_owned()], 1));
    assert_eq!(content.not_before, Timestamp(day(10).unix_timestamp() * MICROS));
}

#[test]
fn keys_of_each_kind_in_each_form_are_taken() {
    for (chain, key, kind) in [
        (fixture!("rsa2048.pem"), fixture!("rsa2048.key"), "RSA 2048"),
        (fixture!("rsa2048.pem"), fixture!("rsa2048.pkcs1.key"), "RSA 2048"),
        (fixture!("p256.pem"), fixture!("p256.sec1.key"), "ECDSA P-256"),
    ] {
        let read = read(chain, key, now()).unwrap();
        assert_eq!(read.content.key_type, kind);
        assert!(key.contains(read.private_key.as_str()));
        // As Windows writes it, and with what OpenSSL writes between.
        let (chain, key) = (format!("subject=x\n{chain}").replace('\n', "\r\n"), key.replace('\n', "\r\n"));
        let same = super::read(&chain, &key, now()).unwrap();
        assert_eq!((same.content, same.private_key), (read.content, read.private_key));
    }
    for (algorithm, kind) in [(&PKCS_ECDSA_P384_SHA384, "ECDSA P-384"), (&PKCS_ED25519, "Ed25519")] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let pem = params("a.example", &[]).self_signed(&key).unwrap().pem();
        assert_eq!(read(&pem, &key.serialize_pem(), now()).unwrap().content.key_type, kind);
    }
}

#[test]
fn a_chain_that_is_none_is_refused_with_the_place_where_it_is_not() {
    let world = World::new();
    let key = world.key.serialize_pem();
    let (leaf, middle, root) = (world.leaf.as_str(), world.middle.pem(), world.root.pem());
    let twin = CertifiedIssuer::self_signed(authority("middle"), KeyPair::generate().unwrap()).unwrap();
    let subject = |name: &str| format!("CN={name}");
    let out_of_order = |position, name: &str| Certifying::ChainOutOfOrder { position, subject: subject(name) };
    let damaged = leaf.replacen("MII", "MIJ", 1);
    let many = [leaf, &middle.repeat(10)].concat();
    for (chain, why) in [
        ("nothing".to_owned(), Certifying::Unreadable),
        (leaf[..200].to_owned(), Certifying::Unreadable),
        // Only the second is cut off.
        ([leaf, &middle[..200]].concat(), Certifying::Unreadable),
        (leaf.replacen("MII", "M?I", 1), Certifying::Unreadable),
        (damaged.clone(), Certifying::Malformed { position: 1 }),
        ([leaf, &middle, &damaged].concat(), Certifying::Malformed { position: 3 }),
        ([&key, leaf].concat(), Certifying::NoCertificate { label: "PRIVATE KEY".to_owned() }),
        ([leaf, &root].concat(), out_of_order(2, "root")),
        ([leaf, leaf].concat(), out_of_order(2, "www.example")),
        ([leaf, &middle, &middle].concat(), out_of_order(3, "middle")),
        // The name is right, and the signature is not its.
        ([leaf, &twin.pem()].concat(), out_of_order(2, "middle")),
        (many, Certifying::ChainTooLong { most: 10 }),
        ("x".repeat(MOST_BYTES + 1), Certifying::TooLarge { field: FIELD.to_owned(), most: 65_536 }),
    ] {
        let fault = refused(&chain, &key);
        assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some(FIELD)), "{chain}");
    }
    // The private key that was sent as a part of the chain is said by its label alone.
    assert!(!refused(&[&key, leaf].concat(), &key).to_string().contains(key.lines().nth(1).unwrap()));
    // The intermediate that comes first has another key.
    assert_eq!(
        refused(&[middle.as_str(), leaf].concat(), &key).facts(),
        Fault::from(out_of_order(2, "www.example")).facts()
    );
}

#[test]
fn a_certificate_that_no_client_takes_is_refused() {
    let world = World::new();
    let key = world.key.serialize_pem();
    let mut old = params("old.example", &[]);
    (old.not_before, old.not_after) = (day(-30), day(-1));
    let expired = |position, name: &str, fault: &Fault| {
        let told = fault.to_string();
        assert!(told.contains("CERTIFICATE_EXPIRED") && told.contains(&format!("position=\"{position}\"")), "{told}");
        assert!(told.contains(name) && told.contains("2026"), "{told}");
    };
    expired(1, "old.example", &refused(&world.issue(&old), &key));
    let mut ended = authority("ended");
    ended.not_after = day(-1);
    let ended = CertifiedIssuer::signed_by(ended, KeyPair::generate().unwrap(), &world.root).unwrap();
    let leaf = params("www.example", &[]).signed_by(&world.key, &ended).unwrap().pem();
    expired(2, "ended", &refused(&[leaf, ended.pem()].concat(), &key));
    let kind = |key_type: &str| Certifying::KeyTypeRefused { position: 1, key_type: key_type.to_owned() };
    let nameless = params("", &[]);
    let mut of_company = params("", &[]);
    of_company.distinguished_name.push(DnType::CommonName, "Example Company");
    let weak = Certifying::SignatureTooWeak { position: 1, algorithm: "RSA with SHA-1".to_owned() };
    for (chain, why) in [
        (fixture!("rsa1024.pem").to_owned(), kind("RSA 1024")),
        (fixture!("p521.pem").to_owned(), kind("ECDSA P-521")),
        (fixture!("k256.pem").to_owned(), kind("ECDSA secp256k1")),
        (fixture!("sha1.pem").to_owned(), weak),
        (world.issue(&nameless), Certifying::Nameless),
        (world.issue(&of_company), Certifying::Nameless),
    ] {
        let fault = refused(&chain, &key);
        assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some(FIELD)), "{chain}");
    }
    let mut odd = params("a.example", &[]);
    odd.subject_alt_names.push(SanType::DnsName("a b\0c".try_into().unwrap()));
    let facts = refused(&world.issue(&odd), &key);
    assert_eq!(facts.facts(), Fault::from(Certifying::NameMalformed { name: "a b c".to_owned() }).facts());
}

#[test]
fn a_key_that_is_none_or_another_ones_is_refused_and_never_said() {
    let world = World::new();
    let (chain, key) = (world.chain(), world.key.serialize_pem());
    let other = KeyPair::generate().unwrap().serialize_pem();
    let damaged = key.replacen("MIG", "MIH", 1);
    let label = |label: &str| Keying::NoKey { label: label.to_owned() };
    for (key, why) in [
        ("nothing".to_owned(), Keying::Unreadable),
        (key[..100].to_owned(), Keying::Unreadable),
        (key.replacen("MIG", "M?G", 1), Keying::Unreadable),
        (
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n".to_owned(),
            Keying::Unreadable,
        ),
        (damaged, Keying::Malformed),
        (fixture!("p521.key").to_owned(), Keying::Malformed),
        (other.clone(), Keying::OfOther),
        (fixture!("rsa2048.key").to_owned(), Keying::OfOther),
        ([key.as_str(), &other].concat(), Keying::Several),
        ([key.as_str(), &world.leaf].concat(), label("CERTIFICATE")),
        (fixture!("rsa2048.encrypted.key").to_owned(), Keying::Encrypted),
        (fixture!("rsa2048.old.key").to_owned(), Keying::Encrypted),
    ] {
        let fault = refused(&chain, &key);
        assert_eq!((fault.facts(), fault.field()), (Fault::from(why).facts(), Some("private_key")));
        let secret: Vec<_> = key.lines().filter(|line| line.len() > 20 && !line.starts_with('-')).collect();
        let said = format!("{fault:?} {fault}");
        assert!(secret.iter().all(|line| !said.contains(line)), "{said}");
    }
    let large = "x".repeat(MOST_BYTES + 1);
    let field = "private_key".to_owned();
    assert_eq!(refused(&chain, &large).facts(), Fault::from(Certifying::TooLarge { field, most: 65_536 }).facts());
    assert_eq!(refused(&chain, "").facts(), Fault::missing_field("private_key").facts());
    assert_eq!(refused("", &key).facts(), Fault::missing_field(FIELD).facts());
}

/// One bit in the place of any: nothing falls, and what is read all the same says the same. That is what parsers forgive.
#[test]
fn whatever_is_damaged_is_refused_and_nothing_falls() {
    let world = World::new();
    let key = world.key.serialize_pem();
    let der = world.leaf.parse::<pem::Pem>().unwrap().into_contents();
    let names = read(&world.chain(), &key, now()).unwrap().content.names;
    let mut refusals = 0;
    for at in 0..der.len() {
        for bit in [1, 0x80] {
            let mut damaged = der.clone();
            damaged[at] ^= bit;
            let chain = [pem::encode(&pem::Pem::new(LABEL, damaged)), world.middle.pem()].concat();
            match read(&chain, &key, now()) {
                Ok(read) => assert_eq!(read.content.names, names, "{at}"),
                Err(_) => refusals += 1,
            }
        }
        let cut = pem::encode(&pem::Pem::new(LABEL, &der[..at]));
        assert!(read(&cut, &key, now()).is_err(), "{at}");
    }
    assert!(refusals > der.len() * 2 - 20, "{refusals} of {}", der.len() * 2);
}
