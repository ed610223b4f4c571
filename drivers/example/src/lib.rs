//! Driver example: a page to start from. A load balancer becomes a file of nginx's `stream` module, and nginx is told.
//!
//! To make it yours, change [`render`] to what your device understands, `capabilities` to what you render, and `reload`
//! to how the device is told. The rest is what any driver of a device with a configuration needs: nothing is kept in
//! memory, a file is replaced as a whole, and what the device has not been told survives a crash, as a mark beside it.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt::Write, fs, io, net::IpAddr, path::PathBuf, process::Command};

use ballast_abi::{
    Capabilities, Connections, Context, Deployed, Driver, DriverError, Effect, ErrorCode, LbMethod, LoadBalancer,
    ObjectFault, Observation, Preview, Statistics, export_driver, features,
};

/// The section `[drivers.example]` of the agent's configuration.
#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Run after each change, as `["nginx", "-s", "reload"]`. Empty: nothing is.
    reload: Vec<String>,
}

struct Example {
    /// For `include DIRECTORY/*.conf;` in nginx's `stream` section.
    directory: PathBuf,
    config: Config,
}

impl Driver for Example {
    const NAME: &'static str = "example";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;

    fn new(Context { config, state_dir, .. }: Context<Config>) -> Result<Self, DriverError> {
        Ok(Self { directory: state_dir, config })
    }

    fn capabilities(&self) -> Capabilities {
        let own = [
            features::PROTOCOL_TCP,
            features::LB_METHOD_ROUND_ROBIN,
            features::LB_METHOD_LEAST_CONNECTIONS,
            features::LB_METHOD_SOURCE_IP,
            features::IPV6,
        ];
        // Of any shape, because `render` goes by ids. Leave them out, and you get one pool and at most one listener.
        features::capabilities(own.into_iter().chain(features::SHAPES))
    }

    fn deploy(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Vec<ObjectFault>, DriverError> {
        let id = &load_balancer.id;
        let text = format!("# generation {generation}\n{}", render(load_balancer)?);
        let before = fs::read_to_string(self.file(id, "conf")).unwrap_or_default();
        if body(&before) != body(&text) || self.file(id, "untold").exists() {
            fs::write(self.file(id, "untold"), "").map_err(unavailable)?;
            self.put(id, &text)?;
            self.reload(id)?;
        } else {
            self.put(id, &text)?;
        }
        tracing::info!(generation, "deployed");
        Ok(faults(load_balancer))
    }

    fn undeploy(&self, id: &str) -> Result<(), DriverError> {
        if self.file(id, "conf").exists() {
            fs::write(self.file(id, "untold"), "").map_err(unavailable)?;
            self.remove(id, "conf")?;
        }
        self.remove(id, "new")?;
        if self.file(id, "untold").exists() { self.reload(id) } else { Ok(()) }
    }

    fn observe(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        let deployed: Vec<String> = self.deployed()?.into_iter().map(|one| one.load_balancer_id).collect();
        if let Some(id) = ids.iter().find(|id| !deployed.contains(id)) {
            return Err(DriverError::not_found(format!("load balancer {id} is not deployed")));
        }
        // nginx counts nothing for us; members whose health is unknown are left out.
        let none = |id: String| Observation {
            load_balancer_id: id,
            statistics: Some(Statistics::default()),
            ..Observation::default()
        };
        Ok(if ids.is_empty() { deployed } else { ids.to_vec() }.into_iter().map(none).collect())
    }

    fn deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        let mut ids = BTreeSet::new();
        for entry in fs::read_dir(&self.directory).map_err(unavailable)? {
            let path = entry.map_err(unavailable)?.path();
            let ours = path.extension().is_some_and(|kind| kind == "conf" || kind == "untold");
            ids.extend(path.file_stem().filter(|_| ours).map(|id| id.to_string_lossy().into_owned()));
        }
        // 0: something is there, and whoever asks will deploy or undeploy it again.
        let generation = |id: &str| {
            let text = fs::read_to_string(self.file(id, "conf")).ok().filter(|_| !self.file(id, "untold").exists())?;
            text.lines().next()?.strip_prefix("# generation ")?.parse().ok()
        };
        let one = |id: String| Deployed { generation: generation(&id).unwrap_or(0), load_balancer_id: id };
        Ok(ids.into_iter().map(one).collect())
    }

