//! All certificates, those first that need attention.

use askama::Template;

use super::{
    super::{badge::Badge, parts::Named, time::Moment},
    Known, Source, State, sorted,
    state::WORDS,
    uses::{self, Names},
};

/// How many are on a page.
pub(crate) const PAGE: usize = 50;
/// How many names, and how many users, one has in the list.
const FEW: usize = 3;
/// What can be asked for beside words of states.
const ATTENTION: &str = "ATTENTION";

/// What the page was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) state: String,
    pub(crate) filter: String,
    /// How many come before.
    pub(crate) from: usize,
}

impl Wish {
    /// Whether there is such a state.
    pub(crate) fn is_known(&self) -> bool {
        Self::states().any(|state| *state == *self.state) || self.state.is_empty()
    }

    fn states() -> impl Iterator<Item = &'static str> {
        std::iter::once(ATTENTION).chain(WORDS)
    }

    fn narrows(&self) -> bool {
        !self.state.is_empty() || !self.filter.is_empty()
    }

    fn fits(&self, one: &Known<'_>, state: &State) -> bool {
        let is_state = match self.state.as_str() {
            "" => true,
            ATTENTION => state.needs_attention(),
            word => state.badge.word == word,
        };
        let filter = self.filter.to_lowercase();
        let own = match one.source {
            Source::Kept(one) => {
                [&one.name, &one.id, &one.subject, &one.reference, &one.description, &one.fingerprint].to_vec()
            }
            Source::Foreign(secret) => vec![&secret.reference],
        };
        let mut texts = own.into_iter().chain(one.names());
        is_state && (filter.is_empty() || texts.any(|text| text.to_lowercase().contains(&filter)))
    }

    fn path(&self, from: usize) -> String {
        let from = if from == 0 { String::new() } else { from.to_string() };
        let own = [("q", &self.filter), ("state", &self.state), ("from", &from)];
        let own = own.into_iter().filter(|(_, value)| !value.is_empty());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).finish();
        if query.is_empty() { "/ui/certificates".to_owned() } else { format!("/ui/certificates?{query}") }
    }
}

/// A certificate.
struct Row {
    key: String,
    named: Named,
    kind: &'static str,
    origin: &'static str,
    badge: Badge,
    why: String,
    todo: String,
    names: Vec<String>,
    more_names: usize,
    ends: Option<Moment>,
    users: Vec<Named>,
    more_users: usize,
    project: String,
}

#[derive(Template)]
#[template(path = "certificates.html")]
pub(crate) struct List {
    wish: Wish,
    rows: Vec<Row>,
    found: usize,
    has_projects: bool,
    may_write: bool,
    /// Something is kept elsewhere, and can be looked at.
    can_look: bool,
    /// There are more than are looked at.
    is_cut: bool,
    here: String,
    earlier: Option<String>,
    later: Option<String>,
}

/// Who looks at what.
pub(crate) struct Looking {
    pub(crate) has_projects: bool,
    pub(crate) may_write: bool,
    pub(crate) is_cut: bool,
    pub(crate) now: jiff::Timestamp,
}

/// Those that fit, in their order: for who wants to know their users' names beforehand.
pub(crate) fn fitting<'a, 'b>(all: &'b [Known<'a>], wish: &Wish, now: jiff::Timestamp) -> Vec<(&'b Known<'a>, State)> {
    let mut found = sorted(all, now);
    found.retain(|(one, state)| wish.fits(one, state));
    found
}

/// Of those that fit, those of a page.
pub(crate) fn of_page<'a, 'b>(found: &'b [(&'b Known<'a>, State)], wish: &Wish) -> &'b [(&'b Known<'a>, State)] {
    let rest = found.get(wish.from..).unwrap_or_default();
    &rest[..rest.len().min(PAGE)]
}

/// Those users of one whose names are shown in the list.
pub(crate) fn few_users<'a>(one: &Known<'a>) -> Vec<&'a ballast_proto::v2::SecretUser> {
    let mut users = uses::users(one);
    users.truncate(FEW);
    users
}

