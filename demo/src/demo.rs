//! The demo from its start to its end. However it ends, what it started ends first.

use std::{fs, net::TcpListener, os::unix::fs::symlink, path::PathBuf, time::Duration};

use ballast_lab::Host;
use ballast_service::{
    address::Address,
    config::{self, Settings},
};
use tokio::time::sleep;

use crate::{
    Options,
    configuration::{DRIVER, Layout, loopback},
    error::DemoError,
    folder::Folder,
    load_balancer::{self, LoadBalancer, Rest},
    next, require_root,
    run::program_beside,
    say,
    scheduler::{AgentState, Scheduler},
    service::{Launch, Service},
    signals::Ending,
    topology::{BACK, FRONT, Topology},
    traffic,
};

const PAUSE: Duration = Duration::from_millis(100);

/// What runs. Fields are dropped in this order.
struct Demo {
    services: Vec<Service>,
    topology: Option<Topology>,
    folder: Folder,
}

/// Runs the demo until it is done or a signal asks for its end.
pub(crate) async fn run(options: &Options) -> Result<(), DemoError> {
    require_root("make demo")?;
    let mut ending = Ending::watch()?;
    let folder = Folder::take(&options.folder)?;
    free(&[(options.rest_port, "BALLAST_REST_PORT"), (options.grpc_port, "BALLAST_GRPC_PORT")])?;
    let mut demo = Demo { services: Vec::new(), topology: None, folder };
    let outcome = tokio::select! {
        biased;
        () = ending.asked_for() => Ok(()),
        outcome = demo.perform(options) => outcome,
    };
    // A terminal's Ctrl-C goes to all at once: what failed may have failed of that.
    let outcome = if outcome.is_err() && ending.was_asked_for().await { Ok(()) } else { outcome };
    if let Err(error) = &outcome {
        // Now, because its log goes with the folder.
        say::failure(error);
        say::kept(demo.folder.keep_logs());
    }
    let ended = demo.end().await;
    outcome.map_err(|_| DemoError::new("the demo failed; the reason stands above")).and(ended)
}

/// Said before anything is started, because it is the most frequent trouble; and of all ports at once.
fn free(ports: &[(u16, &str)]) -> Result<(), DemoError> {
    let refusals = ports.iter().filter_map(|(port, variable)| {
        let error = TcpListener::bind(loopback(*port)).err()?;
        Some(format!("cannot listen on {} ({error}): set {variable} to a free port", loopback(*port)))
    });
    let refusals: Vec<_> = refusals.collect();
    if refusals.is_empty() { Ok(()) } else { Err(DemoError::new(refusals.join("; "))) }
}

impl Demo {
    /// Returns only when it was to run once, or failed.
    async fn perform(&mut self, options: &Options) -> Result<(), DemoError> {
        let settings = self.start(options).await?;
        let scheduler = Scheduler::at(&Address::Unix(settings.scheduler.socket.clone()))?;
        let nets = async { Ok((scheduler.make_net(&FRONT).await?, scheduler.make_net(&BACK).await?)) };
        let (subnet_id, _) = say::step("making networks and subnets", nets).await?;
        let load_balancer = match options.empty {
            true => None,
            false => Some(self.show_traffic(&settings, &scheduler, &subnet_id, options.once).await?),
        };
        if !options.once {
            say::line(&next::steps(&settings, load_balancer.as_ref(), self.folder.state()));
        }
        say::line("ballast demo ready");
        if options.once {
            return Ok(());
        }
        self.stay().await
    }

    /// Everything but a load balancer.
    async fn start(&mut self, options: &Options) -> Result<Settings, DemoError> {
        let drivers = self.drivers()?;
        let state = self.folder.state().to_owned();
        let (rest_port, grpc_port) = (options.rest_port, options.grpc_port);
        let layout = Layout { state: &state, drivers: &drivers, rest_port, grpc_port };
        let config = layout.write_services()?;
        // With the environment's overrides, as the services see it.
        let settings = config::load(Some(&config)).map_err(DemoError::new)?;
        let lab_file = self.folder.lab_file();
        // Within the state: of a demo that is killed there is then nothing that the next one does not know.
        let scratch = state.join("lab");
        let lab = async {
            fs::create_dir(&scratch).map_err(DemoError::when("cannot make the lab's folder"))?;
            Topology::make(&scratch, &lab_file, options.agents)
        };
        let what = "making the lab: client, router, web-1, web-2, web-3, agent";
        let agents = self.topology.insert(say::step(what, lab).await?).agents.clone();

        let scheduler = Scheduler::at(&Address::Unix(settings.scheduler.socket.clone()))?;
        let service = self.launch("scheduler", "ballast-scheduler", config.clone(), None)?;
        let ready = service.ready(async || scheduler.answers().await.then_some(()));
        say::step("starting the scheduler", ready).await?;
        let rest = Rest::at(settings.gateway.listen)?;
        let service = self.launch("gateway", "ballast-api-gateway", config, None)?;
        let ready = service.ready(async || rest.answers().await.then_some(()));
        say::step("starting the gateway", ready).await?;
        for host in &agents {
            let service = self.launch(host.name(), "ballast-agent", layout.write_agent(host.name())?, Some(host))?;
            say::step(&format!("starting the {}", host.name()), agent_ready(service, &scheduler)).await?;
        }
        Ok(settings)
    }

