//! Radware Alteon's REST API, of one device or one vADC: tables of rows that are staged, applied and saved.
//!
//! There is one staged configuration for everybody. A second user of it (see [`Visit`]) comes at any point that a test chooses.
//! What real devices were not seen to do is assumed, and drivers should not depend on it: the words of an apply's errors, that
//! a part of a row or a row below another is refused while that one is not there, that an unknown field is 406, that a row
//! which something names can be deleted until the apply, and all of [`Assumptions`].

mod access;
mod assumptions;
mod certificates;
mod checks;
mod commit;
mod configuration;
mod error;
mod levers;
mod path;
mod reads;
mod rows;
mod rules;
mod scalars;
mod schema;
mod shown;
mod state;
mod stats;
mod sync;
mod values;
mod visits;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Map, Value, json};

pub use assumptions::{AbsentRow, Assumptions, EmptyGroup};
pub use commit::{Pace, Verdict};
pub use schema::Release;
pub use sync::Peer;
pub use visits::{Act, Visit, When};

use crate::{Caller, Device, Refusal, Reply, Request, Traffic, World, http::loose_json};
use access::{Access, Lock};
use configuration::Configuration;
use error::Refused;
use path::Path;
use schema::Schema;

/// What `agPlatformIdentifier` says, unless a test chooses another.
pub const IDENTIFIER: &str = "alteon-1";

/// A device. A clone is another device in the same state.
#[derive(Clone)]
pub struct Alteon {
    schema: Schema,
    assumptions: Assumptions,
    access: Access,
    unknown_scalars: BTreeSet<String>,
    unit: Unit,
    /// The device that answers at this address when the addresses of two were exchanged.
    other: Unit,
    visits: Vec<Visit>,
    /// Rows as the second user left them.
    left: BTreeMap<String, visits::Left>,
    refusals_of_other: Vec<String>,
    /// Of the request at hand, only the first half is carried out.
    half: bool,
}

/// What one of two devices has and does.
#[derive(Clone, Default)]
struct Unit {
    identifier: String,
    staged: Configuration,
    applied: Configuration,
    flash: Configuration,
    apply: commit::Work,
    save: commit::Work,
    sync: sync::Sync,
    /// The lines of a comparison, until somebody writes "idle".
    diff: Option<Vec<String>>,
    counters: stats::Counters,
    /// When they were cleared.
    cleared: Duration,
    /// How many writes are refused because an apply has just ended.
    refused_writes: usize,
}

impl Default for Alteon {
    fn default() -> Self {
        Self::new(Release::default())
    }
}

impl Alteon {
    /// A device as it comes from the factory: user and password `admin`.
    #[must_use]
    pub fn new(release: Release) -> Self {
        let unit = |identifier: &str| Unit { identifier: identifier.to_owned(), ..Unit::default() };
        Self {
            schema: Schema::of(release),
            assumptions: Assumptions::default(),
            access: Access::new("admin", "admin"),
            unknown_scalars: BTreeSet::new(),
            unit: unit(IDENTIFIER),
            other: unit("alteon-2"),
            visits: Vec::new(),
            left: BTreeMap::new(),
            refusals_of_other: Vec::new(),
            half: false,
        }
    }

    fn lock(&self) -> Lock {
        let minutes = |name: &str| {
            let minutes = u64::try_from(self.running_scalar(name)).unwrap_or(0);
            Duration::from_secs(60 * minutes)
        };
        Lock {
            after: self.running_scalar("agAccessNewCfgUserLockTreshld"),
            time: minutes("agAccessNewCfgUserLockDuration"),
            reset: minutes("agAccessNewCfgUserLockResetTime"),
        }
    }

    fn answered(&mut self, request: &Request, world: &World<'_>) -> Reply {
        let lock = self.lock();
        if Path::parse(request).is_none() {
            return Reply::html(404, "<html><body>404 Not Found</body></html>");
        }
        if !self.access.admits(request, world.now, self.assumptions.idle, &lock) {
            return Refused::Credentials.reply(&self.assumptions);
        }
        let done = if self.is_row_write(request) && self.unit.refused_writes > 0 {
            self.unit.refused_writes -= 1;
            Err(Refused::other("The apply is not finished"))
        } else {
            self.carry_out(request, world)
        };
        done.unwrap_or_else(|refused| refused.reply(&self.assumptions))
    }

    /// As if by somebody whose credentials are good.
    fn carry_out(&mut self, request: &Request, world: &World<'_>) -> Result<Reply, Refused> {
        self.settle(world.now);
        let path = Path::parse(request).ok_or(Refused::Unknown)?;
        match (request.method.as_str(), path.name.as_deref()) {
            ("GET", _) => self.read(&path, world),
            ("POST", None) => self.action(path.option("action").unwrap_or_default(), world),
            ("POST", Some("logout")) => {
                self.access.log_out();
                Ok(done())
            }
            ("PUT" | "POST", Some("sslcertimport")) => {
                self.may_write()?;
                self.import(&path, request)
            }
            ("PUT", None) => {
                self.write_scalars(&fields(request)?, world)?;
                Ok(done())
            }
            ("PUT" | "POST", Some(name)) => {
                let target = self.target(name, &path.index)?;
                self.may_write()?;
                self.write_row(&target, request.method == "POST", &fields(request)?)?;
                Ok(done())
            }
            ("DELETE", Some(name)) => {
                let target = self.target(name, &path.index)?;
                self.may_write()?;
                self.delete_row(&target)?;
                Ok(done())
            }
            _ => Err(Refused::Unknown),
        }
    }

