//! Against a server that answers as Keystone does; the real one is in the system tests.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::config::AuthMode;

/// Seconds after 1970 of a day when the tests' tokens are valid.
const DAY: u64 = 1_767_225_600;

#[derive(Default)]
struct State {
    logins: AtomicUsize,
    validations: AtomicUsize,
    revoked: AtomicBool,
    own_is_refused: AtomicBool,
    seconds: AtomicU64,
}

struct Played {
    state: Arc<State>,
    keystone: Arc<Keystone>,
    server: JoinHandle<()>,
    _password: tempfile::NamedTempFile,
}

async fn played() -> Played {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v3/", listener.local_addr().unwrap());
    let state = Arc::new(State::default());
    let serving = Arc::clone(&state);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !whole(&request) {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0, "half a request");
            }
            let answer = serving.answer(&String::from_utf8(request).unwrap().to_lowercase());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut password = tempfile::NamedTempFile::new().unwrap();
    writeln!(password, "s3cret").unwrap();
    let settings = Auth {
        mode: AuthMode::Keystone,
        keystone_url: url,
        username: "ballast".to_owned(),
        project: "service".to_owned(),
        password_file: password.path().to_owned(),
        revocation_check_seconds: 60,
        ..Auth::default()
    };
    let now = Arc::clone(&state);
    let clock =
        Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_secs(DAY + now.seconds.load(Ordering::SeqCst)));
    let keystone = Arc::new(Keystone::new(&settings, clock).unwrap());
    Played { state, keystone, server, _password: password }
}

/// Whether the head and as much body as it says are there.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

impl State {
    fn answer(&self, request: &str) -> String {
        let token = r#"{"token": {"expires_at": "2026-01-01T01:00:00.000000Z", "user": {"name": "u"},
            "project": {"id": "p"}, "roles": [{"name": "member"}]}}"#;
        if let Some(answer) = self.answer_a_person(request) {
            return answer;
        }
        if request.starts_with("post /v3/auth/tokens") {
            self.logins.fetch_add(1, Ordering::SeqCst);
            assert!(request.contains("s3cret"), "{request}");
            return http("201 Created", "X-Subject-Token: own\r\n", token);
        }
        self.validations.fetch_add(1, Ordering::SeqCst);
        if self.own_is_refused.swap(false, Ordering::SeqCst) {
            return http("401 Unauthorized", "", "{}");
        }
        if request.contains("x-subject-token: poison") {
            return http("500 Internal Server Error", "", "{}");
        }
        if self.revoked.load(Ordering::SeqCst) || !request.contains("x-subject-token: good") {
            return http("404 Not Found", "", "{}");
        }
        http("200 OK", "", token)
    }

    /// To who logs in, chooses a project, or ends a token. None: it is the service itself that asks.
    fn answer_a_person(&self, request: &str) -> Option<String> {
        let given = |token: &str| http("201 Created", &format!("X-Subject-Token: {token}\r\n"), "{}");
        if request.contains("\"scope\":\"unscoped\"") {
            let is_known = request.contains("\"password\":\"open sesame\"") && request.contains("\"name\":\"ann\"");
            return Some(if is_known { given("ann's") } else { http("401 Unauthorized", "", "{}") });
        }
        if request.contains("\"methods\":[\"token\"]") {
            let is_known = request.contains("\"id\":\"ann's\"") && request.contains("\"project\":{\"id\":\"p\"}");
            return Some(if is_known { given("good") } else { http("401 Unauthorized", "", "{}") });
        }
        if request.starts_with("get /v3/auth/projects") {
            let body = r#"{"projects": [{"id": "p", "name": "Web"}, {"id": "q", "name": "Mail"}]}"#;
            let is_known = request.contains("x-auth-token: ann's");
            return Some(if is_known { http("200 OK", "", body) } else { http("401 Unauthorized", "", "{}") });
        }
        if request.starts_with("delete /v3/auth/tokens") {
            self.revoked.store(true, Ordering::SeqCst);
            return Some(http("204 No Content", "", ""));
        }
        None
    }

    fn validations(&self) -> usize {
        self.validations.load(Ordering::SeqCst)
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_token_is_asked_about_once_until_it_may_have_been_revoked() {
    let Played { state, keystone, .. } = played().await;
    for _ in 0..3 {
        let identity = keystone.identify(b"good").await.unwrap();
        assert_eq!((identity.project_id.as_str(), identity.roles), ("p", super::super::Roles::MEMBER));
    }
    assert_eq!((state.validations(), state.logins.load(Ordering::SeqCst)), (1, 1));
    state.revoked.store(true, Ordering::SeqCst);
    assert!(keystone.identify(b"good").await.is_ok());
    state.seconds.store(60, Ordering::SeqCst);
    assert_eq!(keystone.identify(b"good").await, Err(Denied::Unauthenticated));
    assert_eq!(state.validations(), 2);
}

#[tokio::test]
async fn a_person_gets_a_token_chooses_a_project_and_ends_it() {
    let Played { keystone, .. } = played().await;
    let person = |password| Person { user: "ann", domain: "Default", password };
    assert_eq!(keystone.log_in(&person("sesame")).await, Err(Denied::Unauthenticated));
    let token = keystone.log_in(&person("open sesame")).await.unwrap();
    let names: Vec<String> = keystone.projects(&token).await.unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["Web", "Mail"]);
    assert_eq!(keystone.projects("nobody's").await, Err(Denied::Unauthenticated));
    assert_eq!(keystone.scope(&token, "q").await, Err(Denied::Unauthenticated));
    let token = keystone.scope(&token, "p").await.unwrap();
    assert_eq!(keystone.identify(token.as_bytes()).await.unwrap().project_id, "p");
    keystone.revoke(&token).await.unwrap();
    assert_eq!(
        keystone.identify(token.as_bytes()).await,
        Err(Denied::Unauthenticated),
        "it is not believed for a while"
    );
}

