//! Members that are the load balancer itself.
//!
//! What is sent to one comes back as a new request, again and again: one connection would take all that there is. No driver
//! can serve it, whatever it drives. Load balancers that send to each other cannot be told by what one of them asks for.

use std::net::IpAddr;

use crate::{LoadBalancer, Member};

/// Whether what this member gets comes back to a listener of its own load balancer.
#[must_use]
pub fn comes_back(load_balancer: &LoadBalancer, member: &Member) -> bool {
    let address = |text: &str| text.parse().map(|address: IpAddr| address.to_canonical()).ok();
    let vips = load_balancer.vip.iter().chain(&load_balancer.additional_vips);
    let vips: Vec<IpAddr> = vips.filter_map(|vip| address(&vip.address)).collect();
    if vips.is_empty() {
        return false;
    }
    let Some(to) = address(&member.address) else { return false };
    // Where no address is said, it is that which the client has used; the same with ports.
    let here = vips.contains(&to) || to.is_unspecified();
    let listened = |port| load_balancer.listeners.iter().any(|listener| listener.protocol_port == port);
    here && (member.protocol_port == 0 || listened(member.protocol_port))
}

#[cfg(test)]
mod tests {
    use crate::{Listener, Vip};

    use super::*;

    #[test]
    fn a_member_that_is_its_own_load_balancer_is_found_in_every_form() {
        let table = [
            ("10.0.0.4", "10.0.0.4", 80, true),
            ("10.0.0.4", "10.0.0.4", 443, true),
            ("10.0.0.4", "10.0.0.4", 0, true),
            ("10.0.0.4", "::ffff:10.0.0.4", 80, true),
            ("::ffff:10.0.0.4", "10.0.0.4", 80, true),
            ("10.0.0.4", "0.0.0.0", 80, true),
            ("10.0.0.4", "::", 80, true),
            ("10.0.0.4", "::ffff:0.0.0.0", 80, true),
            ("fd00::4", "fd00::4", 80, true),
            ("fd00::4", "fd00:0:0:0::0004", 80, true),
            ("fd00::4", "FD00::4", 80, true),
            ("fd00::4", "::", 80, true),
            ("10.0.0.4", "10.0.0.4", 81, false),
            ("10.0.0.4", "10.0.0.5", 80, false),
            ("10.0.0.4", "fd00::4", 80, false),
            ("fd00::4", "fd00::5", 80, false),
            ("10.0.0.4", "no address", 80, false),
        ];
        for (vip, address, protocol_port, expected) in table {
            let listener = |protocol_port| Listener { protocol_port, ..Listener::default() };
            let load_balancer = LoadBalancer {
                vip: Some(Vip { address: vip.into(), ..Vip::default() }),
                listeners: vec![listener(80), listener(443)],
                ..LoadBalancer::default()
            };
            let member = Member { address: address.into(), protocol_port, ..Member::default() };
            assert_eq!(comes_back(&load_balancer, &member), expected, "{vip} with {address}:{protocol_port}");
            let unplugged = LoadBalancer { vip: None, ..load_balancer };
            assert!(!comes_back(&unplugged, &member), "without a VIP");
        }
    }
}
