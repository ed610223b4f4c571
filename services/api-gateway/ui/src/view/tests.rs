//! Every page: as it looks, and with texts that would break out of it.

use askama::Template;
use ballast_proto::v2::UsedSecret;

use super::{
    agents::{Agents, One},
    attention, badge,
    certificates::{
        Known,
        list::{List as Certificates, Looking, Wish as WishOfCertificates},
        one::One as OneCertificate,
        uses::Names,
    },
    copy::Copy,
    events, explain,
    history::History,
    late::{Late, Span},
    list::{Found, List, Wish},
    monitors::{Monitors, MonitorsOfOne},
    networks::Networks,
    one::{Config, Head, Listeners, Members, Tab},
    overview::{Overview, Said, Wish as WishOfOverview},
    quotas::Quotas,
    samples,
    schedulers::Schedulers,
    topology::Branch,
    traffic::{Counted, Memory, Traffic},
};

use crate::pages::parts::Parts;

const HOSTILE: [&str; 4] = [
    "<img src=x onerror=alert(1)>",
    "\"'></a></td><script>alert(1)</script>",
    "\u{202e}drow\u{2066}",
    "{{ 7 * 7 }}&amp;&lt;b&gt;",
];

fn overview(text: &str, as_table: bool) -> Overview {
    let overview = samples::overview(text);
    let (one, health, now) = (samples::load_balancer(text), samples::health(text), samples::now());
    let needs = attention::of_load_balancer(&one, Some(&health), now).into_iter();
    let needs = needs.chain([attention::of_conflict(&samples::contested(text), text, now)]);
    let used = [samples::secret(text)].map(|one| UsedSecret { problem: text.to_owned(), ..one });
    let known = Known::all(&[], &used);
    let needs = needs.chain(known.iter().filter_map(|one| attention::of_certificate(one, now)));
    let said = Said {
        overview: &overview,
        needs: attention::sorted(needs.chain(attention::of_agent(&samples::agent(text), now)).collect()),
        branches: vec![Branch::of(&one, &[samples::listener(text)], Some(&health), now)],
        may_write: true,
        is_admin: true,
    };
    Overview::of(said, WishOfOverview { as_table, ..WishOfOverview::default() }, now)
}

fn head(text: &str, tab: Tab) -> Head {
    Head::of(&samples::load_balancer(text), Some(&samples::agent(text)), tab, samples::now()).writable(true, true)
}

fn late() -> Late {
    Late::of("/ui/x".to_owned(), &samples::traffic(), Span::TwoHours, &samples::stats(), samples::now())
}

