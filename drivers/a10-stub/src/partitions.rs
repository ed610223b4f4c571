//! The tenant's partition: found, or made at first use, and listed.
//!
//! Partitions are never removed: what an administrator has put into one to give it a network is not ours.

use serde_json::{Value, json};

use crate::{
    axapi::session::{SHARED, Session},
    config::Config,
    failure::Failure,
    names,
    unsaved::Unsaved,
};

/// The partition of a project.
pub(crate) fn of(config: &Config, project: &str) -> String {
    if config.partition.is_empty() { names::partition(project) } else { config.partition.clone() }
}

/// All partitions in which load balancers can be.
pub(crate) fn all(config: &Config, session: &Session<'_>) -> Result<Vec<String>, Failure> {
    if !config.partition.is_empty() {
        return Ok(vec![config.partition.clone()]);
    }
    let active = |(name, active): (String, bool)| (active && names::is_partition(&name)).then_some(name);
    Ok(list(session)?.into_iter().filter_map(active).collect())
}

/// Goes to the partition of a new session; makes it when it may and must.
pub(crate) fn enter(
    config: &Config,
    session: &mut Session<'_>,
    partition: &str,
    unsaved: &Unsaved,
) -> Result<(), Failure> {
    let ours = config.partition.is_empty() && config.create_partitions;
    if ours && unsaved.has(SHARED) {
        save(session, unsaved)?;
    }
    match session.select(partition) {
        Err(failure) if failure.is_not_found() && ours => make(session, partition, unsaved)?,
        Err(failure) if failure.is_not_found() => return Err(unusable(partition, "it does not exist")),
        done => return done,
    }
    session.select(partition)
}

fn make(session: &Session<'_>, partition: &str, unsaved: &Unsaved) -> Result<(), Failure> {
    let found = list(session)?.into_iter().find(|(name, _)| name == partition);
    match found {
        Some((_, true)) => return Ok(()),
        Some((_, false)) => return Err(unusable(partition, "an administrator has unloaded it")),
        None => {}
    }
    let reply = session.read("partition-available-id/oper")?;
    let start = &reply["partition-available-id"]["oper"]["range-list"][0]["start"];
    let id = start.as_u64().or_else(|| start.as_str()?.parse().ok());
    let id = id.ok_or_else(|| unusable(partition, "there is no free partition id"))?;
    unsaved.note(SHARED)?;
    let body = json!({"partition": {"partition-name": partition, "id": id, "application-type": "adc"}});
    session.write("POST", "partition", Some(&body))?;
    tracing::info!(partition, id, "partition made");
    save(session, unsaved)
}

/// The list of partitions is part of the shared one's configuration.
fn save(session: &Session<'_>, unsaved: &Unsaved) -> Result<(), Failure> {
    session.save()?;
    unsaved.settle(SHARED)
}

/// Names, and whether they are active.
fn list(session: &Session<'_>) -> Result<Vec<(String, bool)>, Failure> {
    let reply = session.read("partition-all/oper")?;
    let list = reply["partition-all"]["oper"]["partition-list"].as_array().cloned().unwrap_or_default();
    let one = |partition: &Value| {
        Some((partition["partition-name"].as_str()?.to_owned(), partition["status"] != "Not-Active"))
    };
    Ok(list.iter().filter_map(one).collect())
}

fn unusable(name: &str, why: &str) -> Failure {
    Failure::Partition { name: name.to_owned(), why: why.to_owned() }
}
