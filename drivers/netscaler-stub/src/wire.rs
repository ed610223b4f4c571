//! Sessions of NITRO. A new one begins in the default partition, silently.

use ballast_device::{Credentials, Request, Verdict, Wire};
use serde_json::{Value, json};

use crate::{reply::verdict, request::segment};

pub(crate) const DEFAULT: &str = "default";
/// Seconds that a session may be idle: as long as a whole call may take, so that a session that was not closed (the host
/// lost its power) does not count against the limit for long.
const IDLE: u32 = 120;

pub struct Nitro;

impl Wire for Nitro {
    const ROOT: &'static str = "/nitro/v1/";
    const HOME: &'static str = DEFAULT;

    fn verdict(status: u16, body: &[u8]) -> Verdict {
        verdict(status, body)
    }

    fn login(credentials: &Credentials) -> Request {
        let Credentials { username, password } = credentials;
        let login = json!({"username": username, "password": password, "timeout": IDLE});
        Request::post("config/login", json!({ "login": login }))
    }

    fn token(reply: &Value) -> Option<String> {
        reply["sessionid"].as_str().map(str::to_owned)
    }

    fn header(token: &str) -> (&'static str, String) {
        ("cookie", format!("NITRO_AUTH_TOKEN={token}"))
    }

    fn logout() -> Request {
        Request::post("config/logout", json!({"logout": {}}))
    }

    fn choose(partition: &str) -> Request {
        Request::post("config/nspartition?action=Switch", json!({"nspartition": {"partitionname": partition}}))
    }

    /// Of the default partition it is said what it is, not whether the session is there: so it is where no other one is
    /// the current one.
    fn ask(partition: &str) -> Request {
        match partition {
            DEFAULT => Request::get("config/nspartition"),
            name => Request::get(format!("config/nspartition/{}", segment(name))),
        }
    }

    fn answered(partition: &str, reply: &Value) -> Option<String> {
        let partitions = reply["nspartition"].as_array()?;
        let current = |one: &&Value| one["partitiontype"].as_str().is_some_and(|of| of.contains("Current Partition"));
        let name = |one: &Value| one["partitionname"].as_str().map(str::to_owned);
        match partitions.iter().find(current) {
            Some(current) => name(current),
            None if partition == DEFAULT => Some(DEFAULT.to_owned()),
            None => Some("another partition".to_owned()),
        }
    }

    fn save(_partition: &str) -> Request {
        Request::post("config/nsconfig?action=save", json!({"nsconfig": {}}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_where_the_device_says_that_it_is() {
        let list = |of: &[(&str, &str)]| {
            let one = |(name, of): &(&str, &str)| json!({"partitionname": name, "partitiontype": of});
            json!({"errorcode": 0, "nspartition": of.iter().map(one).collect::<Vec<_>>()})
        };
        let current = "Current Partition";
        assert_eq!(Nitro::answered("t1", &list(&[("t1", current)])).as_deref(), Some("t1"));
        assert_eq!(Nitro::answered("t1", &list(&[("t1", "")])).as_deref(), Some("another partition"));
        assert_eq!(Nitro::answered("t1", &list(&[("t2", current)])).as_deref(), Some("t2"));
        for of in ["Default Partition", current, "Default Partition, Current Partition"] {
            assert_eq!(Nitro::answered(DEFAULT, &list(&[(DEFAULT, of), ("t1", "")])).as_deref(), Some(DEFAULT));
        }
        let elsewhere = list(&[(DEFAULT, "Default Partition"), ("t1", current)]);
        assert_eq!(Nitro::answered(DEFAULT, &elsewhere).as_deref(), Some("t1"));
        assert_eq!(Nitro::answered("t1", &json!({"errorcode": 0})), None);
    }

    #[test]
    fn the_address_of_a_partition_cannot_be_another_request() {
        assert_eq!(Nitro::ask("a/b").path, "config/nspartition/a%252Fb");
    }
}
