//! Secrets of a real Barbican, with a real Keystone: who may name them, what is read, and what is taken back.

use std::{path::Path, process::Command};

use ballast_lab::{Lab, in_lab, not_run};
use ballast_model::{ids::LoadBalancerId, tls::Purpose};
use ballast_scheduler::secrets::{
    Content, Refused, Source as _, barbican,
    token::{Given, with_token},
};
use ballast_service::{clock::Clock, config};
use ballast_store::Store;
use ballast_tests::{
    barbican::{Barbican, Tenant},
    keystone::{Keystone, PASSWORD},
    secret,
};
use tokio::runtime::Runtime;

/// A Keystone, a Barbican, and who uses them: ann and amy in `alpha`, ben in `beta`.
struct World {
    keystone: Keystone,
    barbican: Barbican,
    /// The service's own user.
    user_id: String,
    store: Store,
    source: barbican::Barbican,
    runtime: Runtime,
}

/// Whether all is installed; else it is said.
fn is_installed(test: &str) -> bool {
    let missing = Keystone::installed().err().or(Barbican::installed().err());
    missing.map(|why| not_run(test, &why)).is_none()
}

impl World {
    fn start(lab: &Lab) -> Self {
        let keystone = Keystone::installed().expect("it was there before");
        let keystone = Keystone::start(keystone, &lab.dir().join("keystone"), 5000, None);
        let (alpha, beta) = (keystone.project("alpha"), keystone.project("beta"));
        keystone.user("ann", &alpha, "member");
        keystone.user("amy", &alpha, "member");
        keystone.user("ben", &beta, "member");
        keystone.user("ballast", &keystone.project("service"), "service");
        let python = Barbican::installed().expect("it was there before");
        let barbican = Barbican::start(python, &lab.dir().join("barbican"), 9311, &keystone);
        let runtime = Runtime::new().expect("a runtime");
        let database = format!("sqlite://{}/ballast.db", lab.dir().display());
        let store = runtime.block_on(Store::open(&database)).expect("a database");
        let settings = settings(lab.dir(), &keystone);
        let source = {
            let _inside = runtime.enter();
            barbican::Barbican::new(&settings, store.clone(), Clock::system()).expect("a source").expect("one")
        };
        Self { user_id: keystone.user_id("ballast"), keystone, barbican, store, source, runtime }
    }

    fn tenant(&self, user: &str, project: &str) -> (Tenant, String) {
        let token = self.keystone.token(user, project);
        (self.barbican.as_user(&token), token)
    }

    fn admit(&self, token: &str, reference: &str) -> Result<(), Refused> {
        self.runtime.block_on(self.source.admit(token, reference, Purpose::Certificate))
    }

    fn read(&self, reference: &str, purpose: Purpose) -> Result<Content, Refused> {
        self.runtime.block_on(self.source.read(reference, purpose))
    }

    /// A load balancer ends its use, in a call with this token.
    fn unused(&self, token: &str, reference: &str, by: LoadBalancerId, is_last: bool) -> Result<(), Refused> {
        let given = Given { token: token.to_owned().into(), project_id: String::new() };
        self.runtime.block_on(with_token(given, self.source.unused(reference, by, is_last)))
    }

    fn noted(&self) -> usize {
        let grants = self.store.glance(|tx, _| Box::pin(tx.barbican_grants(None)));
        self.runtime.block_on(grants).expect("what is noted").len()
    }
}

fn settings(directory: &Path, keystone: &Keystone) -> config::Barbican {
    let password_file = directory.join("barbican-password");
    secret::write(&password_file, &format!("{PASSWORD}\n"));
    config::Barbican {
        keystone_url: keystone.url(),
        username: "ballast".to_owned(),
        project: "service".to_owned(),
        password_file,
        timeout_ms: 20_000,
        ..config::Barbican::default()
    }
}

/// What `openssl` makes.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn openssl(&self, line: &str) {
        let done = Command::new("openssl").args(line.split_whitespace()).current_dir(self.0).output().expect("openssl");
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file")
    }

    /// A root, an intermediate and a certificate for www.example, each with its key.
    fn make(&self) {
        let of = |name: &str, more: &str| {
            self.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 90 \
                 -subj /CN={name} {more}"
            ));
        };
        of("root", "");
        of("middle", "-CA root.pem -CAkey root.key");
        let leaf = "-CA middle.pem -CAkey middle.key -addext basicConstraints=critical,CA:FALSE";
        of("www.example", leaf);
        of("other.example", leaf);
        self.openssl("pkcs8 -topk8 -in www.example.key -out locked.key -passout pass:s3cret");
        self.openssl(
            "pkcs12 -export -in www.example.pem -inkey www.example.key -certfile middle.pem -out www.p12 -passout pass:",
        );
        self.openssl("base64 -A -in www.p12 -out www.b64");
    }
}

fn is_gone<T>(answer: &Result<T, Refused>) -> bool {
    matches!(answer, Err(Refused::Gone(_)))
}

