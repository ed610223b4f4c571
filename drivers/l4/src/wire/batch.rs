//! Commands as one batch of messages: the kernel does all of it or nothing, and no packet sees half of it.

use std::net::IpAddr;

use super::{
    attribute::Attributes,
    command::{Command, Hook, Object},
    expression::Rule,
    set::Element,
};

/// Of the netlink family of nf_tables.
pub(crate) const SUBSYSTEM: u16 = 10;
const BEGIN: u16 = 16;
const END: u16 = 17;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
/// A list of elements is an attribute itself, so it is split before it is full; the element that fills it is still to fit.
const LIST: usize = 60_000;

/// Of tables: which packets they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Of both versions of IP.
    Inet,
    Ipv4,
    Ipv6,
}

impl Family {
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ipv4 => 2,
            Self::Ipv6 => 10,
        }
    }
}

/// The bytes of a batch, and which command each message is of.
#[derive(Clone, Debug)]
pub struct Encoded {
    bytes: Vec<u8>,
    /// By the sequence number of the message; the batch's own beginning is 0.
    commands: Vec<usize>,
    last: usize,
    family: Family,
}

impl Encoded {
    /// All commands are about this table.
    #[must_use]
    pub fn new(table: &str, commands: &[Command]) -> Self {
        Self::of(Family::Inet, table, commands)
    }

    /// The same of a table of this family.
    #[must_use]
    pub fn of(family: Family, table: &str, commands: &[Command]) -> Self {
        let mut batch = Self { bytes: Vec::with_capacity(4096), commands: Vec::new(), last: 0, family };
        batch.frame(BEGIN);
        for (index, command) in commands.iter().enumerate() {
            batch.command(table, index, command);
        }
        // The kernel answers when all is done: one answer is enough.
        let flags = batch.last + 6;
        batch.bytes[flags] |= ACK.to_ne_bytes()[0];
        batch.frame(END);
        batch
    }

    /// A batch that the kernel checks and then does not do: it has no end.
    #[must_use]
    pub fn trial(table: &str, commands: &[Command]) -> Self {
        let mut batch = Self::new(table, commands);
        batch.bytes.truncate(batch.last);
        batch
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The command that a message with this sequence number is of.
    #[must_use]
    pub fn command_of(&self, sequence: u32) -> Option<usize> {
        let index = usize::try_from(sequence).ok()?.checked_sub(1)?;
        self.commands.get(index).copied()
    }

    fn header(&mut self, kind: u16, flags: u16, family: u8, resource: u16) {
        self.last = self.bytes.len();
        // The beginning is no command, so the first of those has number 1.
        let sequence = u32::try_from(self.commands.len()).unwrap_or_default();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&[family, 0]);
        self.bytes.extend_from_slice(&resource.to_be_bytes());
    }

    fn close(&mut self) {
        let length = u32::try_from(self.bytes.len() - self.last).unwrap_or_default();
        self.bytes[self.last..self.last + 4].copy_from_slice(&length.to_ne_bytes());
    }

    fn frame(&mut self, kind: u16) {
        self.header(kind, 0, 0, SUBSYSTEM);
        self.close();
    }

    fn message(&mut self, command: usize, (kind, flags): (u16, u16), content: &Attributes) {
        self.commands.push(command);
        self.header(SUBSYSTEM << 8 | kind, flags, self.family.number(), 0);
        self.bytes.extend_from_slice(content.as_bytes());
        self.close();
    }

    fn command(&mut self, table: &str, index: usize, command: &Command) {
        let of_table = Attributes::new().text(1, table);
        let (kind, content) = match command {
            Command::AddTable => ((0, CREATE), of_table.number(2, 0)),
            Command::DeleteTable => ((2, 0), of_table),
            Command::AddChain { name, hook } => ((3, CREATE), chain(of_table.text(3, name), *hook)),
            Command::DeleteChain(name) => ((5, 0), of_table.text(3, name)),
            Command::AddRule { chain, rule } => {
                ((6, CREATE | APPEND), of_table.text(2, chain).nested(4, &expressions(rule)))
            }
            Command::FlushChain(name) => ((8, 0), of_table.text(2, name)),
            Command::AddSet(set) => {
                let id = u32::try_from(self.commands.len()).unwrap_or_default() + 1;
                ((9, CREATE), set.encode(table, id))
            }
            Command::DeleteSet(name) => ((11, 0), of_table.text(2, name)),
            Command::AddElements { set, elements } => {
                let elements = elements.iter().map(Element::encode);
                return self.elements(index, (12, CREATE), &of_table.text(2, set), elements);
            }
            Command::DeleteElements { set, keys } => {
                let key = |key: &Vec<u8>| Attributes::new().nested(1, &Attributes::new().bytes(1, key));
                return self.elements(index, (14, 0), &of_table.text(2, set), keys.iter().map(key));
            }
            Command::AddObject { name, object } => {
                let content = of_table.text(2, name).number(3, object.kind().code());
                ((18, CREATE), content.nested(4, &data(object)))
            }
            Command::DeleteObject { name, kind } => ((20, 0), of_table.text(2, name).number(3, kind.code())),
        };
        self.message(index, kind, &content);
    }

