//! Where addresses are from. Only named by others here.

use crate::v2::noun::Collection;

pub(super) const SUBNETS: Collection = Collection {
    path: "subnets",
    wrappers: ("subnet", "subnets"),
    key: "id",
    is_named: true,
    one: "subnet",
    many: "subnets",
};

pub(super) const NETWORKS: Collection = Collection {
    path: "networks",
    wrappers: ("network", "networks"),
    key: "id",
    is_named: true,
    one: "network",
    many: "networks",
};
