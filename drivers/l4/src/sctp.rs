//! SCTP packets (RFC 9260), as far as a probe needs them: an INIT that asks, what may come back, and an ABORT that leaves
//! nothing behind. By hand, because a kernel may have no SCTP; one that balances it needs none. Pure.

/// What a packet's first chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// With the tag that its sender wants in answers.
    Init {
        tag: u32,
    },
    InitAck {
        tag: u32,
    },
    Abort,
    Other(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub source: u16,
    pub destination: u16,
    pub chunk: Chunk,
}

const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const HEADER: usize = 12;

/// Asks for an association. `ports`: own and the other's.
#[must_use]
pub fn init(ports: (u16, u16), tag: u32) -> Vec<u8> {
    // An INIT is the only packet with tag 0.
    packet(ports, 0, INIT, &opening(tag))
}

/// Answers an INIT that had `theirs`, with a cookie of nothing.
#[must_use]
pub fn init_ack(ports: (u16, u16), theirs: u32, tag: u32) -> Vec<u8> {
    let cookie = [0, 7, 0, 8, 0, 0, 0, 0];
    packet(ports, theirs, INIT_ACK, &[opening(tag).as_slice(), &cookie].concat())
}

#[must_use]
pub fn abort(ports: (u16, u16), theirs: u32) -> Vec<u8> {
    packet(ports, theirs, ABORT, &[])
}

/// What a packet says, without its IP header. `None`: it is none, or is damaged.
#[must_use]
pub fn read(packet: &[u8]) -> Option<Packet> {
    let port = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let checksum = packet.get(8..HEADER)?;
    if checksum != sum(packet) {
        return None;
    }
    let tag = || packet.get(16..20)?.try_into().ok().map(u32::from_be_bytes);
    let chunk = match *packet.get(HEADER)? {
        INIT => Chunk::Init { tag: tag()? },
        INIT_ACK => Chunk::InitAck { tag: tag()? },
        ABORT => Chunk::Abort,
        other => Chunk::Other(other),
    };
    Some(Packet { source: port(0)?, destination: port(2)?, chunk })
}

/// The packet that a raw socket gives: with its IP header, if that is of version 4.
#[must_use]
pub fn without_header(bytes: &[u8], v6: bool) -> &[u8] {
    let header = bytes.first().map_or(0, |first| usize::from(first & 0xf) * 4);
    if v6 { bytes } else { bytes.get(header..).unwrap_or_default() }
}

/// Tag, window, streams each way, and the first number.
fn opening(tag: u32) -> [u8; 16] {
    let mut opening = [0; 16];
    opening[..4].copy_from_slice(&tag.to_be_bytes());
    opening[4..8].copy_from_slice(&65_536_u32.to_be_bytes());
    opening[8..16].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 1]);
    opening
}

fn packet(ports: (u16, u16), tag: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap_or(u16::MAX);
    let mut packet = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    packet.extend_from_slice(&tag.to_be_bytes());
    packet.extend_from_slice(&[0; 4]);
    packet.extend_from_slice(&[kind, 0]);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(body);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = sum(&packet);
    packet[8..HEADER].copy_from_slice(&checksum);
    packet
}

/// CRC32c of the packet with no checksum in it, as it is sent.
fn sum(packet: &[u8]) -> [u8; 4] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let without = packet.iter().enumerate().map(|(at, byte)| if (8..HEADER).contains(&at) { 0 } else { *byte });
    let bit = |sum: u32, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ POLYNOMIAL };
    let sum = without.fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(byte), bit));
    (!sum).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_is_not() {
        let mut sent = init((61_000, 9_000), 0xcafe);
        let expected = Packet { source: 61_000, destination: 9_000, chunk: Chunk::Init { tag: 0xcafe } };
        assert_eq!(read(&sent), Some(expected));
        assert_eq!(read(&init_ack((1, 2), 7, 8)).unwrap().chunk, Chunk::InitAck { tag: 8 });
        assert_eq!(read(&abort((1, 2), 7)).unwrap().chunk, Chunk::Abort);
        sent[17] ^= 1;
        assert_eq!(read(&sent), None);
        assert_eq!(read(&sent[..10]), None);
    }

    #[test]
    fn the_checksum_is_that_of_the_rfcs() {
        // RFC 3720, B.4: 32 bytes of zero.
        assert_eq!(sum(&[0; 32]), 0x8a91_36aa_u32.to_le_bytes());
    }

    #[test]
    fn version_four_has_its_header_in_front() {
        let mut bytes = vec![0x46; 24];
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(without_header(&bytes, false), [1, 2, 3]);
        assert_eq!(without_header(&bytes, true).len(), 27);
    }
}
