//! What a request asks for: `/config/<Table>/<index>…?<query>`.

use crate::{Request, http::decoded};

const ROOT: &str = "/config";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// A table, a scalar or a command; none: the device itself.
    pub(crate) name: Option<String>,
    pub(crate) index: Vec<String>,
    query: Vec<(String, String)>,
}

impl Path {
    /// None: it is not of this API.
    pub(crate) fn parse(request: &Request) -> Option<Self> {
        let rest = request.path.strip_prefix(ROOT)?;
        if !(rest.is_empty() || rest.starts_with('/')) {
            return None;
        }
        let mut segments = rest.split('/').filter(|segment| !segment.is_empty()).map(decoded);
        let query = request.query.iter().flat_map(|query| query.split('&'));
        let pairs = query.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value)));
        Some(Self { name: segments.next(), index: segments.collect(), query: pairs.collect() })
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.option(name)?.parse().ok()
    }
}

/// Whether an index is one that the syntax of the API and of the device's expressions leaves whole.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| one.is_ascii_graphic() && !"/%,:&|!()\"?#".contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, query: Option<&str>) -> Option<Path> {
        let request = Request { path: path.to_owned(), query: query.map(str::to_owned), ..Request::default() };
        Path::parse(&request)
    }

    #[test]
    fn a_path_has_a_table_an_index_and_a_query() {
        let one = path("/config/SlbNewCfgEnhVirtServicesTable/v1/1", Some("count=9000&props=A,B")).unwrap();
        assert_eq!(
            (one.name.as_deref(), one.index.join("/")),
            (Some("SlbNewCfgEnhVirtServicesTable"), "v1/1".to_owned())
        );
        assert_eq!((one.number("count"), one.option("props")), (Some(9000), Some("A,B")));
    }

    #[test]
    fn the_device_itself_has_two_spellings_and_others_have_none() {
        let [bare, slash] = ["/config", "/config/"].map(|text| path(text, Some("prop=a%2Cb")).unwrap());
        assert_eq!(bare, slash);
        assert_eq!(bare.option("prop"), Some("a,b"));
        // The vendor's client begins a query so.
        assert_eq!(path("/config/sslcertimport", Some("&id=c1")).unwrap().option("id"), Some("c1"));
        assert_eq!((path("/configuration", None), path("/", None)), (None, None));
    }
}
