//! The schema, as the steps that make it. A step that has been released is never changed: another one follows it.
//!
//! The table `guard` is used no more. Schedulers of 0.2.0, which may run until they are upgraded, write to it: it goes
//! later.

mod m0001_load_balancers;
mod m0002_placement;
mod m0003_networks;
mod m0004_quotas_and_ports;
mod m0005_events;
mod m0006_counted_before;
mod m0007_pool_providers;
mod m0009_hold_projects;
mod m0010_ports_told;
mod m0011_many_listeners;
mod m0012_stamps;
mod m0013_agent_sessions;
mod m0014_first_stamps;
mod m0015_v2;
mod m0016_mtu;
mod m0017_handovers;
mod m0018_parts_counted;
mod m0019_causes;
mod m0020_revisions;
mod m0022_certificates;
mod m0023_secrets;
mod m0024_barbican;
mod m0025_acme;
mod m0027_schedulers;
mod m0028_lead;
mod m0030_sides;
mod m0031_successors;
mod m0032_scheduler_start;
mod m0033_unclaimed;
mod table;
#[cfg(test)]
mod tests;

use sea_orm_migration::prelude::*;

/// The steps, in order.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_load_balancers::Migration),
            Box::new(m0002_placement::Migration),
            Box::new(m0003_networks::Migration),
            Box::new(m0004_quotas_and_ports::Migration),
            Box::new(m0005_events::Migration),
            Box::new(m0006_counted_before::Migration),
            Box::new(m0007_pool_providers::Migration),
            Box::new(m0009_hold_projects::Migration),
            Box::new(m0010_ports_told::Migration),
            Box::new(m0011_many_listeners::Migration),
            Box::new(m0012_stamps::Migration),
            Box::new(m0013_agent_sessions::Migration),
            Box::new(m0014_first_stamps::Migration),
            Box::new(m0015_v2::Migration),
            Box::new(m0016_mtu::Migration),
            Box::new(m0017_handovers::Migration),
            Box::new(m0018_parts_counted::Migration),
            Box::new(m0019_causes::Migration),
            Box::new(m0020_revisions::Migration),
            Box::new(m0022_certificates::Migration),
            Box::new(m0023_secrets::Migration),
            Box::new(m0024_barbican::Migration),
            Box::new(m0025_acme::Migration),
            Box::new(m0027_schedulers::Migration),
            Box::new(m0028_lead::Migration),
            Box::new(m0030_sides::Migration),
            Box::new(m0031_successors::Migration),
            Box::new(m0032_scheduler_start::Migration),
            Box::new(m0033_unclaimed::Migration),
        ]
    }
}