    /// Starts a service; from here on it is ended with the others.
    fn launch(
        &mut self,
        name: &str,
        program: &str,
        config: PathBuf,
        host: Option<&Host>,
    ) -> Result<&mut Service, DemoError> {
        let log = Some(self.folder.state().join(format!("{name}.log")));
        let service = Service::start(Launch { name, program: program_beside(program)?, config, log, host })?;
        self.services.push(service);
        let last = self.services.len() - 1;
        Ok(&mut self.services[last])
    }

    /// A folder with the one driver that the demo uses.
    fn drivers(&self) -> Result<PathBuf, DemoError> {
        let file = format!("libballast_driver_{}.so", DRIVER.replace('-', "_"));
        let built = program_beside(&file)?;
        if !built.is_file() {
            return Err(DemoError::new(format!("{} does not exist: run `make build` first", built.display())));
        }
        let folder = self.folder.state().join("drivers");
        let made = fs::create_dir(&folder).and_then(|()| symlink(built, folder.join(file)));
        made.map_err(DemoError::when("cannot make the drivers' folder"))?;
        Ok(folder)
    }

    async fn show_traffic(
        &self,
        settings: &Settings,
        scheduler: &Scheduler,
        subnet_id: &str,
        check: bool,
    ) -> Result<LoadBalancer, DemoError> {
        let Some(topology) = &self.topology else { return Err(DemoError::new("there is no lab")) };
        let agent_log = self.services.last().and_then(Service::log);
        let making = async {
            let made = load_balancer::make(settings, scheduler, subnet_id).await?;
            load_balancer::active(scheduler, &made).await?;
            Ok(made)
        };
        let made = say::step("making a load balancer", making).await.map_err(|error| error.with_log(agent_log))?;
        let url = made.url("/");
        let flows = traffic::flows(&topology.client, &url);
        say::step("waiting for traffic", flows).await.map_err(|error| error.with_log(agent_log))?;
        let answers = traffic::requests(&topology.client, &url, traffic::REQUESTS).await?;
        let headers = traffic::get(&topology.client, &made.url("/headers")).await?;
        let forwarded = traffic::forwarded_for(&headers)?;
        say::line(&format!(
            "\n{} requests from the client to {url}, made through {}:\n\n{}\nThe members see: {forwarded}\n",
            traffic::REQUESTS,
            made.through,
            answers.table()
        ));
        if check {
            answers.check_even()?;
        }
        Ok(made)
    }

    /// Watches the services for ever. One that ends is not started again: whoever killed it wants to see what happens.
    async fn stay(&mut self) -> Result<(), DemoError> {
        loop {
            if let Some(index) = self.services.iter_mut().position(|service| service.status().is_some()) {
                let mut service = self.services.remove(index);
                let status = service.status().map(|status| status.to_string()).unwrap_or_default();
                let again = match service.host() {
                    Some(host) => format!("make demo-exec ON={host} CMD='{} &'", service.command_line()),
                    None => service.command_line().to_owned(),
                };
                say::line(&format!("the {} has ended ({status}). To start it again: {again}", service.name()));
            }
            sleep(PAUSE).await;
        }
    }

    /// Agents first, the scheduler last; then the lab with what the agents have deployed.
    async fn end(mut self) -> Result<(), DemoError> {
        let ending = async {
            let mut outcome = Ok(());
            while let Some(service) = self.services.pop() {
                outcome = outcome.and(service.end().await);
            }
            if let Err(error) = &outcome {
                // Now, because its log goes with the folder.
                say::failure(error);
                say::kept(self.folder.keep_logs());
            }
            drop(self);
            outcome.map_err(|_| DemoError::new("the demo did not end in order; the reason stands above"))
        };
        say::step("\nending everything", ending).await
    }
}

/// Waits until the agent is alive and its driver ready.
async fn agent_ready(service: &mut Service, scheduler: &Scheduler) -> Result<(), DemoError> {
    let host = service.name().to_owned();
    let state = service.ready(async || match scheduler.agent(&host).await {
        AgentState::NotYet => None,
        AgentState::Ready => Some(Ok(())),
        AgentState::Failed(reason) => Some(Err(DemoError::new(format!("{DRIVER} does not run on {host}: {reason}")))),
    });
    let answer = state.await?;
    answer.map_err(|error: DemoError| error.with_log(service.log()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_log_of_what_does_not_end_is_kept() {
        let parent = tempfile::tempdir().unwrap();
        let program = parent.path().join("deaf");
        fs::write(&program, "#!/bin/sh\ntrap '' TERM\necho deaf\nexec sleep 60\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let folder = Folder::take(&parent.path().join("demo")).unwrap();
        let mut demo = Demo { services: Vec::new(), topology: None, folder };
        let log = demo.folder.state().join("deaf.log");
        let launch =
            Launch { name: "deaf", program, config: parent.path().to_owned(), log: Some(log.clone()), host: None };
        demo.services.push(Service::start(launch).unwrap());
        while fs::read_to_string(&log).unwrap().is_empty() {
            sleep(PAUSE).await;
        }
        demo.end().await.unwrap_err();
        assert!(!log.exists());
        assert_eq!(fs::read_to_string(parent.path().join("demo/failed/deaf.log")).unwrap(), "deaf\n");
    }
}
