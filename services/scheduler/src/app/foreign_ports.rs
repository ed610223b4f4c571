//! Vips on networks that another service keeps: what is asked of it before and after a transaction, and what is left
//! over when something breaks off in between.
//!
//! A port that the service may have is noted as a stray before it is asked for, and the vip's own transaction takes the
//! note out. Who ends a vip notes its port again. [`App::sweep_ports`] removes what is noted, once no agent answers at
//! its address any more.

use std::time::Duration;

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, PortId, SubnetId},
    listener::Vip,
    network::Subnetwork,
    subnet::subnet_not_found,
    time::Timestamp,
};
use ballast_store::Tx;
use tokio_util::sync::CancellationToken;

use super::{App, Caller, WantedVip, load_pool, plugging::on_host, vips::check_wanted};
use crate::{
    metrics::Led,
    network::{MadePort, WantedPort},
};

/// How long a port may be asked for before its note counts: far longer than any call takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often left-over ports are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// A port that another service has made for a vip, and where.
pub(super) struct ForeignPort {
    pub(super) subnetwork: Subnetwork,
    pub(super) port: MadePort,
}

impl App {
    /// Makes the port of a new vip on a network of another service, and notes it.
    pub(super) async fn make_foreign_port(
        &self,
        caller: &Caller,
        wanted: &WantedVip,
        subnetwork: Subnetwork,
    ) -> Result<Option<ForeignPort>, Fault> {
        let Subnetwork { network, subnet } = &subnetwork;
        if !network.shared && !caller.sees(&network.project_id) {
            return Err(subnet_not_found(subnet.id));
        }
        check_wanted(caller, wanted, &subnetwork)?;
        let host = self.store.read(|tx, _| Box::pin(host_for(tx, caller, wanted))).await?;
        let port = WantedPort {
            vip_id: wanted.id,
            project_id: wanted.project_id.clone(),
            network_id: network.id,
            subnet_id: subnet.id,
            address: wanted.address,
            host,
            also: None,
        };
        let port = self.make_noted_port(&port).await?;
        Ok(port.map(|port| ForeignPort { subnetwork, port }))
    }

    /// Makes a port on a network of another service, and notes it first.
    pub(super) async fn make_noted_port(&self, wanted: &WantedPort) -> Result<Option<MadePort>, Fault> {
        self.note_stray(wanted.vip_id, wanted.subnet_id, self.later()).await?;
        self.network.make_port(wanted).await
    }

    /// The vip that the port was made for is not there: it may be removed at once.
    pub(super) async fn give_up_port(&self, vip_id: ListenerId, subnet_id: SubnetId) {
        if let Err(fault) = self.note_stray(vip_id, subnet_id, self.now()).await {
            tracing::warn!(vip.id = %vip_id, detail = fault.detail(), "its port is removed later: {fault}");
        }
    }

    async fn note_stray(&self, vip_id: ListenerId, subnet_id: SubnetId, since: Timestamp) -> Result<(), Fault> {
        self.store.write(|tx, _| Box::pin(tx.note_stray_port(vip_id, subnet_id, None, since))).await
    }

    fn later(&self) -> Timestamp {
        let patience = i64::try_from(PATIENCE.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.now().0.saturating_add(patience))
    }

    /// In the transaction that ends a vip: another service's port of it is left over.
    pub(super) async fn leave_port(&self, tx: &Tx, vip_id: ListenerId, vip: &Vip) -> Result<(), Fault> {
        if self.network.must_be_ours().is_ok() {
            return Ok(());
        }
        tx.note_stray_port(vip_id, vip.subnet_id, Some(vip.address), self.now()).await
    }

    /// In the transaction of deploys on a host: those of the vips' ports that say that they are plugged in on another
    /// one, each with the host. Where the store keeps them, they say so from now on.
    pub(super) async fn plugged(&self, tx: &Tx, host: &str, ports: &[PortId]) -> Result<Vec<(PortId, String)>, Fault> {
        let elsewhere = tx.ports_not_on(host, ports).await?;
        if self.network.must_be_ours().is_err() {
            return Ok(elsewhere.into_iter().map(|port| (port.id, host.to_owned())).collect());
        }
        for port in elsewhere {
            tx.save_port(&port, &on_host(port.clone(), host)).await?;
        }
        Ok(Vec::new())
    }

    /// Removes ports of another service that nobody needs; how many there were.
    ///
    /// # Errors
    /// When the store fails, or the service does.
    pub async fn sweep_ports(&self) -> Result<usize, Fault> {
        let now = self.now();
        let strays = self.store.read(|tx, _| Box::pin(tx.stray_ports(now))).await?;
        for vip_id in &strays {
            self.network.remove_port(*vip_id).await?;
            self.store.write(|tx, _| Box::pin(tx.forget_stray_port(*vip_id))).await?;
            tracing::info!(vip.id = %vip_id, "a port that nobody needs was removed");
        }
        Ok(strays.len())
    }

    /// Sweeps until the end, where there can be something to sweep.
    pub async fn keep_sweeping(&self, shutdown: CancellationToken) {
        if self.network.must_be_ours().is_ok() {
            return;
        }
        while !shutdown.is_cancelled() {
            self.metrics.worked(Led::Sweeping);
            if let Err(fault) = self.sweep_ports().await {
                tracing::warn!(detail = fault.detail(), "ports that nobody needs stay: {fault}");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
    }
}

/// Where the vip's pool is, when a vip may be made of it at all.
async fn host_for(tx: &Tx, caller: &Caller, wanted: &WantedVip) -> Result<Option<String>, Fault> {
    let pool = load_pool(tx, caller, wanted.pool_id).await?;
    pool.load_balancer.check_vip(wanted.protocol, &wanted.project_id)?;
    let Some(binding) = pool.binding else { return Ok(None) };
    Ok(tx.agent(binding.agent_id).await?.map(|agent| agent.host))
}

#[cfg(test)]
mod tests;
