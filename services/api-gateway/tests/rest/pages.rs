//! What a page in the browser of somebody on this machine can do where no token is asked for: nothing, by any route.

use std::io::Write as _;

use ballast_service::config::AuthMode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{scripted::ID, setting::Setting};

type Header = (&'static str, String);

fn header(name: &'static str, value: impl Into<String>) -> Header {
    (name, value.into())
}

/// Every method of every path that is served, and some that are not.
fn routes() -> Vec<(&'static str, String)> {
    let of_both = [ballast_api_gateway::routes(), ballast_api_gateway::v2_routes()].into_iter().flatten();
    let served = of_both.map(|route| (route.method, route.path));
    let others = [("HEAD", "/v2.0/lb/pools"), ("OPTIONS", "/v2.0/lb/pools"), ("PATCH", "/v2.0/lb/vips"), ("GET", "/x")];
    let filled = |path: &str| {
        let parts: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { ID } else { part }).collect();
        parts.join("/")
    };
    served.chain(others).map(|(method, path)| (method, filled(path))).collect()
}

/// The status, and the type of the refusal.
async fn ask(setting: &Setting, method: &str, path: &str, headers: &[Header], body: bool) -> (u16, String) {
    let mut request = setting.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if body {
        request = request.body("{}");
    }
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    let body: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default();
    // v2 has no type; its fault is as good as one.
    let of_v2 = body["faultstring"].as_str().map(|_| if status == 403 { "HTTPForbidden" } else { "HTTPBadRequest" });
    (status, body["NeutronError"]["type"].as_str().or(of_v2).unwrap_or_default().to_owned())
}

#[tokio::test]
async fn no_page_of_others_reaches_any_route() {
    let setting = Setting::start().await;
    let host = setting.url.strip_prefix("http://").unwrap();
    let port = host.rsplit_once(':').unwrap().1;
    let foreign = [
        vec![header("sec-fetch-site", "cross-site")],
        vec![header("sec-fetch-site", "same-site"), header("origin", &*setting.url)],
        vec![header("sec-fetch-site", "")],
        vec![header("sec-fetch-site", "none"), header("sec-fetch-site", "cross-site")],
        vec![header("origin", "http://evil.example")],
        vec![header("origin", "null")],
        vec![header("origin", "")],
        vec![header("origin", format!("http://127.0.0.1:{port}1"))],
        vec![header("origin", format!("http://localhost:{port}"))],
        vec![header("origin", format!("{}.evil.example", setting.url))],
        vec![header("origin", &*setting.url), header("origin", "http://evil.example")],
    ];
    let rebound = [
        vec![header("host", format!("evil.example:{port}"))],
        vec![header("host", format!("{host}.evil.example"))],
        vec![header("host", format!("x@{host}"))],
        vec![header("host", "evil.example"), header("origin", "http://evil.example")],
        vec![header("host", "evil.example"), header("sec-fetch-site", "same-origin")],
    ];
    for (method, path) in routes() {
        for (cases, status, kind) in [(&foreign[..], 403, "HTTPForbidden"), (&rebound[..], 400, "HTTPBadRequest")] {
            for headers in cases {
                let (said, by) = ask(&setting, method, &path, headers, false).await;
                assert_eq!(said, status, "{method} {path} {headers:?}");
                assert!(by == kind || method == "HEAD", "{method} {path} {headers:?}: {by}");
            }
        }
        for media in [
            "text/plain",
            "text/plain;charset=application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "",
        ] {
            let headers = if media.is_empty() { vec![] } else { vec![header("content-type", media)] };
            let (said, _) = ask(&setting, method, &path, &headers, true).await;
            assert_eq!(said, 415, "{method} {path} {media}");
        }
        assert!(setting.seen.lock().unwrap().metadata.is_empty(), "{method} {path} reached the scheduler");
    }
}

#[tokio::test]
async fn clients_and_pages_of_its_own_notice_nothing() {
    let setting = Setting::with(|settings| settings.gateway.public_hosts = vec!["lb.example".to_owned()]).await;
    let port = setting.url.rsplit_once(':').unwrap().1;
    let own = [
        vec![header("sec-fetch-site", "same-origin"), header("origin", &*setting.url)],
        vec![header("sec-fetch-site", "none")],
        vec![header("origin", &*setting.url)],
        vec![header("host", format!("localhost:{port}")), header("origin", format!("http://localhost:{port}"))],
        vec![header("host", format!("[::1]:{port}"))],
        vec![header("host", "lb.example"), header("origin", "https://lb.example")],
    ];
    for (method, path) in routes() {
        for (media, body) in
            [("application/json", true), ("Application/JSON; charset=utf-8", true), ("text/plain", false)]
        {
            let with_type = |headers: &[Header]| [headers, &[header("content-type", media)]].concat();
            let plain = ask(&setting, method, &path, &with_type(&[]), body).await;
            assert!(![403, 415].contains(&plain.0), "{method} {path}: {plain:?}");
            for headers in &own {
                let said = ask(&setting, method, &path, &with_type(headers), body).await;
                assert_eq!(said, plain, "{method} {path} {headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn where_tokens_are_asked_for_a_page_has_none_and_is_not_looked_at() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[[token]]\ntoken = 't'\nproject_id = 'p'\nuser = 'u'\nroles = ['admin']").unwrap();
    let setting = Setting::with(|settings| {
        settings.auth.mode = AuthMode::TokenFile;
        settings.auth.token_file = file.path().to_owned();
    })
    .await;
    let page = [header("sec-fetch-site", "cross-site"), header("origin", "http://evil.example")];
    assert_eq!(ask(&setting, "GET", "/v2.0/lb/pools", &page, false).await.0, 401);
    let with_token = [&page[..], &[header("x-auth-token", "t"), header("host", "any.example")]].concat();
    assert_eq!(ask(&setting, "GET", "/v2.0/lb/pools", &with_token, false).await.0, 200);
}

/// What is answered to a request that is written by hand.
async fn answer(setting: &Setting, request: &str) -> String {
    let mut stream = TcpStream::connect(setting.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn links_name_the_host_that_was_checked_and_no_other() {
    let setting = Setting::start().await;
    for (request, status, link) in [
        ("GET / HTTP/1.0\r\n\r\n", "200", "http://localhost/v2\""),
        ("GET / HTTP/1.1\r\nhost: [::1]:1\r\nconnection: close\r\n\r\n", "200", "http://[::1]:1/v2\""),
        (
            "GET http://127.0.0.1:5/ HTTP/1.1\r\nhost: 127.0.0.1:5\r\nconnection: close\r\n\r\n",
            "200",
            "http://127.0.0.1:5/v2\"",
        ),
        ("GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", "400", ""),
        ("GET / HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n", "400", ""),
        ("GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n", "400", ""),
        ("GET / HTTP/1.1\r\nhost: \r\nconnection: close\r\n\r\n", "400", ""),
    ] {
        let answer = answer(&setting, request).await;
        assert_eq!(answer.split_whitespace().nth(1), Some(status), "{request}: {answer}");
        assert!(answer.contains(link) && !answer.contains("evil"), "{request}: {answer}");
    }
}
