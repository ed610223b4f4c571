use std::collections::HashSet;

use ballast_model::fault::Code;
use ballast_proto::v1;
use prost_types::FieldMask;

use super::{super::bounds::BOUNDS, *};

fn check(path: &str, message: &impl prost::Message) -> Result<(), Fault> {
    SHAPES.check(SHAPES.of_method(path).unwrap(), &message.encode_to_vec())
}

/// Each message that a client may send, by its name, from the descriptors.
fn sent() -> HashMap<String, DescriptorProto> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let of_file = |file: &prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        file.message_type.clone().into_iter().map(move |message| (full(&package, message.name()), message))
    };
    let known: HashMap<String, DescriptorProto> = files.iter().flat_map(of_file).collect();
    let ours = files.iter().filter(|file| file.package() == PACKAGE);
    let methods = ours.flat_map(|file| file.service.iter().flat_map(|service| service.method.iter()));
    let mut open: Vec<String> = methods.map(|method| method.input_type().to_owned()).collect();
    let mut found = HashMap::new();
    while let Some(name) = open.pop() {
        let message = known.get(&name).unwrap_or_else(|| panic!("{name} is not among the descriptors")).clone();
        open.extend(message.field.iter().map(|field| field.type_name().to_owned()).filter(|of| known.contains_key(of)));
        if found.insert(name, message.clone()).is_some() {
            open.retain(|of| !message.field.iter().any(|field| field.type_name() == of));
        }
    }
    found
}

#[test]
fn every_repeated_field_of_every_request_has_a_bound() {
    let repeated = sent().into_iter().flat_map(|(name, message)| {
        let repeated = message.field.into_iter().filter(|field| field.label() == Label::Repeated);
        repeated.map(move |field| (name.trim_start_matches('.').to_owned(), field.name().to_owned()))
    });
    let repeated: HashSet<_> = repeated.collect();
    let bounds: HashSet<_> = BOUNDS.iter().map(|(of, name, _)| ((*of).to_owned(), (*name).to_owned())).collect();
    assert_eq!(repeated, bounds);
    assert_eq!(bounds.len(), BOUNDS.len());
    let bytes = sent().into_values().flat_map(|message| message.field).filter(|field| field.r#type() == Type::Bytes);
    assert_eq!(bytes.count(), 0, "bytes are looked at by nobody");
}

#[test]
fn every_method_takes_what_is_looked_at() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file.into_iter();
    let services = files.filter(|file| file.package() == PACKAGE).flat_map(|file| file.service);
    let paths = services.flat_map(|service| {
        let path =
            |method: &prost_types::MethodDescriptorProto| format!("/{PACKAGE}.{}/{}", service.name(), method.name());
        service.method.iter().map(path).collect::<Vec<_>>()
    });
    let paths: Vec<String> = paths.collect();
    assert!(paths.len() > 40, "{}", paths.len());
    for path in paths {
        assert!(SHAPES.of_method(&path).is_some(), "{path}");
    }
    assert!(SHAPES.of_method("/lbaas.agent.v1.AgentSession/Connect").is_none());
}

/// A message of which every text has this one in it, each field once, as deep as it goes.
fn with_texts(name: &str, sent: &HashMap<String, DescriptorProto>, text: &[u8], only: &mut usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in &sent[name].field {
        let value = match field.r#type() {
            Type::String => {
                let this_one = *only == 0;
                *only = only.wrapping_sub(1);
                if this_one { text.to_vec() } else { b"good".to_vec() }
            }
            Type::Message if sent.contains_key(field.type_name()) => with_texts(field.type_name(), sent, text, only),
            _ => continue,
        };
        bytes.push(u8::try_from(field.number()).unwrap() << 3 | 2);
        prost::encoding::encode_varint(value.len() as u64, &mut bytes);
        bytes.extend(value);
    }
    bytes
}

#[test]
fn every_text_of_every_request_is_looked_at() {
    let sent = sent();
    let mut looked_at = 0;
    for (path, message) in &SHAPES.methods {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
        let services = files.iter().filter(|file| file.package() == PACKAGE).flat_map(|file| &file.service);
        let (service, method) = path.rsplit_once('/').unwrap();
        let service = services.clone().find(|known| service.ends_with(&format!(".{}", known.name()))).unwrap();
        let input = service.method.iter().find(|known| known.name() == method).unwrap().input_type().to_owned();
        for which in 0.. {
            let mut left = which;
            let nul = with_texts(&input, &sent, b"a\0b", &mut left);
            // There are no more texts in it.
            if left <= which {
                SHAPES.check(*message, &nul).unwrap();
                break;
            }
            let mut left = which;
            let odd = with_texts(&input, &sent, b"a\xffb", &mut left);
            for bytes in [nul, odd] {
                let fault = SHAPES.check(*message, &bytes).unwrap_err();
                assert_eq!(fault.code(), Code::InvalidField, "{path} {which}");
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 150, "{looked_at}");
}

#[test]
fn what_is_repeated_is_taken_up_to_its_bound() {
    let sorts = |count| v1::ListRequest { sorts: vec![v1::Sort::default(); count], ..v1::ListRequest::default() };
    assert!(check("/lbaas.v1.Pools/List", &sorts(100)).is_ok());
    let fault = check("/lbaas.v1.Pools/List", &sorts(101)).unwrap_err();
    assert_eq!((fault.code(), fault.field()), (Code::InvalidField, Some("sorts")));
    let paths = FieldMask { paths: vec!["name".to_owned(); 101] };
    let update = v1::UpdatePoolRequest { pool: None, update_mask: Some(paths) };
    assert_eq!(check("/lbaas.v1.Pools/Update", &update).unwrap_err().field(), Some("paths"));
    let kinds = |count| v1::WatchRequest { cursor: String::new(), kinds: vec![1; count] };
    assert!(check("/lbaas.v1.Events/Watch", &kinds(100)).is_ok());
    assert_eq!(check("/lbaas.v1.Events/Watch", &kinds(101)).unwrap_err().field(), Some("kinds"));
}

#[test]
fn what_is_no_message_is_refused() {
    let list = SHAPES.of_method("/lbaas.v1.Pools/List").unwrap();
    for bytes in [&b"\x0a"[..], b"\x0a\x05ab", b"\x0b", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"] {
        assert_eq!(SHAPES.check(list, bytes).unwrap_err().code(), Code::InvalidInput, "{bytes:?}");
    }
    // A field of a later version.
    assert!(SHAPES.check(list, b"\xf8\x07\x01").is_ok());
}
