//! The urls of PostgreSQL as libpq takes them: sqlx and sea-orm parse them as urls of the web, which have a host.

use std::fmt::Write as _;

/// The same url, as sqlx takes it: with the one of the scheme's two names that sea-orm knows, and who and where in
/// parameters when no host stands in its place, as in `postgresql://user@/ballast?host=/run/postgresql`.
pub(super) fn readable(url: &str) -> String {
    let url = url.replacen("postgresql://", "postgres://", 1);
    let Some(rest) = url.strip_prefix("postgres://") else { return url };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let port = match place {
        "" => "",
        port if port.starts_with(':') => &port[1..],
        _ => return url,
    };
    let (name, given) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let mut parameters = given.to_owned();
    for (key, value) in [("user", user), ("password", password), ("port", port)] {
        if !value.is_empty() {
            let and = if parameters.is_empty() { "" } else { "&" };
            // In parameters a plus is a space.
            let _ = write!(parameters, "{and}{key}={}", value.replace('+', "%2B").replace('&', "%26"));
        }
    }
    let mark = if parameters.is_empty() { "" } else { "?" };
    format!("postgres://{name}{mark}{parameters}")
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::postgres::PgConnectOptions;

    use super::readable;

    /// As libpq's documentation has them, and what they mean.
    #[test]
    fn every_form_of_a_socket_is_read_as_libpq_reads_it() {
        for (url, socket, user, port) in [
            ("postgresql://%2Frun%2Fpostgresql/ballast", Some("/run/postgresql"), None, 5432),
            ("postgres://bob@%2Frun%2Fpostgresql/ballast", Some("/run/postgresql"), Some("bob"), 5432),
            ("postgresql:///ballast?host=/run/postgresql", Some("/run/postgresql"), None, 5432),
            ("postgres:///ballast?host=/run/postgresql&port=5433", Some("/run/postgresql"), None, 5433),
            ("postgres://bob@/ballast?host=/run/postgresql", Some("/run/postgresql"), Some("bob"), 5432),
            ("postgres://bob:a%26b+c@:5433/ballast?host=%2Frun%2Fpg", Some("/run/pg"), Some("bob"), 5433),
            ("postgres://:5434/ballast?host=/run/pg&user=bob", Some("/run/pg"), Some("bob"), 5434),
            ("postgres://bob:secret@db.example.net:5433/ballast?sslmode=require", None, Some("bob"), 5433),
            ("postgres://bob@[::1]/ballast", None, Some("bob"), 5432),
        ] {
            let options: PgConnectOptions = readable(url).parse().unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(options.get_socket().and_then(|path| path.to_str()), socket, "{url}");
            assert_eq!(options.get_database(), Some("ballast"), "{url}");
            assert_eq!(options.get_port(), port, "{url}");
            if let Some(user) = user {
                assert_eq!(options.get_username(), user, "{url}");
            }
        }
    }
}
