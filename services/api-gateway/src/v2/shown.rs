//! What replies have in common: statuses, times, lists of ids.

use ballast_proto::v2::{OperatingStatus, ProvisioningStatus, Status};
use jiff::{Timestamp, tz::Offset};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::kit::{
    reply::{Keys, present},
    spelling::spell,
};

/// The keys of what the server sets of every object.
pub(super) fn status<M: SerializeMap>(keys: &mut Keys<'_, M>, status: Option<&Status>) -> Result<(), M::Error> {
    keys.put("provisioning_status", &status.and_then(|status| spell::<ProvisioningStatus>(status.provisioning)))?;
    keys.put("operating_status", &status.and_then(|status| spell::<OperatingStatus>(status.operating)))?;
    keys.put("status_description", &status.and_then(|status| present(&status.description)))?;
    keys.put("created_at", &status.and_then(|status| status.created_at.as_ref()).map(Time))?;
    keys.put("updated_at", &status.and_then(|status| status.updated_at.as_ref()).map(Time))
}

/// Its project, by both names.
pub(super) fn project<M: SerializeMap>(keys: &mut Keys<'_, M>, project_id: &str) -> Result<(), M::Error> {
    keys.put("project_id", project_id)?;
    keys.put("tenant_id", project_id)
}

/// The etag of an object's status.
pub(super) fn etag(status: Option<&Status>) -> &str {
    status.map_or("", |status| status.etag.as_str())
}

/// Whether an agent has not done yet what is wanted.
pub(super) fn is_pending(status: Option<&Status>) -> bool {
    use ProvisioningStatus::{PendingCreate, PendingDelete, PendingUpdate};
    status.is_some_and(|status| matches!(status.provisioning(), PendingCreate | PendingUpdate | PendingDelete))
}

/// A status that asks for an etag.
pub(super) fn asking(etag: String) -> Option<Status> {
    (!etag.is_empty()).then(|| Status { etag, ..Status::default() })
}

/// `2026-11-28T03:05:20`, in UTC and without saying so: that is how clients read it.
pub(super) struct Time<'a>(pub(super) &'a prost_types::Timestamp);

impl Serialize for Time<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Offset::UTC.to_datetime(Timestamp::from_second(self.0.seconds).unwrap_or_default());
        let (date, time) = (time.date(), time.time());
        let (year, month, day) = (date.year(), date.month(), date.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        serializer.collect_str(&format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
    }
}

/// `{"id": ".."}`
#[derive(Serialize)]
pub(super) struct Id<'a> {
    id: &'a str,
}

/// A list of [`Id`]s.
pub(super) struct Ids<'a>(pub(super) &'a [String]);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|id| Id { id }))
    }
}

/// A list of one [`Id`].
pub(super) fn only(id: &str) -> [Id<'_>; 1] {
    [Id { id }]
}

/// Null for an empty list.
pub(super) fn some(texts: &[String]) -> Option<&[String]> {
    (!texts.is_empty()).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_seconds_and_no_zone() {
        let written = |seconds| serde_json::to_string(&Time(&prost_types::Timestamp { seconds, nanos: 9 })).unwrap();
        assert_eq!(written(0), "\"1970-01-01T00:00:00\"");
        assert_eq!(written(1_796_094_320), "\"2026-12-01T03:05:20\"");
    }
}
