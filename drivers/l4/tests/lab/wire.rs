//! What is written is what the kernel has, as the nft program shows it.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{net::Ipv6Addr, process::Command as Program};

use ballast_l4::{
    flows, kernel,
    mark::{Mark, Whose},
    netlink::Netfilter,
    table,
    wire::{
        Command, Element, Expression, Hook, Kind, Object, ObjectKind, Set, Value,
        expression::{Base, Flow, Meta, Operation, Register, Reject, Rule, Verdict},
        set::Content,
    },
};
use ballast_lab::{in_lab, require_tool};
use nix::errno::Errno;

const R0: Register = Register(0);
const R4: Register = Register(4);
const R8: Register = Register(8);

fn list() -> String {
    let output = Program::new("nft").args(["list", "ruleset"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn map(name: &str, key: Kind, content: Content) -> Set {
    let name = name.to_owned();
    Set { name, key: vec![key], content, interval: false, dynamic: false, size: None }
}

fn sets() -> Vec<Command> {
    let sticky =
        Set { dynamic: true, size: Some(65_536), ..map("sticky", Kind::Ipv4, Content::Data(vec![Kind::Mark])) };
    let allowed = Set { interval: true, ..map("allowed", Kind::Ipv4, Content::Nothing) };
    let mark = |number: u32| number.to_ne_bytes();
    let place = [[10, 0, 0, 11], [0, 80, 0, 0]].concat();
    let members = Set { size: None, ..map("members", Kind::Mark, Content::Data(vec![Kind::Ipv4, Kind::Port])) };
    let fill = |set: &str, elements: Vec<Element>| Command::AddElements { set: set.to_owned(), elements };
    vec![
        Command::AddSet(sticky),
        Command::AddSet(allowed),
        Command::AddSet(members),
        Command::AddSet(map("counted", Kind::Mark, Content::Counters)),
        Command::AddSet(map("slots", Kind::Number, Content::Data(vec![Kind::Mark]))),
        Command::AddSet(Set {
            key: vec![Kind::Ipv4, Kind::Protocol, Kind::Port],
            ..map("services", Kind::Ipv4, Content::Verdicts)
        }),
        fill("allowed", vec![Element::new([10, 0, 0, 0], Value::Nothing), Element::new([10, 1, 0, 0], Value::End)]),
        fill("members", vec![Element::new(mark(0x1_0001), Value::Data(place))]),
        fill("counted", vec![Element::new(mark(0x1_0001), Value::Counter("new".to_owned()))]),
        fill("slots", vec![Element::new(mark(0), Value::Data(mark(0x1_0001).to_vec()))]),
        fill(
            "services",
            vec![Element::new(
                [[10, 0, 0, 4], [6, 0, 0, 0], [0, 80, 0, 0]].concat(),
                Value::GoTo("service".to_owned()),
            )],
        ),
    ]
}

fn source() -> Expression {
    Expression::Payload { base: Base::Network, offset: 12, length: 4, to: R0 }
}

fn family() -> [Expression; 2] {
    let equal = Expression::Compare { register: R8, equal: true, value: vec![2] };
    [Expression::Meta { key: Meta::Family, to: R8 }, equal]
}

fn tcp() -> [Expression; 2] {
    let equal = Expression::Compare { register: R8, equal: true, value: vec![6] };
    [Expression::Meta { key: Meta::Protocol, to: R8 }, equal]
}

fn mark_to(to: Register) -> Expression {
    Expression::Flow { key: Flow::Mark, to }
}

fn to_member() -> Rule {
    let place = Expression::Lookup { set: "members".to_owned(), key: R0, to: Some(R0), absent: false };
    let nat = Expression::DestinationNat { v6: false, address: R0, port: Register(1) };
    tcp().into_iter().chain([mark_to(R0), place, nat]).collect()
}

fn rules() -> Vec<Rule> {
    let lookup = |set: &str| Expression::Lookup { set: set.to_owned(), key: R0, to: Some(R0), absent: false };
    let absent = Expression::Lookup { set: "allowed".to_owned(), key: R0, to: None, absent: true };
    let dynamic = |operation| Expression::Dynamic { set: "sticky".to_owned(), operation, key: R0, data: R4 };
    let milliseconds = 360_000;
    let mask = Expression::And { register: R0, mask: vec![255, 255, 255, 0] };
    let refused = Expression::Object { name: "refused".to_owned(), kind: ObjectKind::Counter };
    let hash = Expression::Hash { from: R0, length: 4, to: R0, modulus: 251, seed: 7 };
    let counted = Expression::ObjectOf { map: "counted".to_owned(), key: R0 };
    vec![
        family().into_iter().chain([source(), absent, refused, Expression::Verdict(Verdict::Drop)]).collect(),
        tcp().into_iter().chain([Expression::FlowsOver { most: 500 }, Expression::Reject(Reject::TcpReset)]).collect(),
        family().into_iter().chain([source(), mask, lookup("sticky"), Expression::SetMark { from: R0 }]).collect(),
        vec![Expression::Count { to: R0, modulus: 1 }, lookup("slots"), Expression::SetMark { from: R0 }],
        family().into_iter().chain([source(), hash, lookup("slots"), Expression::SetMark { from: R0 }]).collect(),
        family()
            .into_iter()
            .chain([source(), mark_to(R4), dynamic(Operation::Delete), source(), mark_to(R4)])
            .chain([dynamic(Operation::Add { milliseconds }), source(), mark_to(R4)])
            .chain([dynamic(Operation::Update { milliseconds })])
            .collect(),
        vec![mark_to(R0), counted],
        to_member(),
        vec![Expression::Reject(Reject::PortUnreachable)],
    ]
}

/// A table that has one of each.
fn commands() -> Vec<Command> {
    let counter = |name: &str, packets| Command::AddObject {
        name: name.to_owned(),
        object: Object::Counter { packets, bytes: packets * 100 },
    };
    let chain = |name: &str, hook| Command::AddChain { name: name.to_owned(), hook };
    let rule = |chain: &str, rule| Command::AddRule { chain: chain.to_owned(), rule };
    let services = Expression::VerdictOf { map: "services".to_owned(), key: R0 };
    let destination = Expression::Payload { base: Base::Network, offset: 16, length: 4, to: R0 };
    let port = Expression::Payload { base: Base::Transport, offset: 2, length: 2, to: Register(2) };
    let protocol = Expression::Meta { key: Meta::Protocol, to: Register(1) };
    let value = |to, value: &[u8]| Expression::Value { to, value: value.to_vec() };
    let status = Expression::Flow { key: Flow::Status, to: R8 };
    let translated = [
        status,
        Expression::And { register: R8, mask: 32_u32.to_ne_bytes().to_vec() },
        Expression::Compare { register: R8, equal: false, value: vec![0; 4] },
    ];
    let from = [
        value(R0, &[10, 0, 0, 4]),
        value(R8, &1024_u16.to_be_bytes()),
        value(Register(9), &60_999_u16.to_be_bytes()),
        Expression::SourceNat { v6: false, address: R0, ports: (R8, Register(9)) },
    ];
    let direction = Expression::Flow { key: Flow::Direction, to: R8 };
    let forth = Expression::Compare { register: R8, equal: true, value: vec![0] };
    let mut commands = vec![
        Command::AddTable,
        counter("new", 5),
        counter("refused", 0),
        chain("before", Some(Hook::PreroutingNat)),
        chain("after", Some(Hook::PostroutingNat)),
        chain("through", Some(Hook::Forward)),
        chain("service", None),
    ];
    commands.extend(sets());
    let before = family().into_iter().chain([destination, protocol, port, services]);
    commands.push(rule("before", before.collect()));
    commands.push(rule("after", family().into_iter().chain(translated.clone()).chain(from).collect()));
    commands.push(rule(
        "through",
        vec![direction, forth, mark_to(R0), Expression::ObjectOf { map: "counted".to_owned(), key: R0 }],
    ));
    commands.push(rule("through", translated.into_iter().chain([Expression::Verdict(Verdict::Accept)]).collect()));
    commands.extend(rules().into_iter().map(|made| rule("service", made)));
    commands
}

#[test]
fn the_nft_program_shows_what_was_written() {
    if !require_tool("nft", "the_nft_program_shows_what_was_written") {
        return;
    }
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        table::apply(&mut netfilter, &commands())?;
        let shown = list();
        let lines: Vec<&str> = shown.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        for expected in EXPECTED.trim().lines().map(str::trim) {
            assert!(lines.contains(&expected), "{expected:?} is not in\n{shown}");
        }
        table::apply(&mut netfilter, &[Command::DeleteTable])?;
        assert_eq!(list(), "");
        Ok(())
    });
}

const EXPECTED: &str = r#"
packets 5 bytes 500
size 65536
flags dynamic,timeout
type ipv4_addr : mark
flags interval
elements = { 10.0.0.0/16 }
type mark : ipv4_addr . inet_service
elements = { 0x00010001 : 10.0.0.11 . 80 }
type mark : counter
elements = { 0x00010001 : "new" }
elements = { 0 : 0x00010001 }
type ipv4_addr . inet_proto . inet_service : verdict
elements = { 10.0.0.4 . tcp . 80 : goto service }
type nat hook prerouting priority dstnat; policy accept;
type nat hook postrouting priority srcnat; policy accept;
type filter hook forward priority filter; policy drop;
ip daddr . meta l4proto . th dport vmap @services
meta nfproto ipv4 ct status dnat snat ip to 10.0.0.4:1024-60999
ct direction original counter name ct mark map @counted
ct status dnat accept
ip saddr != @allowed counter name "refused" drop
meta l4proto tcp ct count over 500 reject with tcp reset
ct mark set ip saddr & 255.255.255.0 map @sticky
ct mark set numgen inc mod 1 map @slots
ct mark set jhash ip saddr mod 251 seed 0x7 map @slots
delete @sticky { ip saddr : ct mark } add @sticky { ip saddr timeout 6m : ct mark } update @sticky { ip saddr timeout 6m : ct mark }
counter name ct mark map @counted
meta l4proto tcp dnat ip to ct mark map @members
reject
"#;

#[test]
fn a_refusal_names_what_was_refused_and_nothing_is_done() {
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        let missing = Command::DeleteChain("nobody".to_owned());
        let chain = Command::AddChain { name: "one".to_owned(), hook: None };
        let refused = table::apply(&mut netfilter, &[Command::AddTable, chain.clone(), missing]).unwrap_err();
        assert_eq!(refused.to_string(), "delete chain nobody was refused");
        assert_eq!(refused.errno(), Some(Errno::ENOENT));
        let refused = table::apply(&mut netfilter, &[chain]).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::ENOENT), "the table of the refused batch is there");
        Ok(())
    });
}

