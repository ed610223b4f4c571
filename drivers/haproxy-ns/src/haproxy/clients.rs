//! The stick tables of a haproxy: which member each client has, read from one process and told to another through the
//! runtime API. Pure.
//!
//! A server has a name, which is the member's id, and a number, which each process gives anew. An entry that was made
//! by traffic names its server; one that was told has the number only, until it is used. haproxy goes by the name where
//! there is one, so an entry that traffic has made meanwhile is cleared before it is told.

use std::{collections::HashMap, net::IpAddr};

use ballast_namespace::clients::Clients;

use super::runtime::{BACKEND, PORT, SERVER};
use crate::page::{AddressType, Backend, Page, Sticking};

/// The column of a server's number in `show servers state`.
const NUMBER: usize = 2;
/// Of one line, in bytes: haproxy takes 16 KiB less what it needs itself.
const LINE: usize = 12 << 10;
/// Of a key of characters, as the table is made.
const KEY: usize = 127;

/// Backends that have a stick table.
pub(crate) fn sticky(page: &Page) -> impl Iterator<Item = &Backend> {
    page.backends.iter().filter(|backend| kind(backend).is_some())
}

fn kind(backend: &Backend) -> Option<Sticking> {
    backend.persistence.filter(|sticking| match sticking {
        Sticking::SourceIp | Sticking::AppCookie => true,
        Sticking::HttpCookie => false,
    })
}

/// Asks for all tables of these.
pub(crate) fn question<'a>(backends: impl Iterator<Item = &'a Backend>) -> String {
    let tables: String = backends.map(|backend| format!(";show table {}", backend.id)).collect();
    format!("show servers state{tables}")
}

/// By backend and number: the name.
type Servers<'a> = HashMap<(&'a str, &'a str), &'a str>;

fn servers(answer: &str) -> Servers<'_> {
    let rows = answer.lines().filter(|line| !line.starts_with(['#', '0']));
    let rows = rows.map(|line| line.split(' ').collect::<Vec<_>>()).filter(|cells| cells.len() > PORT);
    rows.filter_map(|cells| Some(((*cells.get(BACKEND)?, *cells.get(NUMBER)?), *cells.get(SERVER)?))).collect()
}

/// An entry: its key, and the server's name.
struct Entry<'a> {
    key: String,
    server: &'a str,
    milliseconds: u64,
    /// It has the name itself.
    named: bool,
}

/// `0x55d0: key=10.0.0.7 use=0 exp=0 server_id=2 server_key=b`; nothing in a key looks like what stands behind it.
fn entry<'a>(line: &'a str, backend: &str, servers: &Servers<'a>) -> Option<Entry<'a>> {
    let (_, rest) = line.split_once(": key=")?;
    let (key, rest) = rest.split_once(" use=")?;
    let value = |name: &str| rest.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let name = value("server_key").filter(|name| *name != "-");
    let server = match name {
        Some(name) => name,
        None => servers.get(&(backend, value("server_id")?))?,
    };
    let milliseconds = value("exp").and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Entry { key: unescaped(key)?, server, milliseconds, named: name.is_some() })
}

fn entries<'a>(answer: &'a str) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
    let servers = servers(answer);
    let mut backend = "";
    answer.lines().filter_map(move |line| match line.strip_prefix("# table: ") {
        Some(head) => {
            backend = head.split(',').next().unwrap_or_default();
            None
        }
        None if line.starts_with("0x") => Some((backend, entry(line, backend, &servers)?)),
        None => None,
    })
}

/// What the answer to [`question`] says, by backend.
pub(crate) fn read(answer: &str) -> Vec<Clients> {
    let mut tables: Vec<Clients> = Vec::new();
    for (backend, Entry { key, server, milliseconds, .. }) in entries(answer) {
        if tables.last().is_none_or(|table| table.of != backend) {
            tables.push(Clients::new(backend));
        }
        tables.iter_mut().rev().take(1).for_each(|table| table.add(key.clone(), server, milliseconds));
    }
    tables
}

/// What is to be told: entries by backend and key, with the server's number.
pub(crate) struct Told<'a> {
    page: &'a Page,
    entries: HashMap<(&'a str, String), (&'a str, String)>,
}

