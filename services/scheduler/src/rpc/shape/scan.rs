//! A message on the wire, walked by its descriptor.

use std::{collections::HashMap, sync::LazyLock};

use ballast_model::{
    check,
    fault::{Fault, Misfit, Reason},
};
use ballast_proto::{API_PACKAGES, DESCRIPTORS};
use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use super::bounds::bound;

/// What of a text is said back.
const SHOWN: usize = 100;

/// Every message that a client may send.
pub(super) static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::new(DESCRIPTORS));

pub(super) struct Shapes {
    methods: HashMap<String, usize>,
    messages: Vec<Shape>,
}

#[derive(Default)]
struct Shape {
    fields: Vec<Field>,
}

struct Field {
    number: u64,
    name: String,
    kind: Kind,
    /// Of one that is repeated.
    at_most: Option<usize>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Message(usize),
    Number,
}

impl Shapes {
    fn new(descriptors: &[u8]) -> Self {
        let files = FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
        let (mut known, mut inputs) = (HashMap::new(), Vec::new());
        for file in &files {
            let package = file.package();
            file.message_type.iter().for_each(|message| know(package, message, &mut known));
            for service in file.service.iter().filter(|_| API_PACKAGES.contains(&package)) {
                let path = |method: &str| format!("/{package}.{}/{method}", service.name());
                inputs.extend(service.method.iter().map(|method| (path(method.name()), method.input_type())));
            }
        }
        let mut shapes = Self { methods: HashMap::new(), messages: Vec::new() };
        let mut indices = HashMap::new();
        for (path, input) in inputs {
            let message = shapes.add(input, &known, &mut indices);
            shapes.methods.insert(path, message);
        }
        shapes
    }

    /// Where the message is, which is added with those in it when it is new.
    fn add(
        &mut self,
        name: &str,
        known: &HashMap<String, &DescriptorProto>,
        indices: &mut HashMap<String, usize>,
    ) -> usize {
        if let Some(index) = indices.get(name) {
            return *index;
        }
        let index = self.messages.len();
        self.messages.push(Shape::default());
        indices.insert(name.to_owned(), index);
        let fields = known.get(name).map(|message| message.field.as_slice()).unwrap_or_default();
        let fields = fields.iter().map(|field| Field {
            number: u64::try_from(field.number()).unwrap_or_default(),
            name: field.name().to_owned(),
            kind: match field.r#type() {
                Type::String => Kind::Text,
                Type::Message => Kind::Message(self.add(field.type_name(), known, indices)),
                _ => Kind::Number,
            },
            at_most: (field.label() == Label::Repeated).then(|| bound(name.trim_start_matches('.'), field.name())),
        });
        let fields = fields.collect();
        self.messages[index].fields = fields;
        index
    }

    /// What a method takes; none: it is nobody's here.
    pub(super) fn of_method(&self, path: &str) -> Option<usize> {
        self.methods.get(path).copied()
    }

    /// # Errors
    /// `InvalidField` that names the field; `InvalidInput` when it is no message at all.
    pub(super) fn check(&self, message: usize, bytes: &[u8]) -> Result<(), Fault> {
        let fields = self.messages.get(message).map(|shape| shape.fields.as_slice()).unwrap_or_default();
        let mut counts = vec![0; if fields.iter().any(|field| field.at_most.is_some()) { fields.len() } else { 0 }];
        let mut wire = Wire(bytes);
        while !wire.0.is_empty() {
            let (number, value) = wire.next().ok_or_else(malformed)?;
            let Some(index) = fields.iter().position(|field| field.number == number) else { continue };
            let field = &fields[index];
            if let Some(at_most) = field.at_most {
                counts[index] += times(field.kind, value);
                if counts[index] > at_most {
                    let most = u32::try_from(at_most).unwrap_or(u32::MAX);
                    return Err(Fault::invalid_field(&field.name, Reason::TooManyEntries { most }));
                }
            }
            match (field.kind, value) {
                (Kind::Text, Some(text)) => check_text(&field.name, text)?,
                (Kind::Message(message), Some(bytes)) => self.check(message, bytes)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The message and those within it, of which a map is one, by their full names.
fn know<'a>(within: &str, message: &'a DescriptorProto, known: &mut HashMap<String, &'a DescriptorProto>) {
    let name = format!("{within}.{}", message.name());
    message.nested_type.iter().for_each(|nested| know(&name, nested, known));
    known.insert(format!(".{name}"), message);
}

fn malformed() -> Fault {
    Misfit::NotAMessage.into()
}

/// Numbers may be packed: each ends with a byte below 128.
fn times(kind: Kind, value: Option<&[u8]>) -> usize {
    match (kind, value) {
        (Kind::Number, Some(packed)) => packed.iter().filter(|byte| **byte < 128).count(),
        _ => 1,
    }
}

fn check_text(field: &str, text: &[u8]) -> Result<(), Fault> {
    match std::str::from_utf8(text) {
        Err(_) => Err(Fault::invalid_field(field, Reason::NotUtf8)),
        Ok(text) if text.contains('\0') => {
            let shown: String = text.chars().take(SHOWN).collect();
            Err(check::not_valid(field, &shown))
        }
        Ok(_) => Ok(()),
    }
}

/// What is left of a message.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// The number of the next field, and its bytes when it has a length. None: this is no message.
    fn next(&mut self) -> Option<(u64, Option<&'a [u8]>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => self.varint().map(|_| None)?,
            1 => self.take(8).map(|_| None)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Some(self.take(length)?)
            }
            5 => self.take(4).map(|_| None)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
