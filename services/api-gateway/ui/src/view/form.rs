//! A form, beside what it would do.

use askama::Template;

use super::{plan::Plan, sheet::Sheet};

/// A page with a form.
#[derive(Template)]
#[template(path = "form.html")]
pub(crate) struct FormPage {
    pub(crate) title: String,
    /// What is to be known before.
    pub(crate) remarks: Vec<String>,
    /// Objects that it is about, each in a line.
    pub(crate) objects: Vec<String>,
    /// Where it is sent.
    pub(crate) action: String,
    pub(crate) hidden: Vec<(&'static str, String)>,
    pub(crate) sheet: Sheet,
    /// What its button says.
    pub(crate) verb: &'static str,
    /// It takes something away for good.
    pub(crate) is_danger: bool,
    /// Where it leads when nothing is done.
    pub(crate) back: String,
    pub(crate) plan: Plan,
}
