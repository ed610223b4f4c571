//! Certificates, with what is sealed of them.

use ballast_model::{
    certificate::{Certificate, Content, Sealed, reference},
    fault::{Certifying, Code, Fault},
    time::Timestamp,
    tls::{ListenerTls, PoolTls, Purpose},
};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool, store_all, with_listener_of},
};

fn certificate(number: u128, project_id: &str) -> Certificate {
    Certificate {
        id: id(number),
        project_id: project_id.to_owned(),
        name: format!("certificate{number}"),
        description: "x".to_owned(),
        version: 1,
        changed: 1,
        created_at: Timestamp(5),
        updated_at: None,
        kind: Purpose::Certificate,
        acme: None,
        content: Some(Content {
            subject: "CN=www.example".to_owned(),
            names: vec!["www.example".to_owned(), "10.0.0.1".to_owned()],
            issuer: "CN=ca".to_owned(),
            serial: "01ff".to_owned(),
            not_before: Timestamp(-1),
            not_after: Timestamp(253_402_300_799_000_000),
            fingerprint: "ab".repeat(32),
            key_type: "RSA 2048".to_owned(),
            chain: "-----BEGIN".to_owned(),
        }),
    }
}

/// Any bytes: it is no text.
fn sealed(key_id: &str, byte: u8) -> Sealed {
    Sealed { key_id: key_id.to_owned(), bytes: vec![byte, 0, 0xff, 0x80] }
}

fn without_chain(certificate: &Certificate) -> Certificate {
    let mut listed = certificate.clone();
    listed.content.as_mut().unwrap().chain = String::new();
    listed
}

async fn certificates_are_kept_changed_and_deleted(database: &Database) {
    let mut changed = certificate(1, "a");
    (changed.version, changed.changed, changed.updated_at) = (2, 3, Some(Timestamp(9)));
    changed.content.as_mut().unwrap().names = Vec::new();
    let other = certificate(2, "b");
    write!(database.store, [changed, other], |tx| {
        tx.insert_certificate(&certificate(1, "a"), Some(&sealed("k", 1))).await?;
        tx.insert_certificate(&other, Some(&sealed("k", 2))).await?;
        tx.save_certificate(&changed, Some(&sealed("l", 3))).await
    })
    .unwrap();
    let (one, of_a, all, count) = read!(database.store, [], |tx| Ok((
        tx.certificate(id(1)).await?,
        tx.certificates(Some("a")).await?,
        tx.certificates(None).await?,
        tx.count_certificates("a").await?
    )))
    .unwrap();
    assert_eq!((one.as_ref(), count), (Some(&changed), 1));
    assert_eq!(of_a, [without_chain(&changed)]);
    assert_eq!(all, [without_chain(&changed), without_chain(&other)]);
    let kept = read!(database.store, [], |tx| tx.sealed_certificate(id(1)).await).unwrap().unwrap();
    assert_eq!((kept.id, kept.version, kept.sealed), (id(1), 2, sealed("l", 3)));
    // Without a new key the former one stays.
    let named = Certificate { name: "named".to_owned(), ..changed };
    write!(database.store, [named], |tx| tx.save_certificate(&named, None).await).unwrap();
    let kept = read!(database.store, [], |tx| tx.sealed_certificate(id(1)).await).unwrap().unwrap();
    assert_eq!(kept.sealed, sealed("l", 3));
    write!(database.store, [], |tx| tx.delete_certificate(id(1)).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.certificate(id(1)).await).unwrap(), None);
    for fault in [
        write!(database.store, [], |tx| tx.delete_certificate(id(1)).await),
        write!(database.store, [named], |tx| tx.save_certificate(&named, None).await),
    ] {
        assert_eq!(fault.unwrap_err().code(), Code::CertificateNotFound);
    }
}

