//! A blocking netlink socket of the netfilter family: for nf_tables and for conntrack.
//!
//! The socket belongs to the namespace in which it was opened, for life. It holds it, too: a namespace goes when the last
//! socket of it is closed.

use std::io;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::sys::{
    socket::{
        MsgFlags, setsockopt,
        sockopt::{ReceiveTimeout, SndBufForce},
    },
    time::TimeVal,
};

use crate::{
    failure::{Failure, Step},
    wire::{Encoded, attribute::Attributes},
};

const HEADER: usize = 16;
/// The header of netfilter's messages: family, version, resource.
const PREFIX: usize = 4;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
/// What was listed changed meanwhile.
const INTERRUPTED: u16 = 0x10;
/// A whole rule set of thousands of members is sent at once.
const SEND_BUFFER: usize = 32 << 20;
/// The kernel sends no longer datagrams.
const RECEIVE_BUFFER: usize = 1 << 16;
/// The kernel answers at once. Whoever waits longer than this has asked something that it does not answer.
const PATIENCE: TimeVal = TimeVal::new(10, 0);
/// How often a list that changes is asked for.
const ATTEMPTS: usize = 8;

/// A message that is asked for or that came.
pub(crate) struct Message {
    pub(crate) kind: u16,
    flags: u16,
    sequence: u32,
    content: Vec<u8>,
}

impl Message {
    /// Its attributes.
    pub(crate) fn attributes(&self) -> &[u8] {
        self.content.get(PREFIX..).unwrap_or_default()
    }

    /// What an answer says of success, if it is one.
    fn answer(&self) -> Option<io::Result<()>> {
        if self.kind != ERROR && self.kind != DONE {
            return None;
        }
        let code = self.content.get(..4).and_then(|code| code.try_into().ok()).map_or(0, i32::from_ne_bytes);
        Some(if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) })
    }
}

/// What is asked about.
pub(crate) struct Question<'a> {
    /// For errors.
    pub(crate) what: &'a str,
    pub(crate) kind: u16,
    pub(crate) family: u8,
    pub(crate) content: Attributes,
}

pub struct Netfilter {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Netfilter {
    /// Opens a socket in the namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel has no netfilter, or does not let this process use it.
    pub fn open() -> Result<Self, Failure> {
        let open = || {
            let socket = Socket::new(NETLINK_NETFILTER)?;
            // Otherwise each error carries the request back.
            socket.set_cap_ack(true)?;
            socket.connect(&SocketAddr::new(0, 0))?;
            setsockopt(&socket, ReceiveTimeout, &PATIENCE)?;
            // Only the machine's own root may; without it large batches do not pass, and say so.
            let _ = setsockopt(&socket, SndBufForce, &SEND_BUFFER);
            Ok::<_, io::Error>(socket)
        };
        let socket = open().step(|| "open a netfilter socket".to_owned())?;
        Ok(Self { socket, sequence: 0, buffer: Vec::with_capacity(RECEIVE_BUFFER) })
    }

    /// Sends a batch. The first message that was refused, by its sequence number, and why; `None`: it is done.
    pub(crate) fn commit(&mut self, batch: &Encoded) -> Result<Option<(u32, io::Error)>, Failure> {
        let what = || "send a batch to nf_tables".to_owned();
        self.forget();
        self.socket.send(batch.bytes(), 0).step(what)?;
        let (mut refused, mut done) = (None, false);
        // It is all over when the kernel returns from the send, and the answers are there.
        while let Some(messages) = self.receive(MsgFlags::MSG_DONTWAIT.bits()).step(what)? {
            for message in messages {
                match message.answer() {
                    Some(Ok(())) => done = true,
                    Some(Err(error)) => {
                        refused.get_or_insert((message.sequence, error));
                    }
                    None => {}
                }
            }
        }
        if refused.is_none() && !done { Err(Failure::Silent { what: what() }) } else { Ok(refused) }
    }

    /// Sends a batch that is only tried. The first message that was refused.
    pub(crate) fn try_out(&mut self, batch: &Encoded) -> Result<Option<(u32, io::Error)>, Failure> {
        match self.commit(batch) {
            // Without an end there is nothing to be told of.
            Err(Failure::Silent { .. }) => Ok(None),
            other => other,
        }
    }

