//! Kinds of objects that events tell of.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[value(aliases = ["lb", "load-balancer", "load-balancers", "loadbalancers"])]
    Loadbalancer,
    #[value(alias = "listeners")]
    Listener,
    #[value(alias = "pools")]
    Pool,
    #[value(alias = "members")]
    Member,
    #[value(aliases = ["monitor", "monitors", "healthmonitors"])]
    Healthmonitor,
    #[value(alias = "l7policies")]
    L7policy,
}

impl Kind {
    /// As the API calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Loadbalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::Healthmonitor => "healthmonitor",
            Self::L7policy => "l7policy",
        }
    }

    /// The kind that one object of REST is wrapped in.
    pub(crate) fn of_wrapper(wrapper: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|kind| kind.name() == wrapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_typed_as_nouns_are() {
        for (typed, name) in
            [("lb", "loadbalancer"), ("members", "member"), ("monitors", "healthmonitor"), ("pool", "pool")]
        {
            assert_eq!(Kind::from_str(typed, false).unwrap().name(), name);
        }
        for kind in Kind::value_variants() {
            assert_eq!(Kind::from_str(kind.name(), false).unwrap(), *kind);
            assert_eq!(Kind::of_wrapper(kind.name()), Some(*kind));
        }
        assert_eq!(Kind::of_wrapper("quota"), None);
    }
}
