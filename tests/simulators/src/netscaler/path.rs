//! The address of a request: which resource, which one of it, and what the query adds.

use super::error::{BAD_VALUE, INVALID_ARGUMENT, Refused, UNKNOWN_RESOURCE};
use crate::{Request, http::decoded};

const ROOT: &str = "/nitro/v1/";
/// What a query may say.
const OPTIONS: [&str; 13] = [
    "action",
    "args",
    "attrs",
    "filter",
    "count",
    "view",
    "pagesize",
    "pageno",
    "idempotent",
    "warning",
    "statbindings",
    "bulkbindings",
    "detail",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// `stat` rather than `config`.
    pub(crate) statistics: bool,
    pub(crate) resource: String,
    /// None: all of them, or the one that the body names.
    pub(crate) id: Option<String>,
    query: Vec<(String, String)>,
}

impl Path {
    /// Identifiers are percent-encoded twice by the vendor's clients; slashes too many are skipped, as they send some.
    pub(crate) fn parse(request: &Request) -> Result<Self, Refused> {
        let rest = request.path.strip_prefix(ROOT).ok_or(Refused::about(UNKNOWN_RESOURCE, &[&request.path]))?;
        let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        let (area, resource, id) = match segments.as_slice() {
            [area, resource] => (*area, *resource, None),
            [area, resource, id] => (*area, *resource, Some(decoded(&decoded(id)))),
            _ => return Err(Refused::about(UNKNOWN_RESOURCE, &[rest])),
        };
        if !["config", "stat"].contains(&area) {
            return Err(Refused::about(UNKNOWN_RESOURCE, &[area]));
        }
        let query = request.query.as_deref().unwrap_or_default().split('&').filter(|part| !part.is_empty());
        let query: Vec<(String, String)> = query
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some((unknown, _)) = query.iter().find(|(name, _)| !OPTIONS.contains(&name.as_str())) {
            return Err(Refused::about(INVALID_ARGUMENT, &[unknown]));
        }
        Ok(Self { statistics: area == "stat", resource: resource.to_owned(), id, query })
    }

    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn says(&self, name: &str) -> bool {
        self.option(name) == Some("yes")
    }

    /// What `args` or `filter` say, as in `servername:s1,port:80`; each name must be one of these.
    pub(crate) fn pairs(&self, option: &str, allowed: &[&str]) -> Result<Vec<(String, String)>, Refused> {
        let parts = self.option(option).unwrap_or_default().split(',').filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let (name, value) = part.split_once(':').ok_or(Refused::about(BAD_VALUE, &[option, part]))?;
                if !allowed.contains(&name) {
                    return Err(Refused::about(INVALID_ARGUMENT, &[name]));
                }
                Ok((name.to_owned(), decoded(value)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, query: &str) -> Result<Path, Refused> {
        let query = Some(query.to_owned());
        Path::parse(&Request { method: "GET".to_owned(), path: path.to_owned(), query, ..Request::default() })
    }

    #[test]
    fn identifiers_are_encoded_twice_and_slashes_too_many_are_skipped() {
        let found = path("/nitro/v1/config//lbvserver/v%252F1%2520x/", "args=ip:2001%3Adb8%3A%3A1,port:80").unwrap();
        assert_eq!((found.resource.as_str(), found.id.as_deref()), ("lbvserver", Some("v/1 x")));
        let pairs = found.pairs("args", &["ip", "port"]).unwrap();
        assert_eq!(pairs, [("ip".to_owned(), "2001:db8::1".to_owned()), ("port".to_owned(), "80".to_owned())]);
        assert!(found.pairs("args", &["ip"]).is_err());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(path("/nitro/v2/config/lbvserver", "").is_err() && path("/nitro/v1/conf/lbvserver", "").is_err());
        assert!(path("/nitro/v1/config/lbvserver/a/b", "").is_err());
        assert!(path("/nitro/v1/config/lbvserver", "argz=a:b").is_err());
    }
}
