//! Words that do not depend on the fault alone.

use ballast_proto::status::fault::Reason;

use super::*;

#[test]
fn a_field_is_told_by_rests_name() {
    for (grpc, rest) in [
        ("load_balancer_id", "loadbalancer_id"),
        ("tls.ciphers", "tls_ciphers"),
        ("tls.hsts_max_age", "hsts_max_age"),
        ("vip.subnet_id", "vip_subnet_id"),
        ("pool.tls.versions", "tls_versions"),
        ("weight", "weight"),
    ] {
        assert!(v2(&Fault::missing_field(grpc)).contains(&format!("field/attribute {rest}. ")), "{grpc}");
    }
}

#[test]
fn another_project_is_a_matter_of_policy() {
    let fault = Fault::invalid_field("project_id", Reason::AnothersProject);
    assert_eq!(v2(&fault), "Policy does not allow this request to be performed.");
    assert_eq!(v2(&Fault::from(Forbidden::OthersObject)), v2(&fault));
}

#[test]
fn what_is_not_there_is_named() {
    for (kind, noun) in [(Kind::LoadBalancer, "Load Balancer"), (Kind::L7Policy, "L7Policy"), (Kind::Quota, "Quotas")] {
        assert_eq!(v2(&Fault::not_found(kind, "x")), format!("{noun} x not found."));
    }
}
