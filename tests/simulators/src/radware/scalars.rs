//! Scalars: the few that set something, and those that say how the device is.

use serde_json::{Map, Value, json};

use super::{Alteon, Release, commit, error::Refused};
use crate::{Reply, World};

impl Alteon {
    /// One name that the release does not know fails the whole read.
    pub(super) fn read_scalars(&mut self, names: &str, world: &World<'_>) -> Result<Reply, Refused> {
        let mut shown = Map::new();
        for name in names.split(',').map(str::trim) {
            if !self.schema.scalars.contains_key(name) || self.unknown_scalars.contains(name) {
                return Err(Refused::Unknown);
            }
            let value = self.scalar(name, world);
            shown.insert(name.to_owned(), value);
        }
        Ok(Reply::json(200, &Value::Object(shown)))
    }

    fn scalar(&mut self, name: &str, world: &World<'_>) -> Value {
        let unit = &mut self.unit;
        match name {
            "agApplyPending" => json!(if unit.staged.agrees(&self.schema, &unit.applied) { 3 } else { 2 }),
            "agSavePending" => json!(if unit.applied.agrees(&self.schema, &unit.flash) { 2 } else { 1 }),
            "agApplyConfig" => json!(unit.apply.looked_at()),
            "agSaveConfig" => json!(unit.save.looked_at()),
            "agDiffState" => json!(if unit.diff.is_some() { commit::DIFF_COMPLETE } else { commit::DIFF_IDLE }),
            "agSyncStatus" => json!(unit.sync.status()),
            "agLastSyncErrorReason" => json!(unit.sync.reason()),
            "agSyncNeeded" => json!(if unit.sync.needed(&self.schema, &unit.applied) { 1 } else { 2 }),
            "agSoftwareVersion" => json!(match self.schema.release {
                Release::Old => "30.5.3.0",
                Release::New => "33.0.12.0",
            }),
            "agPlatformIdentifier" => json!(unit.identifier),
            "agActiveConfigBlk" => json!("active"),
            "slbRealServerMaxSize" => json!(1023),
            "slbSecondsFromLastStatsClear" => json!(world.now.saturating_sub(unit.cleared).as_secs()),
            _ => {
                let told = &self.schema.scalars[name];
                let set = unit.staged.scalars.get(name).cloned();
                set.or_else(|| told.default.clone()).unwrap_or_else(|| json!(told.values.first().copied().unwrap_or(0)))
            }
        }
    }

    /// A scalar that is configured, as it runs.
    pub(super) fn running_scalar(&self, name: &str) -> i64 {
        let set = self.unit.applied.scalars.get(name);
        let default = || self.schema.scalars.get(name)?.default.as_ref();
        set.or_else(default).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(super) fn write_scalars(&mut self, body: &Map<String, Value>, world: &World<'_>) -> Result<(), Refused> {
        if body.is_empty() {
            return Err(Refused::Unknown);
        }
        for (name, given) in body {
            let told = self.schema.scalars.get(name).filter(|_| !self.unknown_scalars.contains(name));
            let told = told.ok_or(Refused::Unknown)?;
            let value = told.accepts(given).filter(|_| !told.ro).ok_or_else(|| Refused::value("Root", name))?;
            let kept = told.default.is_some();
            let number = value.as_i64().unwrap_or(0);
            if kept {
                self.unit.staged.scalars.insert(name.clone(), value);
            } else {
                self.command(name, number, world)?;
            }
        }
        Ok(())
    }

    fn command(&mut self, name: &str, number: i64, world: &World<'_>) -> Result<(), Refused> {
        match (name, number) {
            ("agApplyConfig", 1) => self.start_apply(self.assumptions.apply_needs_idle, world),
            ("agApplyConfig", 2) => self.unit.apply.release(),
            ("agSaveConfig", 1 | 6) => self.start_save(self.assumptions.apply_needs_idle, world),
            ("agSaveConfig", 2) => self.unit.save.release(),
            ("agRevert", 2) => {
                self.revert();
                Ok(())
            }
            ("agRevertApply", 2) => {
                self.revert_apply();
                Ok(())
            }
            ("agDiffState", state @ 1..=3) => {
                self.compare(state);
                Ok(())
            }
            ("slbOperConfigSync", 2) => {
                self.synchronise();
                Ok(())
            }
            ("slbStatsClear", 2) => {
                self.unit.counters.clear();
                self.unit.cleared = world.now;
                Ok(())
            }
            _ => Err(Refused::value("Root", name)),
        }
    }
}
