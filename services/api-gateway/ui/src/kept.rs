//! What somebody wrote into a form, while he logs in or chooses a project: it stands in that page, hidden, and nowhere else, and
//! is the form again when he is known. It is not done by that: the form is looked at, and sent by him.

use crate::{LIMIT, forms::What, sent, session::Form};

/// What a field of a form is called while it is kept.
const PREFIX: &str = "kept.";
/// Where it is sent.
const PATH: &str = "kept-at";
/// How much is left for what else the page sends, as a token.
const SPARE: usize = 16 << 10;
/// Never kept, whatever sent them; nor is what is [secret of a form](sent::SECRET).
const LEFT_OUT: [&str; 3] = ["password", "token", "do"];

/// A form that was sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    path: String,
    fields: Vec<(String, String)>,
}

impl Kept {
    /// None: there is no such form, or it is too large to be sent along.
    pub(crate) fn of(path: &str, form: Form) -> Option<Self> {
        Self::within(path, form.into_pairs(), |name| Some(name.to_owned()))
    }

    /// That of a page which keeps one.
    pub(crate) fn sent_along(form: &Form) -> Option<Self> {
        let path = form.find(PATH)?.to_owned();
        Self::within(&path, form.clone().into_pairs(), |name| name.strip_prefix(PREFIX).map(str::to_owned))
    }

    fn within(path: &str, pairs: Vec<(String, String)>, name: impl Fn(&str) -> Option<String>) -> Option<Self> {
        What::of(path.split('?').next()?)?;
        let known = |(own, value): (String, String)| {
            let is_left_out = |name: &str| LEFT_OUT.contains(&name) || sent::SECRET.contains(&name);
            let name = name(&own).filter(|name| !is_left_out(name))?;
            Some((name, value))
        };
        let fields: Vec<(String, String)> = pairs.into_iter().filter_map(known).collect();
        let kept = Self { path: path.to_owned(), fields };
        (kept.size() + SPARE <= LIMIT).then_some(kept)
    }

    /// As it will be sent.
    fn size(&self) -> usize {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(self.hidden());
        encoded.finish().len()
    }

    /// The fields by which a page keeps it.
    pub(crate) fn hidden(&self) -> Vec<(String, String)> {
        let named = |(name, value): &(String, String)| (format!("{PREFIX}{name}"), value.clone());
        std::iter::once((PATH.to_owned(), self.path.clone())).chain(self.fields.iter().map(named)).collect()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// It has private keys and files, which are not kept.
    pub(crate) fn is_partial(&self) -> bool {
        What::of(self.path.split('?').next().unwrap_or_default()).is_some_and(What::has_files)
    }

    /// The form as it was sent, to be looked at.
    pub(crate) fn form(&self) -> Form {
        let check = ("do".to_owned(), "check".to_owned());
        Form::of(self.fields.iter().cloned().chain([check]).collect())
    }
}

/// The fields of one that may be there.
pub(crate) fn hidden(kept: Option<&Kept>) -> Vec<(String, String)> {
    kept.map(Kept::hidden).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::read(text.as_bytes())
    }

    #[test]
    fn a_form_comes_back_as_it_was_sent_and_is_only_looked_at() {
        let kept = Kept::of("/ui/new?from=x", form("name=a%26b&tag=1&tag=2&do=make&token=secret&password=p")).unwrap();
        let hidden: Vec<_> = kept.hidden();
        assert_eq!(hidden[0], ("kept-at".to_owned(), "/ui/new?from=x".to_owned()));
        assert!(hidden.iter().all(|(name, value)| !name.ends_with("token") && value != "secret" && value != "p"));
        let mut sent = form_urlencoded::Serializer::new(String::new());
        sent.extend_pairs(&hidden).append_pair("token", "mine").append_pair("back", "/ui/");
        let back = Kept::sent_along(&form(&sent.finish())).unwrap();
        assert_eq!(back, kept);
        assert!(!back.is_partial());
        let again = back.form();
        assert_eq!((again.get("name"), again.all("tag").count(), again.get("do")), ("a&b", 2, "check"));
        assert_eq!((again.get("token"), again.get("back")), ("", ""));
    }

    #[test]
    fn no_private_key_is_kept_whoever_sends_it() {
        let secret = |prefix: &str| sent::SECRET.map(|name| format!("{prefix}{name}=s3cret")).join("&");
        let path = "/ui/certificates/new";
        let kept = Kept::of(path, form(&format!("name=a&{}", secret("")))).unwrap();
        let hidden = [("kept-at".to_owned(), path.to_owned()), ("kept.name".to_owned(), "a".to_owned())];
        assert!(kept.is_partial() && kept.hidden() == hidden, "{kept:?}");
        let again = Kept::sent_along(&form(&format!("kept-at={path}&kept.name=a&{}", secret(PREFIX))));
        assert_eq!(again, Some(kept));
    }

    #[test]
    fn what_is_no_form_or_too_large_is_not_kept() {
        for path in ["/ui/", "/ui/logout", "https://evil.example/ui/new", "//evil.example/ui/new", "/v2.0/lbaas/pools"]
        {
            assert_eq!(Kept::of(path, form("name=a")), None, "{path}");
            let sent = format!("kept-at={path}&kept.name=a");
            assert_eq!(Kept::sent_along(&form(&sent)), None, "{path}");
        }
        let large = |size: usize| Kept::of("/ui/new", form(&format!("members={}", "x".repeat(size))));
        assert!(large(40 << 10).is_some() && large(49 << 10).is_none());
        assert_eq!(Kept::of("/ui/new", form(&format!("members={}", "%00".repeat(20 << 10)))), None, "as it is sent");
        assert_eq!(Kept::sent_along(&form("token=x")), None);
    }
}
