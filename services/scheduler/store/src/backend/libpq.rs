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

/// The parameter that says which of several servers is meant.
const WANTED: &str = "target_session_attrs";

/// A url for each server that a url names, as `postgres://user@one:5432,two:5433/ballast` does, or
/// `postgres:///ballast?host=one,two&port=5432,5433`; each as sqlx takes it.
///
/// # Errors
/// One line: what is wrong with it.
pub(super) fn servers(url: &str) -> Result<Vec<String>, String> {
    if !url.contains(',') && !url.contains(WANTED) {
        return Ok(vec![readable(url)]);
    }
    let (place, given) = url.split_once('?').unwrap_or((url, ""));
    let scheme = place.find("://").map_or(0, |at| at + 3);
    let end = place[scheme..].find('/').map_or(place.len(), |at| scheme + at);
    let who = place[scheme..end].rfind('@').map_or(scheme, |at| scheme + at + 1);
    let hosts: Vec<&str> = place[who..end].split(',').collect();
    let mut parameters: Vec<(&str, &str)> =
        given.split('&').filter(|one| !one.is_empty()).map(|one| one.split_once('=').unwrap_or((one, ""))).collect();
    check_wanted(&mut parameters)?;
    let listed = |key: &str| parameters.iter().find(|(name, _)| *name == key).map(|(_, list)| *list);
    let (named, ports) = (listed("host").unwrap_or_default(), listed("port").unwrap_or_default());
    let named: Vec<&str> = named.split(',').collect();
    let ports: Vec<&str> = ports.split(',').collect();
    if hosts.len() > 1 && named.len() > 1 {
        return Err("the url names several servers before its name and as host=: take one of both".to_owned());
    }
    let count = hosts.len().max(named.len());
    if ports.len() > 1 && ports.len() != count {
        return Err(format!("the url names {count} servers and {} ports: name one port, or one for each", ports.len()));
    }
    let one = |number: usize| {
        let host = hosts.get(number).or(hosts.first()).copied().unwrap_or_default();
        let mut text = format!("{}{host}{}", &place[..who], &place[end..]);
        let mut mark = '?';
        for (key, value) in &parameters {
            let value = match *key {
                "host" => named.get(number).or(named.first()).copied().unwrap_or_default(),
                "port" => ports.get(number).or(ports.first()).copied().unwrap_or_default(),
                _ => value,
            };
            let _ = write!(text, "{mark}{key}={value}");
            mark = '&';
        }
        readable(&text)
    };
    let is_list = |list: &Vec<&str>| list.len() > 1 && list.contains(&"");
    if is_list(&hosts) || is_list(&named) {
        return Err("the url names a server without a name: take out a comma".to_owned());
    }
    Ok((0..count).map(one).collect())
}

/// Where it is said which server is wanted, it is the one that takes writes; sqlx is not told.
fn check_wanted(parameters: &mut Vec<(&str, &str)>) -> Result<(), String> {
    let others = parameters.iter().find(|(key, value)| *key == WANTED && !["read-write", "primary"].contains(value));
    if let Some((_, value)) = others {
        return Err(format!("{WANTED} is {value}: a scheduler needs the server that takes writes: read-write"));
    }
    parameters.retain(|(key, _)| *key != WANTED);
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::sqlx::postgres::PgConnectOptions;

    use super::{readable, servers};

    #[test]
    fn several_servers_are_named_as_libpq_names_them() {
        let places = |url: &str| -> Result<Vec<String>, String> {
            let of = |url: String| {
                let options: PgConnectOptions = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
                assert_eq!((options.get_username(), options.get_database()), ("bob", Some("ballast")), "{url}");
                let socket = options.get_socket().map(|path| path.display().to_string());
                format!("{} {}", socket.unwrap_or_else(|| options.get_host().to_owned()), options.get_port())
            };
            servers(url).map(|urls| urls.into_iter().map(of).collect())
        };
        let two = Ok(vec!["one 5432".to_owned(), "two 5433".to_owned()]);
        for url in [
            "postgres://bob@one:5432,two:5433/ballast?target_session_attrs=read-write",
            "postgres://bob:a%2Cb@one,two:5433/ballast?target_session_attrs=primary&sslmode=prefer",
            "postgresql://bob@/ballast?host=one,two&port=5432,5433",
            "postgres:///ballast?user=bob&host=one,two&port=5432,5433",
        ] {
            assert_eq!(places(url), two, "{url}");
        }
        assert_eq!(places("postgres://bob@/ballast?host=/a,/b&port=7"), Ok(vec!["/a 7".to_owned(), "/b 7".to_owned()]));
        assert_eq!(places("postgres://bob@one/ballast"), Ok(vec!["one 5432".to_owned()]));
        assert_eq!(places("postgres://bob:x@[::1]:7,two/ballast").map(|all| all.len()), Ok(2));
        for (bad, why) in [
            ("postgres://bob@one,two/ballast?target_session_attrs=any", "read-write"),
            ("postgres://bob@one,two/ballast?host=three,four", "both"),
            ("postgres://bob@/ballast?host=one,two&port=1,2,3", "3 ports"),
            ("postgres://bob@one,,two/ballast", "comma"),
        ] {
            let refused = servers(bad).unwrap_err();
            assert!(refused.contains(why), "{bad}: {refused}");
        }
    }

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
