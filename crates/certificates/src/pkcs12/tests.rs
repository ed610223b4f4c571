use std::{path::Path, process::Command};

use super::*;

/// 2026-11-28
const NOW: Timestamp = Timestamp(1_795_824_000_000_000);

/// A directory with a root, what it issued, and keys, as `openssl` makes them.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        let ca = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 \
                  -subj /CN=root -set_serial 1";
        let leaf = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.pem -days 3650 \
                    -subj /CN=www.example -CA ca.pem -CAkey ca.key -set_serial 2 -addext basicConstraints=critical,CA:FALSE";
        for command in [ca, leaf] {
            world.openssl(command);
        }
        world
    }

    fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl").args(arguments.split_whitespace()).current_dir(&self.0).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(Path::new(self.0.path()).join(name)).unwrap()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.file(name)).unwrap()
    }

    /// A bundle as these options make it.
    fn bundle(&self, options: &str) -> Vec<u8> {
        self.openssl(&format!("pkcs12 -export -inkey leaf.key -in leaf.pem -out bundle.p12 {options}"));
        self.file("bundle.p12")
    }
}

fn refusal(bundle: &[u8], passphrase: &str) -> Fault {
    read_pkcs12(bundle, passphrase, NOW).unwrap_err()
}

#[test]
fn every_bundle_that_openssl_makes_is_opened_by_its_passphrase_alone() {
    let world = World::new();
    let plain = chain::read(&world.text("leaf.pem"), &world.text("leaf.key"), NOW).unwrap();
    for options in [
        "-passout pass:s3cret",
        "-passout pass:s3cret -certfile ca.pem -name www",
        "-passout pass:s3cret -iter 100000 -macalg SHA512",
        "-passout pass:s3cret -keypbe AES-128-CBC -certpbe AES-192-CBC -macalg SHA1",
        "-passout pass:s3cret -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg SHA1",
        "-passout pass:s3cret -legacy",
        "-passout pass:s3cret -keypbe NONE -certpbe NONE",
        "-passout pass:s3cret -nomac",
    ] {
        let bundle = world.bundle(options);
        let opened = read_pkcs12(&bundle, "s3cret", NOW).unwrap_or_else(|fault| panic!("{options}: {fault:?}"));
        assert_eq!(opened.content, plain.content, "{options}");
        assert_eq!(opened.private_key, plain.private_key, "{options}");
        for wrong in ["", "S3cret"] {
            assert_eq!(refusal(&bundle, wrong), Certifying::Pkcs12Passphrase.into(), "{options}");
        }
    }
}

#[test]
fn an_empty_passphrase_and_one_beyond_ascii_are_passphrases() {
    let world = World::new();
    for (options, passphrase) in
        [("-passout pass:", ""), ("-legacy -passout pass:", ""), ("-passout pass:Straße€", "Straße€")]
    {
        let opened = read_pkcs12(&world.bundle(options), passphrase, NOW);
        assert!(opened.is_ok(), "{options}: {opened:?}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused_before_the_work_begins() {
    let world = World::new();
    let began = std::time::Instant::now();
    for options in ["-iter 77777 -nomac", "-iter 77777", "-legacy -iter 77777 -nomac"] {
        // openssl itself takes its time to make one: the number of a cheap one is exchanged.
        let mut bundle = world.bundle(&format!("{options} -passout pass:x"));
        let (from, to) = ([2, 3, 1, 0x2f, 0xd1], [2, 3, 0x7f, 0xff, 0xff]);
        while let Some(at) = bundle.windows(5).position(|window| window == from) {
            bundle[at..at + 5].copy_from_slice(&to);
        }
        let most = locked::MOST_ITERATIONS;
        assert_eq!(refusal(&bundle, "x"), Certifying::Pkcs12Costly { most }.into(), "{options}");
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn what_is_no_bundle_or_half_of_one_is_said_to_be_so_whatever_is_damaged() {
    let world = World::new();
    let bundle = world.bundle("-passout pass:x -iter 1 -nomaciter");
    assert!(is_pkcs12(&bundle) && !is_pkcs12(world.text("leaf.pem").as_bytes()) && !is_pkcs12(b""));
    for other in [&b""[..], b"0", &bundle[..bundle.len() - 1], world.text("leaf.pem").as_bytes()] {
        assert_eq!(refusal(other, "x"), Certifying::Pkcs12Unreadable.into());
    }
    for at in 0..bundle.len() {
        let mut damaged = bundle.clone();
        damaged[at] ^= 0x55;
        // Nothing panics; what is not looked at, as a name, may be damaged.
        let _ = read_pkcs12(&damaged, "x", NOW);
    }
    let large = vec![0x30; MOST_BYTES + 1];
    assert!(matches!(refusal(&large, "x").code(), ballast_model::fault::Code::InvalidField));
    let half = world.bundle("-passout pass:x -nokeys");
    assert_eq!(refusal(&half, "x"), Certifying::Pkcs12Incomplete { missing: "private key".to_owned() }.into());
    world.openssl("pkcs12 -export -inkey leaf.key -nocerts -out key.p12 -passout pass:x");
    let missing = "certificate of its private key".to_owned();
    assert_eq!(refusal(&world.file("key.p12"), "x"), Certifying::Pkcs12Incomplete { missing }.into());
}

#[test]
fn an_encrypted_private_key_is_opened_by_its_passphrase_at_a_bounded_cost() {
    let world = World::new();
    let plain = world.text("leaf.key");
    assert_eq!(crate::unlocked(&plain, "any").unwrap().as_str(), plain);
    for options in ["-v2 aes-256-cbc", "-v2 aes-128-cbc -v2prf hmacWithSHA1 -iter 20000", "-scrypt"] {
        world.openssl(&format!("pkcs8 -topk8 -in leaf.key -out locked.key -passout pass:x {options}"));
        let opened = crate::unlocked(&world.text("locked.key"), "x").unwrap();
        assert!(chain::read(&world.text("leaf.pem"), &opened, NOW).is_ok(), "{options}");
        assert!(crate::unlocked(&world.text("locked.key"), "y").unwrap_err().contains("passphrase"), "{options}");
    }
    // openssl makes none that takes more: the size of its blocks is exchanged.
    world.openssl("pkcs8 -topk8 -in leaf.key -outform DER -out costly.der -passout pass:x -scrypt");
    let mut der = world.file("costly.der");
    let at = der.windows(7).position(|window| window == [2, 2, 0x40, 0, 2, 1, 8]).unwrap();
    der[at + 6] = 0x7f;
    let costly = pem::encode(&pem::Pem::new("ENCRYPTED PRIVATE KEY", der));
    assert!(crate::unlocked(&costly, "x").unwrap_err().contains("more memory"));
}
