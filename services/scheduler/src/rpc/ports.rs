//! `lbaas.v1.Ports`

use ballast_model::{
    check,
    fault::{Fault, Form},
    listener::Mac,
    port::{Port as Model, PortChange, WantedIp, port_not_found},
};
use ballast_proto::{
    convert,
    v1::{
        CreatePortRequest, DeleteRequest, FixedIp, FixedIps, GetRequest, ListPortsResponse, ListRequest, Port,
        UpdatePortRequest, ports_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query, reference},
};
use crate::app::{App, Caller, NewPort};

const MUTABLE: [&str; 6] = ["name", "admin_state_up", "device_id", "device_owner", "fixed_ips", "mac_address"];

#[tonic::async_trait]
impl ports_server::Ports for Api {
    async fn create(&self, request: Request<CreatePortRequest>) -> Result<Response<Port>, Status> {
        answer(async {
            let caller = caller(&request);
            let sent = body("port", request.into_inner().port);
            let port = sent.and_then(|port| new_port(&self.0, &caller, port))?;
            let made = self.0.create_port(&caller, port).await?;
            Ok(encode(&caller, &made))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Port>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, port_not_found)?);
            self.0.port(&caller, id).await.map(|port| encode(&caller, &port))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListPortsResponse>, Status> {
        answer(async {
            let caller = caller(&request);
            let query = query(&caller, request.into_inner())?;
            let page = self.0.ports(query).await?;
            let ports: Vec<Port> = page.items.iter().map(|port| encode(&caller, port)).collect();
            let next_page_token = next_page_token(page.more, ports.last().map(|last| last.id.as_str()));
            Ok(ListPortsResponse { ports, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdatePortRequest>) -> Result<Response<Port>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let port = body("port", request.port)?;
            let id = id(&port.id, port_not_found)?;
            let mask = Mask::new::<Port>(request.update_mask, &MUTABLE)?;
            let changed = self.0.update_port(&caller, id, port_change(&mask, port)?).await?;
            Ok(encode(&caller, &changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, port_not_found)?);
            self.0.delete_port(&caller, id).await
        })
        .await
    }
}

/// Which hosts there are is for operators.
fn encode(caller: &Caller, port: &Model) -> Port {
    let shown = convert::to_port(port);
    if caller.admin { shown } else { Port { host_id: String::new(), ..shown } }
}

fn new_port(app: &App, caller: &Caller, port: Port) -> Result<NewPort, Fault> {
    if !port.host_id.is_empty() {
        caller.must_be_admin("create_port")?;
    }
    Ok(NewPort {
        id: app.new_id(),
        project_id: caller.project_for(&port.project_id)?,
        name: check::text("name", port.name, check::MAX_TEXT)?,
        network_id: reference("network_id", &port.network_id)?,
        fixed_ips: port.fixed_ips.map(wanted_ips).transpose()?,
        mac: if port.mac_address.is_empty() { None } else { Some(mac(&port.mac_address)?) },
        device_id: check::text("device_id", port.device_id, check::MAX_TEXT)?,
        device_owner: check::text("device_owner", port.device_owner, check::MAX_TEXT)?,
        host: check::text("host_id", port.host_id, check::MAX_TEXT)?,
        admin_state_up: port.admin_state_up.unwrap_or(true),
    })
}

/// A masked field that is not set goes back to its default; addresses and the MAC address have none but what is there.
fn port_change(mask: &Mask, port: Port) -> Result<PortChange, Fault> {
    let text = |field: &str, value: String| {
        let is_set = !value.is_empty();
        mask.pick(field, is_set, value).map(|value| check::text(field, value, check::MAX_TEXT)).transpose()
    };
    let (up, up_is_set) = (port.admin_state_up.unwrap_or(true), port.admin_state_up.is_some());
    let (has_ips, has_mac) = (port.fixed_ips.is_some(), !port.mac_address.is_empty());
    let fixed_ips = mask.pick("fixed_ips", has_ips, port.fixed_ips.unwrap_or_default());
    let mac_address = mask.pick("mac_address", has_mac, port.mac_address);
    Ok(PortChange {
        name: text("name", port.name)?,
        admin_state_up: mask.pick("admin_state_up", up_is_set, up),
        device_id: text("device_id", port.device_id)?,
        device_owner: text("device_owner", port.device_owner)?,
        fixed_ips: fixed_ips.map(wanted_ips).transpose()?,
        mac: mac_address.map(|text| mac(&text)).transpose()?,
    })
}

fn wanted_ips(sent: FixedIps) -> Result<Vec<WantedIp>, Fault> {
    let one = |sent: FixedIp| {
        let subnet_id = (!sent.subnet_id.is_empty()).then(|| reference("fixed_ips", &sent.subnet_id));
        let address = (!sent.address.is_empty()).then(|| check::address("fixed_ips", &sent.address));
        Ok(WantedIp { subnet_id: subnet_id.transpose()?, address: address.transpose()? })
    };
    sent.fixed_ips.into_iter().map(one).collect()
}

fn mac(text: &str) -> Result<Mac, Fault> {
    let mac = Mac::parse(&text.to_lowercase()).filter(|mac| mac.0[0] & 1 == 0);
    mac.ok_or_else(|| check::malformed("mac_address", text, Form::Mac))
}
