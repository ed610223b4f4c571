//! What operators set over `lbaas.v2`: flavors, zones, quotas; and what there is to choose from.

use ballast_proto::{
    driver::{Capabilities, DriverOption},
    v2::{
        AvailabilityZone, CapabilitiesRequest, CreateAvailabilityZoneRequest, CreateFlavorRequest,
        CreateLoadBalancerRequest, CreateProfileRequest, DeleteLoadBalancerRequest, DeleteRequest, Filter, Flavor,
        GetRequest, ListQuotasRequest, ListRequest, LoadBalancer, Profile, Quota, QuotaRequest, UpdateFlavorRequest,
        UpdateProfileRequest, UpdateQuotaRequest, Vip,
        availability_zone_profiles_client::AvailabilityZoneProfilesClient,
        availability_zones_client::AvailabilityZonesClient, flavor_profiles_client::FlavorProfilesClient,
        flavors_client::FlavorsClient, load_balancers_client::LoadBalancersClient, providers_client::ProvidersClient,
        quotas_client::QuotasClient,
    },
};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::{
    played::{Agent, able_driver},
    services::Services,
};

fn option(name: &str) -> DriverOption {
    DriverOption { name: name.to_owned(), description: format!("What {name} is") }
}

/// An agent whose driver lets flavors say `data_plane`, and zones `rack`.
async fn agent(services: &Services) -> Agent {
    let mut driver = able_driver();
    driver.capabilities = Some(Capabilities {
        flavor_options: vec![option("data_plane")],
        availability_zone_options: vec![option("rack")],
        ..driver.capabilities.unwrap()
    });
    Agent::with_drivers(&services.channel, "a", "1", vec![driver]).await.unwrap()
}

fn reason(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    (status.code(), details.error_info().map(|info| info.reason.clone()).unwrap_or_default())
}

fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn profile(provider: &str, data: &str) -> CreateProfileRequest {
    let (provider_name, data) = (provider.to_owned(), data.to_owned());
    let profile = Profile { name: "small".to_owned(), provider_name, data, ..Profile::default() };
    CreateProfileRequest { profile: Some(profile), validate_only: false }
}

fn flavor(name: &str, profile: &str) -> CreateFlavorRequest {
    let (name, flavor_profile_id) = (name.to_owned(), profile.to_owned());
    CreateFlavorRequest { flavor: Some(Flavor { name, flavor_profile_id, ..Flavor::default() }), validate_only: false }
}

fn zone(name: &str, profile: &str, enabled: bool) -> CreateAvailabilityZoneRequest {
    let (name, availability_zone_profile_id) = (name.to_owned(), profile.to_owned());
    let zone =
        AvailabilityZone { name, availability_zone_profile_id, enabled: Some(enabled), ..AvailabilityZone::default() };
    CreateAvailabilityZoneRequest { availability_zone: Some(zone), validate_only: false }
}

fn mask(path: &str) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec![path.to_owned()] })
}

fn get(id: &str) -> GetRequest {
    GetRequest { id: id.to_owned(), ..GetRequest::default() }
}

fn delete(id: &str) -> DeleteRequest {
    DeleteRequest { id: id.to_owned(), ..DeleteRequest::default() }
}

