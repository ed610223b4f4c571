//! What a test does to the device, and asks of it, beside its protocol.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Alteon, Assumptions, Pace, Peer, Verdict, Visit, configuration::Configuration, visits::request};
use crate::{Health, World};

impl Alteon {
    /// The administrator's name and password.
    pub fn set_credentials(&mut self, user: &str, password: &str) {
        user.clone_into(&mut self.access.user);
        password.clone_into(&mut self.access.password);
    }

    /// How it behaves where nobody knows.
    pub fn assume(&mut self, assumptions: Assumptions) {
        self.assumptions = assumptions;
    }

    #[must_use]
    pub fn assumptions(&self) -> Assumptions {
        self.assumptions
    }

    /// What `agPlatformIdentifier` says.
    pub fn set_identifier(&mut self, identifier: &str) {
        identifier.clone_into(&mut self.unit.identifier);
    }

    /// What `agPlatformIdentifier` says.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.unit.identifier
    }

    /// How long an apply takes, and a save.
    pub fn set_pace(&mut self, apply: Pace, save: Pace) {
        (self.unit.apply.pace, self.unit.save.pace) = (apply, save);
    }

    /// How the next apply ends, whatever is staged.
    pub fn judge_apply(&mut self, verdict: Verdict) {
        self.unit.apply.verdict = Some(verdict);
    }

    /// How the next save ends.
    pub fn judge_save(&mut self, verdict: Verdict) {
        self.unit.save.verdict = Some(verdict);
    }

    pub fn set_peer(&mut self, peer: Peer) {
        self.unit.sync.peer = peer;
    }

    /// Whether the peer has what runs here.
    #[must_use]
    pub fn peer_agrees(&self) -> bool {
        let copied = self.unit.sync.copied.as_ref();
        copied.is_some_and(|copied| copied.agrees(&self.schema, &self.unit.applied))
    }

    /// The release does not know this scalar.
    pub fn forget_scalar(&mut self, name: &str) {
        self.unknown_scalars.insert(name.to_owned());
    }

    /// The second user comes once, when the visit says.
    pub fn expect(&mut self, visit: Visit) {
        self.visits.push(visit);
    }

    /// He comes now.
    pub fn visit(&mut self, visit: Visit) {
        let health = Health::default();
        let world = World { now: Duration::ZERO, health: &health };
        self.act(visit.acts, &world);
    }

    /// How many visits have not been made.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.visits.len()
    }

    /// Stages what an administrator would: `PUT`, `SlbNewCfgEnhGroupTable/g1`, a body.
    ///
    /// # Panics
    /// When the device refuses it.
    pub fn administer(&mut self, method: &str, path: &str, body: &Value) {
        let health = Health::default();
        let world = World { now: Duration::ZERO, health: &health };
        let done = self.carry_out(&request(method, path, body), &world);
        assert!(done.is_ok(), "{method} {path}: {done:?}");
    }

    /// All that is staged runs and is saved, without a check.
    pub fn commit(&mut self) {
        self.unit.applied = self.unit.staged.clone();
        self.unit.flash = self.unit.staged.clone();
    }

    /// The paths of rows that are staged, as in `SlbNewCfgEnhVirtServicesTable/v1/1`; the parts of a row are one.
    #[must_use]
    pub fn staged(&self) -> Vec<String> {
        self.paths(&self.unit.staged)
    }

    /// Those of rows that run, by the names of the staged tables.
    #[must_use]
    pub fn applied(&self) -> Vec<String> {
        self.paths(&self.unit.applied)
    }

    /// Those of rows that flash has.
    #[must_use]
    pub fn flash(&self) -> Vec<String> {
        self.paths(&self.unit.flash)
    }

    fn paths(&self, of: &Configuration) -> Vec<String> {
        let part = |path: &str| {
            let table = self.schema.tables.get(path.split('/').next().unwrap_or_default());
            table.is_some_and(|table| table.part_of.is_some())
        };
        of.rows.keys().filter(|path| !part(path)).cloned().collect()
    }

    /// A field of a row as it is staged, by its path (of the part that has the field); none when it is not set.
    #[must_use]
    pub fn field(&self, path: &str, field: &str) -> Option<Value> {
        self.unit.staged.rows.get(path)?.get(field).cloned()
    }

    /// The same as it runs.
    #[must_use]
    pub fn running_field(&self, path: &str, field: &str) -> Option<Value> {
        self.unit.applied.rows.get(path)?.get(field).cloned()
    }

    /// Whether what is staged is what runs.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.unit.staged.agrees(&self.schema, &self.unit.applied)
    }

    /// Whether what runs is what flash has.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.unit.applied.agrees(&self.schema, &self.unit.flash)
    }

    /// Whether the same runs as on another device, defaults filled in; saved or not.
    #[must_use]
    pub fn runs_like(&self, other: &Self) -> bool {
        self.unit.applied.agrees(&self.schema, &other.unit.applied)
    }

    /// Whether nobody holds the buffer of applies.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.unit.apply.is_idle() && self.unit.save.is_idle()
    }

    /// The paths of rows that are staged at the device which answers at this address since [`crate::Device::lead_astray`].
    #[must_use]
    pub fn at_home(&self) -> Vec<String> {
        self.paths(&self.other.staged)
    }

    /// Whether too many wrong passwords were given.
    #[must_use]
    pub fn is_locked(&self, now: Duration) -> bool {
        self.access.is_locked(now)
    }

    /// The levers of a device in another process, under `/_simulator/`:
    ///
    /// | request | does |
    /// |---|---|
    /// | `POST visits {"method": "PUT", "after": 2, "acts": […]}` | see [`Visit`] and, for what he does, [`super::Act`] |
    /// | `POST visit {"acts": […]}` | the same, now |
    /// | `GET visits` | how many have not been made, what was harmed, forced and refused |
    /// | `GET rows` | the paths of what is staged, applied and in flash |
    /// | `POST pace {"apply_seconds": 2, "save_seconds": 1}` | how long both take |
    /// | `POST apply-fails ["a line"]`, `apply-warns`, `save-fails` | how the next one ends |
    /// | `POST commit` | all that is staged runs and is saved |
    /// | `POST assume {"absent": "not_found"}` | see [`Assumptions`]; the rest is as it is by default |
    /// | `POST identifier "vadc-7"` | what `agPlatformIdentifier` says |
    pub(super) fn pull(&mut self, method: &str, name: &str, body: &[u8]) -> Option<Result<Value, String>> {
        let done = match (method, name) {
            ("POST", "visits") => parsed(body).map(|visit| self.expect(visit)),
            ("POST", "visit") => parsed(body).map(|visit| self.visit(visit)),
            ("GET", "visits") => {
                let (waiting, refused) = (self.visits(), self.refusals_of_other());
                let shown =
                    json!({"waiting": waiting, "harmed": self.harmed(), "forced": self.forced(), "refused": refused});
                return Some(Ok(shown));
            }
            ("GET", "rows") => {
                let (staged, applied, flash) = (self.staged(), self.applied(), self.flash());
                return Some(Ok(json!({"staged": staged, "applied": applied, "flash": flash})));
            }
            ("POST", "pace") => parsed(body).map(|paces: Paces| {
                let pace = |seconds| Pace { time: Duration::from_secs(seconds), looks: 0 };
                self.set_pace(pace(paces.apply_seconds), pace(paces.save_seconds));
            }),
            ("POST", "apply-fails") => parsed(body).map(|lines| self.judge_apply(Verdict::Failed(lines))),
            ("POST", "apply-warns") => parsed(body).map(|lines| self.judge_apply(Verdict::Warned(lines))),
            ("POST", "save-fails") => parsed(body).map(|lines| self.judge_save(Verdict::Failed(lines))),
            ("POST", "assume") => parsed(body).map(|assumptions| self.assume(assumptions)),
            ("POST", "identifier") => parsed(body).map(|identifier: String| self.set_identifier(&identifier)),
            ("POST", "commit") => {
                self.commit();
                Ok(())
            }
            _ => return None,
        };
        Some(done.map(|()| json!({})))
    }
}

#[derive(Deserialize)]
struct Paces {
    #[serde(default)]
    apply_seconds: u64,
    #[serde(default)]
    save_seconds: u64,
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}
