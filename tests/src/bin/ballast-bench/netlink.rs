//! The few route netlink messages that the floor needs, written by hand: nothing that could be slow stands between the
//! bench and the kernel.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const NLMSG_ERROR: u16 = 2;
const REQUEST_ACK: u16 = 1 | 4;
const CREATE: u16 = 0x400 | 0x200;
const NESTED: u16 = 0x8000;
const UP: u32 = 1;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;

/// A socket, and messages that will go out together.
pub(crate) struct Netlink {
    socket: OwnedFd,
    bytes: Vec<u8>,
    pending: usize,
}

impl Netlink {
    /// In the namespace of the calling thread, for life.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        Ok(Self { socket, bytes: Vec::new(), pending: 0 })
    }

    fn message(&mut self, kind: u16, flags: u16, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(flags | REQUEST_ACK).to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        body(&mut self.bytes);
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.bytes[start..start + 4].copy_from_slice(&length.to_ne_bytes());
        self.pending += 1;
    }

    /// A pair: the outer end up and on the bridge, the inner end with this MAC in the namespace.
    pub(crate) fn pair(&mut self, outside: &str, bridge: u32, mac: [u8; 6], namespace: RawFd) {
        self.message(RTM_NEWLINK, CREATE, |bytes| {
            link(bytes, 0, UP);
            text(bytes, IFLA_IFNAME, outside);
            one_queue(bytes);
            attribute(bytes, IFLA_MASTER, &bridge.to_ne_bytes());
            nest(bytes, IFLA_LINKINFO, |bytes| {
                attribute(bytes, IFLA_INFO_KIND, b"veth");
                nest(bytes, IFLA_INFO_DATA, |bytes| {
                    nest(bytes, VETH_INFO_PEER, |bytes| {
                        link(bytes, 0, 0);
                        text(bytes, IFLA_IFNAME, "eth0");
                        attribute(bytes, IFLA_ADDRESS, &mac);
                        one_queue(bytes);
                        attribute(bytes, IFLA_NET_NS_FD, &namespace.to_ne_bytes());
                    });
                });
            });
        });
    }

    pub(crate) fn up(&mut self, index: u32) {
        self.message(RTM_NEWLINK, 0, |bytes| link(bytes, index, UP));
    }

    /// Asks for a link, which makes the kernel act on its carrier at once; the answer is not read.
    pub(crate) fn get(&mut self, index: u32) {
        self.message(RTM_GETLINK, 0, |bytes| link(bytes, index, 0));
    }

    pub(crate) fn address(&mut self, index: u32, address: Ipv4Addr, prefix_length: u8) {
        self.message(RTM_NEWADDR, CREATE, |bytes| {
            bytes.extend_from_slice(&[2, prefix_length, 0, 0]);
            bytes.extend_from_slice(&index.to_ne_bytes());
            attribute(bytes, IFA_LOCAL, &address.octets());
            attribute(bytes, IFA_ADDRESS, &address.octets());
        });
    }

    pub(crate) fn default_route(&mut self, index: u32, gateway: Ipv4Addr) {
        self.message(RTM_NEWROUTE, CREATE, |bytes| {
            // IPv4, everything, main table, protocol static, universe, unicast.
            bytes.extend_from_slice(&[2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0]);
            attribute(bytes, RTA_GATEWAY, &gateway.octets());
            attribute(bytes, RTA_OIF, &index.to_ne_bytes());
        });
    }

    /// Sends everything and waits for all answers; the first refusal is the error.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        send(self.socket.as_raw_fd(), &self.bytes, MsgFlags::empty())?;
        self.bytes.clear();
        let mut refused = None;
        let mut buffer = vec![0; 1 << 16];
        while self.pending > 0 {
            let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let mut rest = &buffer[..length];
            while rest.len() >= 20 {
                let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                if u16::from_ne_bytes([rest[4], rest[5]]) == NLMSG_ERROR {
                    self.pending = self.pending.saturating_sub(1);
                    let code = i32::from_ne_bytes([rest[16], rest[17], rest[18], rest[19]]);
                    if code != 0 && refused.is_none() {
                        refused = Some(io::Error::from_raw_os_error(-code));
                    }
                }
                rest = rest.get(size.max(16).next_multiple_of(4)..).unwrap_or_default();
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

/// `struct ifinfomsg`
fn link(bytes: &mut Vec<u8>, index: u32, flags: u32) {
    bytes.extend_from_slice(&[0; 4]);
    for word in [index, flags, flags] {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
}

fn one_queue(bytes: &mut Vec<u8>) {
    attribute(bytes, IFLA_NUM_TX_QUEUES, &1_u32.to_ne_bytes());
    attribute(bytes, IFLA_NUM_RX_QUEUES, &1_u32.to_ne_bytes());
}

fn text(bytes: &mut Vec<u8>, kind: u16, text: &str) {
    attribute(bytes, kind, &[text.as_bytes(), b"\0"].concat());
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    nest_raw(bytes, kind, |bytes| bytes.extend_from_slice(value));
}

fn nest(bytes: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    nest_raw(bytes, kind | NESTED, body);
}

fn nest_raw(bytes: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&kind.to_ne_bytes());
    body(bytes);
    let length = u16::try_from(bytes.len() - start).unwrap_or(u16::MAX);
    bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