    /// In as many messages as it takes. An interval's two ends stay together.
    fn elements(
        &mut self,
        index: usize,
        kind: (u16, u16),
        of_set: &Attributes,
        elements: impl Iterator<Item = Attributes>,
    ) {
        let mut list = Attributes::new();
        for (number, element) in elements.enumerate() {
            if number % 2 == 0 && list.as_bytes().len() > LIST {
                self.message(index, kind, &of_set.clone().nested(3, &list));
                list = Attributes::new();
            }
            list = list.nested(1, &element);
        }
        // Without a list it would be all elements of the set.
        if !list.as_bytes().is_empty() {
            self.message(index, kind, &of_set.clone().nested(3, &list));
        }
    }
}

fn chain(name: Attributes, hook: Option<Hook>) -> Attributes {
    let Some(hook) = hook else { return name };
    let (kind, number, priority, verdict) = hook.parts();
    let place = Attributes::new().number(1, number).bytes(2, &priority.to_be_bytes());
    name.nested(4, &place).number(5, verdict.code()).text(7, kind)
}

fn expressions(rule: &Rule) -> Attributes {
    rule.iter().fold(Attributes::new(), |list, expression| list.nested(1, &expression.encode()))
}

fn data(object: &Object) -> Attributes {
    match object {
        Object::Counter { packets, bytes } => Attributes::new().long(1, *bytes).long(2, *packets),
        Object::Timeout { protocol, states } => {
            let state = |list: Attributes, (state, seconds): &(u16, u32)| list.number(*state, *seconds);
            let states = states.iter().fold(Attributes::new(), state);
            Attributes::new().bytes(2, &[*protocol]).nested(3, &states)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Value, attribute};

    fn messages(encoded: &Encoded) -> Vec<&[u8]> {
        let mut rest = encoded.bytes();
        let mut messages = Vec::new();
        while rest.len() >= 4 {
            let length = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
            messages.push(&rest[..length]);
            rest = &rest[length..];
        }
        messages
    }

    #[test]
    fn a_long_list_is_split_and_every_message_knows_its_command() {
        let element = |number: u32| Element::new(number.to_be_bytes(), Value::Data(vec![0; 4]));
        let elements: Vec<Element> = (0..10_001).map(element).collect();
        let commands = [Command::AddTable, Command::AddElements { set: "s".to_owned(), elements }];
        let encoded = Encoded::new("t", &commands);
        let messages = messages(&encoded);
        assert!(messages.len() > 6, "{}", messages.len());
        let lists = messages.iter().filter_map(|message| attribute::find(&message[20..], 3));
        let counts: Vec<usize> = lists.map(|list| attribute::parse(list).count()).collect();
        assert_eq!(counts.iter().sum::<usize>(), 10_001);
        let (_, whole) = counts.split_last().unwrap();
        assert!(whole.iter().all(|count| count % 2 == 0), "an interval is torn apart: {counts:?}");
        assert_eq!((encoded.command_of(0), encoded.command_of(1), encoded.command_of(2)), (None, Some(0), Some(1)));
        assert_eq!(encoded.command_of(5), Some(1));
    }

    #[test]
    fn one_answer_is_asked_for_and_a_trial_has_no_end() {
        let commands = [Command::AddTable, Command::DeleteTable];
        let encoded = Encoded::new("t", &commands);
        let flags = |message: &&[u8]| u16::from_ne_bytes([message[6], message[7]]) & ACK;
        let asked: Vec<u16> = messages(&encoded).iter().map(flags).collect();
        assert_eq!(asked, [0, 0, ACK, 0]);
        assert_eq!(messages(&Encoded::trial("t", &commands)).len(), 3);
    }

    #[test]
    fn an_empty_list_of_keys_deletes_nothing() {
        let commands = [Command::AddTable, Command::DeleteElements { set: "s".to_owned(), keys: Vec::new() }];
        assert_eq!(messages(&Encoded::new("t", &commands)).len(), 3);
    }
}
