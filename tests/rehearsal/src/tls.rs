//! TLS with clients and with members: certificates come, are renewed, and go.

use std::{
    fs, io,
    sync::{Arc, Mutex, PoisonError},
};

use ballast_abi::{
    ClientAuthentication, Driver, Effect, ErrorCode, Hsts, Listener, ListenerTls, LoadBalancer, PoolTls, Protocol,
};
use ballast_simulators::{Fault, Kind};

use crate::{
    Played, Stage,
    samples::{ID, checked},
    secrets::{self, named},
    writes,
};

/// What LBaaS v2 asks for by default.
const CIPHERS: &str = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:\
    ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES256-GCM-SHA384";

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

/// A listener that terminates TLS with `certificate`.
#[must_use]
pub fn terminated(certificate: &str) -> LoadBalancer {
    let mut one = checked();
    let tls = ListenerTls {
        default_certificate: Some(named(certificate)),
        ciphers: CIPHERS.to_owned(),
        versions: texts(&["TLSv1.2", "TLSv1.3"]),
        alpn_protocols: texts(&["h2", "http/1.1", "http/1.0"]),
        ..ListenerTls::default()
    };
    let listener = &mut one.listeners[0];
    (listener.protocol, listener.protocol_port) = (Protocol::TerminatedHttps.into(), 443);
    listener.tls = Some(tls);
    one
}

/// All that TLS has, on both sides.
#[must_use]
pub fn everything(certificate: &str) -> LoadBalancer {
    let mut one = terminated(certificate);
    let tls = one.listeners[0].tls.as_mut().unwrap();
    tls.sni_certificates = vec![named("api")];
    tls.client_authentication = ClientAuthentication::Mandatory.into();
    (tls.client_ca, tls.client_crl) = (Some(named("authorities")), Some(named("revoked")));
    tls.hsts = Some(Hsts { max_age: 31_536_000, include_subdomains: true, preload: true });
    one.pools[0].tls = Some(PoolTls {
        client_certificate: Some(named("client")),
        ca: Some(named("authority")),
        crl: Some(named("revoked")),
        versions: texts(&["TLSv1.2"]),
        ..PoolTls::default()
    });
    one
}

fn listener_of(one: &mut LoadBalancer) -> &mut ListenerTls {
    one.listeners[0].tls.as_mut().unwrap()
}

pub fn all_of_tls_is_made_and_taken_back_and_nothing_is_sent_twice<P: Played>() {
    let mut stage = Stage::<P>::newest();
    let plain = checked();
    for (asked, generation) in [everything("web"), plain, terminated("web"), everything("web")].iter().zip(1..) {
        assert_eq!(stage.deploy(asked, generation), [], "generation {generation}");
        assert_eq!(stage.deployed(), [(ID.to_owned(), generation)]);
        let _ = stage.asked();
        assert_eq!(stage.deploy(asked, generation), []);
        stage.restart();
        assert_eq!(stage.deploy(asked, generation), []);
        assert_eq!(writes(&stage.asked()), [""; 0], "generation {generation}");
        assert!(stage.is_saved());
    }
    stage.undeploy();
    assert_eq!((stage.objects(), stage.open_sessions()), (vec![], 0));
}

/// What listens, and what it is bound to, is not told of it: connections stay.
pub fn a_renewed_certificate_takes_the_place_of_the_old_one_and_nothing_else_is_touched<P: Played>() {
    let stage = Stage::<P>::newest();
    assert_eq!(stage.deploy(&everything("web"), 1), []);
    let (before, front) = (stage.objects(), stage.front());
    let _ = stage.asked();
    assert_eq!(stage.deploy(&everything("web-renewed"), 2), []);
    let asked = stage.asked();
    let name = front.rsplit('/').next().unwrap();
    let touches = |entry: &&ballast_simulators::Entry| {
        let body = entry.body.as_ref().map(ToString::to_string).unwrap_or_default();
        entry.write && (entry.path.contains(name) || body.contains(name))
    };
    assert!(!asked.iter().any(|entry| touches(&entry)), "{:?}", asked.iter().find(touches));
    assert!((3..20).contains(&writes(&asked).len()), "{:?}", writes(&asked));
    let after = stage.objects();
    assert_eq!(before.len(), after.len(), "what is old has gone");
    assert_ne!(before, after);
    let undisturbed = Stage::<P>::newest();
    assert_eq!(undisturbed.deploy(&everything("web-renewed"), 2), []);
    assert!(P::runs_like(&stage.simulator.device(), &undisturbed.simulator.device()));
}

