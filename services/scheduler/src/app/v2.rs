//! v2's use cases: load balancers with many listeners and pools. A write is one transition of one load balancer in one
//! transaction, whatever part of it changes.

mod addresses;
mod certificates;
mod choice;
mod create;
mod delete;
mod events;
mod flavors;
mod history;
mod monitors;
mod profiles;
mod quotas;
mod read;
mod sides;
mod write;
mod zones;

pub use addresses::{WantedAddress, WantedAddresses};
pub use certificates::{CertificateChange, NewCertificate, Supply};
pub use create::NewLoadBalancer;
pub use events::ObjectOfV2;
pub use history::{Known, RevisionChange};
pub use read::{Listed, Seen, Target};
pub use sides::{ShownSide, ShownSides};
pub use write::Write;
pub(super) use write::parts_of;
