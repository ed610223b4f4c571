//! Limits that somebody has set in a running process through its socket. Pure.

/// Of `show info`: 0 in every process until somebody sets them, because no configuration of this driver does.
const RATES: [&str; 4] = ["ConnRateLimit", "SessRateLimit", "SslRateLimit", "CompressBpsRateLim"];

/// Whether a process, by its answer to `show stat` of frontends and servers and to `show info`, has other limits than its
/// configuration says. What the configuration leaves to haproxy counts only when it is lower than that of the process.
pub(super) fn differ(answer: &str, configuration: &str) -> bool {
    let whole = maxconn(configuration, "global").unwrap_or(0);
    let rate = |name: &&str| info(answer, name).is_some_and(|limit| limit > 0);
    RATES.iter().any(rate)
        || info(answer, "Maxconn").is_some_and(|limit| limit < whole)
        || rows(answer).any(|(proxy, server, limit)| match (server, limit) {
            ("BACKEND", _) => false,
            ("FRONTEND", limit) => match maxconn(configuration, &format!("frontend {proxy}")) {
                Some(asked) => limit != asked,
                None => limit < whole,
            },
            (_, limit) => limit > 0,
        })
}

fn info(answer: &str, name: &str) -> Option<u64> {
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.trim().parse().ok())
}

/// Proxy, server and limit of each row. Where there is none the cell is empty.
fn rows(answer: &str) -> impl Iterator<Item = (&str, &str, u64)> {
    let mut lines = answer.lines().skip_while(|line| !line.starts_with("# pxname,"));
    let header = lines.next().unwrap_or_default();
    let column = header.split(',').position(|name| name == "slim");
    lines.take_while(|line| !line.is_empty()).filter_map(move |line| {
        let mut cells = line.split(',');
        let (proxy, server) = (cells.next()?, cells.next()?);
        let limit = cells.nth(column?.checked_sub(2)?)?;
        Some((proxy, server, if limit.is_empty() { 0 } else { limit.parse().ok()? }))
    })
}

/// What a section says of it. 0 leaves it to haproxy.
fn maxconn(configuration: &str, section: &str) -> Option<u64> {
    let inside = configuration.lines().skip_while(|line| line.trim_end() != section).skip(1);
    let mut inside = inside.take_while(|line| line.starts_with(' '));
    let limit = inside.find_map(|line| line.trim().strip_prefix("maxconn ")?.trim().parse().ok());
    limit.filter(|limit| *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = "global\n    nbthread 1\n    maxconn 2000\n\ndefaults\n    retries 3\n\nfrontend free\n    \
        mode http\n\nfrontend bound\n    maxconn 5\n\nfrontend zero\n    maxconn 0\n\nbackend b\n    server s 10.0.0.1:80 weight 1\n";
    const ANSWER: &str = "1\n# be_id\n\n# pxname,svname,qcur,qmax,scur,smax,slim,stot,status\nfree,FRONTEND,,,0,1,2000,9,OPEN\n\
        bound,FRONTEND,,,0,1,5,9,OPEN\nzero,FRONTEND,,,0,1,2000,9,OPEN\nb,s,0,0,0,0,,1,UP\nb,BACKEND,0,0,0,0,200,1,UP\n\n\
        Name: HAProxy\nMaxconn: 2000\nHard_maxconn: 2000\nConnRateLimit: 0\nSessRateLimit: 0\nSslRateLimit: 0\n\
        CompressBpsRateLim: 0\n\n";

    #[test]
    fn limits_are_those_of_the_configuration_until_somebody_sets_them() {
        assert!(!differ(ANSWER, CONFIGURATION));
        assert!(!differ("", CONFIGURATION));
        for (from, to) in [
            ("free,FRONTEND,,,0,1,2000", "free,FRONTEND,,,0,1,1"),
            ("zero,FRONTEND,,,0,1,2000", "zero,FRONTEND,,,0,1,1"),
            ("bound,FRONTEND,,,0,1,5", "bound,FRONTEND,,,0,1,4"),
            ("bound,FRONTEND,,,0,1,5", "bound,FRONTEND,,,0,1,2000"),
            ("b,s,0,0,0,0,,", "b,s,0,0,0,0,1,"),
            ("\nMaxconn: 2000", "\nMaxconn: 1"),
            ("ConnRateLimit: 0", "ConnRateLimit: 1"),
            ("SessRateLimit: 0", "SessRateLimit: 1"),
            ("SslRateLimit: 0", "SslRateLimit: 1"),
            ("CompressBpsRateLim: 0", "CompressBpsRateLim: 1"),
        ] {
            let set = ANSWER.replacen(from, to, 1);
            assert_ne!(set, ANSWER, "{from}");
            assert!(differ(&set, CONFIGURATION), "{to}");
        }
    }
}
