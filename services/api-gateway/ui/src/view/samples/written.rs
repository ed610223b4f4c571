//! What is written: certificates, forms, and what became of it.

use super::*;

/// One that is issued by a CA, and was not renewed.
pub(in crate::view) fn certificate(text: &str) -> Certificate {
    Certificate {
        id: LB.to_owned(),
        project_id: text.to_owned(),
        name: text.to_owned(),
        description: text.to_owned(),
        certificate_chain: format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"),
        etag: "3".to_owned(),
        version: 3,
        created_at: before(90 * 86_400),
        updated_at: before(86_400),
        reference: format!("/v1/containers/{LB}"),
        subject: text.to_owned(),
        names: vec![text.to_owned(); 5],
        issuer: text.to_owned(),
        serial: "0a1b".to_owned(),
        not_before: before(86_400),
        not_after: before(-9 * 86_400),
        fingerprint: "4f".repeat(32),
        key_type: "ECDSA P-256".to_owned(),
        validity: Validity::Valid.into(),
        expires_in_days: 9,
        acme: Some(Acme {
            domains: vec![text.to_owned()],
            state: AcmeState::Failed.into(),
            last_error: text.to_owned(),
            next_attempt_at: before(-600),
            failures: 2,
        }),
        ..Certificate::default()
    }
}

/// One of a Barbican.
pub(in crate::view) fn secret(text: &str) -> UsedSecret {
    let user = |kind: &str| SecretUser { load_balancer_id: LB.to_owned(), kind: kind.to_owned(), id: POOL.to_owned() };
    UsedSecret {
        reference: format!("http://barbican/v1/containers/{text}"),
        project_id: text.to_owned(),
        names: vec![text.to_owned()],
        not_before: before(86_400),
        not_after: before(-90 * 86_400),
        validity: Validity::Valid.into(),
        expires_in_days: 90,
        problem: String::new(),
        looked_at: before(120),
        users: vec![user("LISTENER"), user("POOL")],
    }
}

/// A form with each kind of field, and all that can be said beside it.
pub(in crate::view) fn form(text: &str) -> FormPage {
    let all = vec![(text.to_owned(), text.to_owned()), ("b".to_owned(), "b".to_owned())];
    let (choice, several) = (Input::Choice(all.clone()), Input::Several(all));
    let fields = vec![
        Field::new("name", "Name", Input::Text).was(text),
        Field::new("lines", "Lines", Input::Lines).was(text),
        Field::new("choice", "Choice", choice).hint("One of both.").was("b"),
        Field::new("some", "Some", several).was(text),
        Field::new("key", "Key", Input::Secret).value(text),
        Field::new("word", "Word", Input::Password).value(text),
        Field::new("file", "File", Input::File(".pem")),
    ];
    let folded = Group::new("More", vec![Field::new("number", "Number", Input::Number).was("1")]).folded();
    let sent = Form::read(
        format!("choice={}", form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()).as_bytes(),
    );
    let mut sheet = Sheet::of(vec![Group::new("All", fields), folded], Some(&sent));
    let (policy, rules) = policy(text);
    let request = CreateL7PolicyRequest { l7policy: Some(L7Policy { rules, ..policy }), ..Default::default() };
    let within = Within { load_balancer: LB.to_owned(), above: POOL.to_owned() };
    let same = Same::of(&[Change::CreateL7policy(request)], &within, "http://127.0.0.1:9696", false);
    let plan = Plan::of(&sheet, preview(text), Some(&load_balancer(text))).same(same);
    sheet.blame("name", text);
    sheet.blame("", text);
    FormPage {
        title: text.to_owned(),
        remarks: vec![text.to_owned()],
        objects: vec![text.to_owned()],
        action: "/ui/new".to_owned(),
        hidden: vec![("etag", text.to_owned())],
        sheet: sheet.pointed(),
        verb: "Save",
        is_danger: true,
        back: "/ui/".to_owned(),
        plan,
    }
}

/// Of an object of each kind that came, became another one or went.
pub(in crate::view) fn revisions(text: &str) -> Vec<Revision> {
    let of = |object| Some(Snapshot { object: Some(object) });
    let other = |text: &str| format!("{text} before");
    let change = |kind: Kind, before, after| RevisionChange { kind: kind.into(), id: text.to_owned(), before, after };
    let was = Listener { name: other(text), description: other(text), ..listener(text) };
    let named = |name: String| of(Object::LoadBalancer(LoadBalancer { name, ..load_balancer(text) }));
    let changes = vec![
        change(Kind::LoadBalancer, named(other(text)), named(text.to_owned())),
        change(Kind::Listener, of(Object::Listener(was)), of(Object::Listener(listener(text)))),
        change(Kind::Pool, None, of(Object::Pool(pool(text)))),
        change(Kind::Member, of(Object::Member(member(text))), None),
        change(Kind::HealthMonitor, of(Object::HealthMonitor(monitor(text))), None),
        change(Kind::L7policy, None, of(Object::L7policy(policy(text).0))),
    ];
    let cause = event(text).causes.into_iter().next();
    let revision =
        |generation, changes| Revision { generation, cause: cause.clone(), changes, reachable: true, more_changes: 7 };
    vec![revision(3, Vec::new()), revision(2, changes), revision(1, Vec::new())]
}
