//! The way from inside of a lab to a device outside.
//!
//! A lab has no network but its own, and yet the driver's configuration names a device of the machine's. So the same
//! address is listened on inside, and each connection goes through a Unix socket, which knows no network namespaces, to a
//! thread outside, which connects to the device. A driver that means another address than the named ones reaches nobody.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

const CONNECT: Duration = Duration::from_secs(10);

/// Outside: serves this socket until the process ends.
pub(super) fn serve(device: SocketAddr, socket: &Path) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    thread::spawn(move || {
        for inside in listener.incoming().flatten() {
            thread::spawn(move || {
                // A device that is not there ends the connection, as it would have refused it.
                if let Ok(outside) = TcpStream::connect_timeout(&device, CONNECT) {
                    let _ = connect(inside, outside);
                }
            });
        }
    });
    Ok(())
}

/// Inside: answers at the device's address until the process ends.
pub(super) fn enter(device: SocketAddr, socket: PathBuf) -> io::Result<()> {
    if !device.ip().is_loopback() {
        let length = if device.is_ipv4() { 32 } else { 128 };
        let words = ["address", "add", &format!("{}/{length}", device.ip()), "dev", "lo"];
        let output = Command::new("ip").args(words).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
    }
    let listener = TcpListener::bind(device)?;
    // Before a layer is put over the socket's folder, it must be looked up there; later, it is the same one.
    thread::spawn(move || {
        for driver in listener.incoming().flatten() {
            let socket = socket.clone();
            thread::spawn(move || {
                if let Ok(way) = UnixStream::connect(socket) {
                    let _ = connect(way, driver);
                }
            });
        }
    });
    Ok(())
}

/// Copies both ways until both have ended.
fn connect(unix: UnixStream, tcp: TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let (mut unix_in, mut tcp_in) = (unix.try_clone()?, tcp.try_clone()?);
    let (mut unix, mut tcp) = (unix, tcp);
    let there = thread::spawn(move || {
        let done = io::copy(&mut unix_in, &mut tcp);
        tcp.shutdown(Shutdown::Write).and(done.map(drop))
    });
    let back = io::copy(&mut tcp_in, &mut unix);
    unix.shutdown(Shutdown::Write)?;
    drop(there.join());
    back.map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn what_is_said_to_the_relay_reaches_the_device_and_comes_back() {
        let device = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("device");
        serve(device.local_addr().unwrap(), &socket).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inside = listener.local_addr().unwrap();
        drop(listener);
        enter(inside, socket).unwrap();
        let answering = thread::spawn(move || {
            let (mut stream, _) = device.accept().unwrap();
            let mut asked = String::new();
            stream.read_to_string(&mut asked).unwrap();
            stream.write_all(asked.to_uppercase().as_bytes()).unwrap();
        });
        let mut stream = TcpStream::connect(inside).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HELLO");
        answering.join().unwrap();
    }
}
