//! What is to be done inside of a lab, and what came of it: files in the check's own folder.

use std::{fs, net::SocketAddr, path::PathBuf};

use ballast_abi::conformance::{Stop, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;

/// One check.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) check: String,
    pub(super) file: PathBuf,
    pub(super) config: Option<Value>,
    /// A folder that outlives the lab: the driver's own files, the sockets of the relay, and the verdict.
    pub(super) folder: PathBuf,
    pub(super) devices: Vec<SocketAddr>,
    pub(super) timeout: Option<u64>,
    pub(super) glibc: (u32, u32),
    pub(super) seed: u64,
}

/// A verdict on its way out of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "lowercase")]
pub(super) enum Outcome {
    Passed(String),
    Failed(String),
    Skipped(String),
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Ok(remark) => Self::Passed(remark),
            Err(Stop::Failed(why)) => Self::Failed(why),
            Err(Stop::Skipped(why)) => Self::Skipped(why),
        }
    }
}

impl Order {
    /// Where the driver and the suite write.
    pub(super) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Where the relay listens for a device.
    pub(super) fn relay(&self, device: usize) -> PathBuf {
        self.folder.join(format!("device-{device}"))
    }

    fn verdict(&self) -> PathBuf {
        self.folder.join("verdict")
    }

    pub(super) fn tell(&self, outcome: &Outcome) -> Result<(), Failure> {
        let path = self.verdict();
        let text = serde_json::to_vec(outcome).unwrap_or_default();
        fs::write(&path, text).map_err(|error| Failure::File { path, error })
    }

    /// `None`: nobody has told.
    pub(super) fn told(&self) -> Option<Outcome> {
        serde_json::from_slice(&fs::read(self.verdict()).ok()?).ok()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("order")
    }
}
