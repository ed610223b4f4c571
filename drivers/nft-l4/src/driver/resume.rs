//! What a driver does when it starts: load balancers go on as they are, and only their checks are taken up again.

use std::collections::HashMap;

use ballast_abi::DriverError;
use ballast_namespace::{
    failure::{Failure, chain},
    files::{self, Files},
    l4::kept::Kept,
};
use ballast_netns::namespace;

use super::NftL4;
use crate::state::State;

impl NftL4 {
    pub(super) fn resume(&self) -> Result<(), DriverError> {
        for id in files::ids(&self.state_dir)? {
            if let Err(failure) = self.resume_checks(&id) {
                tracing::warn!(load_balancer = %id, "not checked until it is deployed again: {}", chain(&failure));
            }
        }
        Ok(())
    }

    fn resume_checks(&self, id: &str) -> Result<(), Failure> {
        let files = Files::of(&self.state_dir, id);
        if State::read(&files)?.is_some_and(|state| state.silent) {
            return Ok(());
        }
        let Some(kept) = Kept::read(&files)? else { return Ok(()) };
        let Some(asked) = &kept.asked else { return Ok(()) };
        let namespace::Look::Present(file) = namespace::look(&self.netns(id))? else { return Ok(()) };
        let knowledge = self.watch.knowledge(id, asked, &kept, Some(&HashMap::new()));
        self.watch.set(id, file, asked, &knowledge);
        Ok(())
    }
}
