//! A Neutron, by its REST API and with a service's token.
//!
//! The token is read from its file for each call: whoever renews it there needs to tell nobody. What Neutron refuses
//! because of what a user asked for reaches the user in Neutron's words; all else is that the service does not answer.

mod shapes;

use std::{path::PathBuf, sync::Once, time::Duration};

use ballast_model::{
    fault::{Absence, Balancing, Code, Facts, Fault, Misfit, NetworkRefusal},
    ids::{ListenerId, PortId, SubnetId},
    network::Subnetwork,
    port::LOAD_BALANCER,
    subnet::{Subnet, subnet_not_found},
};
use ballast_service::{
    config,
    http::{Answer, Http, Service},
    secret,
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::shapes::{NetworkShape, PortShape, SubnetShape};
use super::{MadePort, NamedSubnet, NetworkProvider, WantedPort, device_of_host, port_name};

pub(super) struct Neutron {
    http: Http,
    /// Without a slash at its end.
    url: String,
    token_file: PathBuf,
    /// Said once: its operator gave us a token that may not see how networks are plugged into.
    hides_attributes: Once,
}

/// Neutron's body of an error.
#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "NeutronError")]
    error: RefusedFor,
}

#[derive(Deserialize)]
struct RefusedFor {
    r#type: String,
    message: String,
}

impl Neutron {
    pub(super) fn new(settings: &config::Network) -> Result<Self, String> {
        let (url, token_file) = (settings.url.trim_end_matches('/'), &settings.token_file);
        if token_file.as_os_str().is_empty() {
            return Err("network.token_file must name the file with the service's token".to_owned());
        }
        if token_file.exists() {
            secret::check(token_file)
                .map_err(|why| format!("network.token_file = \"{}\": {why}", token_file.display()))?;
        }
        let service = Service { url: ("network.url", url), ca: ("network.ca", &settings.ca) };
        let http = Http::new(&service, Duration::from_millis(settings.timeout_ms.into()))?;
        Ok(Self { http, url: url.to_owned(), token_file: token_file.clone(), hides_attributes: Once::new() })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Fault> {
        let token = secret::line("network.token_file", &self.token_file).map_err(|error| self.silent(error))?;
        let mut request = self.http.request(method, &format!("{}/v2.0{path}", self.url));
        request = request.header("X-Auth-Token", token.trim());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.http.send(request).await.map_err(|error| self.silent(error))?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(self.refused(answer)) }
    }

