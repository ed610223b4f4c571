//! Which sockets listen in the namespace of the calling thread, as the kernel has them. Nobody connects to find out: haproxy
//! would take that for a client, and connect to a member.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use ballast_netns::listening;

use crate::{
    failure::{Failure, Step},
    page::{Frontend, Page},
};

/// haproxy has bound all before it goes to the background: this is for what comes in between.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);
/// `TCP_LISTEN`.
const LISTENS: &str = "0A";

/// The listeners of a page that do not listen at each of their addresses, after some time for it.
pub(crate) fn silent(page: &Page) -> Result<Vec<String>, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let sockets = sockets().step(|| "list the sockets that listen".to_owned())?;
        let silent: Vec<String> = missing(page, &sockets).map(|frontend| frontend.id.clone()).collect();
        if silent.is_empty() || Instant::now() > end {
            return Ok(silent);
        }
        thread::sleep(PAUSE);
    }
}

fn missing<'a>(page: &'a Page, sockets: &'a BTreeSet<SocketAddr>) -> impl Iterator<Item = &'a Frontend> {
    let binds = |frontend: &'a Frontend| frontend.more_binds.iter().chain([&frontend.bind]);
    page.frontends.iter().filter(move |frontend| binds(frontend).any(|bind| !sockets.contains(bind)))
}

fn sockets() -> io::Result<BTreeSet<SocketAddr>> {
    // Not every kernel can be asked.
    listening::sockets().or_else(|_| listed())
}

fn listed() -> io::Result<BTreeSet<SocketAddr>> {
    let mut found = BTreeSet::new();
    // The process itself is in another namespace than this thread.
    for path in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        let file = match File::open(path) {
            // This kernel speaks no IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        // Those that listen come first; behind them there is a line for each connection.
        for line in BufReader::new(file).lines().skip(1) {
            let Some(address) = listens(&line?) else { break };
            found.insert(address);
        }
    }
    Ok(found)
}

/// `None`: it is no socket that listens.
fn listens(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace().skip(1);
    let (local, _remote, state) = (words.next()?, words.next()?, words.next()?);
    let (address, port) = local.split_once(':').filter(|_| state == LISTENS)?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    if address.len() == 8 {
        return Some((Ipv4Addr::from(word(0)?), port).into());
    }
    let bytes: [u8; 16] = [word(0)?, word(1)?, word(2)?, word(3)?].concat().try_into().ok()?;
    Some((Ipv6Addr::from(bytes), port).into())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use ballast_abi::Protocol;

    use super::*;
    use crate::samples;

    fn page(binds: &[SocketAddr]) -> Page {
        let mut page = samples::page(&samples::load_balancer(Protocol::Http));
        page.frontends[0].bind = binds[0];
        page.frontends[0].more_binds = binds[1..].to_vec();
        page
    }

    #[test]
    fn what_listens_is_found_and_what_does_not_is_named_after_some_time() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let six = TcpListener::bind("[::1]:0").unwrap();
        let (open, six) =
            (open.local_addr().map(|at| (open, at)).unwrap(), six.local_addr().map(|at| (six, at)).unwrap());
        assert_eq!(silent(&page(&[open.1, six.1])).unwrap(), [""; 0]);
        let begun = Instant::now();
        drop(six.0);
        let whole = page(&[open.1, six.1]);
        assert_eq!(silent(&whole).unwrap(), [whole.frontends[0].id.clone()], "one of its addresses is enough");
        assert!(begun.elapsed() >= PATIENCE);
    }

    #[test]
    fn both_ways_to_find_what_listens_find_the_same_and_no_connection() {
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(|address| TcpListener::bind(address).unwrap());
        let clients = listeners.each_ref().map(|one| TcpStream::connect(one.local_addr().unwrap()).unwrap());
        for (way, found) in [("asked", listening::sockets().unwrap()), ("listed", listed().unwrap())] {
            for listener in &listeners {
                assert!(found.contains(&listener.local_addr().unwrap()), "{way}: {found:?}");
            }
            for client in &clients {
                assert!(!found.contains(&client.local_addr().unwrap()), "{way}: {found:?}");
            }
        }
    }

    #[test]
    fn a_listener_that_opens_while_it_is_looked_for_is_found() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = open.local_addr().unwrap();
        drop(open);
        let later = thread::spawn(move || {
            thread::sleep(PAUSE * 10);
            TcpListener::bind(address).unwrap()
        });
        assert_eq!(silent(&page(&[address])).unwrap(), [""; 0]);
        later.join().unwrap();
    }

    #[test]
    fn a_connection_is_no_listener_and_odd_lines_are_none() {
        let line =
            |local: &str, state: &str| format!("   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000");
        assert_eq!(listens(&line("0400000A:0050", "0A")), Some("10.0.0.4:80".parse().unwrap()));
        let six = "000000FD000000000000000005000000:0051";
        assert_eq!(listens(&line(six, "0A")), Some("[fd00::5]:81".parse().unwrap()));
        assert_eq!(listens(&line("0400000A:0050", "01")), None);
        for odd in ["", "0: x 0A", "   0: 0400:0050 00000000:0000 0A", "   0: 0400000A 00000000:0000 0A"] {
            assert_eq!(listens(odd), None, "{odd}");
        }
    }
}