/// Two listeners with one certificate, then one, then another one; names, authorities and lists likewise.
pub fn certificates_come_and_go_with_what_names_them<P: Played>() {
    let stage = Stage::<P>::newest();
    let mut two = everything("web");
    let again = Listener { id: "listener-2".into(), protocol_port: 8443, ..two.listeners[0].clone() };
    two.listeners.push(again);
    let one = everything("web");
    let mut fewer = everything("web");
    listener_of(&mut fewer).client_crl = None;
    listener_of(&mut fewer).client_ca = Some(named("authority"));
    listener_of(&mut fewer).sni_certificates.clear();
    fewer.pools[0].tls.as_mut().unwrap().client_certificate = None;
    let mut by_name = terminated("web");
    listener_of(&mut by_name).default_certificate = None;
    listener_of(&mut by_name).sni_certificates = vec![named("api"), named("web")];
    let plain = checked();
    for (asked, generation) in [&two, &one, &fewer, &by_name, &two, &plain].into_iter().zip(1..) {
        assert_eq!(stage.deploy(asked, generation), [], "generation {generation}");
        let direct = Stage::<P>::newest();
        assert_eq!(direct.deploy(asked, generation), []);
        assert_eq!(stage.objects(), direct.objects(), "generation {generation}");
        assert!(P::runs_like(&stage.simulator.device(), &direct.simulator.device()), "generation {generation}");
    }
}

pub fn a_device_that_has_lost_a_file_gets_it_again<P: Played>() {
    let stage = Stage::<P>::newest();
    assert_eq!(stage.deploy(&everything("web"), 1), []);
    let whole = stage.simulator.device().clone();
    let partition = stage.partition();
    let files: Vec<String> = stage.objects().into_iter().filter(|path| path.contains("file/")).collect();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        P::remove(&mut stage.simulator.device(), &partition, &file);
        assert_eq!(stage.deployed(), [(ID.to_owned(), 0)], "{file}");
        let _ = stage.asked();
        assert_eq!(stage.deploy(&everything("web"), 1), [], "{file}");
        assert!(writes(&stage.asked()).len() <= 2, "{file}: that file, and a save");
        assert_eq!(stage.deployed(), [(ID.to_owned(), 1)], "{file}");
        assert!(P::runs_like(&stage.simulator.device(), &whole), "{file}");
    }
}

/// Logs, for as long as they are held.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Not in what the driver logs, answers and leaves in its directory, nor in what it asks the device but for that.
pub fn no_private_key_is_anywhere_but_in_its_upload<P: Played>() {
    let kept = Kept::default();
    let writer = kept.clone();
    let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let subscriber = logs.with_writer(move || writer.clone()).finish();
    let mut told = String::new();
    tracing::subscriber::with_default(subscriber, || {
        let stage = Stage::<P>::newest();
        for kind in [Kind::Fail, Kind::DropAfter, Kind::Html503, Kind::Secondary] {
            stage.simulator.faults.add(Fault::new(kind).method("POST").body("BEGIN").times(3));
            stage.simulator.faults.add(Fault::new(kind).method("POST").body("LS0tLS1CRUdJTi").times(3));
            told.push_str(&format!("{:?}", stage.tried(&everything("web"), 1)));
            stage.simulator.faults.clear();
        }
        told.push_str(&format!("{:?}", stage.tried(&everything("web"), 1)));
        told.push_str(&format!("{:?}", stage.driver.preview(&everything("web"), 2)));
        told.push_str(&format!("{:?}", stage.driver.observe(&[]).unwrap()));
        told.push_str(&format!("{:?}", stage.objects()));
        for entry in fs::read_dir(stage.directory.path().join("state")).unwrap() {
            told.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap_or_default());
        }
        for entry in stage.asked() {
            let body = entry.body.map(|body| body.to_string()).unwrap_or_default();
            let is_upload = body.contains("filecontent");
            told.push_str(&format!("{} {:?} {}", entry.path, entry.query, if is_upload { "" } else { &body }));
        }
    });
    let logs = String::from_utf8(kept.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap();
    assert!(logs.contains("deployed") && told.contains("/ballast/"), "something was told");
    for line in secrets::keys().iter().flat_map(|key| key.lines().filter(|line| !line.starts_with('-'))) {
        assert!(!logs.contains(line), "a key is in the logs");
        assert!(!told.contains(line), "a key was told");
    }
}

