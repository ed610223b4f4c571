//! Who calls, and what he may see.

use ballast_model::{
    check,
    fault::{Facts, Fault, Forbidden, Reason},
};

/// The caller of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub project_id: Option<String>,
    pub admin: bool,
}

impl Caller {
    /// Whether objects of this project exist for him. Another project's object is not there, never forbidden.
    #[must_use]
    pub fn sees(&self, project_id: &str) -> bool {
        self.admin || self.project_id.as_deref() == Some(project_id)
    }

    /// The project whose objects he lists; none: every project's.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        if self.admin { None } else { Some(self.project_id.clone().unwrap_or_default()) }
    }

    /// The project of an object that he makes: the one he asks for, or his own.
    ///
    /// # Errors
    /// When there is none, or it is another's and he is not admin, or too long.
    pub fn project_for(&self, requested: &str) -> Result<String, Fault> {
        if requested.is_empty() {
            return self.project_id.clone().filter(|own| !own.is_empty()).ok_or_else(|| Facts::NoProject.into());
        }
        if self.sees(requested) {
            return check::text("project_id", requested.to_owned(), check::MAX_TEXT);
        }
        Err(Fault::invalid_field("project_id", Reason::AnothersProject))
    }

    /// Refuses an object of another project, as v2 does: there it is forbidden, and not hidden.
    ///
    /// # Errors
    /// [`Forbidden::OthersObject`]
    pub fn must_own(&self, project_id: &str) -> Result<(), Fault> {
        if self.sees(project_id) { Ok(()) } else { Err(Forbidden::OthersObject.into()) }
    }

    /// Refuses everyone but an admin.
    ///
    /// # Errors
    /// [`Forbidden::Action`]
    pub fn must_be_admin(&self, action: &str) -> Result<(), Fault> {
        if self.admin {
            return Ok(());
        }
        Err(Forbidden::Action { action: action.to_owned() }.into())
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::fault::Code;

    use super::*;

    fn tenant() -> Caller {
        Caller { project_id: Some("a".to_owned()), admin: false }
    }

    #[test]
    fn a_tenant_sees_and_makes_his_own_only() {
        assert!(tenant().sees("a") && !tenant().sees("b"));
        assert_eq!(tenant().project_for("").unwrap(), "a");
        assert_eq!(tenant().project_for("b").unwrap_err().code(), Code::InvalidField);
        assert_eq!(tenant().scope().as_deref(), Some("a"));
    }

    #[test]
    fn an_admin_makes_anyones_but_must_say_whose() {
        let admin = Caller { project_id: None, admin: true };
        assert_eq!(admin.project_for("b").unwrap(), "b");
        assert_eq!(admin.project_for("").unwrap_err().code(), Code::MissingField);
    }
}
