//! Networks as the intervals of a set.

use ipnet::IpNet;

use crate::wire::Value;

/// Both ends of each; an interval that reaches to the last address has no end. The networks must not overlap.
pub(super) fn intervals(networks: impl Iterator<Item = IpNet>) -> Vec<(Vec<u8>, Value)> {
    let mut networks: Vec<IpNet> = networks.collect();
    networks.sort();
    let mut ends: Vec<(Vec<u8>, Value)> = Vec::new();
    for network in networks {
        let (first, behind) = bounds(network);
        // One that begins where the last one ends goes on with it.
        if ends.last().is_some_and(|(end, value)| *value == Value::End && *end == first) {
            ends.pop();
        } else {
            ends.push((first, Value::Nothing));
        }
        ends.extend(behind.map(|behind| (behind, Value::End)));
    }
    ends
}

/// The first address, and the one behind the last.
fn bounds(network: IpNet) -> (Vec<u8>, Option<Vec<u8>>) {
    match network {
        IpNet::V4(network) => {
            let behind = u32::from(network.broadcast()).checked_add(1);
            (network.network().octets().to_vec(), behind.map(|behind| behind.to_be_bytes().to_vec()))
        }
        IpNet::V6(network) => {
            let behind = u128::from(network.broadcast()).checked_add(1);
            (network.network().octets().to_vec(), behind.map(|behind| behind.to_be_bytes().to_vec()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(networks: &[&str]) -> Vec<(Vec<u8>, Value)> {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        intervals(IpNet::aggregate(&networks).into_iter())
    }

    #[test]
    fn networks_within_and_beside_one_another_are_one_interval() {
        let expected = [(vec![10, 0, 0, 0], Value::Nothing), (vec![10, 0, 3, 0], Value::End)];
        assert_eq!(of(&["10.0.1.7/32", "10.0.0.0/23", "10.0.2.0/24"]), expected);
    }

    #[test]
    fn the_last_interval_may_have_no_end() {
        assert_eq!(of(&["0.0.0.0/0"]), [(vec![0; 4], Value::Nothing)]);
        assert_eq!(of(&["255.0.0.0/8", "10.0.0.0/8"]).len(), 3);
        assert_eq!(of(&["ffff::/16"]).len(), 1);
    }
}
