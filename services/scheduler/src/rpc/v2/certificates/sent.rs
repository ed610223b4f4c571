//! A certificate as it was sent.

use std::ops::{Deref, DerefMut};

use ballast_proto::v2::Certificate;

/// Dropped, nothing is left of its private key and of what opens it, however that came about.
pub(super) struct Sent(pub(super) Certificate);

impl Deref for Sent {
    type Target = Certificate;

    fn deref(&self) -> &Certificate {
        &self.0
    }
}

impl DerefMut for Sent {
    fn deref_mut(&mut self) -> &mut Certificate {
        &mut self.0
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.0.wipe();
    }
}
