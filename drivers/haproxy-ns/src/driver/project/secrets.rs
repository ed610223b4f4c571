//! Secrets of load balancers that share a haproxy: each has a folder of its own below that of the process. They are changed
//! with the lock of that, as whoever has it starts it with all of them.

use ballast_netns::identity::Identity;

use super::{Asked, HaproxyNs};
use crate::failure::Failure;

impl HaproxyNs {
    pub(super) fn put_secrets(&self, name: &str, asked: &Asked<'_>, identity: Option<Identity>) -> Result<(), Failure> {
        let page = asked.part.as_ref().map(|part| &part.page);
        let Some(page) = page.filter(|page| !page.secrets.is_empty()) else { return Ok(()) };
        self.secrets_dir.ready()?;
        self.secrets_dir.folder(Some(name), asked.id).put(&page.lists(), asked.secrets, identity)
    }

    /// The process has what it is to have.
    pub(super) fn keep_secrets(&self, name: &str, asked: &Asked<'_>) -> Result<(), Failure> {
        let folder = self.secrets_dir.folder(Some(name), asked.id);
        match &asked.part {
            Some(part) => folder.keep(&part.page.secrets, &part.page.lists()),
            None => folder.remove(),
        }
    }
}
