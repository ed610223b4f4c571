//! Every way to come, with everything that one can say.

use std::{io::Write as _, net::SocketAddr};

use ballast_service::{
    clock::Clock,
    config::{Auth, AuthMode},
};
use tonic::Code as Grpc;

use super::*;

const CREATE: &str = "/lbaas.v1.Pools/Create";
const SESSION: &str = "/lbaas.agent.v1.AgentSession/Connect";

fn none() -> Admission {
    let settings = Settings::default();
    Admission::new(Authenticator::None, Arc::new(Metrics::new(&settings)), &settings)
}

fn with_tokens() -> (Admission, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[[token]]\ntoken = \"t\"\nproject_id = \"p\"\nroles = [\"member\"]").unwrap();
    let auth = Auth { mode: AuthMode::TokenFile, token_file: file.path().to_owned(), ..Auth::default() };
    let mut settings = Settings::default();
    (settings.rate_limit.writes_per_second, settings.rate_limit.writes_burst) = (1, 20);
    let authenticator = Authenticator::new(&auth, Clock::system()).unwrap();
    (Admission::new(authenticator, Arc::new(Metrics::new(&settings)), &settings), file)
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

fn plain() -> Peer {
    Peer::Plain { address: address() }
}

fn tls(role: Option<Role>) -> Peer {
    Peer::Tls { address: address(), role }
}

fn member() -> Admitted {
    Admitted::Caller(Caller { project_id: Some("p".to_owned()), admin: false })
}

fn admin() -> Admitted {
    Admitted::Caller(Caller { project_id: None, admin: true })
}

const TOLD: &[(&str, &str)] = &[("ballast-roles", "member"), ("ballast-project-id", "p")];
const TOLD_ADMIN: &[(&str, &str)] = &[("ballast-roles", "admin")];

#[tokio::test]
async fn only_a_gateway_is_believed_who_calls() {
    let (tokens, _file) = with_tokens();
    let said = headers(TOLD);
    for peer in [Peer::Unix, tls(Some(Role::Gateway))] {
        assert_eq!(tokens.admit(Some(&peer), CREATE, &said).await.unwrap().0, member());
    }
    assert_eq!(none().admit(Some(&plain()), CREATE, &said).await.unwrap().0, member());
    // whoever has a token, or a certificate of another role, is who that says
    let mut forged = headers(TOLD_ADMIN);
    forged.insert("x-auth-token", "t".parse().unwrap());
    for peer in [plain(), tls(None), tls(Some(Role::Client { project: None }))] {
        assert_eq!(tokens.admit(Some(&peer), CREATE, &forged).await.unwrap().0, member());
    }
    let mine = tls(Some(Role::Client { project: Some("p".to_owned()) }));
    assert_eq!(tokens.admit(Some(&mine), CREATE, &headers(TOLD_ADMIN)).await.unwrap().0, member());
    let silent = tokens.admit(Some(&tls(Some(Role::Gateway))), CREATE, &HeaderMap::new()).await.unwrap_err();
    assert_eq!(silent.code(), Grpc::Unauthenticated);
}

#[tokio::test]
async fn without_a_token_only_trusted_ways_remain() {
    let (tokens, _file) = with_tokens();
    let nothing = HeaderMap::new();
    assert_eq!(tokens.admit(Some(&Peer::Unix), CREATE, &nothing).await.unwrap().0, admin());
    assert_eq!(none().admit(Some(&plain()), CREATE, &nothing).await.unwrap().0, admin());
    let client = tls(Some(Role::Client { project: None }));
    assert_eq!(none().admit(Some(&client), CREATE, &nothing).await.unwrap().0, admin());
    for admission in [&tokens, &none()] {
        let refused = admission.admit(Some(&tls(None)), CREATE, &nothing).await.unwrap_err();
        assert_eq!(refused.code(), Grpc::Unauthenticated);
    }
    for said in [&nothing, &headers(TOLD_ADMIN), &headers(&[("x-auth-token", "other")])] {
        let refused = tokens.admit(Some(&plain()), CREATE, said).await.unwrap_err();
        assert_eq!(refused.code(), Grpc::Unauthenticated);
    }
    assert_eq!(tokens.admit(None, CREATE, &nothing).await.unwrap_err().code(), Grpc::PermissionDenied);
}

#[tokio::test]
async fn a_bearer_token_is_a_token() {
    let (tokens, _file) = with_tokens();
    for pair in [("authorization", "Bearer t"), ("authorization", "bearer t"), ("x-auth-token", "t")] {
        assert_eq!(tokens.admit(Some(&plain()), CREATE, &headers(&[pair])).await.unwrap().0, member());
    }
    let basic = headers(&[("authorization", "Basic t")]);
    assert_eq!(tokens.admit(Some(&plain()), CREATE, &basic).await.unwrap_err().code(), Grpc::Unauthenticated);
}

