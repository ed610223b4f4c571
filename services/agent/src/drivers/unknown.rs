//! What of a load balancer nobody can serve now: it names a secret of which not even the scheduler knows what it is, such as a
//! certificate that an authority has not issued yet. Pure.

use ballast_abi::{DriverError, LoadBalancer, ObjectFault, Secret};

/// The load balancer without such listeners, and without members of pools that name one; and a fault for each of these.
pub(super) fn without_unknown(mut asked: LoadBalancer) -> (LoadBalancer, Vec<ObjectFault>) {
    let mut faults = Vec::new();
    asked.listeners.retain(|listener| {
        let unknown = listener.secrets().find(|secret| secret.digest.is_empty());
        faults.extend(unknown.map(|secret| fault(&listener.id, secret)));
        unknown.is_none()
    });
    for pool in &mut asked.pools {
        let unknown = pool.secrets().find(|secret| secret.digest.is_empty()).map(|secret| fault(&pool.id, secret));
        if let Some(fault) = unknown {
            faults.push(fault);
            (pool.members, pool.tls) = (Vec::new(), None);
        }
    }
    (asked, faults)
}

/// When it is there, there is another order.
fn fault(object_id: &str, secret: &Secret) -> ObjectFault {
    let error = DriverError::unavailable(format!("its certificate is not there yet: {}", secret.reference));
    let error = error.with_retryable(false);
    ObjectFault { object_id: object_id.to_owned(), fault: Some(error.into()) }
}

#[cfg(test)]
mod tests {
    use ballast_abi::{Listener, ListenerTls, Member, Pool, PoolTls};

    use super::*;

    fn named(digest: &str) -> Option<Secret> {
        Some(Secret { reference: "/v1/containers/1".to_owned(), digest: digest.to_owned() })
    }

    fn listener(id: &str, digest: &str) -> Listener {
        let tls = ListenerTls { default_certificate: named(digest), ..ListenerTls::default() };
        Listener { id: id.to_owned(), tls: Some(tls), ..Listener::default() }
    }

    fn pool(id: &str, digest: &str) -> Pool {
        let tls = PoolTls { ca: named(digest), ..PoolTls::default() };
        Pool { id: id.to_owned(), tls: Some(tls), members: vec![Member::default()], ..Pool::default() }
    }

    #[test]
    fn who_names_what_nobody_knows_is_left_out_and_told_and_all_else_is_served() {
        let asked = LoadBalancer {
            listeners: vec![listener("l1", ""), listener("l2", "d"), Listener::default()],
            pools: vec![pool("p1", ""), pool("p2", "d")],
            ..LoadBalancer::default()
        };
        let (left, faults) = without_unknown(asked);
        assert_eq!(left.listeners, [listener("l2", "d"), Listener::default()]);
        assert_eq!(left.pools, [Pool { id: "p1".to_owned(), ..Pool::default() }, pool("p2", "d")]);
        assert_eq!(faults.iter().map(|fault| fault.object_id.as_str()).collect::<Vec<_>>(), ["l1", "p1"]);
    }
}
