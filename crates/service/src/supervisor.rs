//! What systemd is told of a service whose unit has `Type=notify` (sd_notify(3)): that it serves, and with `WatchdogSec=` that it
//! still gets to its tasks. Where nobody asks, nothing is said.
//!
//! These words are the supervisor's and no configuration: they are read here alone.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

/// Says that the service serves now.
pub fn ready() {
    if let Err(error) = tell(env::var_os("NOTIFY_SOCKET").as_deref(), "READY=1") {
        tracing::warn!("systemd cannot be told that this service serves: {error}");
    }
}

/// Says, twice as often as is asked for, that the runtime still gets to its tasks. It ends where nobody asks.
pub(crate) async fn keep_alive() {
    let (within, whom) = (env::var_os("WATCHDOG_USEC"), env::var_os("WATCHDOG_PID"));
    let Some(within) = asked(within.as_deref(), whom.as_deref(), process::id()) else { return };
    let socket = env::var_os("NOTIFY_SOCKET");
    let mut ticks = tokio::time::interval(within / 2);
    loop {
        ticks.tick().await;
        // What is not heard is missed soon enough.
        let _ = tell(socket.as_deref(), "WATCHDOG=1");
    }
}

fn tell(socket: Option<&OsStr>, what: &str) -> io::Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &address).map(drop)
}

/// Within what time this process has to say that it lives: the variables may be those of a parent.
fn asked(within: Option<&OsStr>, whom: Option<&OsStr>, own: u32) -> Option<Duration> {
    let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
    if whom.is_some_and(|whom| number(whom) != Some(own.into())) {
        return None;
    }
    let within = number(within?)?;
    (within >= 2).then(|| Duration::from_micros(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut text = [0; 64];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    #[test]
    fn systemd_is_told_by_a_file_or_an_abstract_name_and_nobody_where_there_is_none() {
        let there = tempfile::tempdir().unwrap();
        let path = there.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        tell(Some(path.as_os_str()), "READY=1").unwrap();
        assert_eq!(heard(&socket), "READY=1");
        let name = format!("ballast-test-{}", process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        tell(Some(OsStr::new(&format!("@{name}"))), "WATCHDOG=1").unwrap();
        assert_eq!(heard(&socket), "WATCHDOG=1");
        tell(None, "READY=1").unwrap();
        assert!(tell(Some(OsStr::new("/nowhere/at/all")), "READY=1").is_err());
    }

    #[test]
    fn a_process_is_watched_that_is_asked_and_no_child_of_it() {
        let asked = |within: &str, whom: Option<&str>| asked(Some(OsStr::new(within)), whom.map(OsStr::new), 7);
        assert_eq!(asked("60000000", Some("7")), Some(Duration::from_secs(60)));
        assert_eq!(asked("60000000", None), Some(Duration::from_secs(60)));
        for (within, whom) in [("60000000", Some("8")), ("60000000", Some("x")), ("0", Some("7")), ("soon", Some("7"))]
        {
            assert_eq!(asked(within, whom), None, "{within} {whom:?}");
        }
        assert_eq!(super::asked(None, None, 7), None);
    }
}