    /// Asks for something to be done.
    pub(crate) fn request(&mut self, question: &Question<'_>) -> Result<(), Failure> {
        let what = || question.what.to_owned();
        let sequence = self.send(question, ACK)?;
        while let Some(messages) = self.receive(0).step(what)? {
            let mut answers = messages.iter().filter(|message| message.sequence == sequence);
            if let Some(answer) = answers.find_map(Message::answer) {
                return answer.step(what);
            }
        }
        Err(Failure::Silent { what: what() })
    }

    /// Asks for one message.
    pub(crate) fn get(&mut self, question: &Question<'_>) -> Result<Message, Failure> {
        let what = || question.what.to_owned();
        let sequence = self.send(question, 0)?;
        while let Some(messages) = self.receive(0).step(what)? {
            let Some(message) = messages.into_iter().find(|message| message.sequence == sequence) else { continue };
            return match message.answer() {
                Some(Err(error)) => Err(error).step(what),
                Some(Ok(())) => Err(Failure::Unreadable { what: what() }),
                None => Ok(message),
            };
        }
        Err(Failure::Silent { what: what() })
    }

    /// Asks for all of a kind.
    pub(crate) fn dump<T>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&Message) -> Vec<T>,
    ) -> Result<Vec<T>, Failure> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.dump_once(question, &read)? {
                return Ok(found);
            }
        }
        Err(Failure::Silent { what: format!("{}: it keeps changing", question.what) })
    }

    /// `None`: it changed meanwhile.
    fn dump_once<T>(
        &mut self,
        question: &Question<'_>,
        read: impl Fn(&Message) -> Vec<T>,
    ) -> Result<Option<Vec<T>>, Failure> {
        let what = || question.what.to_owned();
        let sequence = self.send(question, DUMP)?;
        let (mut found, mut whole) = (Vec::new(), true);
        while let Some(messages) = self.receive(0).step(what)? {
            for message in messages.into_iter().filter(|message| message.sequence == sequence) {
                whole &= message.flags & INTERRUPTED == 0;
                match message.answer() {
                    Some(Ok(())) => return Ok(whole.then_some(found)),
                    Some(Err(error)) => return Err(error).step(what),
                    None => found.extend(read(&message)),
                }
            }
        }
        Err(Failure::Silent { what: what() })
    }

    /// Answers to what was given up are nobody's.
    fn forget(&mut self) {
        while matches!(self.receive(MsgFlags::MSG_DONTWAIT.bits()), Ok(Some(_))) {}
    }

    fn send(&mut self, question: &Question<'_>, flags: u16) -> Result<u32, Failure> {
        self.sequence = self.sequence.wrapping_add(1);
        let content = question.content.as_bytes();
        let length = u32::try_from(HEADER + PREFIX + content.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&question.kind.to_ne_bytes());
        bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        bytes.extend_from_slice(&self.sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&[question.family, 0, 0, 0]);
        bytes.extend_from_slice(content);
        self.socket.send(&bytes, 0).step(|| question.what.to_owned())?;
        Ok(self.sequence)
    }

    /// The messages of one datagram; `None`: there is none now, or was none for long.
    fn receive(&mut self, flags: i32) -> io::Result<Option<Vec<Message>>> {
        self.buffer.clear();
        match self.socket.recv(&mut self.buffer, flags) {
            Ok(_) => Ok(Some(split(&self.buffer))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(Vec::new())),
            Err(error) => Err(error),
        }
    }
}

fn split(datagram: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while let Some(header) = rest.first_chunk::<HEADER>() {
        let four = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let two = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let length = usize::try_from(four(0)).unwrap_or(usize::MAX);
        let Some(content) = rest.get(HEADER..length) else { break };
        messages.push(Message { kind: two(4), flags: two(6), sequence: four(8), content: content.to_vec() });
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_split_and_what_is_cut_off_is_left_out() {
        let message = |sequence: u8, code: i32| {
            let mut bytes = vec![36, 0, 0, 0, 2, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0];
            bytes.extend_from_slice(&code.to_ne_bytes());
            bytes.resize(36, 0);
            bytes
        };
        let datagram = [message(1, 0), message(2, -17)].concat();
        let messages = split(&datagram);
        assert!(messages[0].answer().unwrap().is_ok());
        assert_eq!(messages[1].answer().unwrap().unwrap_err().raw_os_error(), Some(17));
        assert_eq!((messages[1].sequence, split(&datagram[..50]).len()), (2, 1));
    }
}
