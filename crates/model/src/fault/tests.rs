use std::collections::BTreeSet;

use super::*;

#[test]
fn every_code_is_found_again_by_its_reason() {
    for code in Code::ALL {
        assert_eq!(Code::from_reason(code.reason()), Some(*code));
    }
}

#[test]
fn every_code_has_facts_and_all_facts_are_heard_as_they_were_told() {
    let all = Facts::all();
    let codes: BTreeSet<&str> = all.iter().map(|facts| facts.code().reason()).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !codes.contains(code.reason())).collect();
    assert!(missing.is_empty(), "nothing gives {missing:?}");
    for facts in all {
        let fault = Fault::from(facts.clone());
        assert_eq!(Fault::heard(&fault.told()), Some(fault), "{facts:?}");
    }
}

#[test]
fn facts_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for facts in Facts::all() {
        let told = Fault::from(facts).told();
        let name = |key: &str| told.get(key).cloned();
        // What is one fact by several kinds or reasons is told apart by those.
        assert!(seen.insert(["fact", "reason", "form", "kind", "refusal"].map(name)), "{told:?} is there twice");
    }
}

#[test]
fn facts_of_a_later_version_are_not_heard() {
    let mut told = Fault::not_found(Kind::Pool, "x").told();
    assert!(Fault::heard(&told).is_some());
    told.insert("kind".to_owned(), "ROUTER".to_owned());
    assert_eq!(Fault::heard(&told), None);
    assert_eq!(Fault::heard(&Told::new()), None);
}

#[test]
fn display_shows_code_and_facts_and_keeps_the_detail_to_itself() {
    let fault = Fault::internal("password=hunter2");
    assert_eq!((fault.to_string().as_str(), fault.detail()), ("INTERNAL", Some("password=hunter2")));
    let fault = Fault::invalid_field("weight", Reason::TooLarge { value: 300, most: 256 });
    assert_eq!(fault.to_string(), r#"INVALID_FIELD field="weight" most="256" reason="TOO_LARGE" value="300""#);
}