#[tokio::test]
async fn many_requests_with_one_token_ask_once() {
    let Played { state, keystone, .. } = played().await;
    let asks = (0..20).map(|_| {
        let keystone = Arc::clone(&keystone);
        async move { keystone.identify(b"good").await.is_ok() }
    });
    assert!(futures_util::future::join_all(asks).await.into_iter().all(|good| good));
    assert_eq!(state.validations(), 1);
}

#[tokio::test]
async fn without_keystone_known_tokens_work_until_they_expire_and_others_are_unknown() {
    let Played { state, keystone, server, .. } = played().await;
    keystone.identify(b"good").await.unwrap();
    assert_eq!(keystone.identify(b"bad").await, Err(Denied::Unauthenticated));
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    state.seconds.store(3_000, Ordering::SeqCst);
    assert!(keystone.identify(b"good").await.is_ok());
    assert!(matches!(keystone.identify(b"other").await, Err(Denied::Unavailable(_))));
    state.seconds.store(3_600, Ordering::SeqCst);
    assert!(matches!(keystone.identify(b"good").await, Err(Denied::Unavailable(_))));
}

#[tokio::test]
async fn a_token_of_the_services_own_that_is_refused_is_replaced() {
    let Played { state, keystone, .. } = played().await;
    state.own_is_refused.store(true, Ordering::SeqCst);
    assert!(keystone.identify(b"good").await.is_ok());
    assert_eq!(state.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_no_header_can_carry_is_no_token() {
    let Played { keystone, .. } = played().await;
    assert_eq!(keystone.identify(b"a\nb").await, Err(Denied::Unauthenticated));
}

#[tokio::test]
async fn a_stranger_who_makes_keystone_fail_keeps_no_revoked_token_alive() {
    let Played { state, keystone, .. } = played().await;
    keystone.identify(b"good").await.unwrap();
    state.revoked.store(true, Ordering::SeqCst);
    state.seconds.store(60, Ordering::SeqCst);
    assert!(matches!(keystone.identify(b"poison").await, Err(Denied::Unavailable(_))));
    assert_eq!(keystone.identify(b"good").await, Err(Denied::Unauthenticated));
}