async fn what_another_key_sealed_is_found_and_sealed_again_unless_it_changed(database: &Database) {
    write!(database.store, [], |tx| {
        for number in 1..=5 {
            let key = if number == 3 { "new" } else { "old" };
            tx.insert_certificate(&certificate(number, "a"), Some(&sealed(key, 1))).await?;
        }
        Ok(())
    })
    .unwrap();
    let first = read!(database.store, [], |tx| tx.sealed_otherwise("new", 0, 2).await).unwrap();
    assert_eq!(first.iter().map(|one| one.id).collect::<Vec<_>>(), [id(1), id(2)]);
    let after = first[1].seq;
    let rest = read!(database.store, [], |tx| tx.sealed_otherwise("new", after, 9).await).unwrap();
    assert_eq!(rest.iter().map(|one| one.id).collect::<Vec<_>>(), [id(4), id(5)]);
    let (one, other) = (first[0].clone(), first[1].clone());
    let changed = Certificate { version: 2, ..certificate(2, "a") };
    let done = write!(database.store, [one, other, changed], |tx| {
        // Somebody gave this one another content after it was read.
        tx.save_certificate(&changed, Some(&sealed("old", 9))).await?;
        Ok((tx.seal_again(&one, &sealed("new", 2)).await?, tx.seal_again(&other, &sealed("new", 2)).await?))
    });
    assert_eq!(done.unwrap(), (true, false));
    let (kept, keys) =
        read!(database.store, [], |tx| Ok((tx.sealed_certificate(id(2)).await?, tx.sealing_keys().await?))).unwrap();
    assert_eq!(kept.unwrap().sealed, sealed("old", 9));
    assert_eq!(keys, [("new".to_owned(), 2), ("old".to_owned(), 3)]);
}

async fn what_a_listener_or_a_pool_of_the_project_names_is_in_use(database: &Database) {
    let (listener, of_pool, authority) = (certificate(11, "a"), certificate(12, "a"), certificate(13, "a"));
    let mut with_pool = pool(1);
    for pool in with_pool.pools.iter_mut() {
        let certificate = Some(format!("http://gateway{}", reference(of_pool.id)));
        pool.tls = Some(Box::new(PoolTls { certificate, ..PoolTls::default() }));
    }
    let mut with_listener = with_listener_of(pool(2), 20, id(2));
    for one in with_listener.listeners.iter_mut() {
        one.tls = Some(Box::new(ListenerTls {
            sni_certificates: vec![reference(listener.id)],
            client_ca: Some(reference(authority.id)),
            // Another service's, whose path has the id of one of ours in it.
            client_crl: Some(format!("http://other/v1/orders/{}", of_pool.id)),
            ..ListenerTls::default()
        }));
    }
    let (project, listener_id) = (with_pool.project_id.clone(), with_listener.listeners.iter().next().unwrap().id);
    let pool_id = with_pool.pools.iter().next().unwrap().id;
    store_all(database, &[with_pool, with_listener]).await;
    let check = |certificate: &Certificate, project: &str| {
        let (id, project) = (certificate.id, project.to_owned());
        let store = database.store.clone();
        async move { read!(store, [project], |tx| tx.certificate_must_be_unused(id, &project).await) }
    };
    let used = |id, user: String| Fault::from(Certifying::InUse { certificate_id: id, user });
    for (certificate, user) in [
        (&listener, format!("listener {listener_id}")),
        (&authority, format!("listener {listener_id}")),
        (&of_pool, format!("pool {pool_id}")),
    ] {
        assert_eq!(check(certificate, &project).await.unwrap_err().facts(), used(certificate.id, user).facts());
        assert_eq!(check(certificate, "another project").await, Ok(()));
    }
    assert_eq!(check(&certificate(14, "a"), &project).await, Ok(()));
}

on_each_backend![
    certificates_are_kept_changed_and_deleted,
    what_another_key_sealed_is_found_and_sealed_again_unless_it_changed,
    what_a_listener_or_a_pool_of_the_project_names_is_in_use,
];
