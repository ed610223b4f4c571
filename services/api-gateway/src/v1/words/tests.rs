//! The one table of errors: all facts, with what each API makes of them. It is docs/errors.md's.

use std::{collections::BTreeMap, fs, path::Path};

use ballast_proto::status::{fault::Code, grpc_code};

use super::*;
use crate::{v1::refusal::neutron, v2};

const HEADER: &str = "| code | gRPC | v1 | Neutron's type | v2 | facts | text of v1 | text of v2 | text of gRPC |\n\
                      |---|---|---|---|---|---|---|---|---|\n";
/// The id of samples.
const ID: &str = "00000000-0000-0000-0000-000000000001";

/// `FailedPrecondition` as gRPC writes it.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// How a client finds the facts: which they are, and the names of the others.
fn shown(fault: &Fault) -> String {
    let mut told: BTreeMap<String, String> = fault.told().into_iter().collect();
    let which = ["fact", "reason", "form", "kind", "refusal"].map(|name| (name, told.remove(name)));
    let which = which.into_iter().filter_map(|(name, value)| match (name, value) {
        ("fact", Some(value)) => Some(format!("`{value}`")),
        // An address's kind is a word of its own.
        ("kind", Some(value)) if value == "X" => Some("kind".to_owned()),
        (name, value) => value.map(|value| format!("{name} `{value}`")),
    });
    which.chain(told.into_keys()).collect::<Vec<_>>().join(", ")
}

fn row(facts: Facts) -> String {
    let fault = Fault::from(facts);
    let (status, kind) = neutron(fault.code());
    let grpc = screaming(&format!("{:?}", grpc_code(fault.code())));
    let cells = [
        format!("`{}`", fault.code().reason()),
        grpc,
        status.as_u16().to_string(),
        kind.to_owned(),
        v2::status(&fault).as_u16().to_string(),
        shown(&fault),
        v1(&fault).replace(ID, "ID"),
        v2::sentence(&fault).replace(ID, "ID"),
        sentence(&fault).replace(ID, "ID"),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn table() -> String {
    let all = Facts::all();
    let of = |code: &Code| all.iter().filter(|facts| facts.code() == *code).cloned().map(row).collect::<String>();
    HEADER.to_owned() + &Code::ALL.iter().map(of).collect::<String>()
}

#[test]
fn every_fault_has_its_words_at_all_edges_and_they_are_those_of_the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let parts = |document: String| {
        let start = document.find("| code | gRPC |").unwrap();
        let end = start + document[start..].find("\n\n").unwrap() + 1;
        [&document[..start], &document[start..end], &document[end..]].map(str::to_owned)
    };
    let made = table();
    if std::env::var_os("BALLAST_WRITE_SNAPSHOTS").is_some() {
        let [before, _, after] = parts(fs::read_to_string(&path).unwrap());
        fs::write(&path, before + &made + &after).unwrap();
    }
    let [_, there, _] = parts(fs::read_to_string(&path).unwrap());
    let there = there.lines();
    let differ = made.lines().zip(there.clone()).find(|(made, there)| made != there);
    assert!(
        differ.is_none() && made.lines().count() == there.count(),
        "docs/errors.md is not what the code makes, first in {differ:?}: run this test with BALLAST_WRITE_SNAPSHOTS=1, and \
         check in what changed if it is meant"
    );
}

#[test]
fn a_field_is_told_by_rests_name() {
    for (rest, grpc) in TWINS {
        assert!(v1(&Fault::missing_field(grpc)).contains(&format!("'{rest}'")));
        assert!(v1(&Fault::immutable_field(grpc)).ends_with(rest));
        assert!(v1(&Fault::immutable_field(rest)).ends_with(rest));
    }
}

#[test]
fn a_vips_subnet_that_is_not_there_has_no_full_stop() {
    let subnet = Fault::not_found(Kind::Subnet, "x");
    assert_eq!(v1(&subnet), "Subnet x could not be found.");
    assert_eq!(no_subnet_of_a_vip(&subnet).as_deref(), Some("Subnet x could not be found"));
    assert_eq!(no_subnet_of_a_vip(&Fault::not_found(Kind::Pool, "x")), None);
}