fn certificates(text: &str, known: &[Known<'_>]) -> Certificates {
    let wish = WishOfCertificates { filter: text.to_owned(), ..WishOfCertificates::default() };
    let names = Names::of(&[samples::load_balancer(text)], &[samples::listener(text)], &[]);
    let looking = Looking { has_projects: true, may_write: true, is_cut: true, now: samples::now() };
    Certificates::of(known, wish, &names, &looking)
}

/// Every page with this text wherever somebody else says a text.
fn pages(text: &str) -> Vec<(&'static str, String)> {
    let now = samples::now();
    let (one, pool, member) = (samples::load_balancer(text), samples::pool(text), samples::member(text));
    let monitors = [samples::monitor(text)];
    let (network, subnet) = samples::network(text);
    let found = [one.clone()];
    let agents = vec![(samples::LB.to_owned(), text.to_owned())];
    let parts = Parts {
        load_balancer: one.clone(),
        listeners: vec![samples::listener(text)],
        pools: vec![(samples::pool(text), vec![samples::member(text)], Some(samples::monitor(text)))],
    };
    let found = Found { load_balancers: &found, more: true, has_projects: true, may_write: true, agents };
    let mut memory = Memory::default();
    for second in 0..3 {
        memory.note(std::time::Duration::from_secs(second * 2), samples::stats());
    }
    let counted = vec![Counted { kind: "Member", id: text.to_owned(), name: text.to_owned(), stats: samples::stats() }];
    let wish =
        Wish { filter: text.to_owned(), status: "ERROR".to_owned(), sort: "-name".to_owned(), ..Wish::default() };
    let told = [samples::event(text)];
    let all = events::Events { table: events::Table::of(&told), kind: "pool".to_owned(), object: text.to_owned() };
    let of_one = events::EventsOfOne { head: head(text, Tab::Events), table: events::Table::of(&told) };
    let listeners = [samples::listener(text)];
    let policies = [samples::policy(text)];
    let wholes = [(&pool, std::slice::from_ref(&member), Some(&monitors[0]))];
    let pools = [pool.clone()];
    let (kept, used) = ([samples::certificate(text)], [samples::secret(text)]);
    let known = Known::all(&kept, &used);
    let names = Names::of(std::slice::from_ref(&one), &listeners, &[]);
    let shown: Vec<(&'static str, askama::Result<String>)> = vec![
        ("overview", overview(text, false).render()),
        ("overview_as_table", overview(text, true).render()),
        ("list", List::of(&found, wish, now).render()),
        ("members", Members::of((head(text, Tab::Members), late()), &wholes, &samples::health(text), now).render()),
        ("listeners", Listeners::of((head(text, Tab::Listeners), now), &listeners, &policies, &pools, &known).render()),
        ("certificates", certificates(text, &known).render()),
        ("certificate", OneCertificate::of(&known[0], &names, true, now).render()),
        ("secret", OneCertificate::of(&known[1], &names, true, now).render()),
        ("monitors_of_one", MonitorsOfOne::of(head(text, Tab::Monitors), &monitors, &pools).render()),
        (
            "traffic",
            Traffic::of(head(text, Tab::Traffic), late().with_table(&samples::traffic()), counted, 2, &memory).render(),
        ),
        ("events_of_one", of_one.render()),
        ("events", all.render()),
        ("history", History::of(head(text, Tab::History), &samples::revisions(text)).render()),
        ("config", Config::of(head(text, Tab::Config), samples::preview(text)).render()),
        ("copy", Copy::of(head(text, Tab::Copy), &parts, &[samples::policy(text)]).render()),
        ("form", samples::form(text).render()),
        ("monitors", Monitors::of(&monitors, Some(samples::LB)).render()),
        ("networks", Networks::of(&[network], &[subnet]).render()),
        ("quotas", Quotas::of(&[samples::quota(text)]).render()),
        ("agents", Agents::of(&[samples::agent(text)], now).render()),
        ("schedulers", Schedulers::of(&[samples::scheduler(text)], &samples::overview(text), now).render()),
        ("agent", One::of(&samples::agent(text), now).render()),
        ("explain", explain::Explain::all().render()),
        ("explain_one", explain::ExplainOne::of("ERROR").unwrap().render()),
    ];
    shown.into_iter().map(|(name, page)| (name, page.unwrap())).collect()
}

/// The tags of a page, in order: opened ones by their name, closed ones with a slash before it.
fn tags(page: &str) -> Vec<String> {
    let starts = page.split('<').skip(1);
    let name = |tag: &str| tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default().to_owned();
    starts
        .filter(|tag| !tag.starts_with("!--") && !tag.split('>').next().unwrap_or_default().ends_with('/'))
        .map(name)
        .collect()
}

#[test]
fn no_text_of_a_tenant_or_an_agent_becomes_a_part_of_a_page() {
    let plain = pages("plain");
    for text in HOSTILE {
        for ((name, page), (_, harmless)) in pages(text).iter().zip(&plain) {
            assert!(!page.contains("<img") && !page.contains("<script"), "{name} with {text}");
            assert_eq!(tags(page), tags(harmless), "{name} with {text}");
            // What is quoted stays within its quotes.
            assert_eq!(page.matches('"').count(), harmless.matches('"').count(), "{name} with {text}");
        }
    }
}

#[test]
fn every_tag_that_is_opened_is_closed() {
    let empty = ["input", "br", "meta", "link"];
    for (name, page) in pages("plain") {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&page) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{name}: {open:?}"),
                None if empty.contains(&tag.as_str()) => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, [""; 0], "{name}");
    }
}

