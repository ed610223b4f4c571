//! TCP and what goes over it: a connection that is taken, a TLS handshake, a request of HTTP and the first line of its
//! answer.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use nix::{errno::Errno, poll::PollFlags};
use rustls::{ClientConfig, ClientConnection};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Found, failed, open};
use crate::prober::{Check, Reason, Request, http, tls};

pub(in crate::prober) struct Stream {
    socket: Socket,
    connected: bool,
    tls: Option<ClientConnection>,
    /// `None`: it is done when the connection or the handshake is.
    asked: Option<Asked>,
}

struct Asked {
    request: Request,
    /// What is still to be sent.
    bytes: Vec<u8>,
    received: Vec<u8>,
}

const PASSED: Reason = Reason::Passed;

impl Stream {
    pub(super) fn begin(check: &Check, address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Self, Found> {
        let (name, request) = match check {
            Check::Http(request) => (None, Some(request)),
            Check::Https(request) => (Some(request.host.as_deref()), Some(request)),
            Check::TlsHello { name } => (Some(name.as_deref()), None),
            Check::Tcp | Check::Ping | Check::UdpConnect | Check::Sctp => (None, None),
        };
        let tls = name.map(|name| tls::connection(config, name, address.ip())).transpose();
        let tls = tls.map_err(|error| (Reason::NotTried, None, error.to_string()))?;
        let asked = request.map(|request| Asked {
            request: request.clone(),
            bytes: http::request(request, address),
            received: Vec::new(),
        });
        let socket = open(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Closed by a reset: no flow and no port waits for two minutes.
        let linger = socket.set_linger(Some(Duration::ZERO)).and_then(|()| socket.set_tcp_nodelay(true));
        linger.map_err(|error| (Reason::NotTried, None, error.to_string()))?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(failed(&error)),
            Ok(()) | Err(_) => Ok(Self { socket, connected: false, tls, asked }),
        }
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn wants(&self) -> PollFlags {
        let sends = !self.connected
            || match &self.tls {
                Some(tls) => tls.wants_write(),
                None => self.asked.as_ref().is_some_and(|asked| !asked.bytes.is_empty()),
            };
        if sends { PollFlags::POLLOUT } else { PollFlags::POLLIN }
    }

    pub(super) fn go_on(&mut self) -> Option<Found> {
        match self.try_on() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => Some(failed(&error)),
        }
    }

    fn try_on(&mut self) -> io::Result<Option<Found>> {
        if !self.connected {
            if let Some(error) = self.socket.take_error()? {
                return Err(error);
            }
            self.connected = true;
        }
        match (&mut self.tls, &mut self.asked) {
            (None, None) => Ok(Some((PASSED, None, String::new()))),
            (None, Some(asked)) => {
                while !asked.bytes.is_empty() {
                    let sent = (&self.socket).write(&asked.bytes)?;
                    asked.bytes.drain(..sent);
                }
                asked.receive(&mut &self.socket)
            }
            (Some(tls), asked) => encrypted(&self.socket, tls, asked.as_mut()),
        }
    }
}

/// As far as it goes now: the handshake, and then what is asked.
fn encrypted(socket: &Socket, tls: &mut ClientConnection, asked: Option<&mut Asked>) -> io::Result<Option<Found>> {
    let mut asked = asked;
    loop {
        while tls.wants_write() {
            tls.write_tls(&mut &*socket)?;
        }
        if !tls.is_handshaking() {
            let Some(asked) = &mut asked else { return Ok(Some((PASSED, None, String::new()))) };
            if !asked.bytes.is_empty() {
                tls.writer().write_all(&std::mem::take(&mut asked.bytes))?;
                continue;
            }
            match asked.receive(&mut tls.reader()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
        if tls.read_tls(&mut &*socket)? == 0 {
            // Who does not speak TLS hangs up.
            let reason = if tls.is_handshaking() { Reason::NoTls } else { Reason::Closed };
            return Ok(Some((reason, None, String::new())));
        }
        if let Err(error) = tls.process_new_packets() {
            return Ok(Some((Reason::NoTls, None, error.to_string())));
        }
    }
}

impl Asked {
    /// Until the first line says something, or there is no more.
    fn receive(&mut self, from: &mut impl io::Read) -> io::Result<Option<Found>> {
        let mut buffer = [0; 2_048];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(Some((Reason::Closed, None, String::new()))),
                Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                // TLS that ends without saying so is over all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(Some((Reason::Closed, None, String::new())));
                }
                Err(error) => return Err(error),
            }
            if let Some(found) = http::judge(&self.request, &self.received) {
                return Ok(Some(found));
            }
        }
    }
}