    fn may_write(&self) -> Result<(), Refused> {
        if self.unit.apply.is_running() && !self.assumptions.writes_during_apply {
            return Err(Refused::other("An apply is in progress"));
        }
        Ok(())
    }

    fn action(&mut self, action: &str, world: &World<'_>) -> Result<Reply, Refused> {
        match action {
            "apply" => self.start_apply(self.assumptions.action_needs_idle, world)?,
            "save" => self.start_save(self.assumptions.action_needs_idle, world)?,
            "revert" => self.revert(),
            "revertapply" => self.revert_apply(),
            "sync" => self.synchronise(),
            _ => return Err(Refused::Unknown),
        }
        Ok(done())
    }

    fn is_row_write(&self, request: &Request) -> bool {
        let name = Path::parse(request).and_then(|path| path.name);
        request.method != "GET" && name.is_some_and(|name| name == "sslcertimport" || self.schema.find(&name).is_some())
    }
}

impl Device for Alteon {
    fn answer(&mut self, request: &Request, world: &World<'_>) -> Reply {
        self.let_in(When::Before, request, world);
        let reply = self.answered(request, world);
        self.let_in(When::After, request, world);
        self.odd(reply)
    }

    /// Of the fields of a row.
    fn answer_half(&mut self, request: &Request, world: &World<'_>) -> Reply {
        self.half = true;
        let reply = self.answer(request, world);
        self.half = false;
        reply
    }

    /// There are no sessions to tell apart, and no partitions: the user, and the device.
    fn caller(&self, request: &Request) -> Caller {
        let known = self.access.knows(request);
        Caller {
            session: known.then(|| self.access.user.clone()),
            partition: known.then(|| self.unit.identifier.clone()),
        }
    }

    /// Rows, and what makes them run or undoes them; not "idle", a comparison or the end of a session.
    fn is_write(&self, request: &Request) -> bool {
        let Some(path) = Path::parse(request) else { return false };
        match (request.method.as_str(), path.name.as_deref()) {
            ("GET", _) | (_, Some("logout")) => false,
            ("PUT", None) => {
                let body = fields(request).unwrap_or_default();
                let number = |value: &Value| values::text_of(value).parse::<i64>().unwrap_or(0);
                let idle = |(name, value): (&String, &Value)| {
                    name == "agDiffState"
                        || (["agApplyConfig", "agSaveConfig"].contains(&name.as_str()) && number(value) == 2)
                };
                !body.iter().all(idle)
            }
            _ => true,
        }
    }

    fn refuse(&self, refusal: Refusal, _request: &Request) -> Reply {
        let why = match refusal {
            Refusal::Busy => "The apply is not finished",
            Refusal::Failed => "The operation failed",
            Refusal::Secondary => "The device is a backup",
        };
        Refused::other(why).reply(&self.assumptions)
    }

    /// Its errors have no numbers.
    fn set_status(&mut self, _code: u32, _status: u16) -> bool {
        false
    }

    /// As in `SlbNewCfgEnhVirtServerTable/v1`, `SlbNewCfgEnhVirtServicesTable/v1/1` (with a server's name behind it or without),
    /// `SlbNewCfgEnhRealServerTable/s1`. There are no partitions.
    fn carry(&mut self, _partition: &str, path: &str, traffic: Traffic) {
        self.unit.counters.entry(path.to_owned()).or_default().set(traffic);
    }

    fn end_sessions(&mut self) {
        self.access.end();
    }

    /// The addresses of two devices were exchanged.
    fn lead_astray(&mut self) {
        std::mem::swap(&mut self.unit, &mut self.other);
    }

    fn sessions(&self) -> usize {
        self.access.sessions()
    }

    fn reboot(&mut self) {
        let unit = &mut self.unit;
        unit.applied = unit.flash.clone();
        unit.staged = unit.flash.clone();
        unit.apply.forget();
        unit.save.forget();
        unit.diff = None;
        unit.counters.clear();
        unit.refused_writes = 0;
        self.access.end();
    }

    fn pull(&mut self, method: &str, lever: &str, body: &[u8]) -> Option<Result<Value, String>> {
        Self::pull(self, method, lever, body)
    }
}

/// A body's fields: JSON, in which a comma may stand before a brace.
fn fields(request: &Request) -> Result<Map<String, Value>, Refused> {
    match loose_json(&request.body) {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(Refused::Unknown),
    }
}

fn done() -> Reply {
    Reply::json(200, &json!({"status": "ok"}))
}
