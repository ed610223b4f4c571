//! No capability, and none to be had; or a single one.

use std::io;

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use rustix::thread::{CapabilitiesSecureBits, set_capabilities_secure_bits};

/// A process is started as another user by these, which go with the change.
const CHANGE_USER: [Capability; 2] = [Capability::CAP_SETUID, Capability::CAP_SETGID];

pub(super) fn has(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

/// Whatever is run from here on has no capability but this one, not by its file and not as root.
pub(super) fn bound(kept: Option<Capability>) -> io::Result<()> {
    let bound = || -> Result<(), CapsError> {
        for capability in caps::runtime::thread_all_supported() {
            if Some(capability) != kept {
                caps::drop(None, CapSet::Bounding, capability)?;
            }
        }
        Ok(())
    };
    bound().map_err(io::Error::other)
}

/// `kept`: what goes along to what is started, also as another user.
pub(super) fn keep_to_change_user(changes: bool, kept: Option<Capability>) -> io::Result<()> {
    if kept.is_some() {
        // Else it goes with the change of user.
        set_capabilities_secure_bits(CapabilitiesSecureBits::NO_SETUID_FIXUP)?;
    }
    let keep = || -> Result<(), CapsError> {
        let permitted = caps::read(None, CapSet::Permitted)?;
        let along: CapsHashSet = kept.into_iter().collect();
        let own: CapsHashSet = CHANGE_USER.into_iter().filter(|_| changes).chain(kept).collect();
        let own = permitted.intersection(&own).copied().collect();
        caps::set(None, CapSet::Inheritable, &along)?;
        caps::set(None, CapSet::Effective, &own)?;
        caps::set(None, CapSet::Permitted, &own)?;
        kept.map_or(Ok(()), |kept| caps::raise(None, CapSet::Ambient, kept))
    };
    keep().map_err(io::Error::other)
}

/// Whether it is this one alone, or none.
pub(super) fn is_only(bounding: u64, kept: Option<Capability>) -> bool {
    bounding == kept.map_or(0, |kept| kept.bitmask())
}