    /// What `deploy` would do. Leave it out if your device cannot be asked in a second or so.
    fn preview(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        let id = &load_balancer.id;
        let text = render(load_balancer)?;
        let before = fs::read_to_string(self.file(id, "conf")).unwrap_or_default();
        let noted = before.starts_with(&format!("# generation {generation}\n"));
        let (effect, connections, step) = if before.is_empty() {
            (Effect::Restart, Connections::Kept, "a file is written, and nginx told")
        } else if body(&before) != text || self.file(id, "untold").exists() {
            (Effect::Reload, Connections::Drained, "the file is replaced, and nginx told")
        } else {
            (Effect::None, Connections::Kept, "the generation is noted")
        };
        let is_done = effect == Effect::None && noted;
        Ok(Preview {
            effect: effect.into(),
            connections: connections.into(),
            steps: if is_done { Vec::new() } else { vec![step.to_owned()] },
            configuration: text,
            faults: faults(load_balancer),
        })
    }
}

impl Example {
    /// An id has only letters, digits, `-` and `_`: the SDK has seen to it.
    fn file(&self, id: &str, kind: &str) -> PathBuf {
        self.directory.join(format!("{id}.{kind}"))
    }

    /// A reader or a crash meets the old file or the new one, never half of one.
    fn put(&self, id: &str, text: &str) -> Result<(), DriverError> {
        let unfinished = self.file(id, "new");
        fs::write(&unfinished, text).and_then(|()| fs::rename(unfinished, self.file(id, "conf"))).map_err(unavailable)
    }

    fn remove(&self, id: &str, kind: &str) -> Result<(), DriverError> {
        match fs::remove_file(self.file(id, kind)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(error)),
            _ => Ok(()),
        }
    }

    /// Tells the device, and takes the mark away.
    fn reload(&self, id: &str) -> Result<(), DriverError> {
        if let Some((program, arguments)) = self.config.reload.split_first() {
            let output = Command::new(program).args(arguments).output().map_err(unavailable)?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(DriverError::unavailable("the device did not take it").with_detail(said));
            }
        }
        self.remove(id, "untold")
    }
}

/// What is asked for and not rendered.
fn faults(load_balancer: &LoadBalancer) -> Vec<ObjectFault> {
    let limited = load_balancer.listeners.iter().filter(|listener| listener.connection_limit >= 0);
    let fault = |id: &String| ObjectFault {
        object_id: id.clone(),
        fault: Some(DriverError::new(ErrorCode::UNSUPPORTED, "it runs without a connection limit").into()),
    };
    limited.map(|listener| fault(&listener.id)).collect()
}

/// All but the line with the generation.
fn body(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, body)| body)
}

/// Only numbers, ids and addresses that have been read as such get into the file, and nothing that a tenant has typed.
fn render(load_balancer: &LoadBalancer) -> Result<String, DriverError> {
    let mut text = String::new();
    for pool in &load_balancer.pools {
        let _ = writeln!(text, "upstream {} {{", checked(&pool.id)?);
        match pool.lb_method() {
            LbMethod::LeastConnections => text += "    least_conn;\n",
            LbMethod::SourceIp => text += "    hash $remote_addr consistent;\n",
            LbMethod::RoundRobin | LbMethod::SourceIpPort | LbMethod::Unspecified => {}
        }
        for member in &pool.members {
            let server = socket(&member.address, member.protocol_port)?;
            let how = if member.admin_state_up && member.weight > 0 {
                format!("weight={}", member.weight)
            } else {
                "down".into()
            };
            let _ = writeln!(text, "    server {server} {how};");
        }
        text += "}\n";
    }
    let Some(vip) = load_balancer.vip.as_ref().filter(|_| load_balancer.admin_state_up) else { return Ok(text) };
    for listener in load_balancer.listeners.iter().filter(|listener| listener.admin_state_up) {
        let pool = load_balancer.pools.iter().find(|pool| pool.id == listener.default_pool_id);
        // nginx refuses to pass to a group without servers.
        let serves = pool.filter(|pool| pool.admin_state_up && !pool.members.is_empty());
        let what = serves.map_or("return \"\"".to_owned(), |pool| format!("proxy_pass {}", pool.id));
        let _ =
            writeln!(text, "server {{\n    listen {};\n    {what};\n}}", socket(&vip.address, listener.protocol_port)?);
    }
    Ok(text)
}

fn checked(id: &str) -> Result<&str, DriverError> {
    let sound = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    sound.then_some(id).ok_or_else(|| DriverError::invalid_argument(format!("pool {id:?}: that is no id")))
}

fn socket(address: &str, port: u32) -> Result<String, DriverError> {
    match (address.parse::<IpAddr>(), u16::try_from(port)) {
        (Ok(address), Ok(port)) => Ok(std::net::SocketAddr::new(address, port).to_string()),
        _ => Err(DriverError::invalid_argument(format!("{address:?} port {port}: that is no address"))),
    }
}

fn unavailable(error: impl std::fmt::Display) -> DriverError {
    DriverError::unavailable("the files of the driver cannot be used").with_detail(error.to_string())
}

export_driver!(Example);
