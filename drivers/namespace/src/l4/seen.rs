//! What is there of a load balancer's rules: what the table says, and what was noted of it.

use ballast_l4::{
    desired::Service,
    layout::{Layout, Marker},
    netlink::Netfilter,
    plan, table,
};

use super::{Forwarded, kept::Kept, rules::close};
use crate::failure::Failure;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub table: plan::Observed,
    /// `None`: nothing is noted, or it cannot be understood.
    pub kept: Option<Kept>,
}

impl Seen {
    /// Looks in the namespace of the calling thread.
    pub fn find(kept: Option<Kept>) -> Result<Self, Failure> {
        let mut netfilter = Netfilter::open()?;
        let seen = Self::look(&mut netfilter, kept);
        close(netfilter);
        seen
    }

    /// The same with a socket of that namespace.
    pub fn look(netfilter: &mut Netfilter, kept: Option<Kept>) -> Result<Self, Failure> {
        let counters = table::counters(netfilter)?;
        let members = if counters.is_empty() { None } else { table::members(netfilter)? };
        let torn = match &kept {
            Some(kept) if !counters.is_empty() => kept.is_torn(table::rules(netfilter)?),
            Some(_) | None => false,
        };
        let seen = Self::without_table(kept);
        Ok(Self { table: plan::Observed { counters, members, torn, ..seen.table }, ..seen })
    }

    /// There is no namespace.
    pub fn without_table(kept: Option<Kept>) -> Self {
        let noted = kept.as_ref().and_then(|kept| kept.layout.clone());
        let counts = kept.as_ref().map(Kept::counts).unwrap_or_default();
        Self { table: plan::Observed { noted, kept: counts, ..plan::Observed::default() }, kept }
    }

    /// A table of ours.
    pub fn has_table(&self) -> bool {
        self.table.counters.keys().any(|name| Marker::parse(name).is_some())
    }

    /// The table sends something on, as far as that is known.
    pub fn forwards(&self) -> bool {
        let noted = self.kept.as_ref().and_then(|kept| kept.layout.as_ref());
        self.has_table() && noted.is_none_or(Layout::forwards)
    }

    /// There is a table, or it is noted that there is to be one.
    pub fn is_any(&self) -> bool {
        self.has_table() || self.kept.as_ref().is_some_and(|kept| kept.asked.is_some() || !kept.settled)
    }

    /// Whether what is asked for runs, and all that comes after it was done. `service`: the same with what is known now;
    /// `None`: as it was when it was done.
    pub fn runs(&self, asked: &Forwarded, service: Option<&Service>) -> bool {
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.settled && kept.asked.as_ref() == Some(asked)) else {
            return false;
        };
        let Some(running) = self.table.running() else { return false };
        let is = |service: &Service| {
            let mut numbers = kept.numbers.clone();
            Layout::next(Some(running), service, &mut numbers).is_ok_and(|next| next == *running)
        };
        service.is_none_or(is)
    }
}
