//! What may be said to drivers, as their agents reported it.

use std::collections::BTreeMap;

use ballast_model::flavor::ProfileKind;

use super::Fleet;

impl Fleet {
    /// The keys that profiles may have of some agent's driver of this name, and what each is for.
    pub fn options(&self, driver: &str, kind: ProfileKind) -> BTreeMap<String, String> {
        let state = self.lock();
        let drivers = state.agents.values().flat_map(|agent| &agent.drivers).filter(|known| known.name == driver);
        let mut options = BTreeMap::new();
        for (key, description) in drivers.flat_map(|driver| driver.options.of(kind)) {
            // Which agent comes first is chance; what is shown is not.
            let shown = options.entry(key.clone()).or_insert_with(|| description.clone());
            if description < shown {
                shown.clone_from(description);
            }
        }
        options
    }
}
