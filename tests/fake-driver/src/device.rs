//! The "device": files in a directory. Nothing is kept in memory, as a real driver may not either.

use std::{collections::HashMap, fs, io, path::PathBuf};

use ballast_abi::{DriverError, LoadBalancer, proto::DeployRequest};
use prost::Message;

const SUFFIX: &str = ".lb";

pub(crate) struct Device {
    directory: PathBuf,
}

/// One load balancer as it is deployed.
pub(crate) struct Stored {
    pub(crate) load_balancer: LoadBalancer,
    pub(crate) generation: u64,
}

impl Device {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Written beside and renamed, so that a reader or a crash never meets half a file.
    pub(crate) fn put(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<(), DriverError> {
        let stored = DeployRequest { load_balancer: Some(load_balancer.clone()), generation };
        let unfinished = self.directory.join(format!("{}.new", load_balancer.id));
        fs::write(&unfinished, stored.encode_to_vec())
            .and_then(|()| fs::rename(&unfinished, self.path(&load_balancer.id)))
            .map_err(|error| failed("cannot be written", &error))
    }

    pub(crate) fn get(&self, id: &str) -> Result<Stored, DriverError> {
        let bytes = fs::read(self.path(id)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DriverError::not_found(format!("load balancer {id} is not deployed")),
            _ => failed("cannot be read", &error),
        })?;
        let DeployRequest { load_balancer, generation } = DeployRequest::decode(bytes.as_slice()).map_err(|error| {
            DriverError::internal(format!("load balancer {id} is damaged")).with_detail(error.to_string())
        })?;
        Ok(Stored { load_balancer: load_balancer.unwrap_or_default(), generation })
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), DriverError> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("cannot be removed", &error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn ids(&self) -> Result<Vec<String>, DriverError> {
        let entries = fs::read_dir(&self.directory).map_err(|error| failed("cannot be listed", &error))?;
        let mut ids: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(SUFFIX).map(str::to_owned))
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// `health.json`: member id to up or down; absent: nothing is said.
    pub(crate) fn health(&self) -> Result<HashMap<String, bool>, DriverError> {
        match fs::read(self.directory.join("health.json")) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| DriverError::internal("health.json is damaged").with_detail(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashMap::new()),
            Err(error) => Err(failed("cannot be read", &error)),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}{SUFFIX}"))
    }
}

fn failed(what: &str, error: &io::Error) -> DriverError {
    DriverError::unavailable(format!("the device's directory {what}")).with_detail(error.to_string())
}
