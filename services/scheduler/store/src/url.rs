//! Urls of databases, as they may be shown.

use std::{
    fmt::Write as _,
    iter::{once, repeat},
};

/// The parameters of a url that have no secret in them.
const HARMLESS: &[&str] = &[
    "application_name",
    "cache",
    "dbname",
    "host",
    "hostaddr",
    "immutable",
    "mode",
    "options",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
    "vfs",
];

/// The url as it may be shown: without who it is that connects, and without what may be a secret in a parameter.
#[must_use]
pub fn without_password(url: &str) -> String {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let has_authority = place.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/') && !rest.is_empty());
    let (place, parameters) = match parameters.rsplit_once('@') {
        // A password may have a question mark in it.
        Some((before, _)) if has_authority && !before.contains('=') => (url, ""),
        // It may be in a parameter, or not: nobody can tell.
        Some(_) if has_authority => (place.split_once("://").map_or("", |(scheme, _)| scheme), ""),
        _ => (place, parameters),
    };
    let mut shown = match (place.find("://"), place.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &place[..scheme], &place[at..]),
        _ => place.to_owned(),
    };
    for (parameter, mark) in parameters.split('&').filter(|one| !one.is_empty()).zip(once('?').chain(repeat('&'))) {
        shown.push(mark);
        let key = parameter.split('=').next().unwrap_or_default();
        let _ = if HARMLESS.contains(&key) { write!(shown, "{parameter}") } else { write!(shown, "{key}=***") };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        assert_eq!(without_password("postgres://ballast:s@cret@db/ballast"), "postgres://***@db/ballast");
        assert_eq!(without_password("postgres://u:a?b@db/ballast"), "postgres://***@db/ballast");
        assert_eq!(without_password("sqlite:///var/lib/b.db"), "sqlite:///var/lib/b.db");
        assert_eq!(
            without_password("postgres:///b?host=/run/pg&password=s%40cret&user=u"),
            "postgres:///b?host=/run/pg&password=***&user=u"
        );
    }

    #[test]
    fn no_form_of_a_url_shows_its_password() {
        for url in [
            "postgres://u:s3cret@db/b",
            "postgresql://u:s3cret@db:5433/b?sslmode=require",
            "postgres://u:x@s3cret@db/b",
            "postgres://u:x?s3cret@db/b?host=/run",
            "postgres://u:x/s3cret@db/b",
            "postgres://u:x%40s3cret@%2Frun%2Fpg/b",
            "postgres://u:s3cret@:5433/b?host=/run/pg",
            "postgres:///b?password=s3cret",
            "postgres:///b?host=/run/pg&password=s3cret",
            "postgres:///b?user=u&password=x@s3cret&host=/run",
            "postgres://u:x@db/b?password=y@s3cret",
            "postgres://u:x?y=@s3cret?z@db/b",
            "postgres:///b?PASSWORD=s3cret",
            "postgres:///b?%70assword=s3cret",
            "postgres:///b?sslpassword=s3cret&user=u",
            "postgres:///b?user=u&passfile=s3cret",
        ] {
            let shown = without_password(url);
            assert!(!shown.contains("s3cret") && shown.starts_with("postgres"), "{url}: {shown}");
        }
    }
}
