//! The first two messages on the socket, before gRPC: the agent says what the driver is to be
//! started with, the driver-host whether it could.
//!
//! The driver's configuration may hold passwords: it travels here and neither in the arguments nor in the environment,
//! which others on the machine can read. Both messages are JSON behind a length of four bytes, so that no byte of what
//! follows is read with them.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{confine::Confinement, privileges::Privileges};

/// Longer than any configuration, short enough to be read into memory on a stranger's word.
const LENGTH_LIMIT: usize = 16 << 20;

/// From the agent: with what to start the driver.
#[derive(Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) agent_id: String,
    pub(crate) state_dir: PathBuf,
    pub(crate) config: serde_json::Value,
    /// Records above this level are not wanted: 1 error to 5 trace.
    pub(crate) log_level: u32,
    pub(crate) confinement: Confinement,
    pub(crate) privileges: Privileges,
}

/// From the driver-host: how it went.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Started {
    /// gRPC follows.
    Ready,
    /// The process ends.
    Refused(Refused),
}

/// Why there is no driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// One line.
    pub(crate) reason: String,
    /// The same file and configuration will be refused again.
    pub(crate) permanent: bool,
}

pub(crate) fn read<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<M> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut json = vec![0; checked(length)?];
    from.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

pub(crate) async fn receive<M: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<M> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut json = vec![0; checked(length)?];
    from.read_exact(&mut json).await?;
    Ok(serde_json::from_slice(&json)?)
}

pub(crate) async fn send(to: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode(message)?).await
}

fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= LENGTH_LIMIT).ok_or_else(too_long)?;
    Ok([&length.to_be_bytes()[..], &json].concat())
}

fn checked(length: [u8; 4]) -> io::Result<usize> {
    usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= LENGTH_LIMIT).ok_or_else(too_long)
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "message of more than 16 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_behind_a_message_is_read_with_it() {
        let said = Started::Refused(Refused { reason: "truncated".into(), permanent: true });
        let mut bytes = Vec::new();
        write(&mut bytes, &said).unwrap();
        bytes.extend(b"PRI * HTTP/2.0");
        let mut rest = bytes.as_slice();
        assert_eq!(read::<Started>(&mut rest).unwrap(), said);
        assert_eq!(rest, b"PRI * HTTP/2.0");
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_memory_is_taken() {
        assert!(read::<Started>(&mut [0xff, 0xff, 0xff, 0xff].as_slice()).is_err());
    }
}