#[test]
fn a_list_of_more_than_64_kilobytes_arrives_whole() {
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        let element = |number: u32| Element::new(number.to_ne_bytes(), Value::Data(vec![1, 0, 1, 0]));
        let slots = map("slots", Kind::Number, Content::Data(vec![Kind::Mark]));
        let elements = Command::AddElements { set: "slots".to_owned(), elements: (0..6_000).map(element).collect() };
        table::apply(&mut netfilter, &[Command::AddTable, Command::AddSet(slots), elements])?;
        // All keys are there to be deleted, or the batch is refused.
        let keys = (0..6_000_u32).map(|number| number.to_ne_bytes().to_vec()).collect();
        table::apply(&mut netfilter, &[Command::DeleteElements { set: "slots".to_owned(), keys }])?;
        Ok(())
    });
}

#[test]
fn what_the_kernel_can_do_is_found_and_nothing_is_left_of_the_trial() {
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        let abilities = kernel::abilities(&mut netfilter)?;
        assert_eq!(abilities.len(), 5, "{abilities:?}");
        assert_eq!(table::counters(&mut netfilter)?.len(), 0);
        if require_tool("nft", "what_the_kernel_can_do_is_found_and_nothing_is_left_of_the_trial") {
            assert_eq!(list(), "");
        }
        Ok(())
    });
}