#[test]
fn every_text_with_bidi_controls_stands_for_itself() {
    let text = "\u{202e}drow\u{2066}";
    // Names of parts for who hears them, and of addresses, have nothing beside them.
    for (name, page) in pages(text) {
        for (at, _) in page.match_indices(text) {
            let before = &page[..at];
            let opened = before.matches("<bdi").count() > before.matches("</bdi>").count();
            let is_attribute = before.rfind('"').is_some_and(|quote| before[quote..].matches(['<', '>']).count() == 0);
            // What can have no parts, or is code.
            let alone = ["<title", "<text", "<code", "<pre", "<option"];
            let tag = before.rfind('<').map_or("", |tag| &before[tag..]);
            let is_alone = alone.iter().any(|name| tag.starts_with(name));
            assert!(opened || is_attribute || is_alone, "{name}: ...{}", &before[before.len().saturating_sub(80)..]);
        }
    }
}

#[test]
fn every_page_keeps_to_its_size() {
    for (name, page) in pages("plain") {
        assert!(page.len() < 40 << 10, "{name} has {} bytes", page.len());
    }
}

#[test]
fn pages_look_as_they_did() {
    for (name, page) in pages("shop") {
        insta::assert_snapshot!(name, page);
    }
}

#[test]
fn every_status_is_explained_by_the_table_of_the_command() {
    use ballast_proto::{
        v1::Liveness,
        v2::{OperatingStatus, ProvisioningStatus},
    };
    let mut words: Vec<&str> =
        vec!["READY", "STARTING", "FAILED", ""].into_iter().map(|state| badge::Badge::driver(state).word).collect();
    words.extend((0..=6).filter_map(|at| Some(badge::Badge::operating(OperatingStatus::try_from(at).ok()?).word)));
    words
        .extend((0..=5).filter_map(|at| Some(badge::Badge::provisioning(ProvisioningStatus::try_from(at).ok()?).word)));
    words.extend((0..=3).filter_map(|at| Some(badge::Badge::liveness(Liveness::try_from(at).ok()?).word)));
    assert!(words.len() > 18, "{words:?}");
    for word in words {
        assert!(explain::ExplainOne::of(word).is_some(), "{word}");
    }
    assert_eq!(explain::ExplainOne::of("no-eligible-agent").map(|one| one.word), Some("NO_ELIGIBLE_AGENT"));
    assert!(explain::ExplainOne::of("nosuch").is_none());
}

#[test]
fn the_worst_comes_first_and_what_is_well_does_not_come() {
    use ballast_proto::v2::{OperatingStatus, ProvisioningStatus};
    let (now, health) = (samples::now(), samples::health(""));
    let need = |name: &str, provisioning, operating| {
        let status = samples::status(provisioning, operating, "");
        let one = ballast_proto::v2::LoadBalancer { status, ..samples::load_balancer(name) };
        attention::of_load_balancer(&one, Some(&health), now)
    };
    let (active, pending) = (ProvisioningStatus::Active, ProvisioningStatus::PendingUpdate);
    assert_eq!(need("well", active, OperatingStatus::Online), None);
    assert_eq!(need("off", active, OperatingStatus::Offline), None);
    let needs = [
        need("b", active, OperatingStatus::Degraded),
        need("c", active, OperatingStatus::Error),
        need("a", pending, OperatingStatus::Online),
        need("d", ProvisioningStatus::Error, OperatingStatus::Online),
    ];
    let sorted = attention::sorted(needs.into_iter().flatten().collect());
    let names: Vec<&str> = sorted.iter().map(|need| need.named.name.as_str()).collect();
    assert_eq!(names, ["c", "d", "a", "b"]);
    assert!(sorted[0].todo.contains("10.0.0.11:80 got 500"), "{:?}", sorted[0]);
    assert!(sorted[0].what.contains("1 of 2"), "{:?}", sorted[0]);
}
