use std::collections::BTreeSet;

use ballast_model::fault::{Facts, Kind, Reason};

use super::*;

/// What other APIs call things.
const OTHERS_WORDS: [&str; 6] = ["neutron", "keystone", "openstack", "tenant", "backend", "u'"];

#[test]
fn every_fault_survives_the_wire() {
    for facts in Facts::all() {
        let fault = Fault::from(facts);
        assert_eq!(from_status(&to_status(&fault)), Received::Fault(fault));
    }
}

#[test]
fn every_fault_is_one_neutral_sentence_of_its_own() {
    let mut seen = BTreeSet::new();
    for facts in Facts::all() {
        let fault = Fault::from(facts);
        let said = sentence(&fault);
        let begins = said.starts_with(|first: char| !first.is_lowercase()) || fault.field().is_some();
        assert!(begins || said.starts_with("ip"), "{said}");
        assert!(said.ends_with('.') || matches!(fault.facts(), Facts::NetworkServiceRefuses { .. }), "{said}");
        let lower = said.to_lowercase();
        assert!(OTHERS_WORDS.iter().all(|word| !lower.contains(word)), "{said}");
        assert!(seen.insert(said.clone()), "two faults say: {said}");
    }
}

#[test]
fn a_field_at_fault_is_named_in_a_violation() {
    for facts in Facts::all() {
        let fault = Fault::from(facts);
        let details = to_status(&fault).get_error_details();
        let named = details.bad_request().map(|request| request.field_violations[0].field.clone());
        assert_eq!(named.as_deref(), fault.field(), "{fault}");
    }
}

/// A scheduler of 0.2.0 tells no facts, and a later one some that are not known here.
#[test]
fn a_peer_of_another_version_is_understood_by_its_code_and_its_words() {
    let said = |metadata: HashMap<String, String>| {
        let details = ErrorDetails::with_error_info("POOL_NOT_FOUND", DOMAIN, metadata);
        from_status(&Status::with_error_details(GrpcCode::NotFound, "Pool x could not be found", details))
    };
    let worded = |message: &str| Received::Worded { code: Code::PoolNotFound, message: message.to_owned() };
    assert_eq!(said(HashMap::new()), worded("Pool x could not be found"));
    let later = HashMap::from([("fact".to_owned(), "POOL_IS_ELSEWHERE".to_owned())]);
    assert_eq!(said(later), worded("Pool x could not be found"));
    let rest = HashMap::from([(REST_MESSAGE.to_owned(), "in REST's words".to_owned())]);
    assert_eq!(said(rest), worded("in REST's words"));
    // Facts of another code than the status has are not believed.
    assert_eq!(said(Fault::not_found(Kind::Vip, "x").told()), worded("Pool x could not be found"));
    assert_eq!(said(Fault::not_found(Kind::Pool, "x").told()), Received::Fault(Fault::not_found(Kind::Pool, "x")));
}

#[test]
fn a_status_fits_into_headers_however_long_a_value_is() {
    for value in ["x".repeat(1 << 20), "\u{1f600}".repeat(1 << 18)] {
        let status = to_status(&Fault::invalid_field("name", Reason::TooLong { value, most: 255 }));
        let headers = status.clone().into_http::<()>().into_parts().0.headers;
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(size < 16 << 10, "{size}");
        assert_eq!(from_status(&status).code(), Code::InvalidField);
    }
}

#[test]
fn the_detail_does_not_travel() {
    for facts in Facts::all() {
        let status = to_status(&Fault::from(facts).with_detail("s3cret of the log"));
        assert!(!format!("{status:?}").contains("s3cret of the log"));
    }
}

#[test]
fn a_foreign_status_is_unavailable_or_internal() {
    assert_eq!(from_status(&Status::unavailable("refused")).code(), Code::Unavailable);
    assert_eq!(from_status(&Status::unknown("?")).code(), Code::Internal);
}