#[test]
fn counters_and_members_are_read_back() {
    in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        assert_eq!(table::members(&mut netfilter)?, None);
        let counter = Command::AddObject { name: "c".to_owned(), object: Object::Counter { packets: 7, bytes: 700 } };
        let place = |address: Kind| Content::Data(vec![address, Kind::Port]);
        let element = |mark: u32, place: Vec<u8>| Element::new(mark.to_ne_bytes(), Value::Data(place));
        let fill = |set: &str, elements| Command::AddElements { set: set.to_owned(), elements };
        let six: Ipv6Addr = "fd00::11".parse()?;
        let commands = [
            Command::AddTable,
            counter,
            Command::AddSet(map("m4", Kind::Mark, place(Kind::Ipv4))),
            Command::AddSet(map("m6", Kind::Mark, place(Kind::Ipv6))),
            fill("m4", vec![element(0x1_0002, vec![10, 0, 0, 11, 0x1f, 0x90, 0, 0])]),
            fill("m6", vec![element(0x1_0003, [six.octets().as_slice(), &[0, 80, 0, 0]].concat())]),
        ];
        table::apply(&mut netfilter, &commands)?;
        let found = table::members(&mut netfilter)?.unwrap();
        let expected = [(Mark::new(1, 2), "10.0.0.11:8080"), (Mark::new(1, 3), "[fd00::11]:80")];
        assert_eq!(found, expected.map(|(mark, place)| (mark, place.parse().unwrap())).into());
        let counters = table::counters(&mut netfilter)?;
        assert_eq!(counters["c"], table::Count { packets: 7, bytes: 700 });
        assert_eq!(flows::count(&mut netfilter)?, 0);
        assert!(flows::active(&mut netfilter)?.is_empty());
        flows::delete(&mut netfilter, Whose::Member(Mark::new(1, 2)))?;
        Ok(())
    });
}
