//! A load balancer with all that is in it, gone. One that has served anybody wants its name.

use ballast_proto::v2::{DeleteLoadBalancerRequest, Stats, preview_request::Change};

use super::{Asking, Draft};
use crate::{
    pages::parts::Parts,
    trouble::Trouble,
    view::{
        number::grouped,
        parts::{name_or_id, path_of},
        sheet::{Field, Group, Input, Sheet},
    },
};

pub(super) async fn draft(asking: &Asking<'_>, id: &str) -> Result<Draft, Trouble> {
    let reader = asking.reader();
    let all = reader.all(id).await?;
    asking.must_write()?;
    let stats = reader.stats(id).await?;
    let one = &all.load_balancer;
    let name = name_or_id(&one.name, &one.id);
    let mut draft = Draft::new(format!("Delete {name}"), path_of(id), sheet(asking, &name, &stats));
    draft.objects = goes_along(&all);
    draft.remarks = remarks(&stats, "It is deleted for good, with all that is in it:");
    draft.deletes();
    draft.leads_to = Some("/ui/load-balancers".to_owned());
    let request = DeleteLoadBalancerRequest { id: id.to_owned(), cascade: true, ..Default::default() };
    draft.writes = vec![Change::DeleteLoadBalancer(request)];
    Ok(draft)
}

/// The field that wants the name of what has served anybody.
pub(super) fn sheet(asking: &Asking<'_>, name: &str, stats: &Stats) -> Sheet {
    let has_served = stats.active_connections > 0 || stats.total_connections > 0;
    let field = Field::new("typed", "Its name", Input::Text).hint("As it stands above: it has traffic, or had some.");
    let groups = if has_served { vec![Group::new("To be sure", vec![field])] } else { Vec::new() };
    let mut sheet = Sheet::of(groups, asking.sent.as_ref());
    if has_served && asking.is_wanted() && sheet.get("typed") != name.trim() {
        sheet.blame("typed", &format!("This is not its name, which is {name}. Nothing was deleted."));
    }
    sheet
}

/// What happens to connections, and `what` goes along.
pub(super) fn remarks(stats: &Stats, what: &str) -> Vec<String> {
    let connections = match stats.active_connections {
        0 => "No connection is open.".to_owned(),
        1 => "1 connection is open, and ends.".to_owned(),
        some => format!("{} connections are open, and end.", grouped(some)),
    };
    vec![connections, what.to_owned()]
}

/// `2 members`; none: there are none.
pub(super) fn counted(number: usize, one: &str, several: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {several}")),
    }
}

/// What goes along, as far as there is any.
fn goes_along(all: &Parts) -> Vec<String> {
    let one = &all.load_balancer;
    let vips = one.vip.iter().chain(&one.additional_vips);
    let addresses: Vec<String> = vips.map(|vip| vip.address.clone()).filter(|address| !address.is_empty()).collect();
    let policies = all.listeners.iter().map(|listener| listener.l7policy_ids.len()).sum();
    let members = all.pools.iter().map(|(_, members, _)| members.len()).sum();
    let monitors = all.pools.iter().filter(|(.., monitor)| monitor.is_some()).count();
    let all = [
        counted(all.listeners.len(), "listener", "listeners"),
        counted(policies, "L7 policy", "L7 policies"),
        counted(all.pools.len(), "pool", "pools"),
        counted(members, "member", "members"),
        counted(monitors, "health monitor", "health monitors"),
    ];
    let address = (!addresses.is_empty()).then(|| format!("its address: {}", addresses.join(", ")));
    address.into_iter().chain(all.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::{Listener, LoadBalancer, Member, Pool, Vip};

    use super::*;

    #[test]
    fn what_goes_along_is_counted() {
        let vip = Vip { address: "10.0.0.100".to_owned(), ..Vip::default() };
        let all = Parts {
            load_balancer: LoadBalancer { vip: Some(vip), ..LoadBalancer::default() },
            listeners: vec![Listener { l7policy_ids: vec!["a".to_owned()], ..Listener::default() }],
            pools: vec![(Pool::default(), vec![Member::default(), Member::default()], None)],
        };
        assert_eq!(goes_along(&all), ["its address: 10.0.0.100", "1 listener", "1 L7 policy", "1 pool", "2 members"]);
    }
}
