//! Expressions as the kernel reads them: a name, and numbered attributes. Most are numbers.

use super::{Base, Expression, Flow, Meta, Operation, Register, Reject};
use crate::wire::attribute::Attributes;

/// The register whose content ends a rule.
const VERDICT: u32 = 0;
const JUMP: i32 = -3;

impl Expression {
    pub(in crate::wire) fn encode(&self) -> Attributes {
        let (name, inner) = self.parts();
        Attributes::new().text(1, name).nested(2, &inner)
    }

    /// Its name, and what it does.
    fn parts(&self) -> (&'static str, Attributes) {
        let new = Attributes::new;
        match self {
            Self::Payload { base, offset, length, to } => {
                ("payload", numbers(&[(1, to.number()), (2, base.code()), (3, *offset), (4, *length)]))
            }
            Self::Meta { key, to } => ("meta", numbers(&[(1, to.number()), (2, key.code())])),
            Self::Flow { key, to } => ("ct", numbers(&[(1, to.number()), (2, key.code())])),
            Self::SetMark { from } => ("ct", numbers(&[(2, Flow::Mark.code()), (4, from.number())])),
            Self::Compare { register, equal, value } => {
                ("cmp", numbers(&[(1, register.number()), (2, u32::from(!equal))]).nested(3, &data(value)))
            }
            Self::And { register, mask } => ("bitwise", and(*register, mask)),
            Self::Value { to, value } => ("immediate", numbers(&[(1, to.number())]).nested(2, &data(value))),
            Self::Verdict(verdict) => ("immediate", end(&new().number(1, verdict.code()))),
            Self::Jump(chain) => ("immediate", end(&new().bytes(1, &JUMP.to_be_bytes()).text(2, chain))),
            Self::Count { to, modulus } => ("numgen", numbers(&[(1, to.number()), (2, *modulus), (3, 0), (4, 0)])),
            Self::Hash { from, length, to, modulus, seed } => {
                let places = [(1, from.number()), (2, to.number()), (3, *length)];
                ("hash", numbers(&[places.as_slice(), &[(4, *modulus), (5, *seed), (6, 0), (7, 0)]].concat()))
            }
            Self::Lookup { set, key, to, absent } => {
                let to: Vec<(u16, u32)> = to.iter().map(|to| (3, to.number())).collect();
                let absent: &[(u16, u32)] = if *absent { &[(5, 1)] } else { &[] };
                ("lookup", more(new().text(1, set), &[&[(2, key.number())], to.as_slice(), absent].concat()))
            }
            Self::VerdictOf { map, key } => ("lookup", more(new().text(1, map), &[(2, key.number()), (3, VERDICT)])),
            Self::Dynamic { set, operation, key, data } => {
                let (code, milliseconds) = operation.parts();
                let inner = more(new().text(1, set), &[(3, code), (4, key.number()), (5, data.number())]);
                ("dynset", milliseconds.map_or(inner.clone(), |milliseconds| inner.long(6, milliseconds)))
            }
            Self::FlowsOver { most } => ("connlimit", numbers(&[(1, *most), (2, 1)])),
            Self::Object { name, kind } => ("objref", numbers(&[(1, kind.code())]).text(2, name)),
            Self::ObjectOf { map, key } => ("objref", numbers(&[(3, key.number())]).text(4, map)),
            Self::DestinationNat { v6, address, port } => ("nat", nat(1, *v6, *address, (*port, *port))),
            Self::SourceNat { v6, address, ports } => ("nat", nat(0, *v6, *address, *ports)),
            Self::Copy { to } => ("dup", numbers(&[(1, to.number())])),
            Self::Reject(Reject::TcpReset) => ("reject", numbers(&[(1, 1)])),
            Self::Reject(Reject::PortUnreachable) => ("reject", numbers(&[(1, 2)]).bytes(2, &[1])),
        }
    }
}

impl Base {
    const fn code(self) -> u32 {
        match self {
            Self::Network => 1,
            Self::Transport => 2,
        }
    }
}

impl Meta {
    const fn code(self) -> u32 {
        match self {
            Self::Family => 15,
            Self::Protocol => 16,
        }
    }
}

impl Flow {
    const fn code(self) -> u32 {
        match self {
            Self::State => 0,
            Self::Direction => 1,
            Self::Status => 2,
            Self::Mark => 3,
        }
    }
}

impl Operation {
    const fn parts(self) -> (u32, Option<u64>) {
        match self {
            Self::Add { milliseconds } => (0, Some(milliseconds)),
            Self::Update { milliseconds } => (1, Some(milliseconds)),
            Self::Delete => (2, None),
        }
    }
}

fn numbers(numbers: &[(u16, u32)]) -> Attributes {
    more(Attributes::new(), numbers)
}

fn more(before: Attributes, numbers: &[(u16, u32)]) -> Attributes {
    numbers.iter().fold(before, |written, (kind, number)| written.number(*kind, *number))
}

fn data(value: &[u8]) -> Attributes {
    Attributes::new().bytes(1, value)
}

/// Ends the rule with a verdict.
fn end(verdict: &Attributes) -> Attributes {
    numbers(&[(1, VERDICT)]).nested(2, &Attributes::new().nested(2, verdict))
}

fn and(register: Register, mask: &[u8]) -> Attributes {
    let length = u32::try_from(mask.len()).unwrap_or_default();
    let places = numbers(&[(1, register.number()), (2, register.number()), (3, length)]);
    // What it is to be combined with afterwards: nothing.
    places.nested(4, &data(mask)).nested(5, &data(&vec![0; mask.len()]))
}

fn nat(kind: u32, v6: bool, address: Register, ports: (Register, Register)) -> Attributes {
    // The numbers of AF_INET6 and AF_INET.
    let family = if v6 { 10 } else { 2 };
    let address = [(1, kind), (2, family), (3, address.number())];
    numbers(&[address.as_slice(), &[(5, ports.0.number()), (6, ports.1.number())]].concat())
}
