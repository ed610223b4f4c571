//! Calls and answers as they lie on the socket: a length, a number, and what they are about.

use std::io::{self, Read, Write};

use super::Copy;
use crate::host::Method;

/// Larger than any honest answer.
const LIMIT: usize = 64 << 20;
const NUMBER: usize = 4;

/// What a process is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// JSON to JSON.
    Open,
    /// JSON to `Capabilities`.
    Start,
    /// Nothing to JSON: what was logged since.
    Log,
    /// Bytes to bytes.
    Call(Method),
}

const ORDERS: [Order; 10] = [
    Order::Open,
    Order::Start,
    Order::Log,
    Order::Call(Method::Deploy),
    Order::Call(Method::Undeploy),
    Order::Call(Method::Observe),
    Order::Call(Method::Deployed),
    Order::Call(Method::Shutdown),
    Order::Call(Method::Preview),
    Order::Call(Method::TakeSecrets),
];

impl Order {
    fn number(self) -> u8 {
        let at = ORDERS.iter().position(|order| *order == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "load",
            Self::Start => "new",
            Self::Log => "log",
            Self::Call(Method::Deploy) => "deploy",
            Self::Call(Method::Undeploy) => "undeploy",
            Self::Call(Method::Observe) => "observe",
            Self::Call(Method::Deployed) => "deployed",
            Self::Call(Method::Shutdown) => "shutdown",
            Self::Call(Method::Preview) => "preview",
            Self::Call(Method::TakeSecrets) => "take_secrets",
        }
    }
}

/// A call.
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) copy: Copy,
    pub(super) order: Order,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let copy = u8::from(self.copy == Copy::Second);
        write(to, self.number, &[copy, self.order.number()], &self.body)
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let (number, [copy, order], body) = read(from)?;
        let copy = if copy == 0 { Copy::First } else { Copy::Second };
        let order = ORDERS.get(usize::from(order)).copied().ok_or_else(odd)?;
        Ok(Self { number, copy, order, body })
    }
}

/// An answer: what was asked for, or an encoded `Fault`.
pub(super) struct Answer {
    pub(super) number: u32,
    pub(super) result: Result<Vec<u8>, Vec<u8>>,
}

impl Answer {
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let (kind, body) = match &self.result {
            Ok(body) => (0, body),
            Err(fault) => (1, fault),
        };
        write(to, self.number, &[kind, 0], body)
    }

    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let (number, [kind, _], body) = read(from)?;
        Ok(Self { number, result: if kind == 0 { Ok(body) } else { Err(body) } })
    }
}

fn odd() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn write(to: &mut impl Write, number: u32, kind: &[u8; 2], body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(NUMBER + kind.len() + body.len()).map_err(|_| odd())?;
    let mut frame = Vec::with_capacity(body.len() + 16);
    frame.extend(length.to_be_bytes());
    frame.extend(number.to_be_bytes());
    frame.extend(kind);
    frame.extend(body);
    to.write_all(&frame)
}

fn read(from: &mut impl Read) -> io::Result<(u32, [u8; 2], Vec<u8>)> {
    let mut head = [0; 10];
    from.read_exact(&mut head)?;
    let [l0, l1, l2, l3, n0, n1, n2, n3, kind, more] = head;
    let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    let length = length.checked_sub(NUMBER + 2).filter(|length| *length <= LIMIT).ok_or_else(odd)?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok((u32::from_be_bytes([n0, n1, n2, n3]), [kind, more], body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_answers_come_out_as_they_went_in() {
        for order in ORDERS {
            let mut wire = Vec::new();
            let call = Call { number: 7, copy: Copy::Second, order, body: b"body".to_vec() };
            call.write(&mut wire).unwrap();
            let read = Call::read(&mut wire.as_slice()).unwrap();
            assert_eq!((read.number, read.copy, read.order, read.body), (7, Copy::Second, order, b"body".to_vec()));
        }
        for result in [Ok(Vec::new()), Err(b"fault".to_vec())] {
            let mut wire = Vec::new();
            Answer { number: 9, result: result.clone() }.write(&mut wire).unwrap();
            let read = Answer::read(&mut wire.as_slice()).unwrap();
            assert_eq!((read.number, read.result), (9, result));
        }
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        assert!(Call::read(&mut [0; 10].as_slice()).is_err());
        assert!(Call::read(&mut [0, 0, 0, 6, 0, 0, 0, 1, 0, 99].as_slice()).is_err());
        assert!(Call::read(&mut [0xff; 10].as_slice()).is_err());
    }
}
