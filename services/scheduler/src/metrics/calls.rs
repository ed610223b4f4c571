//! Calls over gRPC, by method and code. Both are known from the start; what is called and is no method is `other`.

use std::{collections::HashMap, time::Duration};

use ballast_metrics::{Registry, Slots, Timing, Word, labels};
use ballast_proto::{API_PACKAGES, DESCRIPTORS};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{
    Code,
    codegen::http::{HeaderMap, Response},
};

/// In the order of their numbers.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
const AGENTS: &str = "lbaas.agent.v1";

labels! {
    struct Call { rpc_method: Word, code: &'static str }
}

/// How long calls take until their answer begins.
#[derive(Debug)]
pub(crate) struct Calls {
    timings: Slots<Call, Timing>,
    /// The first of each method's slots.
    methods: HashMap<String, usize>,
}

impl Default for Calls {
    fn default() -> Self {
        let methods = methods();
        let names = ["other".to_owned()].into_iter().chain(methods.iter().cloned());
        let calls = names.flat_map(|method| {
            let rpc_method = Word::new(&method);
            CODES.map(move |code| Call { rpc_method: rpc_method.clone(), code })
        });
        let timings = Slots::new(calls);
        let methods = methods.into_iter().zip(1..).map(|(method, number)| (method, number * CODES.len())).collect();
        Self { timings, methods }
    }
}

impl Calls {
    pub(super) fn add_to(&self, registry: &mut Registry) {
        registry.add(
            "ballast_rpc_server_call_duration_seconds",
            "Calls over gRPC, until their answer begins",
            &self.timings,
        );
    }

    /// What is called by this path.
    pub(crate) fn method(&self, path: &str) -> usize {
        self.methods.get(path.trim_start_matches('/')).copied().unwrap_or_default()
    }

    /// It was answered.
    pub(crate) fn answered<B>(&self, method: usize, response: &Response<B>, took: Duration) {
        let code = code(response.headers());
        if let Some(timing) = self.timings.at(method + code) {
            timing.note(took);
        }
    }
}

/// An answer that begins well has its code behind it, and that is mostly OK; any other is in its head.
fn code(headers: &HeaderMap) -> usize {
    let code = headers.get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    usize::try_from(i32::from(code)).unwrap_or_default()
}

/// As `lbaas.v2.Pools/Create`.
fn methods() -> Vec<String> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
    let mut methods = Vec::new();
    for file in files {
        let package = file.package();
        if !API_PACKAGES.contains(&package) && package != AGENTS {
            continue;
        }
        for service in &file.service {
            let method = |method: &str| format!("{package}.{}/{method}", service.name());
            methods.extend(service.method.iter().map(|one| method(one.name())));
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;
    use tonic::Status;

    use super::*;

    #[test]
    fn each_method_and_code_is_told_and_nothing_else() {
        let (calls, mut registry) = (Calls::default(), Registry::default());
        calls.add_to(&mut registry);
        let good = Response::new(());
        let bad: Response<()> = Status::not_found("no").into_http();
        let tick = Duration::from_millis(1);
        calls.answered(calls.method("/lbaas.v2.Pools/Create"), &good, tick);
        calls.answered(calls.method("/lbaas.v1.Pools/Get"), &bad, tick);
        calls.answered(calls.method("/lbaas.agent.v1.AgentSession/Connect"), &good, tick);
        calls.answered(calls.method("/secret\"/x"), &Status::unauthenticated("no").into_http::<()>(), tick);
        let text = registry.text(Format::Prometheus);
        for (method, code) in [
            ("lbaas.v2.Pools/Create", "OK"),
            ("lbaas.v1.Pools/Get", "NOT_FOUND"),
            ("lbaas.agent.v1.AgentSession/Connect", "OK"),
            ("other", "UNAUTHENTICATED"),
        ] {
            assert!(
                text.contains(&format!("_count{{rpc_method=\"{method}\",code=\"{code}\"}} 1\n")),
                "{method}: {text}"
            );
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn the_names_of_codes_are_in_the_order_of_their_numbers() {
        for (number, name) in (0..).zip(CODES) {
            let words = format!("{:?}", Code::from_i32(number)).to_uppercase();
            assert_eq!(words.replace('_', ""), name.replace('_', ""));
        }
    }
}
