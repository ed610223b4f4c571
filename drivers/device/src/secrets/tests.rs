use ballast_abi::{Listener, ListenerTls, SecretContent};
use serde_json::json;

use super::*;

fn secret(digest: &str) -> Secret {
    Secret { reference: "/v1/containers/1".into(), digest: digest.into() }
}

fn upload(form: Form) -> Upload {
    let mut files = Files::default();
    files.put(
        "bl_a_k1",
        Zeroizing::new("-----BEGIN PRIVATE KEY-----\nc2VjcmV0LW9mLXNvbWVib2R5\n-----END PRIVATE KEY-----\n".into()),
    );
    files.upload("bl_a_k1", form).unwrap()
}

#[test]
fn what_a_load_balancer_names_has_to_be_told_and_is_for_it_alone() {
    let tls = ListenerTls { default_certificate: Some(secret("d1")), ..ListenerTls::default() };
    let listener = Listener { tls: Some(tls), ..Listener::default() };
    let asked = LoadBalancer { id: "lb-1".into(), listeners: vec![listener], ..LoadBalancer::default() };
    let secrets = Secrets::default();
    let error = Known::told(&asked, &secrets).unwrap_err();
    assert!(error.retryable && error.detail.contains("/v1/containers/1"), "{error:?}");
    assert_eq!(Known::as_far(&asked, &secrets, &BTreeMap::new()).facts(&secret("d1")), Facts::default());
    let content = SecretContent { digest: "d1".into(), private_key: "s3cret".into(), ..SecretContent::default() };
    secrets.take("lb-1", vec![content]);
    let known = Known::told(&asked, &secrets).unwrap();
    assert_eq!(known.piece(&secret("d1"), Piece::Key).unwrap().as_str(), "s3cret");
    assert_eq!(known.piece(&secret("d2"), Piece::Key), None);
    assert!(!format!("{known:?}").contains("s3cret"), "{known:?}");
}

#[test]
fn no_file_is_shown_for_debugging_and_none_is_made_up() {
    let files = Files(BTreeMap::from([("bl_a_k1".to_owned(), Zeroizing::new("s3cret".to_owned()))]));
    let shown = format!("{files:?} {:?}", files.upload("bl_a_k1", Form::Beside).unwrap());
    assert!(shown.contains("bl_a_k1") && !shown.contains("s3cret"), "{shown}");
    assert!(matches!(files.upload("bl_a_k2", Form::Beside), Err(Failure::Untold { .. })));
}

#[test]
fn a_file_goes_beside_its_json_or_in_it() {
    let json = json!({"systemfile": {"filename": "bl_a_k1"}});
    let (of, form) = upload(Form::Beside).body(&json);
    assert!(of.starts_with("multipart/form-data; boundary="));
    let parts: Vec<&str> = form.split("two.parts.of.one.form").collect();
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(
        parts[1].ends_with(
            "\r\n\r\n-----BEGIN PRIVATE KEY-----\nc2VjcmV0LW9mLXNvbWVib2R5\n-----END PRIVATE KEY-----\n\r\n--"
        )
    );
    assert!(parts[2].ends_with("\r\n\r\n{\"systemfile\":{\"filename\":\"bl_a_k1\"}}\r\n--"));
    let (of, text) = upload(Form::Inside("filecontent")).body(&json);
    assert_eq!(of, "application/json");
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["systemfile"]["filename"], "bl_a_k1");
    let content = read["systemfile"]["filecontent"].as_str().unwrap();
    assert!(content.starts_with("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"), "{content}");
}

#[test]
fn what_a_device_says_of_a_file_is_passed_on_unless_it_is_the_file() {
    let key = upload(Form::Inside("filecontent"));
    assert_eq!(key.hushed("No space left".into()), "No space left");
    let encoded = key.in_base64();
    for echo in ["bad line c2VjcmV0LW9mLXNvbWVib2R5", &format!("bad content {}", encoded.as_str())] {
        assert!(!key.hushed(echo.to_owned()).contains(&echo[12..]), "{echo}");
    }
}
