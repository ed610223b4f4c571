//! The links between the pages of a list.
//!
//! Neutron's rules, which do not look ahead: a full page always has a next one, even when that will be empty.

use form_urlencoded::Serializer;
use serde::Serialize;

/// What is needed to link to the neighbours of a page.
#[derive(Debug)]
pub(crate) struct Page {
    /// `http://host/path`, as the client asked for it.
    pub(crate) url: String,
    /// Its query, without `marker` and `page_reverse`.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) limit: usize,
    pub(crate) reverse: bool,
}

/// One element of `pools_links`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    rel: &'static str,
    href: String,
}

impl Page {
    /// The links of a page with so many objects, of which these are the first's and the last's id.
    pub(crate) fn links(&self, count: usize, ids: Option<(&str, &str)>) -> Vec<Link> {
        let short = count < self.limit;
        let (first, last) = ids.unzip();
        let mut links = Vec::with_capacity(2);
        if !short || self.reverse {
            links.push(Link { rel: "next", href: self.href(last, false) });
        }
        if !short || !self.reverse {
            links.push(Link { rel: "previous", href: self.href(first, true) });
        }
        links
    }

    fn href(&self, marker: Option<&str>, reverse: bool) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn links(reverse: bool, count: usize) -> Vec<String> {
        let query = vec![("limit".to_owned(), "2".to_owned()), ("name".to_owned(), "a b".to_owned())];
        let page = Page { url: "http://h/v2.0/lb/pools".to_owned(), query, limit: 2, reverse };
        let ids = (count > 0).then_some(("first", "last"));
        page.links(count, ids).into_iter().map(|link| format!("{} {}", link.rel, link.href)).collect()
    }

    const NEXT: &str = "next http://h/v2.0/lb/pools?limit=2&name=a+b&marker=last";
    const PREVIOUS: &str = "previous http://h/v2.0/lb/pools?limit=2&name=a+b&marker=first&page_reverse=True";

    #[test]
    fn a_full_page_has_both_neighbours() {
        assert_eq!(links(false, 2), [NEXT, PREVIOUS]);
        assert_eq!(links(true, 2), [NEXT, PREVIOUS]);
    }

    #[test]
    fn a_short_page_is_the_end_of_its_direction() {
        assert_eq!(links(false, 1), [PREVIOUS]);
        assert_eq!(links(true, 1), [NEXT]);
    }

    #[test]
    fn an_empty_page_has_no_marker_to_give() {
        assert_eq!(links(false, 0), ["previous http://h/v2.0/lb/pools?limit=2&name=a+b&page_reverse=True"]);
        assert_eq!(links(true, 0), ["next http://h/v2.0/lb/pools?limit=2&name=a+b"]);
    }
}
