//! Expressions, of which rules are made: each does one thing with registers, and a lookup or comparison that finds nothing
//! ends the rule.

mod encode;

use super::command::ObjectKind;

/// A register of four bytes, 0 to 15; what is longer takes those that follow as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register(pub u8);

impl Register {
    /// The kernel numbers those of four bytes from here on; 0 is the verdict.
    fn number(self) -> u32 {
        8 + u32::from(self.0)
    }
}

/// Expressions in the order in which they are done.
pub type Rule = Vec<Expression>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Payload {
        base: Base,
        offset: u32,
        length: u32,
        to: Register,
    },
    Meta {
        key: Meta,
        to: Register,
    },
    Flow {
        key: Flow,
        to: Register,
    },
    /// Writes the flow's mark.
    SetMark {
        from: Register,
    },
    Compare {
        register: Register,
        equal: bool,
        value: Vec<u8>,
    },
    And {
        register: Register,
        mask: Vec<u8>,
    },
    Value {
        to: Register,
        value: Vec<u8>,
    },
    Verdict(Verdict),
    /// On with the rules of this chain, and back.
    Jump(String),
    /// 0, 1 .. modulus - 1, and again.
    Count {
        to: Register,
        modulus: u32,
    },
    Hash {
        from: Register,
        length: u32,
        to: Register,
        modulus: u32,
        seed: u32,
    },
    /// Without `to` it only asks whether the key is there; `absent`: whether it is not.
    Lookup {
        set: String,
        key: Register,
        to: Option<Register>,
        absent: bool,
    },
    /// Ends with the verdict that the map has.
    VerdictOf {
        map: String,
        key: Register,
    },
    Dynamic {
        set: String,
        operation: Operation,
        key: Register,
        data: Register,
    },
    /// Goes on while the flows that came by here are more than this.
    FlowsOver {
        most: u32,
    },
    Object {
        name: String,
        kind: ObjectKind,
    },
    /// The object that the map has for the key.
    ObjectOf {
        map: String,
        key: Register,
    },
    /// To the address and the port in these registers.
    DestinationNat {
        v6: bool,
        address: Register,
        port: Register,
    },
    /// To the address, and to one of the ports between two.
    SourceNat {
        v6: bool,
        address: Register,
        ports: (Register, Register),
    },
    Reject(Reject),
    /// To the host with the address in this register as well, as it is. Of tables of one version of IP only.
    Copy {
        to: Register,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Network,
    Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// The version of IP.
    Family,
    Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    State,
    Direction,
    Status,
    Mark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Drop,
}

impl Verdict {
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Accept => 1,
        }
    }
}

/// What a rule does with a set's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Does nothing where the key is.
    Add { milliseconds: u64 },
    /// The same, and begins the time of an element that is there anew. Its data stays.
    Update { milliseconds: u64 },
    /// In a map it needs the data as well.
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    TcpReset,
    PortUnreachable,
}
