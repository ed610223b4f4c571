//! Tokens of a file, with real services: the file changes while they run.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_proto::v1::{ListRequest, pools_client::PoolsClient};
use ballast_tests::{
    PATIENCE,
    rest::Rest,
    secret,
    site::{Plan, Site, URL},
};
use tonic::{Code, Request, transport::Channel};

/// A section of the file, which names a token or its SHA-256.
fn section(key: &str, token: &str, role: &str) -> String {
    format!("[[token]]\n{key} = \"{token}\"\nproject_id = \"a\"\nuser = \"{role}\"\nroles = [\"{role}\"]\n")
}

/// What REST says to a token.
fn rest(token: &str) -> u16 {
    Rest::new(URL).with_token(token).call("GET", "/v2.0/lb/pools", None).status
}

/// What gRPC says to a token.
fn grpc(token: &str) -> Code {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let channel = Channel::from_static("http://127.0.0.1:9697").connect_lazy();
        let mut request = Request::new(ListRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("a token"));
        PoolsClient::new(channel).list(request).await
    });
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

/// Both, to tokens that are good and to tokens that are not.
fn check(good: &[&str], bad: &[&str]) {
    for token in good {
        assert_eq!((rest(token), grpc(token)), (200, Code::Ok), "{token}");
    }
    for token in bad {
        assert_eq!((rest(token), grpc(token)), (401, Code::Unauthenticated), "{token}");
    }
}

/// The SHA-256 that the documentation's command makes.
fn sha256(token: &str) -> String {
    let output = Command::new("sh").args(["-c", "printf %s \"$TOKEN\" | sha256sum"]).env("TOKEN", token).output();
    let printed = String::from_utf8(output.expect("sh starts").stdout).expect("text");
    printed.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Both services say this, once each.
fn wait_for_words(site: &Site, words: &str) {
    for service in ["ballast-api-gateway", "ballast-scheduler"] {
        wait_until(PATIENCE, &format!("'{words}' in the log of {service}"), || {
            let (rest, grpc) = (rest("ask"), grpc("ask"));
            assert!(rest == 401 && grpc == Code::Unauthenticated, "{rest} {grpc:?}");
            site.logged(service).contains(words).then_some(())
        });
        assert_eq!(site.logged(service).matches(words).count(), 1, "said more than once by {service}");
    }
}

#[test]
fn the_file_of_tokens_is_read_again_when_it_changes_and_a_broken_one_changes_nothing() {
    let test = "the_file_of_tokens_is_read_again_when_it_changes_and_a_broken_one_changes_nothing";
    if !require_tool("sha256sum", test) {
        return;
    }
    in_lab(|lab| {
        let file = lab.dir().join("tokens.toml");
        let admin = section("token", "the-admin", "admin");
        secret::write(&file, &format!("{admin}{}", section("token", "token-one", "member")));
        let environment = vec![
            ("", "BALLAST_AUTH__MODE", "token-file".to_owned()),
            ("", "BALLAST_AUTH__TOKEN_FILE", file.display().to_string()),
        ];
        let plan = Plan { agents: 0, webs: 0, token: "the-admin".to_owned(), environment, ..Plan::default() };
        let site = Site::start(lab, &plan)?;
        check(&["token-one", "the-admin"], &["token-two", "token-hashed", &sha256("token-hashed")]);

        let hashed = section("token_sha256", &sha256("token-hashed"), "reader");
        fs::write(&file, format!("{admin}{}{hashed}", section("token", "token-two", "member")))?;
        check(&["token-two", "token-hashed", "the-admin"], &["token-one", &sha256("token-hashed")]);
        wait_for_words(&site, "the tokens have changed");

        // As an editor does it: another file in its place.
        replace(&file, "[[token]]\ntoken = \"s3cret")?;
        check(&["token-two", "token-hashed", "the-admin"], &["token-one", "s3cret"]);
        wait_for_words(&site, "the tokens stay as they were");
        // One that others can read is not believed either.
        replace(&file, &section("token", "token-open", "member"))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        check(&["token-two", "token-hashed"], &["token-open"]);
        wait_for_words(&site, "chmod o=");
        fs::remove_file(&file)?;
        check(&["token-two", "token-hashed"], &["token-one"]);
        replace(&file, &section("token", "token-three", "member"))?;
        check(&["token-three"], &["token-one", "token-two", "token-hashed", "the-admin"]);

        let logs = site.logged("ballast-api-gateway") + &site.logged("ballast-scheduler");
        for secret in ["s3cret", "the-admin", "token-two", "token-three", "token-hashed"] {
            assert!(!logs.contains(secret), "the token {secret} is in a log");
        }
        Ok(())
    });
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    secret::write(&new, text);
    fs::rename(new, file)
}