impl<'a> Told<'a> {
    /// Of these tables as far as this page has them and this process, by its answer to [`question`], the servers.
    pub(crate) fn new(page: &'a Page, tables: &'a [Clients], answer: &str) -> Self {
        let servers = servers(answer);
        let mut entries = HashMap::new();
        for backend in sticky(page) {
            let numbers: HashMap<&str, &str> =
                servers.iter().filter(|((of, _), _)| *of == backend.id).map(|((_, id), name)| (*name, *id)).collect();
            for (key, member, _) in tables.iter().filter(|table| table.of == backend.id).flat_map(Clients::all) {
                if let (Some(key), Some(number)) = (good(key, backend), numbers.get(member)) {
                    entries.insert((backend.id.as_str(), key), (member, (*number).to_owned()));
                }
            }
        }
        Self { page, entries }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Asks for the tables again.
    pub(crate) fn question(&self) -> String {
        question(sticky(self.page))
    }

    /// Lines of commands.
    pub(crate) fn commands(&self) -> Vec<String> {
        let commands = self.entries.iter().map(|((backend, key), (_, number))| set(backend, key, number));
        lines(commands)
    }

    /// The same of those that traffic has made otherwise, by the process's answer.
    pub(crate) fn corrections(&self, answer: &str) -> Vec<String> {
        let other = |(backend, entry): (&str, Entry<'_>)| {
            let ((of, key), (member, number)) = self.entries.get_key_value(&(backend, entry.key))?;
            let cleared = || format!("clear table {of} key {};{}", escaped(key), set(of, key, number));
            (entry.named && entry.server != *member).then(cleared)
        };
        lines(entries(answer).filter_map(other))
    }
}

fn set(backend: &str, key: &str, number: &str) -> String {
    format!("set table {backend} key {} data.server_id {number}", escaped(key))
}

/// As few lines as possible.
fn lines(commands: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for command in commands {
        match lines.last_mut() {
            Some(line) if line.len() + command.len() < LINE => {
                line.push(';');
                line.push_str(&command);
            }
            _ => lines.push(command),
        }
    }
    lines
}

/// A key that the table takes, in haproxy's form.
fn good(key: &str, backend: &Backend) -> Option<String> {
    match kind(backend)? {
        Sticking::SourceIp => {
            let address: IpAddr = key.parse().ok()?;
            let fits = backend.address_type == AddressType::Ipv6 || address.is_ipv4();
            fits.then(|| address.to_string())
        }
        Sticking::AppCookie => {
            let fits = (1..=KEY).contains(&key.len()) && !key.chars().any(char::is_control);
            fits.then(|| key.to_owned())
        }
        Sticking::HttpCookie => None,
    }
}

/// As one word of a command.
fn escaped(key: &str) -> String {
    let mut word = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, ' ' | ';' | '\\') {
            word.push('\\');
        }
        word.push(character);
    }
    word
}

