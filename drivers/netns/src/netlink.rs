//! A blocking netlink socket: requests in one send, one answer each.
//!
//! The socket belongs to the namespace in which it was opened, for life.

use std::{collections::HashSet, io, marker::PhantomData};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkDeserializable,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_sys::{
    Socket, SocketAddr,
    protocols::{NETLINK_ROUTE, NETLINK_SOCK_DIAG},
};
use nix::{errno::Errno, sys::socket::MsgFlags};

use crate::failure::{Failure, Step};

/// One change that is asked for.
pub struct Request {
    what: String,
    message: RouteNetlinkMessage,
    flags: u16,
    tolerated: Option<Errno>,
}

impl Request {
    pub fn new(what: impl Into<String>, message: RouteNetlinkMessage) -> Self {
        Self { what: what.into(), message, flags: NLM_F_REQUEST | NLM_F_ACK, tolerated: None }
    }

    /// It must not be there yet.
    pub fn create(mut self) -> Self {
        self.flags |= NLM_F_CREATE | NLM_F_EXCL;
        self
    }

    /// It may be there, differently.
    pub fn replace(mut self) -> Self {
        self.flags |= NLM_F_CREATE | NLM_F_REPLACE;
        self
    }

    /// There may be others like it.
    pub fn append(mut self) -> Self {
        self.flags |= NLM_F_CREATE | NLM_F_APPEND;
        self
    }

    /// This answer means that it is done already.
    pub fn tolerate(mut self, errno: Errno) -> Self {
        self.tolerated = Some(errno);
        self
    }
}

/// The kernel puts at most half of it into one datagram.
const DATAGRAM: usize = 64 << 10;

pub struct Netlink<M = RouteNetlinkMessage> {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
    messages: PhantomData<M>,
}

impl Netlink {
    /// Opens a socket in the namespace of the calling thread.
    pub fn open() -> Result<Self, Failure> {
        Self::of(NETLINK_ROUTE)
    }

    /// Asks for all at once, and fails with the first that was refused. What comes after it is still tried.
    pub fn batch(&mut self, requests: Vec<Request>) -> Result<(), Failure> {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        let mut open = HashSet::new();
        let mut labels = Vec::new();
        for request in requests {
            open.insert(self.append(&mut bytes, request.message, request.flags));
            labels.push((request.what, request.tolerated));
        }
        self.socket.send(&bytes, 0).step(|| "send to netlink".to_owned())?;
        let mut refused = None;
        while !open.is_empty() {
            for message in self.receive()? {
                let sequence = message.header.sequence_number;
                let NetlinkPayload::Error(answer) = message.payload else { continue };
                let index = sequence.wrapping_sub(first) as usize;
                let Some((what, tolerated)) = labels.get(index).filter(|_| open.remove(&sequence)) else { continue };
                let error = answer.code.map(|_| answer.to_io());
                if let Some(error) = error.filter(|error| error.raw_os_error() != tolerated.map(|errno| errno as i32)) {
                    refused.get_or_insert_with(|| Failure::io(what, error));
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

impl Netlink<SockDiagMessage> {
    /// The same, for what is to be known of sockets.
    pub fn open_for_sockets() -> Result<Self, Failure> {
        Self::of(NETLINK_SOCK_DIAG)
    }
}

impl<M: NetlinkSerializable + NetlinkDeserializable> Netlink<M> {
    fn of(protocol: isize) -> Result<Self, Failure> {
        let open = || {
            let socket = Socket::new(protocol)?;
            // Otherwise each error carries the request back.
            socket.set_cap_ack(true)?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok::<_, io::Error>(socket)
        };
        let socket = open().step(|| "open a netlink socket".to_owned())?;
        Ok(Self { socket, buffer: Vec::with_capacity(DATAGRAM), sequence: 0, messages: PhantomData })
    }

    /// Asks for one object; `None`: the kernel does not know it.
    pub fn get(&mut self, what: &str, message: M) -> Result<Option<M>, Failure> {
        let mut bytes = Vec::new();
        let sequence = self.append(&mut bytes, message, NLM_F_REQUEST);
        self.socket.send(&bytes, 0).step(|| "send to netlink".to_owned())?;
        loop {
            for message in self.receive()?.into_iter().filter(|message| message.header.sequence_number == sequence) {
                match message.payload {
                    NetlinkPayload::InnerMessage(found) => return Ok(Some(found)),
                    NetlinkPayload::Error(answer) => {
                        let error = answer.to_io();
                        return match error.raw_os_error() {
                            Some(code) if code == Errno::ENODEV as i32 || code == Errno::ENOENT as i32 => Ok(None),
                            _ => Err(Failure::io(what, error)),
                        };
                    }
                    _ => {}
                }
            }
        }
    }

    /// Asks for all objects of a kind.
    pub fn dump(&mut self, what: &str, message: M) -> Result<Vec<M>, Failure> {
        let mut bytes = Vec::new();
        let sequence = self.append(&mut bytes, message, NLM_F_REQUEST | NLM_F_DUMP);
        self.socket.send(&bytes, 0).step(|| "send to netlink".to_owned())?;
        let mut found = Vec::new();
        loop {
            for message in self.receive()?.into_iter().filter(|message| message.header.sequence_number == sequence) {
                match message.payload {
                    NetlinkPayload::InnerMessage(one) => found.push(one),
                    NetlinkPayload::Done(_) => return Ok(found),
                    NetlinkPayload::Error(answer) => return Err(Failure::io(what, answer.to_io())),
                    _ => {}
                }
            }
        }
    }

    /// Whether an object of a kind is such. The socket is used up, so that what is behind the first that is such is never
    /// read: to list the thousand ports of a bridge costs as much as to take one of them away.
    pub fn any(mut self, what: &str, message: M, is_such: impl Fn(&M) -> bool) -> Result<bool, Failure> {
        let mut bytes = Vec::new();
        let sequence = self.append(&mut bytes, message, NLM_F_REQUEST | NLM_F_DUMP);
        self.socket.send(&bytes, 0).step(|| "send to netlink".to_owned())?;
        loop {
            for message in self.receive()?.into_iter().filter(|one| one.header.sequence_number == sequence) {
                match message.payload {
                    NetlinkPayload::InnerMessage(one) if is_such(&one) => return Ok(true),
                    NetlinkPayload::Done(_) => return Ok(false),
                    NetlinkPayload::Error(answer) => return Err(Failure::io(what, answer.to_io())),
                    _ => {}
                }
            }
        }
    }

    fn append(&mut self, bytes: &mut Vec<u8>, message: M, flags: u16) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let start = bytes.len();
        bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[start..]);
        self.sequence
    }

    fn receive(&mut self) -> Result<Vec<NetlinkMessage<M>>, Failure> {
        self.buffer.clear();
        let received = self.socket.recv(&mut self.buffer, MsgFlags::MSG_TRUNC.bits());
        let length = received.step(|| "receive from netlink".to_owned())?;
        if length > self.buffer.len() {
            return Err(Failure::io(format!("receive {length} bytes from netlink at once"), Errno::EMSGSIZE));
        }
        let mut rest = self.buffer.as_slice();
        let mut messages = Vec::new();
        while rest.len() >= 16 {
            let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            let message = NetlinkMessage::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:?}")))
                .step(|| "understand netlink".to_owned())?;
            messages.push(message);
            rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(messages)
    }
}
