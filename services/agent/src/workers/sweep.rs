//! Whether a session's scheduler may say what is not to be on this host any more.
//!
//! Only a complete snapshot of the cluster that the ledger belongs to can: an empty, a new or a wrong database must
//! never empty a host.

/// How the cluster of a session stands to the one of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The ledger is of this cluster.
    Ours,
    /// The ledger was empty when this process started, and is now of this cluster. What drivers already had is nobody's.
    Adopted,
    /// Another cluster: what it desires is deployed, and nothing is removed.
    Foreign,
}

/// What the agent knows of its cluster.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) cluster: Option<String>,
    adopted: bool,
}

impl Claim {
    pub(crate) fn remembered(cluster: Option<String>) -> Self {
        Self { cluster, adopted: false }
    }

    /// A scheduler says which cluster it serves. The second value: whether the ledger must be told.
    pub(crate) fn meet(&mut self, cluster: &str) -> (Standing, bool) {
        let new = self.cluster.is_none() && !cluster.is_empty();
        if new {
            self.cluster = Some(cluster.to_owned());
            self.adopted = true;
        }
        let standing = match self.cluster.as_deref() {
            Some(known) if known == cluster && self.adopted => Standing::Adopted,
            Some(known) if known == cluster => Standing::Ours,
            _ => Standing::Foreign,
        };
        (standing, new)
    }
}

/// What to do about a load balancer that a driver has and nobody desires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orphan {
    Remove,
    /// Remember that it is nobody's, and say so.
    Unclaim,
    LeaveAlone,
}

/// `complete`: the standing of the session, once its snapshot is complete. `unclaimed`: it is known to be nobody's.
pub(crate) fn orphan(complete: Option<Standing>, unclaimed: bool) -> Orphan {
    match complete {
        Some(Standing::Ours) if !unclaimed => Orphan::Remove,
        Some(Standing::Adopted) if !unclaimed => Orphan::Unclaim,
        Some(Standing::Ours | Standing::Adopted | Standing::Foreign) | None => Orphan::LeaveAlone,
    }
}

/// Whether load balancers of the ledger that a complete snapshot does not name are removed.
pub(crate) fn may_remove_unnamed(standing: Standing) -> bool {
    match standing {
        Standing::Ours | Standing::Adopted => true,
        Standing::Foreign => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ledger_adopts_the_first_cluster_and_keeps_to_it() {
        let mut claim = Claim::default();
        assert_eq!(claim.meet(""), (Standing::Foreign, false));
        assert_eq!(claim.meet("a"), (Standing::Adopted, true));
        assert_eq!(claim.meet("b"), (Standing::Foreign, false));
        assert_eq!(claim.meet("a"), (Standing::Adopted, false));
        assert_eq!(Claim::remembered(claim.cluster).meet("a"), (Standing::Ours, false));
    }

    #[test]
    fn an_orphan_is_removed_only_after_a_complete_snapshot_of_the_cluster_that_made_it() {
        assert_eq!(orphan(None, false), Orphan::LeaveAlone);
        assert_eq!(orphan(Some(Standing::Foreign), false), Orphan::LeaveAlone);
        assert_eq!(orphan(Some(Standing::Adopted), false), Orphan::Unclaim);
        assert_eq!(orphan(Some(Standing::Ours), false), Orphan::Remove);
        assert_eq!(orphan(Some(Standing::Ours), true), Orphan::LeaveAlone);
    }

    #[test]
    fn a_foreign_snapshot_removes_nothing_by_what_it_does_not_name() {
        assert!(!may_remove_unnamed(Standing::Foreign));
        assert!(may_remove_unnamed(Standing::Ours) && may_remove_unnamed(Standing::Adopted));
    }
}