#[tokio::test]
async fn who_shows_a_token_of_his_own_is_limited_and_who_speaks_for_others_is_not() {
    let (tokens, _file) = with_tokens();
    let token = headers(&[("x-auth-token", "t")]);
    let mut admitted = 0;
    let refused = loop {
        match tokens.admit(Some(&plain()), CREATE, &token).await {
            Ok(_) => admitted += 1,
            Err(refused) => break refused,
        }
    };
    // A burst, and what may have come in meanwhile.
    assert!((20..30).contains(&admitted), "{admitted}");
    assert_eq!(refused.code(), Grpc::ResourceExhausted);
    tokens.admit(Some(&plain()), "/lbaas.v1.Pools/List", &token).await.unwrap();
    for _ in 0..30 {
        tokens.admit(Some(&tls(Some(Role::Gateway))), CREATE, &headers(TOLD)).await.unwrap();
        tokens.admit(Some(&Peer::Unix), CREATE, &headers(TOLD)).await.unwrap();
    }
}

#[tokio::test]
async fn certificates_of_other_roles_do_not_open_what_is_not_theirs() {
    let agent = tls(Some(Role::Agent { host: "a".to_owned() }));
    for peer in [&agent, &tls(Some(Role::Scheduler))] {
        let refused = none().admit(Some(peer), CREATE, &headers(TOLD_ADMIN)).await.unwrap_err();
        assert_eq!(refused.code(), Grpc::PermissionDenied, "{peer:?}");
    }
    let admitted = none().admit(Some(&agent), SESSION, &HeaderMap::new()).await.unwrap().0;
    assert_eq!(admitted, Admitted::Agent(AgentPeer { host: Some("a".to_owned()), is_private: true }));
    for role in
        [None, Some(Role::Gateway), Some(Role::Scheduler), Some(Role::Metrics), Some(Role::Client { project: None })]
    {
        let refused = none().admit(Some(&tls(role)), SESSION, &HeaderMap::new()).await.unwrap_err();
        assert_eq!(refused.code(), Grpc::PermissionDenied);
    }
    let (tokens, _file) = with_tokens();
    let with_token = headers(&[("x-auth-token", "t")]);
    assert_eq!(tokens.admit(Some(&plain()), SESSION, &with_token).await.unwrap_err().code(), Grpc::PermissionDenied);
    assert!(tokens.admit(Some(&Peer::Unix), SESSION, &HeaderMap::new()).await.is_ok());
}

#[test]
fn an_agents_certificate_is_good_for_its_host_alone() {
    let peer = AgentPeer { host: Some("a".to_owned()), is_private: true };
    assert!(peer.must_be("a").is_ok());
    let refused = peer.must_be("b").unwrap_err();
    assert_eq!(refused, Forbidden::OtherHost { host: "b".to_owned(), certified: "a".to_owned() }.into());
    assert!(AgentPeer { host: None, is_private: true }.must_be("b").is_ok());
}

#[tokio::test]
async fn health_is_open_and_a_reader_does_not_write() {
    let nothing = HeaderMap::new();
    let health = "/grpc.health.v1.Health/Check";
    assert_eq!(none().admit(Some(&tls(None)), health, &nothing).await.unwrap().0, Admitted::Anyone);
    let reader = headers(&[("ballast-roles", "reader"), ("ballast-project-id", "p")]);
    let refused = none().admit(Some(&Peer::Unix), CREATE, &reader).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Grpc::PermissionDenied, "The caller may not do this: create_pool.")
    );
    assert_eq!(none().admit(Some(&Peer::Unix), "/lbaas.v1.Pools/Get", &reader).await.unwrap().0, member());
}

#[tokio::test]
async fn a_write_has_a_cause_and_only_who_is_trusted_names_the_call_before_it() {
    let (tokens, _file) = with_tokens();
    let said = headers(&[
        ("ballast-roles", "member"),
        ("ballast-project-id", "p"),
        ("ballast-user", "al%C3%ACce"),
        ("ballast-action", "PUT /v2.0/lbaas/pools/{id}"),
        ("ballast-request-id", "req-1"),
        ("x-auth-token", "t"),
    ]);
    let cause = async |peer| tokens.admit(Some(&peer), CREATE, &said).await.unwrap().1.0.unwrap();
    let by_gateway = cause(Peer::Unix).await;
    assert_eq!((by_gateway.who.as_str(), by_gateway.what.as_str()), ("al\u{ec}ce", "PUT /v2.0/lbaas/pools/{id}"));
    assert_eq!((by_gateway.project_id.as_str(), by_gateway.request_id.as_str()), ("p", "req-1"));
    let by_token = cause(plain()).await;
    assert_eq!((by_token.who.as_str(), by_token.what.as_str()), ("", "lbaas.v1.Pools/Create"));
    assert_eq!((by_token.project_id.as_str(), by_token.request_id.as_str()), ("p", ""));
    assert!(tokens.admit(Some(&Peer::Unix), "/lbaas.v1.Pools/Get", &said).await.unwrap().1.0.is_none());
}
