//! Where private keys are, and where they are not.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use ballast_abi::{Driver, MonitorType, PoolTls};

use super::{in_tls_world, of, with_tls};
use crate::world::{ID, World, files_below, haproxies, monitor};

#[test]
fn a_private_key_is_in_its_load_balancers_folder_in_memory_and_nowhere_else() {
    in_tls_world(|world, mut secrets| {
        let mut asked = with_tls(of(secrets.server("web", 1, &["www.example"])));
        let (pem, key) = secrets.authority.issue("the load balancer", &[], 3);
        let client_certificate = Some(secrets.add("own", 1, &pem, &key));
        asked.pools[0].tls = Some(PoolTls { client_certificate, ..PoolTls::default() });
        asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
        secrets.deploy_whole(&world, &asked, 1);
        let next = with_tls(of(secrets.server("web", 2, &["www.example"])));
        secrets.deploy_whole(&world, &next, 2);
        // One line of each key is as good as all.
        let planted: Vec<String> = secrets
            .told
            .iter()
            .map(|one| one.private_key.lines().nth(1).unwrap_or_default().to_owned())
            .filter(|line| line.len() > 32)
            .collect();
        assert_eq!(planted.len(), 2);
        let has = |text: &[u8]| planted.iter().any(|key| text.windows(key.len()).any(|part| part == key.as_bytes()));
        let folder = world.lab.dir().join("secrets");
        let with_key: Vec<String> =
            files_below(world.lab.dir()).into_iter().filter(|path| has(&fs::read(path).unwrap_or_default())).collect();
        assert_eq!(with_key.len(), 1, "the key of what is named no more is gone: {with_key:?}");
        assert!(with_key.iter().all(|path| path.starts_with(folder.to_str().unwrap())), "{with_key:?}");
        assert_ne!(fs::metadata(&folder)?.dev(), fs::metadata(world.lab.dir())?.dev(), "it is in memory");
        assert!(haproxies().iter().all(|line| !has(line.as_bytes())));
        let said = world.driver.preview(&next, 3)?;
        assert!(!has(format!("{said:?}").as_bytes()));
        assert!(said.configuration.contains("crt-list"));
        Ok(())
    });
}

#[test]
fn the_files_are_readable_for_the_load_balancers_user_alone_and_not_writable_for_it() {
    in_tls_world(|world, mut secrets| {
        let web = secrets.server("web", 1, &["www.example"]);
        secrets.deploy_whole(&world, &with_tls(of(web)), 1);
        let status = fs::read_to_string(format!("/proc/{}/status", world.pid()))?;
        let number = |name: &str| -> u32 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (uid, gid) = (number("Uid:"), number("Gid:"));
        assert!(uid > 0 && gid > 0);
        for path in files_below(&world.lab.dir().join("secrets")) {
            let found = fs::metadata(&path)?;
            assert_eq!((found.uid(), found.gid(), found.permissions().mode() & 0o777), (0, gid, 0o640), "{path}");
        }
        let folder = fs::metadata(secrets_folder(&world))?;
        assert_eq!((folder.uid(), folder.gid(), folder.permissions().mode() & 0o777), (0, gid, 0o750));
        // Another load balancer's user finds no way to them.
        let file = files_below(&world.lab.dir().join("secrets")).remove(0);
        let reads = |user: u32, group: u32| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups", "cat", &file]);
            command.output().unwrap().status.success()
        };
        assert!(reads(uid, gid) && !reads(uid + 1, gid + 1));
        Ok(())
    });
}

fn secrets_folder(world: &World<'_>) -> String {
    let file = files_below(&world.lab.dir().join("secrets")).remove(0);
    let (folder, _) = file.rsplit_once('/').unwrap();
    assert!(folder.ends_with(ID));
    folder.to_owned()
}
