//! The methods of `lbaas.v1` and `lbaas.v2`, each called by everyone, with a request that says nothing: all that counts is who is let in.

use std::collections::BTreeSet;

use ballast_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery, metadata::AsciiMetadataValue,
    transport::Channel,
};
use tonic_prost::ProstCodec;

use crate::services::Services;

/// Whether reader, member and admin are let in; those of `lbaas.v2` begin with `v2.`. Whether there is the object that they ask for is another question.
const TABLE: &str = "
Agents.Delete                     no  yes yes
Agents.Get                        yes yes yes
Agents.List                       yes yes yes
Agents.ListPools                  no  no  yes
Agents.Update                     no  yes yes
Events.Watch                      yes yes yes
HealthMonitors.Create             no  yes yes
HealthMonitors.Delete             no  yes yes
HealthMonitors.Get                yes yes yes
HealthMonitors.List               yes yes yes
HealthMonitors.Update             no  yes yes
Members.Create                    no  yes yes
Members.Delete                    no  yes yes
Members.Get                       yes yes yes
Members.List                      yes yes yes
Members.Update                    no  yes yes
Networks.CreateNetwork            no  yes yes
Networks.CreateSubnet             no  yes yes
Networks.DeleteNetwork            no  yes yes
Networks.DeleteSubnet             no  yes yes
Networks.GetNetwork               yes yes yes
Networks.GetSubnet                yes yes yes
Networks.ListNetworks             yes yes yes
Networks.ListSubnets              yes yes yes
Networks.UpdateNetwork            no  yes yes
Networks.UpdateSubnet             no  yes yes
Pools.AssociateHealthMonitor      no  yes yes
Pools.Create                      no  yes yes
Pools.Delete                      no  yes yes
Pools.DisassociateHealthMonitor   no  yes yes
Pools.Get                         yes yes yes
Pools.GetAgent                    no  no  yes
Pools.List                        yes yes yes
Pools.Stats                       yes yes yes
Pools.Update                      no  yes yes
Ports.Create                      no  yes yes
Ports.Delete                      no  yes yes
Ports.Get                         yes yes yes
Ports.List                        yes yes yes
Ports.Update                      no  yes yes
Quotas.Delete                     no  no  yes
Quotas.Get                        yes yes yes
Quotas.GetDefault                 yes yes yes
Quotas.List                       no  no  yes
Quotas.Update                     no  no  yes
ServiceProviders.List             yes yes yes
Vips.Create                       no  yes yes
Vips.Delete                       no  yes yes
Vips.Get                          yes yes yes
Vips.List                         yes yes yes
Vips.Update                       no  yes yes
v2.AvailabilityZoneProfiles.Create                no  no  yes
v2.AvailabilityZoneProfiles.Delete                no  no  yes
v2.AvailabilityZoneProfiles.Get                   no  no  yes
v2.AvailabilityZoneProfiles.List                  no  no  yes
v2.AvailabilityZoneProfiles.Update                no  no  yes
v2.AvailabilityZones.Create                       no  no  yes
v2.AvailabilityZones.Delete                       no  no  yes
v2.AvailabilityZones.Get                          yes yes yes
v2.AvailabilityZones.List                         yes yes yes
v2.AvailabilityZones.Update                       no  no  yes
v2.Certificates.Create                            no  yes yes
v2.Certificates.Delete                            no  yes yes
v2.Certificates.Get                               yes yes yes
v2.Certificates.List                              yes yes yes
v2.Certificates.ListSecrets                       yes yes yes
v2.Certificates.LookAtSecrets                     no  yes yes
v2.Certificates.Update                            no  yes yes
v2.Events.Position                                yes yes yes
v2.Events.Watch                                   yes yes yes
v2.FlavorProfiles.Create                          no  no  yes
v2.FlavorProfiles.Delete                          no  no  yes
v2.FlavorProfiles.Get                             no  no  yes
v2.FlavorProfiles.List                            no  no  yes
v2.FlavorProfiles.Update                          no  no  yes
v2.Flavors.Create                                 no  no  yes
v2.Flavors.Delete                                 no  no  yes
v2.Flavors.Get                                    yes yes yes
v2.Flavors.List                                   yes yes yes
v2.Flavors.Update                                 no  no  yes
v2.HealthMonitors.Create                          no  yes yes
v2.HealthMonitors.Delete                          no  yes yes
v2.HealthMonitors.Get                             yes yes yes
v2.HealthMonitors.List                            yes yes yes
v2.HealthMonitors.Update                          no  yes yes
v2.History.List                                   yes yes yes
v2.History.RollBack                               no  yes yes
v2.L7Policies.Create                              no  yes yes
v2.L7Policies.Delete                              no  yes yes
v2.L7Policies.Get                                 yes yes yes
v2.L7Policies.List                                yes yes yes
v2.L7Policies.Update                              no  yes yes
v2.L7Rules.Create                                 no  yes yes
v2.L7Rules.Delete                                 no  yes yes
v2.L7Rules.Get                                    yes yes yes
v2.L7Rules.List                                   yes yes yes
v2.L7Rules.Update                                 no  yes yes
v2.Listeners.Create                               no  yes yes
v2.Listeners.Delete                               no  yes yes
v2.Listeners.Get                                  yes yes yes
v2.Listeners.List                                 yes yes yes
v2.Listeners.Stats                                yes yes yes
v2.Listeners.Update                               no  yes yes
v2.LoadBalancers.Create                           no  yes yes
v2.LoadBalancers.Delete                           no  yes yes
v2.LoadBalancers.Failover                         no  no  yes
v2.LoadBalancers.Get                              yes yes yes
v2.LoadBalancers.Health                           yes yes yes
v2.LoadBalancers.List                             yes yes yes
v2.LoadBalancers.Preview                          no  yes yes
v2.LoadBalancers.Sides                            no  no  yes
v2.LoadBalancers.Stats                            yes yes yes
v2.LoadBalancers.Statuses                         yes yes yes
v2.LoadBalancers.Update                           no  yes yes
v2.Members.Create                                 no  yes yes
v2.Members.Delete                                 no  yes yes
v2.Members.Get                                    yes yes yes
v2.Members.List                                   yes yes yes
v2.Members.Replace                                no  yes yes
v2.Members.Stats                                  yes yes yes
v2.Members.Update                                 no  yes yes
v2.Overview.Get                                   yes yes yes
v2.Overview.GetTraffic                            yes yes yes
v2.Overview.ListSchedulers                        no  no  yes
v2.Overview.ListStats                             yes yes yes
v2.Pools.Create                                   no  yes yes
v2.Pools.Delete                                   no  yes yes
v2.Pools.Get                                      yes yes yes
v2.Pools.List                                     yes yes yes
v2.Pools.Stats                                    yes yes yes
v2.Pools.Update                                   no  yes yes
v2.Providers.AvailabilityZoneCapabilities         no  no  yes
v2.Providers.FlavorCapabilities                   no  no  yes
v2.Providers.List                                 yes yes yes
v2.Quotas.Delete                                  no  no  yes
v2.Quotas.Get                                     yes yes yes
v2.Quotas.GetDefault                              yes yes yes
v2.Quotas.List                                    yes yes yes
v2.Quotas.Update                                  no  no  yes
";

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace().collect())
}