pub fn what_was_not_told_is_not_deployed_and_the_device_is_not_asked<P: Played>() {
    let stage = Stage::<P>::newest();
    let error = stage.driver.deploy(&terminated("web"), 1).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::UNAVAILABLE, true));
    assert!(error.detail.contains("/v1/containers/web"), "{error:?}");
    // Another load balancer's are not this one's.
    stage.driver.take_secrets("other", secrets::of(&terminated("web"))).unwrap();
    assert_eq!(stage.driver.deploy(&terminated("web"), 1).unwrap_err().code, ErrorCode::UNAVAILABLE);
    assert_eq!(stage.asked().len(), 0);
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    // They are not kept longer than they are needed.
    assert_eq!(stage.driver.deploy(&terminated("web"), 1).unwrap_err().code, ErrorCode::UNAVAILABLE);
}

pub fn what_tls_cannot_have_is_a_fault_of_that_object_and_all_else_is_made<P: Played>() {
    let stage = Stage::<P>::newest();
    let mut asked = terminated("web");
    let bad =
        |id: &str, port| Listener { id: id.into(), protocol_port: port, ..terminated("web").listeners[0].clone() };
    let mut bare = bad("bare", 8443);
    bare.tls = None;
    let mut obscure = bad("obscure", 9443);
    obscure.tls.as_mut().unwrap().ciphers = "RC4-MD5:EXP-RC4-MD5".into();
    let mut partly = bad("partly", 10_443);
    partly.tls.as_mut().unwrap().ciphers = format!("{CIPHERS}:RC4-MD5");
    asked.listeners.extend([bare, obscure, partly]);
    let faults = stage.deploy(&asked, 1);
    let said = |id: &str| {
        let of = faults.iter().find(|fault| fault.object_id == id).and_then(|fault| fault.fault.clone());
        of.map(|fault| (fault.code, fault.message)).unwrap_or_default()
    };
    let unsupported = |message: &str| (ErrorCode::UNSUPPORTED.0, message.to_owned());
    assert_eq!(said("bare"), unsupported("it has no certificate"));
    assert_eq!(said("obscure"), unsupported("the device has none of its ciphers: RC4-MD5, EXP-RC4-MD5"));
    assert_eq!(said("partly"), unsupported("the device does not have some of its ciphers: RC4-MD5"));
    assert_eq!((faults.len(), stage.deployed()), (3, vec![(ID.to_owned(), 1)]));
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

pub fn a_preview_needs_no_secrets_and_says_what_will_be_made<P: Played>() {
    let stage = Stage::<P>::newest();
    let foresee = |asked: &LoadBalancer, generation| stage.driver.preview(asked, generation).unwrap();
    assert_eq!(foresee(&everything("web"), 1).effect(), Effect::Restart);
    assert_eq!(stage.deploy(&everything("web"), 1), []);
    let same = foresee(&everything("web"), 1);
    assert_eq!((same.effect(), same.steps), (Effect::None, vec![]));
    let renewed = foresee(&everything("web-renewed"), 2);
    assert_eq!(renewed.effect(), Effect::Runtime);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&everything("web-renewed"), 2), []);
    let now = foresee(&everything("web-renewed"), 2);
    assert_eq!((now.effect(), now.steps), (Effect::None, vec![]));
}
