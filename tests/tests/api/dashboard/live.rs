//! What changes, as an open page is told.

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{browser::Browser, load_balancer};
use crate::{
    played::able,
    services::{PATIENCE, Services},
};

/// One event.
#[derive(Debug, Default)]
struct Told {
    id: String,
    name: String,
    data: String,
}

/// An open page's stream.
struct Page {
    lines: BufReader<TcpStream>,
}

/// Where a page that is loaded is told what changes.
fn address(page: &str) -> String {
    let live = page.split("data-live=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a live page");
    live.replace("&#38;", "&").replace("&amp;", "&")
}

impl Page {
    async fn open(browser: &Browser, path: &str) -> Self {
        let address = address(&browser.get(path).await.body);
        Self::at(browser, &address).await
    }

    async fn at(browser: &Browser, address: &str) -> Self {
        let mut stream = browser.connect().await;
        stream.write_all(browser.written("GET", address, "").as_bytes()).await.unwrap();
        Self { lines: BufReader::new(stream) }
    }

    /// The next event that has a name. None: the stream ended.
    async fn next(&mut self) -> Option<Told> {
        let mut told = Told::default();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, self.lines.read_line(&mut line)).await.expect("a line in time");
            if read.unwrap() == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut told.id);
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut told.name);
            } else if let Some(data) = line.strip_prefix("data:") {
                told.data += data;
                told.data.push('\n');
            } else if line.is_empty() && !told.name.is_empty() && !told.data.is_empty() {
                return Some(told);
            }
        }
    }

    async fn until(&mut self, is_so: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await.expect("a stream that goes on");
            if is_so(&told) {
                return told;
            }
        }
    }
}

#[tokio::test]
async fn an_open_page_is_told_what_changes_and_goes_on_from_its_cursor() {
    let services = Services::start().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet().await;
    let browser = Browser::new(&services);
    let mut overview = Page::open(&browser, "/ui/?view=table").await;
    let mut list = Page::open(&browser, "/ui/load-balancers?q=second").await;
    load_balancer(&services, "", &subnet, "first").await;
    let told = overview.until(|told| told.name == "patch" && told.data.contains(">first<")).await;
    assert!(!told.id.is_empty() && told.data.contains("<h1>Overview</h1>"), "{told:?}");
    // Who was away is sent what he missed, from wherever he was.
    drop(overview);
    load_balancer(&services, "", &subnet, "second").await;
    let live = address(&browser.get("/ui/?view=table").await.body);
    let mut again = Page::at(&browser.with("last-event-id", &told.id), &live).await;
    again.until(|told| told.name == "patch" && told.data.contains(">second<")).await;
    let told = list.until(|told| told.name == "patch").await;
    assert!(told.data.contains(">second<") && !told.data.contains(">first<"), "a page is live as it was asked for");
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let services = Services::start().await;
    let browser = Browser::new(&services);
    let page = browser.get("/ui/load-balancers").await.body;
    let mut list = Page::at(&browser, &address(&page)).await;
    services.subnet().await;
    able(&services.channel, "h1").await;
    let subnet = services.subnet_of("10.1.0.0/24").await;
    load_balancer(&services, "", &subnet, "made").await;
    let first = list.next().await.unwrap();
    assert!(first.name == "patch" && first.data.contains(">made<"), "the first that is told is a change: {first:?}");
}

#[tokio::test]
async fn a_cursor_that_is_not_known_any_more_sends_the_page_anew() {
    let services = Services::start().await;
    let browser = Browser::new(&services);
    let live = address(&browser.get("/ui/load-balancers").await.body);
    for last in [format!("{}.0.1", uuid::Uuid::nil().simple()), "nonsense".to_owned()] {
        let mut page = Page::at(&browser.with("last-event-id", &last), &live).await;
        let told = page.next().await.unwrap();
        assert!(matches!(told.name.as_str(), "patch" | "full"), "{last}: {told:?}");
    }
}

#[tokio::test]
async fn there_are_so_many_open_pages_and_one_that_is_closed_makes_room() {
    let services = Services::with(|settings| settings.gateway.streams_per_caller = 2).await;
    let browser = Browser::new(&services);
    let live = address(&browser.get("/ui/load-balancers").await.body);
    let mut open = vec![Page::at(&browser, &live).await, Page::at(&browser, &live).await];
    // Both are admitted before the third asks: each has begun to speak.
    for page in &mut open {
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, page.lines.read_line(&mut line)).await.expect("a line in time").unwrap();
        assert!(line.contains("200"), "{line}");
    }
    let told = Page::at(&browser, &live).await.next().await.unwrap();
    assert!(told.name == "full" && told.data.contains("gateway.streams_per_caller"), "{told:?}");
    drop(open);
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut page = Page::at(&browser.with("last-event-id", ""), &live.replace("digest=", "no=")).await;
        if page.next().await.is_some_and(|told| told.name == "patch") {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "no room");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_page_is_told_that_the_scheduler_is_away_and_who_is_logged_in_no_more_to_load_it() {
    let mut services = Services::start().await;
    let browser = Browser::new(&services);
    let mut page = Page::open(&browser, "/ui/").await;
    services.kill();
    assert_eq!(page.until(|told| told.name != "patch" && told.name != "say").await.name, "away");
    let _ = &mut services;

    let services = Services::with_tokens(|_| {}).await;
    let mut browser = Browser::new(&services);
    browser.log_in("alice").await;
    let live = address(&browser.get("/ui/").await.body);
    browser.post("/ui/logout", "").await;
    assert_eq!(Page::at(&browser, &live).await.next().await.unwrap().name, "reload");
}
