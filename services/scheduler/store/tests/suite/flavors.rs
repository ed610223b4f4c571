//! Flavors, availability zones and what they say.

use ballast_model::{
    fault::{Code, Fault, Taken},
    flavor::{AvailabilityZone, Flavor, Profile, ProfileKind},
};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool, store_all},
};

fn profile(number: u128, kind: ProfileKind) -> Profile {
    Profile {
        id: id(number),
        kind,
        name: format!("profile{number}"),
        provider: "amphora".to_owned(),
        data: r#"{"data_plane": "x"}"#.to_owned(),
    }
}

fn flavor(number: u128) -> Flavor {
    Flavor {
        id: id(number),
        name: format!("flavor{number}"),
        description: "small".to_owned(),
        enabled: true,
        profile_id: id(1),
    }
}

fn zone(name: &str) -> AvailabilityZone {
    let (name, description) = (name.to_owned(), String::new());
    AvailabilityZone { name, description, enabled: false, profile_id: id(2) }
}

async fn store_profiles(database: &Database) {
    write!(database.store, [], |tx| {
        tx.insert_profile(&profile(1, ProfileKind::Flavor)).await?;
        tx.insert_profile(&profile(2, ProfileKind::AvailabilityZone)).await
    })
    .unwrap();
}

async fn flavors_are_kept_changed_and_deleted(database: &Database) {
    store_profiles(database).await;
    let changed = Flavor { name: "big".to_owned(), enabled: false, description: String::new(), ..flavor(11) };
    write!(database.store, [changed], |tx| {
        tx.insert_flavor(&flavor(11)).await?;
        tx.insert_flavor(&flavor(12)).await?;
        tx.save_flavor(&changed).await
    })
    .unwrap();
    let (one, all) = read!(database.store, [], |tx| Ok((tx.flavor(id(11)).await?, tx.flavors().await?))).unwrap();
    assert_eq!((one, all), (Some(changed.clone()), vec![changed, flavor(12)]));
    write!(database.store, [], |tx| tx.delete_flavor(id(11)).await).unwrap();
    assert_eq!(read!(database.store, [], |tx| tx.flavor(id(11)).await).unwrap(), None);
    for fault in [
        write!(database.store, [], |tx| tx.delete_flavor(id(11)).await),
        write!(database.store, [], |tx| tx.save_flavor(&flavor(11)).await),
    ] {
        assert_eq!(fault.unwrap_err().code(), Code::FlavorNotFound);
    }
}

async fn zones_are_kept_changed_and_deleted(database: &Database) {
    store_profiles(database).await;
    let changed = AvailabilityZone { description: "north".to_owned(), enabled: true, ..zone("a") };
    write!(database.store, [changed], |tx| {
        tx.insert_zone(&zone("a")).await?;
        tx.insert_zone(&zone("b")).await?;
        tx.save_zone(&changed).await
    })
    .unwrap();
    let (one, all) = read!(database.store, [], |tx| Ok((tx.zone("a").await?, tx.zones().await?))).unwrap();
    assert_eq!((one, all), (Some(changed.clone()), vec![changed, zone("b")]));
    write!(database.store, [], |tx| tx.delete_zone("a").await).unwrap();
    for fault in [
        write!(database.store, [], |tx| tx.delete_zone("a").await),
        write!(database.store, [], |tx| tx.save_zone(&zone("a")).await),
    ] {
        assert_eq!(fault.unwrap_err().code(), Code::AvailabilityZoneNotFound);
    }
}

async fn a_name_is_taken_once(database: &Database) {
    store_profiles(database).await;
    write!(database.store, [], |tx| {
        tx.insert_flavor(&flavor(11)).await?;
        tx.insert_flavor(&flavor(12)).await?;
        tx.insert_zone(&zone("a")).await
    })
    .unwrap();
    let twin = Flavor { name: "flavor11".to_owned(), ..flavor(13) };
    let renamed = Flavor { name: "flavor11".to_owned(), ..flavor(12) };
    let taken = Fault::from(Taken::FlavorName { name: "flavor11".to_owned() });
    for fault in [
        write!(database.store, [twin], |tx| tx.insert_flavor(&twin).await),
        write!(database.store, [renamed], |tx| tx.save_flavor(&renamed).await),
    ] {
        assert_eq!(fault.unwrap_err().facts(), taken.facts());
    }
    let fault = write!(database.store, [], |tx| tx.insert_zone(&zone("a")).await).unwrap_err();
    assert_eq!(fault.facts(), Fault::from(Taken::ZoneName { name: "a".to_owned() }).facts());
}

async fn what_is_used_stays(database: &Database) {
    store_profiles(database).await;
    write!(database.store, [], |tx| {
        tx.insert_flavor(&flavor(11)).await?;
        tx.insert_zone(&zone("a")).await
    })
    .unwrap();
    let mut load_balancer = pool(1);
    (load_balancer.flavor_id, load_balancer.availability_zone) = (Some(id(11)), Some("a".to_owned()));
    store_all(database, &[load_balancer]).await;
    let (flavor_id, profile_id) = ("00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-000000000001");
    let of = |taken: Taken| Fault::from(taken).facts().clone();
    let fault = write!(database.store, [], |tx| tx.delete_flavor(id(11)).await).unwrap_err();
    assert_eq!(*fault.facts(), of(Taken::Flavor { flavor_id: flavor_id.to_owned() }));
    let fault = write!(database.store, [], |tx| tx.delete_zone("a").await).unwrap_err();
    assert_eq!(*fault.facts(), of(Taken::Zone { name: "a".to_owned() }));
    for fault in [
        write!(database.store, [], |tx| tx.delete_profile(ProfileKind::Flavor, id(1)).await),
        read!(database.store, [], |tx| tx.profile_must_be_unused(ProfileKind::Flavor, id(1)).await),
    ] {
        assert_eq!(*fault.unwrap_err().facts(), of(Taken::FlavorProfile { profile_id: profile_id.to_owned() }));
    }
    let fault = read!(database.store, [], |tx| tx.profile_must_be_unused(ProfileKind::AvailabilityZone, id(2)).await);
    assert!(matches!(fault.unwrap_err().facts(), facts if format!("{facts:?}").contains("ZoneProfile")));
}

async fn profiles_are_of_one_kind(database: &Database) {
    store_profiles(database).await;
    let changed = Profile { data: "{}".to_owned(), ..profile(1, ProfileKind::Flavor) };
    write!(database.store, [changed], |tx| tx.save_profile(&changed).await).unwrap();
    let (all, other) = read!(database.store, [], |tx| Ok((
        tx.profiles(ProfileKind::Flavor).await?,
        tx.profile(ProfileKind::AvailabilityZone, id(1)).await?
    )))
    .unwrap();
    assert_eq!((all, other), (vec![changed], None));
    let fault = write!(database.store, [], |tx| tx.delete_profile(ProfileKind::AvailabilityZone, id(1)).await);
    assert_eq!(fault.unwrap_err().code(), Code::ProfileNotFound);
    write!(database.store, [], |tx| tx.delete_profile(ProfileKind::Flavor, id(1)).await).unwrap();
}

on_each_backend![
    flavors_are_kept_changed_and_deleted,
    zones_are_kept_changed_and_deleted,
    a_name_is_taken_once,
    what_is_used_stays,
    profiles_are_of_one_kind,
];