/// `None`: it is no text, or cannot be told.
fn unescaped(shown: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), shown.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, rest.len()) {
            (b'\\', 1..) => match rest.next()? {
                b'x' => {
                    u8::from_str_radix(&format!("{}{}", char::from(rest.next()?), char::from(rest.next()?)), 16).ok()?
                }
                b't' | b'n' | b'r' | b'e' => return None,
                other => other,
            },
            (byte, _) => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use ballast_abi::{PersistenceType, Protocol, SessionPersistence};

    use super::*;
    use crate::samples::{self, ID};

    fn page(kind: PersistenceType) -> Page {
        let mut asked = samples::load_balancer(Protocol::Http);
        let cookie_name = if kind == PersistenceType::AppCookie { "SID" } else { "" };
        let persistence =
            SessionPersistence { r#type: kind.into(), cookie_name: cookie_name.to_owned(), ..Default::default() };
        asked.pools[0].session_persistence = Some(persistence);
        samples::page(&asked)
    }

    fn answer(rows: &[(u32, u32)], entries: &str) -> String {
        let row = |(number, member): &(u32, u32)| {
            format!(
                "3 {ID} {number} {} 10.0.0.1 2 0 1 1 1 1 0 2 0 0 0 0 - 80 - 0 0 - - 0\n",
                samples::member(*member).id
            )
        };
        let rows: String = rows.iter().map(row).collect();
        format!("1\n# be_id be_name\n{rows}\n# table: {ID}, type: ip, size:10240, used:2\n{entries}\n\n")
    }

    #[test]
    fn clients_are_told_with_the_numbers_that_servers_have_in_another_process() {
        let (one, two) = (samples::member(1).id, samples::member(2).id);
        let shown = answer(
            &[(1, 1), (2, 2)],
            &format!(
                "0x5: key=10.0.0.7 use=0 exp=0 server_id=1 server_key={one}\n\
                 0x6: key=10.0.0.8 use=0 exp=9 server_id=2 server_key=-"
            ),
        );
        let tables = read(&shown);
        let all: Vec<_> = tables.iter().flat_map(Clients::all).collect();
        assert_eq!(all, [("10.0.0.7", one.as_str(), 0), ("10.0.0.8", two.as_str(), 9)]);

        let page = page(PersistenceType::SourceIp);
        let told = Told::new(&page, &tables, &answer(&[(1, 2), (2, 1)], ""));
        let lines = told.commands();
        let mut commands: Vec<&str> = lines.iter().flat_map(|line| line.split(';')).collect();
        commands.sort_unstable();
        let expected = [
            format!("set table {ID} key 10.0.0.7 data.server_id 2"),
            format!("set table {ID} key 10.0.0.8 data.server_id 1"),
        ];
        assert_eq!(commands, expected);
        // One came between and was sent to another; the other one is as it was told.
        let now = answer(
            &[(1, 2), (2, 1)],
            &format!(
                "0x5: key=10.0.0.7 use=0 exp=0 server_id=1 server_key={two}\n\
                 0x6: key=10.0.0.8 use=0 exp=0 server_id=1 server_key=-"
            ),
        );
        let corrected = format!("clear table {ID} key 10.0.0.7;set table {ID} key 10.0.0.7 data.server_id 2");
        assert_eq!(told.corrections(&now), [corrected]);
    }

    #[test]
    fn what_is_not_there_any_more_is_left_out() {
        let mut tables = vec![Clients::new(ID), Clients::new("gone")];
        tables[0].add("10.0.0.7".to_owned(), "gone", 0);
        tables[1].add("10.0.0.7".to_owned(), &samples::member(1).id, 0);
        let (sticky, cookies) = (page(PersistenceType::SourceIp), page(PersistenceType::HttpCookie));
        assert!(Told::new(&sticky, &tables, &answer(&[(1, 1)], "")).is_empty());
        tables[0].add("10.0.0.7".to_owned(), &samples::member(1).id, 0);
        assert!(!Told::new(&sticky, &tables, &answer(&[(1, 1)], "")).is_empty());
        assert!(Told::new(&cookies, &tables, &answer(&[(1, 1)], "")).is_empty(), "it has no table by now");
    }

    #[test]
    fn no_key_of_a_client_adds_a_word_a_command_or_a_line() {
        let page = page(PersistenceType::AppCookie);
        let mut tables = vec![Clients::new(ID)];
        for key in ["a b;c\\d", "x\ny", "", &"x".repeat(128), "10.0.0.1 data.server_id 1;shutdown sessions"] {
            tables[0].add(key.to_owned(), &samples::member(1).id, 0);
        }
        let told = Told::new(&page, &tables, &answer(&[(1, 1)], ""));
        let lines = told.commands();
        let mut keys: Vec<&str> = Vec::new();
        for line in &lines {
            assert!(!line.contains('\n'));
            let marked = line.replace("\\;", "\\,");
            assert!(marked.split(';').all(|command| command.starts_with("set table ")), "{line}");
            keys.extend(line.split("set table ").skip(1));
        }
        assert_eq!(keys.len(), 2, "{keys:?}");
        for key in ["a b;c\\d", "e=f", "\u{e9}"] {
            let shown = escaped(key).replace('=', "\\=").replace('\u{e9}', "\\xC3\\xA9");
            assert_eq!(unescaped(&shown).as_deref(), Some(key));
        }
        assert_eq!((unescaped("a\\"), unescaped("a\\x4"), unescaped("\\n")), (Some("a\\".to_owned()), None, None));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_no_panic() {
        let whole = answer(&[(1, 1)], "0x5: key=10.0.0.7 use=0 exp=0 server_id=1 server_key=-");
        for end in 0..whole.len() {
            read(&whole[..end]);
        }
    }
}
