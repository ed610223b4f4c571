//! Making load balancers, with all that is in them.

use ballast_model::{
    fault::{Fault, Missing},
    listener::Vip,
    load_balancer::LoadBalancer,
    parts::Parts,
    provider::Provider,
    quota::Resource,
};
use ballast_store::Tx;

use super::{
    super::{
        App, Come, Ready, Wake, foreign_ports::ForeignPort, networks::copy_subnetwork, ports::again_for_mac,
        secrets::Named, sides::Spare,
    },
    addresses::{self, For, Taken, TakenPort, WantedAddresses, key_of},
    read::Seen,
    write::Write,
};

/// Names by which clients of Octavia ask for whatever runs load balancers here.
const ALIASES: [&str; 3] = ["amphora", "octavia", "amphorav2"];

/// A load balancer as a caller asks for it: without its addresses, which are found, and with the provider as it was asked for.
#[derive(Debug, Clone)]
pub struct NewLoadBalancer {
    pub load_balancer: LoadBalancer,
    /// Whether a provider was asked for by its name.
    pub is_provider_named: bool,
    pub addresses: WantedAddresses,
}

impl App {
    /// The provider of this name, and the name under which it is shown, where that is another one; the default one where
    /// none is named.
    ///
    /// # Errors
    /// [`Missing::Provider`], [`Missing::DefaultProvider`]
    pub fn provider_of(&self, name: &str) -> Result<(&Provider, Option<String>), Fault> {
        if let Some(known) = self.providers.iter().find(|known| known.name == name) {
            return Ok((known, None));
        }
        if !name.is_empty() && !ALIASES.contains(&name) {
            return Err(Missing::Provider { provider: name.to_owned() }.into());
        }
        let default = self.providers.iter().find(|known| known.default).ok_or(Missing::DefaultProvider)?;
        Ok((default, (!name.is_empty()).then(|| name.to_owned())))
    }

    /// Makes a load balancer and places it. With no agent that could run it now it is in ERROR until one can.
    ///
    /// # Errors
    /// What quotas, addresses and its parts do not allow; a feature that no driver has.
    pub async fn create_load_balancer(&self, write: Write<'_>, new: NewLoadBalancer) -> Result<Seen, Fault> {
        addresses::check(&new.addresses)?;
        if !write.validate_only {
            self.admit_references(None, &new.load_balancer).await?;
        }
        let foreign = self.network.subnetwork_named(new.addresses.named()).await?;
        let foreign = foreign.as_ref();
        let port = match foreign {
            Some(subnetwork) if !write.validate_only => {
                self.make_port_elsewhere(write.caller, &new, subnetwork).await?
            }
            _ => None,
        };
        let spares = self.spares_of_new(&new, port.as_ref()).await;
        let (random, spares) = (self.chance.number(), spares?);
        let given = &Given { new: &new, port: port.as_ref(), spares: &spares, random };
        let create = self.store.write(|tx, _| {
            Box::pin(async move {
                if !write.validate_only {
                    tx.claim(write.claim).await?;
                }
                copy_subnetwork(tx, foreign).await?;
                self.insert(tx, write, given).await
            })
        });
        let created = create.await;
        if let (Err(_), Some(_), Some(subnetwork)) = (&created, &port, foreign) {
            self.give_up_port(key_of(new.load_balancer.id), subnetwork.subnet.id).await;
        }
        self.give_back_spares(&spares).await;
        let (made, wake, ready) = created?;
        if !write.validate_only {
            self.tell_keepers(made.id, &made.project_id, &Named::new(), &made.references());
        }
        match ready {
            Some(ready) => self.wakes.tell(ready),
            None => self.wake(wake),
        }
        Ok(Seen { load_balancer: made.into(), is_run: wake.is_some() })
    }

    async fn insert(
        &self,
        tx: &Tx,
        write: Write<'_>,
        given: &Given<'_>,
    ) -> Result<(LoadBalancer, Option<Wake>, Option<Ready>), Fault> {
        let mut made = given.new.load_balancer.clone();
        let owner = For {
            caller: write.caller,
            id: made.id,
            project_id: &given.new.load_balancer.project_id,
            port_id: self.new_id(),
            made: given.port,
        };
        self.admit(tx, Resource::LoadBalancer, &made.project_id).await?;
        self.choose(tx, &mut made, given.new.is_provider_named).await?;
        let Taken { vip, port, network } = self.take_addresses(tx, &given.new.addresses, &owner).await?;
        made.vip = Some(vip);
        let made = made.assembled()?;
        let empty = LoadBalancer { listeners: Parts::default(), pools: Parts::default(), ..made.clone() };
        self.admit_more(tx, &empty, &made).await?;
        self.check_features(None, &made)?;
        self.check_references(tx, None, &made, write.validate_only).await?;
        let made = made.stamped(None, self.now());
        if write.validate_only {
            tx.give_up_addresses();
            self.foresee_quotas(tx, None, Some(&made)).await?;
            self.foresee_whole(|| Come::Placed(self.would_be_placed(&made, network.as_ref())));
            return Ok((made, None, None));
        }
        for association in made.pools.iter().flat_map(|pool| pool.monitors.iter()) {
            tx.insert_monitor(&association.monitor).await?;
        }
        let (made, placed) = self.insert_placed(tx, made, network.as_ref(), given.random).await?;
        // An agent that has a session here is told at once: noting it now spares the write before that.
        let binding = placed.ok();
        let told = binding.as_ref().is_some_and(|binding| self.wakes.has_session(binding.agent_id));
        let ready = match port {
            TakenPort::New(port) => {
                tx.insert_vip_port(&port, told).await.map_err(again_for_mac)?;
                // The whole of one that has sides is there a moment later.
                let told = told && !made.has_standby();
                self.ready(tx, &made, binding.as_ref().filter(|_| told)).await?
            }
            TakenPort::Given { before, after } => {
                tx.save_port(&before, &after).await?;
                None
            }
        };
        if let Some(binding) = binding.as_ref().filter(|_| made.has_standby()) {
            self.begin_sides(tx, &made, binding, given.spares).await?;
        }
        Ok((made, binding.as_ref().map(Wake::from), ready))
    }

    /// What another service makes for its sides, where its flavor says that it has two.
    async fn spares_of_new(&self, new: &NewLoadBalancer, port: Option<&ForeignPort>) -> Result<Vec<Spare>, Fault> {
        let Some(ForeignPort { subnetwork, port }) = port else { return Ok(Vec::new()) };
        let mut made = new.load_balancer.clone();
        let choose = self.store.read(|tx, _| {
            let mut made = made.clone();
            Box::pin(async move {
                self.choose(tx, &mut made, new.is_provider_named).await?;
                Ok(made.topology)
            })
        });
        // What is wrong with the flavor is said when the load balancer is made.
        made.topology = choose.await.unwrap_or_default();
        made.vip = Some(Vip {
            subnet_id: subnetwork.subnet.id,
            network_id: subnetwork.network.id,
            port_id: port.id,
            address: port.address,
            mac: port.mac,
            additional: Vec::new(),
        });
        let spares = self.spare_ports(&made, 2).await;
        if spares.is_err() {
            self.give_up_port(key_of(made.id), subnetwork.subnet.id).await;
        }
        spares
    }
}

/// What a load balancer is made of, beside its own.
struct Given<'a> {
    new: &'a NewLoadBalancer,
    /// That another service has made for it.
    port: Option<&'a ForeignPort>,
    /// The same for its sides.
    spares: &'a [Spare],
    random: u64,
}
