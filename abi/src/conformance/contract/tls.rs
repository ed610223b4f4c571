//! TLS that ends at a listener: with what was told, and with what is told next.

use crate::{
    ErrorCode, LoadBalancer, ObjectFault,
    conformance::{
        Bench,
        samples::{self, secrets, using},
        stage::{Stage, on_stage},
        traffic::{Handshake, Wire},
        verdict::{Stop, Verdict, ensure, shown},
    },
    features::PROTOCOL_TERMINATED_HTTPS,
};

pub(in crate::conformance) fn tls(bench: &Bench) -> Verdict {
    on_stage(bench, 27, |stage| {
        if !stage.declares(PROTOCOL_TERMINATED_HTTPS) {
            return Ok("not declared".to_owned());
        }
        let wire = Wire::open();
        let Some(first) = using(PROTOCOL_TERMINATED_HTTPS, &stage.samples, 1) else { return Ok(String::new()) };
        untold(stage, &first)?;
        stage.deploy(&first, 1)?;
        let reached = serves(&wire, &first, secrets::Kind::First, "after the first deploy")?;
        let mut second = first.clone();
        for tls in second.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut()) {
            let reference = tls.default_certificate.take().map(|secret| secret.reference).unwrap_or_default();
            let name = reference.rsplit('/').next().unwrap_or_default();
            tls.default_certificate = Some(secrets::named(name, secrets::Kind::Second));
        }
        let second = samples::finished(second);
        stage.deploy(&second, 2)?;
        stage.expect_deployed(&[(&second.id, 2)], "with another certificate")?;
        serves(&wire, &second, secrets::Kind::Second, "after a deploy with another certificate")?;
        stage.restart()?;
        serves(&wire, &second, secrets::Kind::Second, "after a restart of the driver")?;
        stage.deploy(&first, 3)?;
        serves(&wire, &first, secrets::Kind::First, "after a deploy by the restarted driver")?;
        Ok(if reached { String::new() } else { "no way to its listeners: handshakes were not tried".to_owned() })
    })
}

/// A deploy that names what was not told is one to be tried again, also where the driver says so of the listener alone.
fn untold(stage: &Stage<'_>, one: &LoadBalancer) -> Result<(), Stop> {
    let unavailable = |code: ErrorCode| code == ErrorCode::UNAVAILABLE;
    match stage.subject().deploy_untold(one, 1)? {
        Err(error) => ensure(unavailable(error.code), || {
            format!("a deploy whose secrets were not told must be UNAVAILABLE, and is {}", shown(&error))
        }),
        Ok(reply) => {
            let is_one = |fault: &ObjectFault| one.listeners.iter().any(|listener| listener.id == fault.object_id);
            ensure(reply.faults.iter().any(is_one), || {
                "a deploy whose secrets were not told was taken as if they were".to_owned()
            })
        }
    }
}

/// Whether it could be looked at.
fn serves(wire: &Wire, one: &LoadBalancer, kind: secrets::Kind, when: &str) -> Result<bool, Stop> {
    match wire.handshake(one, kind.pem())? {
        Handshake::NoWay => Ok(false),
        Handshake::AsTold => Ok(true),
        Handshake::Otherwise(what) => Err(Stop::failed(format!("{when} TLS must end with what was told: {what}"))),
    }
}
