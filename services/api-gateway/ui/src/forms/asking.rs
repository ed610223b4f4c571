//! What a form is made with: who asks for it, and what was sent.

use super::Trouble;
use crate::{
    Asked, Dashboard,
    pages::{Query, parts::Reader},
    sent::Material,
    session::Form,
    visit::Visitor,
};

/// Somebody who asks for a form, or sends one.
pub(super) struct Asking<'a> {
    pub(super) dashboard: &'a Dashboard,
    pub(super) visitor: &'a Visitor,
    pub(super) asked: &'a Asked,
    pub(super) query: Query,
    /// None: it is shown for the first time.
    pub(super) sent: Option<Form>,
    /// Of what was sent, what is not shown again.
    pub(super) material: Material,
}

impl Asking<'_> {
    /// What was sent, or at first stands in the address.
    pub(super) fn get(&self, name: &str) -> &str {
        self.sent.as_ref().map_or_else(|| self.query.get(name), |form| form.get(name))
    }

    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let all: Vec<&str> = match &self.sent {
            Some(form) => form.all(name).collect(),
            None => self.query.all(name).collect(),
        };
        all.into_iter().map(str::to_owned).collect()
    }

    /// Whether it is to be done, and not only to be looked at.
    pub(super) fn is_wanted(&self) -> bool {
        self.sent.is_some() && self.get("do") == "make"
    }

    pub(super) fn request<M>(&self, message: M) -> tonic::Request<M> {
        self.visitor.caller.request(message)
    }

    pub(super) const fn reader(&self) -> Reader<'_> {
        Reader { dashboard: self.dashboard, visitor: self.visitor }
    }

    /// By which the same form, sent twice, makes one thing.
    pub(super) fn new_id(&self) -> String {
        let chance = &self.dashboard.chance;
        format!("{:016x}{:016x}", chance.number(), chance.number())
    }

    /// Forms are of who may write.
    ///
    /// # Errors
    /// [`Trouble::ReadOnly`]
    pub(super) fn must_write(&self) -> Result<(), Trouble> {
        if self.visitor.caller.roles().may_write() { Ok(()) } else { Err(Trouble::ReadOnly) }
    }
}
