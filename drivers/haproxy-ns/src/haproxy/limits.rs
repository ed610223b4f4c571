//! Limits that somebody has set in a running process through its socket. Pure.

use crate::page::Page;

/// Of `show info`: 0 in every process until somebody sets them, because no configuration of this driver does.
const RATES: [&str; 4] = ["ConnRateLimit", "SessRateLimit", "SslRateLimit", "CompressBpsRateLim"];

/// Whether a process, by its answer to `show stat` of frontends and servers and to `show info`, has other limits than its
/// page says. What the page leaves to haproxy counts only when it is lower than that of the process.
pub(super) fn differ(answer: &str, page: &Page) -> bool {
    let whole = page.maxconn.into();
    // 0 leaves it to haproxy.
    let asked = |proxy: &str| page.frontends.iter().find(|one| one.id == proxy)?.maxconn.filter(|limit| *limit > 0);
    let rate = |name: &&str| info(answer, name).is_some_and(|limit| limit > 0);
    RATES.iter().any(rate)
        || info(answer, "Maxconn").is_some_and(|limit| limit < whole)
        || rows(answer).any(|(proxy, server, limit)| match (server, limit) {
            ("BACKEND", _) => false,
            ("FRONTEND", limit) => match asked(proxy) {
                Some(asked) => limit != u64::from(asked),
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

#[cfg(test)]
mod tests {
    use ballast_abi::Protocol;

    use super::*;
    use crate::{
        page::{Extra, Frontend, Mode},
        samples,
    };

    const ANSWER: &str = "1\n# be_id\n\n# pxname,svname,qcur,qmax,scur,smax,slim,stot,status\nfree,FRONTEND,,,0,1,2000,9,OPEN\n\
        bound,FRONTEND,,,0,1,5,9,OPEN\nzero,FRONTEND,,,0,1,2000,9,OPEN\nb,s,0,0,0,0,,1,UP\nb,BACKEND,0,0,0,0,200,1,UP\n\n\
        Name: HAProxy\nMaxconn: 2000\nHard_maxconn: 2000\nConnRateLimit: 0\nSessRateLimit: 0\nSslRateLimit: 0\n\
        CompressBpsRateLim: 0\n\n";

    fn page() -> Page {
        let frontend = |(id, maxconn): (&str, Option<u32>)| Frontend {
            id: id.to_owned(),
            mode: Mode::Http,
            bind: "10.0.0.4:80".parse().unwrap(),
            maxconn,
            pool: None,
            more_binds: Vec::new(),
            extra: Extra::default(),
            tls: None,
            share: None,
        };
        let whole = samples::page(&samples::load_balancer(Protocol::Http));
        let frontends = [("free", None), ("bound", Some(5)), ("zero", Some(0))].map(frontend).to_vec();
        Page { maxconn: 2000, frontends, ..whole }
    }

    #[test]
    fn limits_are_those_of_the_configuration_until_somebody_sets_them() {
        assert!(!differ(ANSWER, &page()));
        assert!(!differ("", &page()));
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
            assert!(differ(&set, &page()), "{to}");
        }
    }
}
