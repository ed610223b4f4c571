//! The "device": files in a directory. Nothing is kept in memory, as a real driver may not either.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use ballast_abi::{DriverError, LoadBalancer, proto::DeployRequest};
use prost::Message;
use serde::de::DeserializeOwned;

use crate::command::Method;

const SUFFIX: &str = ".lb";

pub(crate) struct Device {
    directory: PathBuf,
    /// Every writer uses one unfinished file: a fault.
    one_unfinished: bool,
}

/// One load balancer as it is deployed.
pub(crate) struct Stored {
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) generation: u64,
}

impl Device {
    pub(crate) fn new(directory: PathBuf, one_unfinished: bool) -> Self {
        Self { directory, one_unfinished }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Written beside and renamed, so that a reader or a crash never meets half a file.
    pub(crate) fn put(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<(), DriverError> {
        let stored =
            DeployRequest { load_balancer: Some(load_balancer.clone()), generation, ..DeployRequest::default() };
        self.mark(&format!("{}.born", load_balancer.id))?;
        self.remove_file(&serves(&load_balancer.id))?;
        let name = if self.one_unfinished { "shared" } else { load_balancer.id.as_str() };
        let unfinished = self.directory.join(format!("{name}.new"));
        fs::write(&unfinished, stored.encode_to_vec())
            .and_then(|()| {
                if self.one_unfinished {
                    std::thread::sleep(Duration::from_millis(2));
                }
                fs::rename(&unfinished, self.path(&load_balancer.id))
            })
            .map_err(|error| match self.one_unfinished {
                // Another has renamed it. To try again would hide it.
                true => DriverError::internal("another's file was in the way").with_detail(error.to_string()),
                false => failed("cannot be written", &error),
            })
    }

    pub(crate) fn get(&self, id: &str) -> Result<Option<Stored>, DriverError> {
        let bytes = match fs::read(self.path(id)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("cannot be read", &error)),
        };
        let DeployRequest { load_balancer, generation, .. } =
            DeployRequest::decode(bytes.as_slice()).map_err(|error| {
                DriverError::internal(format!("load balancer {id} is damaged")).with_detail(error.to_string())
            })?;
        Ok(Some(Stored { load_balancer: load_balancer.unwrap_or_default(), generation }))
    }

    /// Every load balancer that is there, by id.
    pub(crate) fn all(&self) -> Result<Vec<(String, Stored)>, DriverError> {
        let mut found = Vec::new();
        for id in self.ids()? {
            // What has been undeployed since is not there any more.
            found.extend(self.get(&id)?.map(|stored| (id, stored)));
        }
        Ok(found)
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), DriverError> {
        self.remove_file(&format!("{id}{SUFFIX}"))?;
        self.remove_file(&format!("{id}.born"))?;
        self.remove_file(&serves(id))?;
        self.remove_file(&secrets(id))?;
        for method in ["Deploy", "Undeploy", "Observe", "Deployed", "Preview"] {
            self.remove_file(&once(method, id))?;
        }
        Ok(())
    }

    fn ids(&self) -> Result<Vec<String>, DriverError> {
        let entries = fs::read_dir(&self.directory).map_err(|error| failed("cannot be listed", &error))?;
        let mut ids: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX).map(str::to_owned))
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Leaves `goodbye`, with the process: how tests see that it was told of its end.
    pub(crate) fn say_goodbye(&self) -> Result<(), DriverError> {
        fs::write(self.directory.join("goodbye"), std::process::id().to_string())
            .map_err(|error| failed("cannot be written", &error))
    }

    /// `ID.secrets`: what it was told of secrets, but for what they are; absent: it names none.
    pub(crate) fn note_secrets(&self, id: &str, told: &str) -> Result<(), DriverError> {
        if told.is_empty() {
            return self.remove_file(&secrets(id));
        }
        fs::write(self.directory.join(secrets(id)), told).map_err(|error| failed("cannot be written", &error))
    }

    /// `ID.serves`: the generation that what serves it reports, until it is deployed again; absent: that which is deployed.
    pub(crate) fn reported(&self, id: &str, deployed: u64) -> u64 {
        let other = fs::read_to_string(self.directory.join(serves(id))).ok();
        other.and_then(|text| text.trim().parse().ok()).unwrap_or(deployed)
    }

    /// How long it has been deployed, whatever has changed since: what its counters grow with.
    pub(crate) fn age(&self, id: &str) -> Duration {
        let born = fs::metadata(self.directory.join(format!("{id}.born"))).or_else(|_| fs::metadata(self.path(id)));
        born.and_then(|file| file.modified()).ok().and_then(|born| born.elapsed().ok()).unwrap_or_default()
    }

    /// Whether this is the first time that a load balancer asks for something of this method.
    pub(crate) fn first_time(&self, method: Method, id: &str) -> Result<bool, DriverError> {
        self.mark(&once(&format!("{method:?}"), id))
    }

    /// `health.json`: member id to up or down; absent: nothing is said.
    pub(crate) fn health(&self) -> Result<HashMap<String, bool>, DriverError> {
        self.said("health.json")
    }

    /// `calls.json`: what to do at each call.
    pub(crate) fn calls(&self) -> Result<BTreeMap<Method, String>, DriverError> {
        self.said("calls.json")
    }

    fn said<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, DriverError> {
        match fs::read(self.directory.join(name)) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| DriverError::internal(format!("{name} is damaged")).with_detail(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            Err(error) => Err(failed("cannot be read", &error)),
        }
    }

    /// Makes an empty file; `false` when it is there already.
    fn mark(&self, name: &str) -> Result<bool, DriverError> {
        match File::options().write(true).create_new(true).open(self.directory.join(name)) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed("cannot be written", &error)),
        }
    }

    fn remove_file(&self, name: &str) -> Result<(), DriverError> {
        match fs::remove_file(self.directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("cannot be removed", &error)),
            _ => Ok(()),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{SUFFIX}"))
    }
}

fn serves(id: &str) -> String {
    format!("{id}.serves")
}

fn secrets(id: &str) -> String {
    format!("{id}.secrets")
}

fn once(method: &str, id: &str) -> String {
    format!("{id}.once-{method}")
}

fn failed(what: &str, error: &io::Error) -> DriverError {
    DriverError::unavailable(format!("the device's directory {what}")).with_detail(error.to_string())
}
