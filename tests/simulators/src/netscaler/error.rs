//! NITRO's refusals: the vendor's numbers and texts, and the HTTP status that goes with each.
//!
//! The status was seen on the wire for the numbers of [`SEEN`]; the others are assumed, so that drivers must go by the
//! number, and a test can choose others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::schema::Schema;
use crate::Reply;

/// The numbers whose status real devices showed.
const SEEN: [u32; 8] = [258, 273, 278, 354, 444, 1027, 1093, 1094];

pub(crate) const NOT_PERMITTED: u32 = 257;
pub(crate) const NOT_FOUND: u32 = 258;
pub(crate) const BUSY: u32 = 272;
pub(crate) const EXISTS: u32 = 273;
pub(crate) const INVALID_ARGUMENT: u32 = 278;
pub(crate) const IN_USE: u32 = 315;
pub(crate) const NO_SERVER: u32 = 351;
pub(crate) const BAD_CREDENTIALS: u32 = 354;
pub(crate) const ADDRESS_CONFLICT: u32 = 428;
pub(crate) const NOTHING_TO_SET: u32 = 431;
pub(crate) const SESSION_ENDED: u32 = 444;
pub(crate) const TOO_MANY_SESSIONS: u32 = 445;
pub(crate) const NO_VSERVER: u32 = 461;
pub(crate) const NO_GROUP: u32 = 463;
pub(crate) const NOT_LOGGED_IN: u32 = 1027;
pub(crate) const SECONDARY: u32 = 1028;
pub(crate) const EXCLUSIVE: u32 = 1092;
pub(crate) const PREREQUISITE: u32 = 1093;
pub(crate) const MISSING: u32 = 1095;
pub(crate) const BAD_VALUE: u32 = 1097;
pub(crate) const UNKNOWN_RESOURCE: u32 = 1232;
pub(crate) const BAD_JSON: u32 = 1233;
pub(crate) const BAD_METHOD: u32 = 1237;
pub(crate) const BAD_ACTION: u32 = 1240;
pub(crate) const TYPE_MISMATCH: u32 = 1304;
pub(crate) const BAD_PERSISTENCE: u32 = 1332;
pub(crate) const NO_CERTIFICATE: u32 = 1540;
pub(crate) const CERTIFICATE_USED: u32 = 1541;
pub(crate) const CERTIFICATE_NOT_BOUND: u32 = 1542;
pub(crate) const NOT_OF_SSL: u32 = 1544;
pub(crate) const NOT_LINKED: u32 = 1545;
pub(crate) const NO_CRL: u32 = 1550;
pub(crate) const NO_ISSUER_OF_CRL: u32 = 1583;
pub(crate) const NO_CERTIFICATE_FILE: u32 = 1631;
pub(crate) const NO_KEY_FILE: u32 = 1632;
pub(crate) const CIPHERS_USED: u32 = 3593;
pub(crate) const NO_CIPHER: u32 = 3621;
pub(crate) const NO_SNI: u32 = 3627;
pub(crate) const SERVER_EXISTS: u32 = 1335;
pub(crate) const INTERVAL: u32 = 2128;
pub(crate) const MONITOR_BOUND: u32 = 2131;
pub(crate) const MONITOR_BOUND_ALREADY: u32 = 2133;
pub(crate) const WRONG_MONITOR: u32 = 2134;
pub(crate) const TIMEOUT: u32 = 2136;
pub(crate) const TYPE_CHANGE: u32 = 2155;
pub(crate) const MONITOR_NOT_BOUND: u32 = 2170;

/// Why a request is refused: the number, and what it is about, as in `vServerName, v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: u32,
    about: Vec<String>,
}

impl Refused {
    pub(crate) fn new(code: u32) -> Self {
        Self { code, about: Vec::new() }
    }

    pub(crate) fn about(code: u32, about: &[&str]) -> Self {
        Self { code, about: about.iter().map(|part| (*part).to_owned()).collect() }
    }

    /// An object that there is not, as a read says it.
    pub(crate) fn no(kind: &str, name: &str) -> Self {
        let key = match kind {
            "lbvserver" => "vServerName",
            "servicegroup" => "serviceGroupName",
            "server" => "serverName",
            "lbmonitor" => "monitorName",
            "systemfile" => "fileName",
            "sslcertkey" => "certKeyName",
            "sslcrl" => "crlName",
            "sslcipher" => "cipherGroupName",
            _ => "partitionName",
        };
        Self::about(NOT_FOUND, &[key, name])
    }

    pub(crate) fn body(&self, schema: &Schema) -> Value {
        let text = schema.errors.get(&self.code).map_or("", String::as_str);
        let about = if self.about.is_empty() { String::new() } else { format!(" [{}]", self.about.join(", ")) };
        json!({"errorcode": self.code, "message": format!("{text}{about}"), "severity": "ERROR"})
    }
}

/// The HTTP status of each error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statuses(BTreeMap<u32, u16>);

impl Statuses {
    /// False: the status of this error is known.
    pub(crate) fn choose(&mut self, code: u32, status: u16) -> bool {
        let open = !SEEN.contains(&code);
        if open {
            self.0.insert(code, status);
        }
        open
    }

    pub(crate) fn of(&self, code: u32) -> u16 {
        self.0.get(&code).copied().unwrap_or_else(|| usual(code))
    }

    pub(crate) fn reply(&self, refused: &Refused, schema: &Schema) -> Reply {
        Reply::json(self.of(refused.code), &refused.body(schema))
    }
}

fn usual(code: u32) -> u16 {
    match code {
        NOT_FOUND | NO_SERVER | NO_VSERVER | NO_GROUP => 404,
        EXISTS | SERVER_EXISTS => 409,
        BAD_CREDENTIALS | SESSION_ENDED | NOT_LOGGED_IN => 401,
        1090..=1097 | UNKNOWN_RESOURCE | BAD_JSON | BAD_METHOD | BAD_ACTION => 400,
        _ => 599,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_error_can_be_chosen_where_no_device_showed_it() {
        let mut statuses = Statuses::default();
        assert_eq!((statuses.of(NOT_FOUND), statuses.of(MONITOR_BOUND), statuses.of(PREREQUISITE)), (404, 599, 400));
        assert!(statuses.choose(MONITOR_BOUND, 409) && !statuses.choose(NOT_FOUND, 500));
        assert_eq!((statuses.of(NOT_FOUND), statuses.of(MONITOR_BOUND)), (404, 409));
    }
}
