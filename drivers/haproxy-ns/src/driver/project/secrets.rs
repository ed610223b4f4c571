//! Secrets of load balancers that share a haproxy: each has a folder of its own below that of the process. They are changed
//! with the lock of that, as whoever has it starts it with all of them.

use ballast_netns::identity::Identity;

use super::{Asked, HaproxyNs};
use crate::{desired::Desired, failure::Failure};

impl HaproxyNs {
    pub(super) fn put_secrets(&self, name: &str, asked: &Asked<'_>, identity: Option<Identity>) -> Result<(), Failure> {
        let page = asked.part.as_ref().map(|part| &part.page);
        let Some(page) = page.filter(|page| !page.secrets.is_empty()) else { return Ok(()) };
        self.secrets_dir.ready()?;
        self.secrets_dir.folder(Some(name), asked.id).put(&page.lists(), asked.secrets, identity)
    }

    /// Whether all that a load balancer is to have there is there.
    pub(in super::super) fn has_secrets(&self, id: &str, desired: &Desired) -> bool {
        let page = desired.page.as_ref().filter(|page| !page.secrets.is_empty());
        page.zip(desired.shared.as_deref()).is_none_or(|(page, name)| {
            self.secrets_dir.folder(Some(name), id).look(&page.secrets, &page.lists(), None).complete
        })
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
