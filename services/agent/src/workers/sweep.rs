//! Whether a session's scheduler may say what is not to be on this host any more.
//!
//! Only a complete snapshot of the cluster that the ledger belongs to can, from a database that knows no less than it did
//! before, to an agent of the same name: an empty, a new, an older or a wrong database must never empty a host.

/// How the cluster of a session stands to the one of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The ledger is of this cluster.
    Ours,
    /// The ledger was empty when this process started, and is now of this cluster. What drivers already had is nobody's.
    Adopted,
    /// Another cluster: what it desires is deployed, and nothing is removed.
    Foreign,
    /// Ours by its id, and its silence says nothing: its database knows less than it did, as one that was restored or made anew,
    /// or this agent has another name than it had.
    Doubtful,
}

/// What the agent knows of its cluster.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) cluster: Option<String>,
    adopted: bool,
    /// How much its database knew when it was last heard of; 0: nothing was said.
    position: u64,
    /// This agent had another name before.
    renamed: bool,
}

impl Claim {
    pub(crate) fn remembered(cluster: Option<String>, position: u64, renamed: bool) -> Self {
        Self { cluster, adopted: false, position, renamed }
    }

    /// How much the database of this cluster knows. Returns whether that is more than was known.
    pub(crate) fn learn(&mut self, cluster: &str, position: u64) -> bool {
        let more = self.cluster.as_deref() == Some(cluster) && position > self.position;
        if more {
            self.position = position;
        }
        more
    }

    /// What was not named is noted: from now on this database, and this name, are as good as any.
    pub(crate) fn settle(&mut self, position: u64) {
        (self.position, self.renamed) = (position, false);
    }

    /// A scheduler says which cluster it serves, and how much its database knows (0: it does not say). The second value:
    /// whether the ledger must be told.
    pub(crate) fn meet(&mut self, cluster: &str, position: u64) -> (Standing, bool) {
        let new = self.cluster.is_none() && !cluster.is_empty();
        if new {
            self.cluster = Some(cluster.to_owned());
            self.adopted = true;
            // What was known was known of another one.
            self.position = 0;
        }
        let is_less = self.renamed || (position > 0 && position < self.position);
        let standing = match self.cluster.as_deref() {
            // Also of one that met its cluster since it was started.
            Some(known) if known == cluster && is_less && !new => Standing::Doubtful,
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
        Some(Standing::Adopted | Standing::Doubtful) if !unclaimed => Orphan::Unclaim,
        Some(Standing::Ours | Standing::Adopted | Standing::Foreign | Standing::Doubtful) | None => Orphan::LeaveAlone,
    }
}

/// What becomes of a load balancer of the ledger that a complete snapshot does not name.
pub(crate) fn unnamed(standing: Standing, unclaimed: bool) -> Orphan {
    match standing {
        Standing::Ours | Standing::Adopted if !unclaimed => Orphan::Remove,
        Standing::Doubtful if !unclaimed => Orphan::Unclaim,
        Standing::Ours | Standing::Adopted | Standing::Foreign | Standing::Doubtful => Orphan::LeaveAlone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ledger_adopts_the_first_cluster_and_keeps_to_it() {
        let mut claim = Claim::default();
        assert_eq!(claim.meet("", 0), (Standing::Foreign, false));
        assert_eq!(claim.meet("a", 0), (Standing::Adopted, true));
        assert_eq!(claim.meet("b", 0), (Standing::Foreign, false));
        assert_eq!(claim.meet("a", 0), (Standing::Adopted, false));
        assert_eq!(Claim::remembered(claim.cluster, 0, false).meet("a", 0), (Standing::Ours, false));
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
    fn a_database_that_knows_less_than_it_did_and_an_agent_of_another_name_are_doubted_until_that_is_noted() {
        let known = |renamed| Claim::remembered(Some("a".to_owned()), 100, renamed);
        let standing = |mut claim: Claim, position| claim.meet("a", position).0;
        assert_eq!(standing(known(false), 99), Standing::Doubtful);
        assert_eq!(standing(known(false), 100), Standing::Ours);
        assert_eq!(standing(known(false), 0), Standing::Ours, "a former release says nothing");
        assert_eq!(standing(known(true), 200), Standing::Doubtful);
        let mut claim = known(true);
        assert!(!claim.learn("b", 300) && !claim.learn("a", 100) && claim.learn("a", 101));
        claim.settle(7);
        assert_eq!(claim.meet("a", 8), (Standing::Ours, false));
        // One that has met its cluster since it was started doubts it no less.
        let mut new = Claim::default();
        assert_eq!(new.meet("a", 10), (Standing::Adopted, true));
        assert!(new.learn("a", 100));
        assert_eq!(new.meet("a", 99), (Standing::Doubtful, false));
        new.settle(99);
        assert_eq!(new.meet("a", 99), (Standing::Adopted, false));
    }

    #[test]
    fn what_is_not_named_goes_only_where_silence_says_something() {
        for standing in [Standing::Ours, Standing::Adopted] {
            assert_eq!(unnamed(standing, false), Orphan::Remove);
        }
        assert_eq!(unnamed(Standing::Doubtful, false), Orphan::Unclaim);
        assert_eq!(unnamed(Standing::Foreign, false), Orphan::LeaveAlone);
        for standing in [Standing::Ours, Standing::Adopted, Standing::Foreign, Standing::Doubtful] {
            assert_eq!(unnamed(standing, true), Orphan::LeaveAlone, "{standing:?}");
        }
        assert_eq!(orphan(Some(Standing::Doubtful), false), Orphan::Unclaim);
    }
}