#[tokio::test]
async fn a_profile_says_what_the_providers_drivers_and_the_scheduler_know() {
    let services = Services::start().await;
    let _agent = agent(&services).await;
    let mut profiles = FlavorProfilesClient::new(services.channel.clone());
    let good = r#"{"loadbalancer_topology": "ACTIVE_STANDBY", "data_plane": "x"}"#;
    let made = profiles.create(profile("amphora", good)).await.unwrap().into_inner();
    assert_eq!((made.provider_name.as_str(), made.data.as_str()), ("amphora", good), "as it was asked for");
    for (provider, data, expected) in [
        ("haproxy", "x", refused(Code::InvalidArgument, "INVALID_FIELD")),
        ("haproxy", "[]", refused(Code::InvalidArgument, "INVALID_FIELD")),
        ("haproxy", "", refused(Code::InvalidArgument, "MISSING_FIELD")),
        ("nobody", "{}", refused(Code::InvalidArgument, "PROVIDER_NOT_FOUND")),
        ("haproxy", r#"{"bogus": 1}"#, refused(Code::Unimplemented, "FEATURE_NOT_SUPPORTED")),
        ("haproxy", r#"{"rack": 1}"#, refused(Code::Unimplemented, "FEATURE_NOT_SUPPORTED")),
        ("haproxy", r#"{"loadbalancer_topology": "RING"}"#, refused(Code::Unimplemented, "FEATURE_NOT_SUPPORTED")),
        // No agent has this one.
        ("a10", r#"{"data_plane": "x"}"#, refused(Code::Unimplemented, "FEATURE_NOT_SUPPORTED")),
    ] {
        let fault = profiles.create(profile(provider, data)).await.unwrap_err();
        assert_eq!(reason(&fault), expected, "{provider} {data}");
    }
    let mut zones = AvailabilityZoneProfilesClient::new(services.channel.clone());
    zones.create(profile("haproxy", r#"{"rack": 1}"#)).await.unwrap();
    let fault = zones.create(profile("haproxy", r#"{"loadbalancer_topology": "SINGLE"}"#)).await.unwrap_err();
    assert_eq!(fault.code(), Code::Unimplemented);
    assert_eq!(zones.get(get(&made.id)).await.unwrap_err().code(), Code::NotFound, "it is no zone's");
}

#[tokio::test]
async fn capabilities_are_what_drivers_report() {
    let services = Services::start().await;
    let _agent = agent(&services).await;
    let mut providers = ProvidersClient::new(services.channel.clone());
    let of = |provider: &str| CapabilitiesRequest { provider: provider.to_owned() };
    let names = |capabilities: ballast_proto::v2::Capabilities| -> Vec<String> {
        capabilities.capabilities.into_iter().map(|one| one.name).collect()
    };
    let found = providers.flavor_capabilities(of("octavia")).await.unwrap().into_inner();
    assert_eq!(names(found), ["data_plane", "loadbalancer_topology"]);
    let found = providers.availability_zone_capabilities(of("haproxy")).await.unwrap().into_inner();
    assert_eq!(found.capabilities[0].description, "What rack is");
    // Not 501 as Octavia has it: the openstack command asks for both, and would show neither.
    let none = providers.availability_zone_capabilities(of("a10")).await.unwrap().into_inner();
    assert_eq!(names(none), [""; 0]);
    let fault = providers.flavor_capabilities(of("nobody")).await.unwrap_err();
    assert_eq!(reason(&fault), refused(Code::InvalidArgument, "PROVIDER_NOT_FOUND"));
    let listed = providers.list(ListRequest::default()).await.unwrap().into_inner().providers;
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["haproxy", "a10"], "as configured");
}

#[tokio::test]
async fn flavors_are_made_found_changed_and_kept_while_they_are_used() {
    let services = Services::start().await;
    let mut profiles = FlavorProfilesClient::new(services.channel.clone());
    let mut flavors = FlavorsClient::new(services.channel.clone());
    let made = profiles.create(profile("haproxy", "{}")).await.unwrap().into_inner();
    let checked = CreateFlavorRequest { validate_only: true, ..flavor("small", &made.id) };
    flavors.create(checked).await.unwrap();
    let small = flavors.create(flavor("small", &made.id)).await.unwrap().into_inner();
    assert_eq!(small.enabled, Some(true));
    let big = flavors.create(flavor("big", &made.id)).await.unwrap().into_inner();
    for (request, expected) in [
        (flavor("small", &made.id), refused(Code::AlreadyExists, "CONFLICTING_OBJECTS")),
        (flavor("", &made.id), refused(Code::InvalidArgument, "MISSING_FIELD")),
        (flavor("x", ""), refused(Code::InvalidArgument, "MISSING_FIELD")),
        (flavor("x", "nonsense"), refused(Code::NotFound, "PROFILE_NOT_FOUND")),
        (flavor("x", &small.id), refused(Code::NotFound, "PROFILE_NOT_FOUND")),
    ] {
        assert_eq!(reason(&flavors.create(request).await.unwrap_err()), expected);
    }
    let renamed = Flavor { name: "big".to_owned(), ..small.clone() };
    let rename = UpdateFlavorRequest { flavor: Some(renamed), update_mask: mask("name"), validate_only: false };
    assert_eq!(reason(&flavors.update(rename.clone()).await.unwrap_err()).1, "CONFLICTING_OBJECTS");
    flavors.delete(delete(&big.id)).await.unwrap();
    let checked = UpdateFlavorRequest { validate_only: true, ..rename };
    assert_eq!(flavors.update(checked).await.unwrap().into_inner().name, "big");
    assert_eq!(flavors.get(get(&small.id)).await.unwrap().into_inner(), small, "nothing was changed");
    let disable = UpdateFlavorRequest {
        flavor: Some(Flavor { id: small.id.clone(), enabled: Some(false), ..Flavor::default() }),
        ..UpdateFlavorRequest::default()
    };
    assert_eq!(flavors.update(disable).await.unwrap().into_inner().enabled, Some(false));
    let filter = Filter { field: "enabled".to_owned(), values: vec!["false".to_owned()] };
    let listed = flavors.list(ListRequest { filters: vec![filter], ..ListRequest::default() }).await.unwrap();
    assert_eq!(listed.into_inner().flavors.len(), 1);

    let used = UpdateProfileRequest {
        profile: Some(Profile { id: made.id.clone(), provider_name: "a10".to_owned(), ..Profile::default() }),
        ..UpdateProfileRequest::default()
    };
    for fault in [profiles.update(used).await.map(drop), profiles.delete(delete(&made.id)).await.map(drop)] {
        assert_eq!(reason(&fault.unwrap_err()), refused(Code::AlreadyExists, "CONFLICTING_OBJECTS"));
    }
    let etag = DeleteRequest { etag: "1".to_owned(), ..delete(&small.id) };
    assert_eq!(reason(&flavors.delete(etag).await.unwrap_err()).1, "ETAG_MISMATCH");
    flavors.delete(delete(&small.id)).await.unwrap();
    assert_eq!(reason(&flavors.delete(delete(&small.id)).await.unwrap_err()).1, "FLAVOR_NOT_FOUND");
    profiles.delete(delete(&made.id)).await.unwrap();
}

/// A load balancer on this subnet.
fn load_balancer(subnet_id: &str, flavor_id: &str, zone: &str, provider: &str) -> CreateLoadBalancerRequest {
    let load_balancer = LoadBalancer {
        project_id: "demo".to_owned(),
        vip: Some(Vip { subnet_id: subnet_id.to_owned(), ..Vip::default() }),
        flavor_id: flavor_id.to_owned(),
        availability_zone: zone.to_owned(),
        provider: provider.to_owned(),
        ..LoadBalancer::default()
    };
    CreateLoadBalancerRequest { load_balancer: Some(load_balancer), ..CreateLoadBalancerRequest::default() }
}

#[tokio::test]
async fn a_load_balancer_gets_what_its_flavor_and_its_zone_say() {
    let services = Services::start().await;
    let mut agent = agent(&services).await;
    let subnet = services.subnet().await;
    let channel = || services.channel.clone();
    let said = FlavorProfilesClient::new(channel()).create(profile("haproxy", r#"{"data_plane": "x"}"#)).await.unwrap();
    let racked = AvailabilityZoneProfilesClient::new(channel()).create(profile("amphora", r#"{"rack": 7}"#)).await;
    let (said, racked) = (said.into_inner().id, racked.unwrap().into_inner().id);
    let (mut flavors, mut zones) = (FlavorsClient::new(channel()), AvailabilityZonesClient::new(channel()));
    let flavor_id = flavors.create(flavor("f", &said)).await.unwrap().into_inner().id;
    zones.create(zone("north", &racked, true)).await.unwrap();
    zones.create(zone("south", &racked, false)).await.unwrap();

    let mut load_balancers = LoadBalancersClient::new(channel());
    for (flavor_id, zone, provider, expected) in [
        (said.as_str(), "", "", "INVALID_INPUT"),
        (&flavor_id, "", "a10", "INVALID_INPUT"),
        ("", "west", "", "INVALID_INPUT"),
        ("", "south", "", "INVALID_INPUT"),
        ("", "north", "a10", "INVALID_INPUT"),
    ] {
        let fault = load_balancers.create(load_balancer(&subnet, flavor_id, zone, provider)).await.unwrap_err();
        assert_eq!(reason(&fault), refused(Code::InvalidArgument, expected), "{zone} {provider}");
    }
    let made = load_balancers.create(load_balancer(&subnet, &flavor_id, "north", "")).await.unwrap().into_inner();
    assert_eq!((made.provider.as_str(), made.flavor_id.as_str()), ("haproxy", flavor_id.as_str()));
    let desired = agent.desired().await.load_balancer.unwrap();
    assert_eq!(desired.flavor_data, r#"{"data_plane":"x","rack":7}"#);
    for fault in [flavors.delete(delete(&flavor_id)).await, zones.delete(delete("north")).await] {
        assert_eq!(reason(&fault.unwrap_err()), refused(Code::AlreadyExists, "CONFLICTING_OBJECTS"));
    }
    let gone = DeleteLoadBalancerRequest { id: made.id, cascade: true, ..DeleteLoadBalancerRequest::default() };
    load_balancers.delete(gone).await.unwrap();
    flavors.delete(delete(&flavor_id)).await.unwrap();
    zones.delete(delete("north")).await.unwrap();
    assert_eq!(reason(&zones.get(get("north")).await.unwrap_err()).1, "AVAILABILITY_ZONE_NOT_FOUND");
}

fn as_member<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("ballast-roles", "member".parse().unwrap());
    request.metadata_mut().insert("ballast-project-id", "demo".parse().unwrap());
    request
}

#[tokio::test]
async fn quotas_are_set_listed_and_taken_back() {
    let services = Services::start().await;
    let mut quotas = QuotasClient::new(services.channel.clone());
    let of = |project: &str| QuotaRequest { project_id: project.to_owned() };
    let set = |quota: Quota, path: &str| UpdateQuotaRequest {
        quota: Some(Quota { project_id: "p".to_owned(), ..quota }),
        update_mask: Some(path).filter(|path| !path.is_empty()).and_then(mask),
    };
    let limited = quotas.update(set(Quota { pool: Some(3), l7rule: Some(9), ..Quota::default() }, "")).await.unwrap();
    assert_eq!(
        (limited.get_ref().pool, limited.get_ref().l7rule, limited.get_ref().member),
        (Some(3), Some(9), Some(-1))
    );
    let reset = quotas.update(set(Quota::default(), "l7rule")).await.unwrap().into_inner();
    assert_eq!((reset.pool, reset.l7rule), (Some(3), Some(-1)));
    let fault = quotas.update(set(Quota { listener: Some(-2), ..Quota::default() }, "")).await.unwrap_err();
    assert_eq!(fault.get_error_details().bad_request().unwrap().field_violations[0].field, "listener");

    let pool = crate::services::pool(&services.subnet().await);
    services.call("POST", "/v2.0/lb/pools", Some(pool)).await;
    let listed = |all: &[Quota]| all.iter().map(|quota| quota.project_id.clone()).collect::<Vec<_>>();
    let all = quotas.list(ListQuotasRequest::default()).await.unwrap().into_inner().quotas;
    assert_eq!(listed(&all), ["demo", "p"]);
    let own = quotas.list(as_member(ListQuotasRequest::default())).await.unwrap().into_inner().quotas;
    assert_eq!(listed(&own), ["demo"]);
    let others = ListQuotasRequest { project_id: "p".to_owned() };
    assert_eq!(quotas.list(as_member(others)).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(quotas.get(as_member(of("p"))).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(quotas.get_default(of("")).await.unwrap().into_inner().pool, Some(-1));

    quotas.delete(of("p")).await.unwrap();
    assert_eq!(quotas.get(of("p")).await.unwrap().into_inner().pool, Some(-1));
    assert_eq!(reason(&quotas.delete(of("p")).await.unwrap_err()), refused(Code::NotFound, "QUOTA_NOT_FOUND"));
}