fn why_bad<T>(answer: Result<T, Refused>) -> String {
    match answer {
        Err(Refused::Bad(_, why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

const LB: LoadBalancerId = LoadBalancerId::from_u128(1);
const OTHER_LB: LoadBalancerId = LoadBalancerId::from_u128(2);

#[test]
fn every_form_in_which_a_barbican_keeps_a_certificate_is_read_by_who_was_let_to() {
    if !is_installed("every_form_in_which_a_barbican_keeps_a_certificate_is_read_by_who_was_let_to") {
        return;
    }
    in_lab(|lab| {
        let (world, files) = (World::start(lab), Files(lab.dir()));
        files.make();
        let (ann, token) = world.tenant("ann", "alpha");
        let (leaf, key) = (ann.text(&files.text("www.example.pem")), ann.text(&files.text("www.example.key")));
        let (middle, locked) = (ann.text(&files.text("middle.pem")), ann.text(&files.text("locked.key")));
        let passphrase = ann.text("s3cret");
        let chain = format!("{}{}", files.text("www.example.pem"), files.text("middle.pem"));
        let bundle =
            format!("{}{}{}", files.text("middle.pem"), files.text("www.example.key"), files.text("www.example.pem"));
        let parts = [("certificate", leaf.as_str()), ("private_key", &key), ("intermediates", &middle)];
        let locked = [parts[0], ("private_key", &locked), parts[2], ("private_key_passphrase", &passphrase)];
        for (name, reference) in [
            ("certificate", ann.container("certificate", &parts)),
            ("locked", ann.container("certificate", &locked)),
            ("generic", ann.container("generic", &parts)),
            ("PKCS12", ann.bytes(&files.text("www.b64"))),
            ("PEM", ann.text(&bundle)),
        ] {
            assert!(is_gone(&world.read(&reference, Purpose::Certificate)), "{name}: nobody has let us read it yet");
            world.admit(&token, &reference).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            let content = world.read(&reference, Purpose::Certificate).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            assert_eq!(content.pem, chain, "{name}");
            assert_eq!(content.names, ["www.example"], "{name}");
            assert!(content.private_key.contains("PRIVATE KEY") && content.not_after > content.not_before, "{name}");
        }
        let authority = ann.text(&files.text("root.pem"));
        world.admit(&token, &authority).unwrap();
        assert_eq!(world.read(&authority, Purpose::Ca).unwrap().pem, files.text("root.pem"));
        assert!(why_bad(world.read(&authority, Purpose::Certificate)).contains("private_key"));
        assert!(why_bad(world.read(&authority, Purpose::Crl)).contains("CERTIFICATE"));
        Ok(())
    });
}

#[test]
fn what_does_not_fit_is_said_and_what_another_user_put_in_later_is_not_taken() {
    if !is_installed("what_does_not_fit_is_said_and_what_another_user_put_in_later_is_not_taken") {
        return;
    }
    in_lab(|lab| {
        let (world, files) = (World::start(lab), Files(lab.dir()));
        files.make();
        let ((ann, token), (amy, _)) = (world.tenant("ann", "alpha"), world.tenant("amy", "alpha"));
        let [leaf, key, other, its_key] =
            ["www.example.pem", "www.example.key", "other.example.pem", "other.example.key"]
                .map(|name| files.text(name));
        let [leaf, key, other, its_key] = [&leaf, &key, &other, &its_key].map(|text| ann.text(text));
        let named = |reference: &str| {
            world.admit(&token, reference).expect("it may be read");
            world.read(reference, Purpose::Certificate)
        };
        let misfit = ann.container("certificate", &[("certificate", &leaf), ("private_key", &its_key)]);
        assert!(why_bad(named(&misfit)).contains("does not fit"));
        assert!(why_bad(named(&ann.container("generic", &[("certificate", &leaf)]))).contains("private_key"));
        assert!(why_bad(named(&ann.container("rsa", &[("private_key", &key), ("public_key", &leaf)]))).contains("rsa"));
        assert!(why_bad(named(&ann.text("no certificate"))).contains("PEM"));

        // A generic container is what can be changed.
        let generic = ann.container("generic", &[("certificate", &leaf), ("private_key", &key)]);
        assert_eq!(named(&generic).unwrap().names, ["www.example"]);
        ann.let_read(&other, &[&world.user_id]);
        ann.let_read(&its_key, &[&world.user_id]);
        ann.exchange(&generic, "certificate", [&leaf, &other]);
        assert!(why_bad(world.read(&generic, Purpose::Certificate)).contains("does not fit"));
        ann.exchange(&generic, "private_key", [&key, &its_key]);
        assert_eq!(world.read(&generic, Purpose::Certificate).unwrap().names, ["other.example"]);
        let of_amy = amy.text(&files.text("other.example.key"));
        amy.let_read(&of_amy, &[&world.user_id]);
        ann.exchange(&generic, "private_key", [&its_key, &of_amy]);
        assert!(why_bad(world.read(&generic, Purpose::Certificate)).contains("another user"));
        assert_eq!(named(&generic).unwrap().names, ["other.example"], "who may read it has named it anew");
        Ok(())
    });
}

#[test]
fn who_may_not_read_a_secret_may_not_name_it_and_what_was_asked_for_is_taken_back_with_the_last_use() {
    if !is_installed("who_may_not_read_a_secret_may_not_name_it_and_what_was_asked_for_is_taken_back_with_the_last_use")
    {
        return;
    }
    in_lab(|lab| {
        let (world, files) = (World::start(lab), Files(lab.dir()));
        files.make();
        let ((ann, token), (_, of_ben)) = (world.tenant("ann", "alpha"), world.tenant("ben", "beta"));
        let [leaf, key] = ["www.example.pem", "www.example.key"].map(|name| ann.text(&files.text(name)));
        let secrets = [("certificate", leaf.as_str()), ("private_key", &key)];
        let [one, two] = [(); 2].map(|()| ann.container("certificate", &secrets));
        for nobody in [of_ben.as_str(), "", "no token"] {
            assert!(is_gone(&world.admit(nobody, &one)), "{nobody}");
        }
        assert!(ann.readers(&one).is_empty() && ann.readers(&key).is_empty());
        let none = format!("{}/v1/containers/{}", world.barbican.url(), ballast_model::Uuid::nil());
        assert!(is_gone(&world.admit(&token, &none)));

        // The certificate's right was there before, and is not ours to take back.
        ann.let_read(&leaf, &["somebody", &world.user_id]);
        for reference in [&one, &two] {
            world.admit(&token, reference).unwrap();
            world.admit(&token, reference).unwrap();
            for by in [LB, OTHER_LB] {
                world.runtime.block_on(world.source.used(reference, by)).unwrap();
                world.runtime.block_on(world.source.used(reference, by)).unwrap();
            }
        }
        let readers = || [&one, &two, &key].map(|reference| ann.readers(reference).len());
        assert_eq!((readers(), ann.readers(&leaf).len(), world.noted()), ([1, 1, 1], 2, 6));
        assert_eq!(ann.consumers(&one), [LB, OTHER_LB].map(|by| format!("loadbalancer://{by}")));

        world.unused(&token, &one, LB, false).unwrap();
        assert_eq!((ann.consumers(&one).len(), readers()), (1, [1, 1, 1]));
        world.unused(&token, &one, OTHER_LB, true).unwrap();
        assert_eq!((ann.consumers(&one).len(), readers()), (0, [0, 1, 1]), "the other container needs the key");
        world.unused(&token, &two, LB, false).unwrap();
        world.unused(&token, &two, OTHER_LB, true).unwrap();
        assert_eq!((ann.consumers(&two).len(), readers(), world.noted()), (0, [0, 0, 0], 0));
        assert_eq!(ann.readers(&leaf).len(), 2, "it was not ours");
        assert!(is_gone(&world.read(&one, Purpose::Certificate)));

        // A secret by itself has consumers of another form. Its last user has no token with which it could be taken back.
        let bundle = ann.bytes(&files.text("www.b64"));
        world.admit(&token, &bundle).unwrap();
        world.runtime.block_on(world.source.used(&bundle, LB)).unwrap();
        assert_eq!(ann.consumers(&bundle), [LB.to_string()]);
        let _ = world.unused("", &bundle, LB, true);
        assert_eq!((ann.consumers(&bundle).len(), ann.readers(&bundle).len(), world.noted()), (0, 1, 1));
        world.unused(&token, &bundle, LB, true).unwrap();
        assert_eq!((ann.readers(&bundle).len(), world.noted()), (0, 0));
        Ok(())
    });
}

#[test]
fn a_barbican_that_does_not_answer_is_away_and_is_told_later_what_it_missed() {
    if !is_installed("a_barbican_that_does_not_answer_is_away_and_is_told_later_what_it_missed") {
        return;
    }
    in_lab(|lab| {
        let (mut world, files) = (World::start(lab), Files(lab.dir()));
        files.make();
        let (ann, token) = world.tenant("ann", "alpha");
        let bundle = ann.bytes(&files.text("www.b64"));
        world.admit(&token, &bundle).unwrap();
        world.runtime.block_on(world.source.used(&bundle, LB)).unwrap();
        world.barbican.stop();
        let is_away = |answer: Result<(), Refused>| matches!(answer, Err(Refused::Away(_)));
        assert!(is_away(world.admit(&token, &bundle)));
        assert!(is_away(world.read(&bundle, Purpose::Certificate).map(drop)));
        assert!(is_away(world.unused(&token, &bundle, LB, true)));
        assert!(is_away(world.runtime.block_on(world.source.used(&bundle, OTHER_LB))));
        world.barbican.serve();
        assert_eq!(ann.consumers(&bundle), [LB.to_string()]);
        // Nothing names it: what was noted is taken back.
        let given = Given { token: token.clone().into(), project_id: String::new() };
        world.runtime.block_on(with_token(given, world.source.settle_all(Some(&bundle)))).unwrap();
        assert_eq!((ann.consumers(&bundle).len(), ann.readers(&bundle).len(), world.noted()), (0, 0, 0));
        // Keystone alone.
        world.admit(&token, &bundle).unwrap();
        world.keystone.stop();
        assert!(!is_gone(&world.admit(&token, &bundle)), "who cannot be asked refuses nothing");
        Ok(())
    });
}