    /// What Neutron answered, as what the caller is told.
    fn refused(&self, Answer { status, body, .. }: Answer) -> Fault {
        let Ok(Refused { error }) = serde_json::from_value(body.clone()) else {
            return self.silent(format_args!("{status}: {body}"));
        };
        let refusal = match (status, error.r#type.as_str()) {
            (StatusCode::NOT_FOUND, "SubnetNotFound") => NetworkRefusal::SubnetNotFound,
            (StatusCode::NOT_FOUND, "NetworkNotFound") => NetworkRefusal::NetworkNotFound,
            (StatusCode::NOT_FOUND, "PortNotFound") => NetworkRefusal::PortNotFound,
            (StatusCode::CONFLICT, "IpAddressInUse" | "IpAddressAlreadyAllocated") => NetworkRefusal::AddressInUse,
            (StatusCode::CONFLICT, "IpAddressGenerationFailure") => NetworkRefusal::SubnetFull,
            (StatusCode::CONFLICT, "OverQuota") => NetworkRefusal::OverQuota,
            (StatusCode::BAD_REQUEST, _) => NetworkRefusal::InvalidInput,
            _ => return self.silent(format_args!("{status} {}: {}", error.r#type, error.message)),
        };
        Facts::NetworkServiceRefuses { refusal, said: error.message }.into()
    }

    /// Nothing that the caller could do anything about.
    fn silent(&self, why: impl std::fmt::Display) -> Fault {
        Fault::from(Absence::NetworkService).with_detail(format_args!("{}: {why}", self.url))
    }

    /// The object in a reply's wrapper.
    fn object<T: DeserializeOwned>(&self, mut body: Value, wrapper: &str) -> Result<T, Fault> {
        serde_json::from_value(body.get_mut(wrapper).map(Value::take).unwrap_or_default())
            .map_err(|error| self.silent(format_args!("{wrapper}: {error}")))
    }
}

#[tonic::async_trait]
impl NetworkProvider for Neutron {
    fn must_be_ours(&self) -> Result<(), Fault> {
        Err(Misfit::NetworksElsewhere { url: self.url.clone() }.into())
    }

    async fn subnetwork(&self, subnet_id: SubnetId) -> Result<Option<Subnetwork>, Fault> {
        let response = self.call(Method::GET, &format!("/subnets/{subnet_id}"), None).await;
        // Neutron's words name the same id in its own way.
        let response = response.map_err(|fault| match fault.code() {
            Code::SubnetNotFound => subnet_not_found(subnet_id),
            _ => fault,
        })?;
        let subnet = self.object::<SubnetShape>(response, "subnet")?.into_subnet()?;
        let response = self.call(Method::GET, &format!("/networks/{}", subnet.network_id), None).await?;
        let network = self.object::<NetworkShape>(response, "network")?;
        if network.hides_attributes() {
            self.hides_attributes.call_once(|| {
                tracing::warn!(
                    network.id = %subnet.network_id,
                    "Neutron shows no provider attributes to the user of network.token_file: where no Neutron agent wires \
                     its ports, a network gets a bridge of its own on each host, which leads nowhere. Give that user the \
                     role admin, or set ovs.tag = \"neutron\" in the section of haproxy-ns on all hosts"
                );
            });
        }
        let network = network.into_network()?;
        Ok(Some(Subnetwork { network, subnet }))
    }

    async fn subnetwork_named(&self, named: NamedSubnet) -> Result<Option<Subnetwork>, Fault> {
        if let Some(subnet_id) = named.subnet_id {
            return self.subnetwork(subnet_id).await;
        }
        let Some(network_id) = named.network_id else { return Ok(None) };
        let response = self.call(Method::GET, &format!("/subnets?network_id={network_id}"), None).await?;
        let subnets = self.object::<Vec<SubnetShape>>(response, "subnets")?.into_iter().map(SubnetShape::into_subnet);
        let mut subnets = subnets.collect::<Result<Vec<_>, _>>()?;
        subnets.sort_by_key(|subnet| subnet.cidr.addr().is_ipv6());
        let fits = |subnet: &Subnet| named.address.is_none_or(|address| subnet.cidr.contains(&address));
        match (subnets.iter().find(|subnet| fits(subnet)), named.address) {
            (Some(subnet), _) => self.subnetwork(subnet.id).await,
            (None, Some(address)) => Err(Balancing::NetworkWithoutSubnetFor { address }.into()),
            (None, None) => Err(Balancing::NetworkWithoutSubnet.into()),
        }
    }

    async fn make_port(&self, wanted: &WantedPort) -> Result<Option<MadePort>, Fault> {
        let mut fixed_ip = json!({"subnet_id": wanted.subnet_id});
        if let Some(address) = wanted.address {
            fixed_ip["ip_address"] = json!(address);
        }
        let mut port = json!({
            "name": port_name(wanted.vip_id),
            "tenant_id": wanted.project_id,
            "network_id": wanted.network_id,
            "fixed_ips": [fixed_ip],
            "admin_state_up": true,
            "device_owner": LOAD_BALANCER,
        });
        if let Some(also) = wanted.also {
            port["allowed_address_pairs"] = json!([{"ip_address": also}]);
        }
        if let Some(host) = &wanted.host {
            port["binding:host_id"] = json!(host);
            port["device_id"] = json!(device_of_host(host));
        }
        let response = self.call(Method::POST, "/ports", Some(json!({"port": port}))).await?;
        self.object::<PortShape>(response, "port")?.into_made(wanted.subnet_id).map(Some)
    }

    async fn bind_port(&self, port_id: PortId, host: &str) -> Result<(), Fault> {
        let port = json!({
            "binding:host_id": host,
            "device_id": device_of_host(host),
            "device_owner": LOAD_BALANCER,
            "admin_state_up": true,
        });
        self.call(Method::PUT, &format!("/ports/{port_id}"), Some(json!({"port": port}))).await.map(drop)
    }

    async fn remove_port(&self, vip_id: ListenerId) -> Result<(), Fault> {
        #[derive(Deserialize)]
        struct Named {
            id: PortId,
        }
        let query = format!("/ports?name={}&fields=id", port_name(vip_id));
        let response = self.call(Method::GET, &query, None).await?;
        for port in self.object::<Vec<Named>>(response, "ports")? {
            match self.call(Method::DELETE, &format!("/ports/{}", port.id), None).await {
                Err(fault) if fault.code() != Code::PortNotFound => return Err(fault),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
