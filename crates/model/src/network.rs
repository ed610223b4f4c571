//! Networks: how an agent plugs a load balancer in.

use crate::{
    check,
    fault::{Code, Fault},
    ids::NetworkId,
    set,
};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub id: NetworkId,
    pub project_id: String,
    pub name: String,
    pub shared: bool,
    pub admin_state_up: bool,
    pub attachment: Attachment,
}

/// What changes of a network; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkChange {
    pub name: Option<String>,
    pub admin_state_up: Option<bool>,
    pub shared: Option<bool>,
}

impl Network {
    /// Changes what can be changed: not how agents plug in, for they have done so.
    ///
    /// # Errors
    /// [`Code::InvalidField`]
    pub fn change(mut self, change: NetworkChange) -> Result<Self, Fault> {
        if let Some(name) = change.name {
            self.name = check::text("name", name, check::MAX_TEXT)?;
        }
        set(&mut self.admin_state_up, change.admin_state_up);
        set(&mut self.shared, change.shared);
        Ok(self)
    }
}

/// How agents plug into a network: its provider attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// `bridge`, `vlan`, `vxlan`, or empty: a bridge of the network's own.
    pub network_type: String,
    pub physical_network: String,
    pub segmentation_id: u32,
}

impl Attachment {
    /// Checks that the attributes make sense together.
    ///
    /// # Errors
    /// [`Code::InvalidField`]
    pub fn check(self) -> Result<Self, Fault> {
        let (kind, physical, segment) =
            ("provider:network_type", "provider:physical_network", "provider:segmentation_id");
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.physical_network.len() > 64 || !self.physical_network.bytes().all(safe) {
            return Err(Fault::invalid_field(physical, format!("'{}' is not a valid input.", self.physical_network)));
        }
        let (needs_physical, segments) = match self.network_type.as_str() {
            "" => (false, None),
            "bridge" => (true, None),
            "vlan" => (true, Some(1..=4094)),
            "vxlan" => (false, Some(1..=16_777_215)),
            other => {
                return Err(Fault::invalid_field(kind, format!("'{other}' is not in ['bridge', 'vlan', 'vxlan'].")));
            }
        };
        if needs_physical == self.physical_network.is_empty() {
            let verb = if needs_physical { "needs" } else { "takes no" };
            let kind = if self.network_type.is_empty() { "a network without a type" } else { &self.network_type };
            return Err(Fault::invalid_field(physical, format!("{kind} {verb} physical network.")));
        }
        let in_range =
            segments.as_ref().map_or(self.segmentation_id == 0, |range| range.contains(&self.segmentation_id));
        if !in_range {
            let want = segments.map_or("0".to_owned(), |range| format!("{} to {}", range.start(), range.end()));
            return Err(Fault::invalid_field(segment, format!("'{}' is not {want}.", self.segmentation_id)));
        }
        Ok(self)
    }
}

/// There is no such network.
#[must_use]
pub fn network_not_found(id: impl std::fmt::Display) -> Fault {
    Fault::new(Code::NetworkNotFound, format!("Network {id} could not be found."))
}

/// Others use the network: it stays shared.
#[must_use]
pub fn stays_shared(id: NetworkId) -> Fault {
    let message = format!("Unable to reconfigure sharing settings for network {id}. Multiple tenants are using it.");
    Fault::new(Code::SharedInUse, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = Network {
            id: NetworkId::default(),
            project_id: "p".to_owned(),
            name: "n".to_owned(),
            shared: true,
            admin_state_up: true,
            attachment: Attachment::default(),
        };
        assert_eq!(before.clone().change(NetworkChange::default()).unwrap(), before);
        let after = before.clone().change(NetworkChange { shared: Some(false), ..NetworkChange::default() }).unwrap();
        assert_eq!(after, Network { shared: false, ..before.clone() });
        let long = NetworkChange { name: Some("x".repeat(256)), ..NetworkChange::default() };
        assert_eq!(before.change(long).unwrap_err().code(), Code::InvalidField);
    }

    fn attachment(kind: &str, physical: &str, segment: u32) -> Result<Attachment, Fault> {
        let (network_type, physical_network) = (kind.to_owned(), physical.to_owned());
        Attachment { network_type, physical_network, segmentation_id: segment }.check()
    }

    #[test]
    fn attributes_must_make_sense_together() {
        for (kind, physical, segment) in
            [("", "", 0), ("bridge", "physnet1", 0), ("vlan", "physnet1", 4094), ("vxlan", "", 1)]
        {
            assert!(attachment(kind, physical, segment).is_ok(), "{kind}");
        }
        for (kind, physical, segment) in [
            ("gre", "", 1),
            ("", "physnet1", 0),
            ("", "", 5),
            ("bridge", "", 0),
            ("bridge", "a b", 0),
            ("vlan", "physnet1", 0),
            ("vlan", "physnet1", 4095),
            ("vxlan", "physnet1", 7),
        ] {
            assert!(attachment(kind, physical, segment).is_err(), "{kind} {physical} {segment}");
        }
    }
}
