//! `make run`: the three services on this host, with a configuration of the caller's, until Ctrl-C.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_service::{config, folder::make_passable};
use tokio::time::sleep;

use crate::{
    error::DemoError,
    passage, require_root, say,
    service::{Launch, Service},
    signals::Ending,
};

const PAUSE: Duration = Duration::from_millis(100);

/// In the order of their start.
const SERVICES: [(&str, &str); 3] =
    [("scheduler", "ballast-scheduler"), ("gateway", "ballast-api-gateway"), ("agent", "ballast-agent")];

/// Runs until a signal, or until one of the services ends.
pub(crate) async fn run(config: &Path) -> Result<(), DemoError> {
    require_root("make run")?;
    let mut ending = Ending::watch()?;
    let file = file(config)?;
    let settings = config::load(Some(&file)).map_err(DemoError::new)?;
    make_passable(&settings.agent.state_dir).map_err(DemoError::when("cannot make agent.state_dir"))?;
    passage::check(&settings.agent.state_dir, "set agent.state_dir to a folder that all can pass")?;
    let mut services = Vec::new();
    for (name, program) in SERVICES {
        let program = program_beside(program)?;
        services.push(Service::start(Launch { name, program, config: file.clone(), log: None, host: None })?);
    }
    say::line(&format!("REST at http://{}, gRPC at {}", settings.gateway.listen, settings.scheduler.listen));
    let outcome = tokio::select! {
        () = ending.asked_for() => Ok(()),
        error = first_to_end(&mut services) => Err(error),
    };
    while let Some(service) = services.pop() {
        service.end().await?;
    }
    outcome
}

async fn first_to_end(services: &mut [Service]) -> DemoError {
    loop {
        for service in &mut *services {
            if let Some(status) = service.status() {
                return DemoError::new(format!("the {} ended ({status}), so the others end, too", service.name()));
            }
        }
        sleep(PAUSE).await;
    }
}

fn file(config: &Path) -> Result<PathBuf, DemoError> {
    let file = if config.is_dir() { config.join("ballast.toml") } else { config.to_owned() };
    if file.is_file() {
        return Ok(file);
    }
    Err(DemoError::new(format!("{} does not exist: as in `make run CONFIG=deploy/dev`", file.display())))
}

/// A program of this workspace.
pub(crate) fn program_beside(name: &str) -> Result<PathBuf, DemoError> {
    let own = env::current_exe().map_err(DemoError::when("cannot find the current program"))?;
    Ok(own.with_file_name(name))
}
