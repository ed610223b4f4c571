//! The links between the pages of a list. Which there are is each API's rule.

use form_urlencoded::Serializer;
use serde::Serialize;

/// What is needed to link to the neighbours of a page.
#[derive(Debug)]
pub(crate) struct Page {
    /// The key of the links: `pools_links`.
    pub(crate) name: &'static str,
    /// `http://host/path`, as the client asked for it.
    pub(crate) url: String,
    /// Its query, without `marker` and `page_reverse`.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) limit: usize,
    pub(crate) reverse: bool,
    /// The rule.
    pub(crate) links: fn(&Self, &Seen<'_>) -> Vec<Link>,
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) count: usize,
    /// The first and the last object's.
    pub(crate) ids: Option<(&'a str, &'a str)>,
    /// There are more in its direction.
    pub(crate) more: bool,
}

/// One element of `pools_links`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub(crate) rel: &'static str,
    pub(crate) href: String,
}

impl Page {
    pub(crate) fn href(&self, marker: Option<&str>, reverse: bool) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.query);
        if let Some(marker) = marker {
            query.append_pair("marker", marker);
        }
        if reverse {
            query.append_pair("page_reverse", "True");
        }
        format!("{}?{}", self.url, query.finish())
    }
}
