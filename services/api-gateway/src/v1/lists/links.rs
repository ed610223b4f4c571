//! The links between pages.

use super::*;

fn links(reverse: bool, count: usize) -> Vec<String> {
    let query = vec![("limit".to_owned(), "2".to_owned()), ("name".to_owned(), "a b".to_owned())];
    let page = Page {
        name: "pools_links",
        url: "http://h/v2.0/lb/pools".to_owned(),
        query,
        limit: 2,
        reverse,
        links: Page::neutrons,
    };
    let ids = (count > 0).then_some(("first", "last"));
    page.neutrons(&Seen { count, ids, more: false })
        .into_iter()
        .map(|link| format!("{} {}", link.rel, link.href))
        .collect()
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
