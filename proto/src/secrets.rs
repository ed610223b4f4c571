//! The secrets that a load balancer names, wherever it does.

use crate::driver::{Listener, LoadBalancer, Pool, Secret};

impl LoadBalancer {
    /// Each of them, with the id of the listener or the pool that names it. One may be named more than once.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let of_listeners = self.listeners.iter().flat_map(|listener| with(&listener.id, listener.secrets()));
        let of_pools = self.pools.iter().flat_map(|pool| with(&pool.id, pool.secrets()));
        of_listeners.chain(of_pools)
    }

    /// Each of them, to be changed.
    pub fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        let of_listeners = self.listeners.iter_mut().filter_map(of_listener);
        of_listeners.chain(self.pools.iter_mut().filter_map(of_pool)).flatten()
    }
}

impl Listener {
    /// Its secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.tls.iter().flat_map(|tls| {
            let single = [&tls.default_certificate, &tls.client_ca, &tls.client_crl];
            single.into_iter().flatten().chain(&tls.sni_certificates)
        })
    }
}

impl Pool {
    /// Its secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.tls.iter().flat_map(|tls| [&tls.client_certificate, &tls.ca, &tls.crl].into_iter().flatten())
    }
}

fn of_listener(listener: &mut Listener) -> Option<Vec<&mut Secret>> {
    let tls = listener.tls.as_mut()?;
    let single = [&mut tls.default_certificate, &mut tls.client_ca, &mut tls.client_crl];
    Some(single.into_iter().flatten().chain(&mut tls.sni_certificates).collect())
}

fn of_pool(pool: &mut Pool) -> Option<Vec<&mut Secret>> {
    let tls = pool.tls.as_mut()?;
    Some([&mut tls.client_certificate, &mut tls.ca, &mut tls.crl].into_iter().flatten().collect())
}

fn with<'a>(owner: &'a str, secrets: impl Iterator<Item = &'a Secret>) -> impl Iterator<Item = (&'a str, &'a Secret)> {
    secrets.map(move |secret| (owner, secret))
}

#[cfg(all(test, feature = "grpc"))]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::driver::{ListenerTls, PoolTls};

    fn secret(name: &str) -> Option<Secret> {
        Some(Secret { reference: name.to_owned(), digest: String::new() })
    }

    fn load_balancer() -> LoadBalancer {
        let of_listener = ListenerTls {
            default_certificate: secret("ListenerTls.default_certificate"),
            sni_certificates: secret("ListenerTls.sni_certificates").into_iter().collect(),
            client_ca: secret("ListenerTls.client_ca"),
            client_crl: secret("ListenerTls.client_crl"),
            ..ListenerTls::default()
        };
        let of_pool = PoolTls {
            client_certificate: secret("PoolTls.client_certificate"),
            ca: secret("PoolTls.ca"),
            crl: secret("PoolTls.crl"),
            ..PoolTls::default()
        };
        LoadBalancer {
            listeners: vec![Listener { id: "l".to_owned(), tls: Some(of_listener), ..Listener::default() }],
            pools: vec![Pool { id: "p".to_owned(), tls: Some(of_pool), ..Pool::default() }],
            ..LoadBalancer::default()
        }
    }

    /// By the schema: a field that is added is missed here.
    #[test]
    fn every_field_of_the_schema_that_names_a_secret_is_seen_and_can_be_changed() {
        let descriptors = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).unwrap();
        let messages = descriptors.file.iter().filter(|file| file.package() == "lbaas.driver.v1");
        let mut named: Vec<String> = messages
            .flat_map(|file| &file.message_type)
            .flat_map(|message| {
                let secrets = message.field.iter().filter(|field| field.type_name() == ".lbaas.driver.v1.Secret");
                secrets.map(|field| format!("{}.{}", message.name(), field.name()))
            })
            .collect();
        named.sort();
        let mut whole = load_balancer();
        let mut seen: Vec<String> = whole.secrets().map(|(_, secret)| secret.reference.clone()).collect();
        seen.sort();
        assert_eq!(seen, named);
        whole.secrets_mut().for_each(|secret| secret.digest = "d".to_owned());
        assert!(whole.secrets().all(|(owner, secret)| secret.digest == "d" && ["l", "p"].contains(&owner)));
    }
}
