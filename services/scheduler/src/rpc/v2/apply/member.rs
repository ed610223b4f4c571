//! Members.

use std::net::IpAddr;

use ballast_model::{
    check,
    fault::{Fault, Reason},
    ids::MemberId,
    member::Member,
};
use ballast_proto::v2;
use prost_types::FieldMask;

use super::{
    super::super::decode::{Mask, required},
    Fields, optional_id,
};

/// What of a member can change.
pub(in super::super) const MEMBER: [&str; 7] =
    ["name", "admin_state_up", "tags", "weight", "backup", "monitor_address", "monitor_port"];

/// What the fields say of the member.
pub(in super::super) fn member(fields: &Fields<'_>, sent: &v2::Member, target: &mut Member) -> Result<(), Fault> {
    fields.text("name", &sent.name, &mut target.name)?;
    fields.flag("admin_state_up", sent.admin_state_up, true, &mut target.admin_state_up);
    fields.tags(&sent.tags, &mut target.labels)?;
    if fields.has("weight", sent.weight.is_some()) {
        target.weight = check::weight("weight", sent.weight.unwrap_or(1))?;
    }
    if fields.has("backup", sent.backup) {
        target.backup = sent.backup;
    }
    if fields.has("monitor_address", !sent.monitor_address.is_empty()) {
        let text = sent.monitor_address.as_str();
        let address = match text {
            "" => None,
            text => Some(check::member_address("monitor_address", text)?),
        };
        target.monitor_address = address;
        target.monitor_written = address.and_then(|address| other_form(address, text));
    }
    if fields.has("monitor_port", sent.monitor_port != 0) {
        target.monitor_port = match sent.monitor_port {
            0 => None,
            port => Some(check::port_of_v2("monitor_port", port)?),
        };
    }
    Ok(())
}

/// What was given, where it is not the canonical form of the address.
fn other_form(address: IpAddr, given: &str) -> Option<String> {
    (address.to_string() != given).then(|| given.to_owned())
}

/// A new member of this project.
pub(in super::super) fn new_member(id: MemberId, project_id: &str, sent: &v2::Member) -> Result<Member, Fault> {
    if sent.address.is_empty() {
        return Err(Fault::missing_field("address"));
    }
    let address = check::member_address("address", &sent.address)?;
    // Where hosts are shared, what answers there is the host's.
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if is_link_local {
        let (value, kind) = (sent.address.clone(), "link-local".to_owned());
        return Err(Fault::invalid_field("address", Reason::NoMembersAddress { value, kind }));
    }
    let port = check::port_of_v2("protocol_port", required("protocol_port", sent.protocol_port)?)?;
    let mut made = Member::new(id, project_id.to_owned(), address, port);
    made.written = other_form(address, &sent.address);
    made.subnet_id = optional_id("subnet_id", &sent.subnet_id)?;
    member(&Fields(&Mask::all(&MEMBER)), sent, &mut made)?;
    Ok(made)
}

/// What a member that is there takes of one in a batch: the defaults of a create for what is absent, but for its name, its tags
/// and its subnet.
pub(in super::super) fn given_of_member(
    given: Option<&FieldMask>,
    sent: &v2::Member,
    target: &mut Member,
) -> Result<(), Fault> {
    let named = |field: &str, is_set: bool| match given {
        Some(mask) => mask.paths.iter().any(|path| path == field),
        None => is_set,
    };
    let mut fields = vec!["admin_state_up", "weight", "backup", "monitor_address", "monitor_port"];
    if named("name", !sent.name.is_empty()) {
        fields.push("name");
    }
    if named("tags", !sent.tags.is_empty()) {
        fields.push("tags");
    }
    if named("subnet_id", !sent.subnet_id.is_empty()) {
        target.subnet_id = optional_id("subnet_id", &sent.subnet_id)?;
    }
    member(&Fields(&Mask::all(&fields)), sent, target)
}
