//! What stands around every page: where one is, who one is, and where one can go.

use askama::Template;

use crate::{
    files::{FILES, File},
    session::Theme,
    visit::Visitor,
};

/// A place in the head of a page.
pub(crate) struct Place {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
    /// What `g` and this letter lead to.
    pub(crate) key: &'static str,
    is_for_admins: bool,
}

const PLACES: [Place; 10] = [
    Place { path: "/ui/", text: "Overview", key: "o", is_for_admins: false },
    Place { path: "/ui/load-balancers", text: "Load balancers", key: "l", is_for_admins: false },
    Place { path: "/ui/certificates", text: "Certificates", key: "c", is_for_admins: false },
    Place { path: "/ui/monitors", text: "Monitors", key: "m", is_for_admins: false },
    Place { path: "/ui/networks", text: "Networks", key: "n", is_for_admins: false },
    Place { path: "/ui/quotas", text: "Quotas", key: "q", is_for_admins: false },
    Place { path: "/ui/events", text: "Events", key: "e", is_for_admins: false },
    Place { path: "/ui/agents", text: "Agents", key: "a", is_for_admins: true },
    Place { path: "/ui/schedulers", text: "Schedulers", key: "s", is_for_admins: true },
    Place { path: "/ui/explain", text: "Explain", key: "x", is_for_admins: false },
];

/// The whole of a page but what it is about.
#[derive(Template)]
#[template(path = "shell.html")]
struct Whole<'a> {
    shell: &'a Shell<'a>,
    style: &'a File,
    script: &'a File,
    icon: &'a File,
    main: &'a str,
}

/// What stands around.
pub(crate) struct Shell<'a> {
    title: &'a str,
    theme: Theme,
    places: Vec<&'static Place>,
    /// With its query.
    here: &'a str,
    head: Option<Head<'a>>,
    /// Where what changes is told.
    live: Option<String>,
}

/// Who looks, at what.
struct Head<'a> {
    /// None: everyone is admin.
    user: Option<&'a str>,
    scope: &'a str,
    /// Why nothing can be changed by this one.
    is_reader: bool,
}

impl<'a> Shell<'a> {
    /// For nobody.
    pub(crate) const fn bare(title: &'a str) -> Self {
        Self { title, theme: Theme::Auto, places: Vec::new(), here: "/ui/", head: None, live: None }
    }

    pub(crate) fn of(visitor: &'a Visitor, title: &'a str, here: &'a str) -> Self {
        let roles = visitor.caller.roles();
        let places = PLACES.iter().filter(|place| roles.is_admin() || !place.is_for_admins);
        let head = Head {
            user: visitor.user.as_deref(),
            scope: visitor.scope_shown(),
            is_reader: roles.may_read() && !roles.may_write(),
        };
        Self { title, theme: visitor.theme, places: places.collect(), here, head: Some(head), live: None }
    }

    /// With what changes told from this address.
    pub(crate) fn live(self, address: String) -> Self {
        Self { live: Some(address), ..self }
    }

    fn is_here(&self, place: &Place) -> bool {
        let path = self.here.split('?').next().unwrap_or_default();
        path == place.path || place.path != "/ui/" && path.starts_with(place.path)
    }

    /// The page around what it is about, which is HTML.
    pub(crate) fn around(&self, main: &str) -> String {
        let files = &*FILES;
        let whole = Whole { shell: self, style: &files.style, script: &files.script, icon: &files.icon, main };
        whole.render().unwrap_or_default()
    }
}
