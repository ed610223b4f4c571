//! v2's transitions of listeners.

use super::{LoadBalancer, listener_not_found, policies::made};
use crate::{fault::Fault, ids::ListenerId, listener::Listener, status::Progress};

impl LoadBalancer {
    /// Adds a listener.
    ///
    /// # Errors
    /// What it and the other parts do not allow each other.
    pub fn add_listener(mut self, mut listener: Listener) -> Result<Self, Fault> {
        let generation = self.grow();
        listener.progress = Progress::created(generation);
        for policy in &mut listener.policies {
            made(policy, generation);
        }
        self.check_listener(&listener, &self.listeners)?;
        Self::check_certificate(&listener)?;
        self.listeners.push(listener);
        self.check_size()?;
        Ok(self)
    }

    /// Changes a listener.
    ///
    /// # Errors
    /// [`ListenerNotFound`](crate::fault::Code::ListenerNotFound), those of `change`, and as [`Self::add_listener`].
    pub fn change_listener(
        mut self,
        id: ListenerId,
        change: impl FnOnce(&mut Listener) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let generation = self.grow();
        let at = self.listener_at(id)?;
        let mut listener = self.listeners[at].clone();
        change(&mut listener)?;
        listener.progress.touch(generation);
        self.check_listener(&listener, &self.listeners)?;
        self.listeners[at] = listener;
        Ok(self)
    }

    /// Removes a listener with its policies; its default pool stays.
    ///
    /// # Errors
    /// [`ListenerNotFound`](crate::fault::Code::ListenerNotFound)
    pub fn remove_listener(mut self, id: ListenerId) -> Result<Self, Fault> {
        self.grow();
        let at = self.listener_at(id)?;
        self.listeners.remove(at);
        Ok(self)
    }

    pub(super) fn listener_at(&self, id: ListenerId) -> Result<usize, Fault> {
        self.listeners.iter().position(|listener| listener.id == id).ok_or_else(|| listener_not_found(id))
    }
}