/// Calls a method with metadata; whether it is answered. A stream that opens is.
pub(super) async fn call<M: prost::Message + 'static>(
    channel: &Channel,
    name: &str,
    message: M,
    metadata: &[(&'static str, &'static str)],
) -> Result<(), Status> {
    let (package, named) = name.strip_prefix("v2.").map_or(("lbaas.v1", name), |named| ("lbaas.v2", named));
    let (service, method) = named.split_once('.').unwrap();
    let path = PathAndQuery::try_from(format!("/{package}.{service}/{method}")).unwrap();
    let mut request = Request::new(message);
    for (key, value) in metadata {
        request.metadata_mut().insert(*key, AsciiMetadataValue::from_static(value));
    }
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<M, ()>::default();
    match named {
        "Events.Watch" => client.server_streaming(request, path, codec).await.map(drop),
        _ => client.unary(request, path, codec).await.map(drop),
    }
}

/// What is said of a call whose request says nothing.
async fn said(channel: &Channel, name: &str, metadata: &[(&'static str, &'static str)]) -> Code {
    call(channel, name, (), metadata).await.map_or_else(|status| status.code(), |()| Code::Ok)
}

/// Over TCP nobody is believed who he says he is.
pub(super) async fn by_tcp(services: &Services) -> Channel {
    Channel::from_shared(format!("http://{}", services.scheduler)).unwrap().connect().await.unwrap()
}

#[test]
fn the_policy_knows_every_method_and_no_other() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let mut served = BTreeSet::new();
    for (package, mark) in [("lbaas.v1", ""), ("lbaas.v2", "v2.")] {
        for service in files.iter().filter(|file| file.package() == package).flat_map(|file| &file.service) {
            let methods = service.method.iter();
            served.extend(methods.map(|method| format!("{mark}{}.{}", service.name(), method.name())));
        }
    }
    let known: BTreeSet<String> = rows().map(|row| row[0].to_owned()).collect();
    assert_eq!(served, known, "say in the policy's table who may call it");
}

#[tokio::test]
async fn every_method_answers_every_role_as_the_policy_says() {
    let services = Services::with_tokens(|_| {}).await;
    let by_tcp = by_tcp(&services).await;
    let mut wrong = Vec::new();
    let mut check = |name: &str, who: &str, expected: &[Code], found: Code, only: bool| {
        if expected.contains(&found) != only {
            wrong.push(format!("{name} by {who}: {found:?}"));
        }
    };
    let refusals = [Code::Unauthenticated, Code::PermissionDenied];
    for row in rows() {
        let name = row[0];
        let unknown: [&[_]; 4] = [
            &[],
            &[("authorization", "Bearer nobody's")],
            &[("ballast-roles", "admin")],
            &[("authorization", "Basic admin")],
        ];
        for metadata in unknown {
            check(name, "nobody", &[Code::Unauthenticated], said(&by_tcp, name, metadata).await, true);
        }
        let stranger = &[("ballast-roles", "auditor"), ("ballast-project-id", "a")];
        check(name, "a stranger", &[Code::PermissionDenied], said(&services.channel, name, stranger).await, true);
        let callers = [
            ("a reader", "Bearer rita", "rita"),
            ("a member", "Bearer alice", "alice"),
            ("an admin", "Bearer admin", "admin"),
        ];
        for ((who, bearer, token), may) in callers.into_iter().zip(&row[1..]) {
            let ways: [&[_]; 2] =
                [&[("authorization", bearer), ("ballast-roles", "admin")], &[("x-auth-token", token)]];
            for metadata in ways {
                let found = said(&by_tcp, name, metadata).await;
                match *may {
                    "yes" => check(name, who, &refusals, found, false),
                    _ => check(name, who, &[Code::PermissionDenied], found, true),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
