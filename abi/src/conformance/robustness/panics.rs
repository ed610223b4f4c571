//! A panic, which the SDK throws on request. It must not reach the process, and must reach the log.

use crate::{
    ErrorCode,
    conformance::{
        Bench, elf,
        stage::on_stage,
        verdict::{Stop, Verdict, ensure, shown},
    },
    rehearsal,
};

pub(in crate::conformance) fn panics(bench: &Bench) -> Verdict {
    if elf::is_in_c(bench)? {
        return Ok("it has a table of C functions: nothing of it unwinds".to_owned());
    }
    on_stage(bench, 15, |stage| {
        let one = stage.samples.load_balancer(1);
        let mut panicking = one.clone();
        panicking.features.push(rehearsal::PANIC.to_owned());
        for generation in [1, 3] {
            match stage.subject().deploy(&panicking, generation)? {
                Err(error) if error.code == ErrorCode::PANIC => {}
                Err(error) if error.code == ErrorCode::UNSUPPORTED => {
                    return Err(Stop::Skipped(
                        "it was built with an ABI crate that cannot be asked to panic: build it with this one"
                            .to_owned(),
                    ));
                }
                Err(error) => return Err(Stop::failed(format!("a panic must be PANIC, and is {}", shown(&error)))),
                Ok(_) => return Err(Stop::failed("a deploy that panicked was answered as if it had not")),
            }
            stage.deployed()?;
            stage.deploy(&one, generation + 1)?;
            stage.expect_deployed(&[(&one.id, generation + 1)], "after a panic and another deploy")?;
        }
        let log = stage.subject().log()?;
        ensure(log.iter().any(|line| line.starts_with("panic: ") && line.contains(rehearsal::SAYING)), || {
            "the panic did not reach the host's log: does the driver set a panic hook of its own?".to_owned()
        })?;
        stage.observe(&one.id)?;
        stage.undeploy(&one.id)?;
        stage.expect_deployed(&[], "after the undeploy")?;
        Ok(String::new())
    })
}