impl List {
    pub(crate) fn of(all: &[Known<'_>], wish: Wish, names: &Names, looking: &Looking) -> Self {
        let found = fitting(all, &wish, looking.now);
        let rows = of_page(&found, &wish).iter().map(|(one, state)| row(one, state, names, looking.now));
        let (count, next) = (found.len(), wish.from.saturating_add(PAGE));
        Self {
            rows: rows.collect(),
            found: count,
            has_projects: looking.has_projects,
            may_write: looking.may_write,
            can_look: looking.may_write && all.iter().any(|one| matches!(one.source, Source::Foreign(_))),
            is_cut: looking.is_cut,
            here: wish.path(wish.from),
            earlier: (wish.from > 0).then(|| wish.path(wish.from.saturating_sub(PAGE))),
            later: (next < count).then(|| wish.path(next)),
            wish,
        }
    }

    /// In a sentence, for who does not see.
    pub(crate) fn summary(&self) -> String {
        let needing = self.rows.iter().filter(|row| matches!(row.badge.tone.name(), "bad" | "warn")).count();
        match needing {
            0 => "No certificate needs attention.".to_owned(),
            1 => format!("1 certificate needs attention: {}, {}.", self.rows[0].named.name, self.rows[0].badge.word),
            some => format!("{some} certificates need attention, first {}.", self.rows[0].named.name),
        }
    }
}

fn row(one: &Known<'_>, state: &State, names: &Names, now: jiff::Timestamp) -> Row {
    let (all, few) = (uses::users(one), few_users(one));
    Row {
        key: one.key(),
        named: one.named(),
        kind: one.kind(),
        origin: one.origin(),
        badge: state.badge.clone(),
        why: state.why.clone(),
        todo: state.todo.clone(),
        names: one.names().iter().take(FEW).cloned().collect(),
        more_names: one.names().len().saturating_sub(FEW),
        ends: one.ends(now),
        more_users: all.len() - few.len(),
        users: few.into_iter().map(|user| uses::named(user, names)).collect(),
        project: one.project().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::samples, *};

    #[test]
    fn a_page_has_those_that_fit_and_leads_to_the_rest() {
        let kept: Vec<_> = (0..120)
            .map(|at| ballast_proto::v2::Certificate {
                id: format!("{at:03}"),
                acme: None,
                version: 1,
                expires_in_days: if at < 60 { 5 } else { 90 },
                ..samples::certificate("web")
            })
            .collect();
        let all = Known::all(&kept, &[]);
        let looking = Looking { has_projects: false, may_write: true, is_cut: false, now: samples::now() };
        let list = |state: &str, filter: &str, from| {
            let wish = Wish { state: state.to_owned(), filter: filter.to_owned(), from };
            assert!(wish.is_known());
            List::of(&all, wish, &Names::default(), &looking)
        };
        let first = list("", "", 0);
        assert_eq!((first.rows.len(), first.found, &first.earlier), (PAGE, 120, &None));
        assert_eq!(first.later.as_deref(), Some("/ui/certificates?from=50"));
        assert_eq!(first.summary(), "50 certificates need attention, first web.");
        let last = list("ATTENTION", "WEB", 50);
        assert_eq!((last.rows.len(), last.found, &last.later), (10, 60, &None));
        assert_eq!(last.earlier.as_deref(), Some("/ui/certificates?q=WEB&state=ATTENTION"));
        assert_eq!((list("VALID", "", 0).found, list("REFUSED", "", 0).found, list("", "nosuch", 0).found), (60, 0, 0));
        assert_eq!(list("", "", 5_000).rows.len(), 0);
        assert!(!Wish { state: "nosuch".to_owned(), ..Wish::default() }.is_known());
    }
}
