//! The messages of `lbaas.driver.v1`, as far as this driver and this host read and write them.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Capabilities {
    #[prost(string, repeated, tag = "1")]
    pub features: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LoadBalancer {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct DeployRequest {
    #[prost(message, optional, tag = "1")]
    pub load_balancer: Option<LoadBalancer>,
    #[prost(uint64, tag = "2")]
    pub generation: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub handover: Vec<u8>,
    #[prost(string, tag = "5")]
    pub traceparent: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct DeployReply {
    #[prost(int32, tag = "3")]
    pub effect: i32,
    #[prost(message, repeated, tag = "4")]
    pub steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Step {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint64, tag = "2")]
    pub began: u64,
    #[prost(uint64, tag = "3")]
    pub took: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Preview {
    #[prost(int32, tag = "1")]
    pub effect: i32,
    #[prost(string, repeated, tag = "3")]
    pub steps: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UndeployReply {
    #[prost(bytes = "vec", tag = "3")]
    pub handover: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UndeployRequest {
    #[prost(string, tag = "1")]
    pub load_balancer_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ObserveRequest {
    #[prost(string, repeated, tag = "1")]
    pub load_balancer_ids: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ObserveReply {
    #[prost(message, repeated, tag = "1")]
    pub observations: Vec<Observation>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Observation {
    #[prost(string, tag = "1")]
    pub load_balancer_id: String,
    #[prost(message, repeated, tag = "4")]
    pub listeners: Vec<ListenerObservation>,
    #[prost(uint64, tag = "5")]
    pub generation: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct ListenerObservation {
    #[prost(string, tag = "1")]
    pub listener_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct DeployedReply {
    #[prost(message, repeated, tag = "1")]
    pub deployed: Vec<Deployed>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Deployed {
    #[prost(string, tag = "1")]
    pub load_balancer_id: String,
    #[prost(uint64, tag = "2")]
    pub generation: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct SecretsRequest {
    #[prost(string, tag = "1")]
    pub load_balancer_id: String,
    #[prost(message, repeated, tag = "2")]
    pub secrets: Vec<SecretContent>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SecretContent {
    #[prost(string, tag = "1")]
    pub reference: String,
    #[prost(string, tag = "2")]
    pub digest: String,
    #[prost(string, tag = "3")]
    pub pem: String,
    #[prost(string, tag = "4")]
    pub private_key: String,
}
