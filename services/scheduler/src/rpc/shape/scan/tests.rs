use std::collections::HashSet;

use ballast_model::fault::Code;
use ballast_proto::{v1, v2};
use prost_types::FieldMask;

use super::{super::bounds::BOUNDS, *};

fn check(path: &str, message: &impl prost::Message) -> Result<(), Fault> {
    SHAPES.check(SHAPES.of_method(path).unwrap(), &message.encode_to_vec())
}

/// What each method that a client may call takes, by the method's path.
fn inputs() -> HashMap<String, String> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file.into_iter();
    let of_file = |file: prost_types::FileDescriptorProto| {
        let package = file.package().to_owned();
        let of_service = move |service: prost_types::ServiceDescriptorProto| {
            let path = format!("/{package}.{}", service.name());
            let methods = service.method.into_iter();
            methods.map(move |method| (format!("{path}/{}", method.name()), method.input_type().to_owned()))
        };
        file.service.into_iter().flat_map(of_service)
    };
    files.filter(|file| API_PACKAGES.contains(&file.package())).flat_map(of_file).collect()
}

/// Each message that a client may send, by its name, from the descriptors.
fn sent() -> HashMap<String, DescriptorProto> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let mut known = HashMap::new();
    for file in &files {
        file.message_type.iter().for_each(|message| know(file.package(), message, &mut known));
    }
    let mut open: Vec<String> = inputs().into_values().collect();
    let mut found = HashMap::new();
    while let Some(name) = open.pop() {
        let message = (*known.get(&name).unwrap_or_else(|| panic!("{name} is not among the descriptors"))).clone();
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
    let bytes = sent().into_iter().flat_map(|(name, message)| {
        let bytes = message.field.into_iter().filter(|field| field.r#type() == Type::Bytes);
        bytes.map(move |field| format!("{}.{}", name.trim_start_matches('.'), field.name()))
    });
    // Bytes are looked at by who reads them alone: it bounds a bundle before it opens anything of it.
    assert_eq!(bytes.collect::<Vec<_>>(), ["lbaas.v2.Certificate.pkcs12"]);
}

#[test]
fn every_method_takes_what_is_looked_at() {
    let inputs = inputs();
    for (package, methods) in [("lbaas.v1", 40), ("lbaas.v2", 60)] {
        let found = inputs.keys().filter(|path| path.starts_with(&format!("/{package}."))).count();
        assert!(found > methods, "{package}: {found}");
    }
    for path in inputs.keys() {
        assert!(SHAPES.of_method(path).is_some(), "{path}");
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
        prost::encoding::encode_varint(u64::try_from(field.number()).unwrap() << 3 | 2, &mut bytes);
        prost::encoding::encode_varint(value.len() as u64, &mut bytes);
        bytes.extend(value);
    }
    bytes
}

#[test]
fn every_text_of_every_request_is_looked_at() {
    let (sent, inputs) = (sent(), inputs());
    let mut looked_at = 0;
    for (path, message) in &SHAPES.methods {
        let input = &inputs[path];
        for which in 0.. {
            let mut left = which;
            let nul = with_texts(input, &sent, b"a\0b", &mut left);
            // There are no more texts in it.
            if left <= which {
                SHAPES.check(*message, &nul).unwrap();
                break;
            }
            let mut left = which;
            let odd = with_texts(input, &sent, b"a\xffb", &mut left);
            for bytes in [nul, odd] {
                let fault = SHAPES.check(*message, &bytes).unwrap_err();
                assert_eq!(fault.code(), Code::InvalidField, "{path} {which}");
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 600, "{looked_at}");
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
fn what_is_deep_within_a_request_is_looked_at() {
    let with = |headers: usize, name: &str| {
        let headers = (0..headers).map(|number| (format!("{name}{number}"), "true".to_owned()));
        let listener = v2::Listener { insert_headers: headers.collect(), ..v2::Listener::default() };
        let load_balancer = v2::LoadBalancer { listeners: vec![listener], ..v2::LoadBalancer::default() };
        let request = v2::CreateLoadBalancerRequest { load_balancer: Some(load_balancer), ..Default::default() };
        check("/lbaas.v2.LoadBalancers/Create", &request)
    };
    assert!(with(100, "X-").is_ok());
    assert_eq!(with(101, "X-").unwrap_err().field(), Some("insert_headers"));
    assert_eq!(with(1, "X\0").unwrap_err().field(), Some("key"));
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
