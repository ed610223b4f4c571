//! A PostgreSQL server for tests, in a container that ends with them.
//!
//! One container serves all databases of a test process. Tests that only want a database take a [`Postgres::url`] each:
//! the database behind it does not exist yet. Durability is switched off, because nothing in it has to outlive a test.
//! What happens when a server loses power is not for this module to try.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tempfile::TempDir;
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt as _,
    core::{IntoContainerPort as _, Mount},
    runners::AsyncRunner as _,
};

use crate::{not_run, poll_until};

/// Names a server that is there already; databases called `ballast_test_...` are made on it, and stay.
const URL: &str = "BALLAST_TEST_POSTGRES_URL";
/// Names the image otherwise.
const IMAGE: &str = "BALLAST_TEST_POSTGRES_IMAGE";
const DEFAULT_IMAGE: &str = "postgres:17";
const PORT: u16 = 5432;
const PASSWORD: &str = "for-tests";
/// Where its sockets are in a container.
const SOCKETS: &str = "/sockets";
/// Where a container has a disk of a few MiB, and its size.
const SMALL_DISK: &str = "/small";
const SMALL_SIZE: i64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// What a client asks first; every server answers it with one letter.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A server.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    databases: AtomicU32,
    container: Option<Contained>,
}

#[derive(Debug)]
struct Contained {
    container: ContainerAsync<GenericImage>,
    /// The server's sockets are here.
    sockets: TempDir,
}

impl Postgres {
    /// The server of the environment, or one in a new container. None: it was said aloud that `test` is not run.
    ///
    /// # Panics
    /// As [`not_run`], and when the server of a container does not answer.
    pub async fn start(test: &str) -> Option<Self> {
        if let Some(url) = env::var_os(URL).and_then(|url| url.into_string().ok()).filter(|url| !url.is_empty()) {
            return Some(Self { url, databases: AtomicU32::new(0), container: None });
        }
        let image = env::var_os(IMAGE).and_then(|image| image.into_string().ok()).filter(|image| !image.is_empty());
        let image = image.unwrap_or_else(|| DEFAULT_IMAGE.to_owned());
        match contained(&image).await {
            Ok((url, container)) => Some(Self { url, databases: AtomicU32::new(0), container: Some(container) }),
            Err(error) => {
                not_run(
                    test,
                    &format!("no container of {image} ({error}); {IMAGE} names another image, {URL} a server"),
                );
                None
            }
        }
    }

    /// The url of a database that nobody else uses.
    #[must_use]
    pub fn url(&self) -> String {
        let name = format!("ballast_test_{}_{}", std::process::id(), self.databases.fetch_add(1, Ordering::Relaxed));
        with_database(&self.url, &name)
    }

    /// The url of a database that is there already.
    #[must_use]
    pub fn url_of(&self, name: &str) -> String {
        with_database(&self.url, name)
    }

    /// A folder of the server's machine that fills soon; none on a server that was there already, whose disk is its own.
    #[must_use]
    pub fn small_disk(&self) -> Option<&'static str> {
        self.container.is_some().then_some(SMALL_DISK)
    }

    /// The folder with the server's socket, and the password of the user `postgres`; none on a server that was there
    /// already.
    #[must_use]
    pub fn socket(&self) -> Option<(&Path, &'static str)> {
        self.container.as_ref().map(|contained| (contained.sockets.path(), PASSWORD))
    }

    /// Removes the container. (Dropped, it is removed too, but nobody waits for that.)
    ///
    /// # Panics
    /// When the container cannot be removed.
    pub async fn stop(self) {
        if let Some(contained) = self.container
            && let Err(error) = contained.container.rm().await
        {
            panic!("the container of PostgreSQL cannot be removed: {error}");
        }
    }
}

async fn contained(image: &str) -> testcontainers::core::error::Result<(String, Contained)> {
    let sockets = tempfile::tempdir().map_err(testcontainers::TestcontainersError::other)?;
    // The server is another user there.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(sockets.path(), open).map_err(testcontainers::TestcontainersError::other)?;
    let (name, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((image, "latest"));
    let shared = format!("unix_socket_directories={SOCKETS}");
    let settings = [&shared, "fsync=off", "full_page_writes=off", "max_connections=500", "max_wal_size=128MB"];
    let server = ["postgres"].into_iter().chain(settings.into_iter().flat_map(|setting| ["-c", setting]));
    let container = GenericImage::new(name, tag)
        .with_exposed_port(PORT.tcp())
        .with_env_var("POSTGRES_PASSWORD", PASSWORD)
        .with_cmd(server)
        .with_mount(Mount::bind_mount(sockets.path().display().to_string(), SOCKETS))
        .with_mount(Mount::tmpfs_mount(SMALL_DISK).with_size_bytes(SMALL_SIZE).with_mode(0o1777))
        .start()
        .await?;
    let (host, port) = (container.get_host().await?, container.get_host_port_ipv4(PORT).await?);
    let address = format!("{host}:{port}");
    assert!(
        poll_until(PATIENCE, || answers(&address).then_some(())).is_some(),
        "PostgreSQL of {image} does not answer at {address}"
    );
    Ok((format!("postgres://postgres:{PASSWORD}@{address}"), Contained { container, sockets }))
}

/// Whether a server answers, not only something that takes connections for it: Docker does that from the start.
fn answers(address: &str) -> bool {
    let Some(address) = address.to_socket_addrs().ok().and_then(|mut found| found.next()) else { return false };
    let ask = || -> std::io::Result<u8> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(&SSL_REQUEST)?;
        let mut letter = [0];
        stream.read_exact(&mut letter)?;
        Ok(letter[0])
    };
    matches!(ask(), Ok(b'N' | b'S'))
}

/// The same server's url with another database.
fn with_database(url: &str, name: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(place, rest)| (place, Some(rest)));
    let authority = place.find("://").map_or(0, |scheme| scheme + 3);
    let server = place[authority..].find('/').map_or(place, |path| &place[..authority + path]);
    match parameters {
        Some(parameters) => format!("{server}/{name}?{parameters}"),
        None => format!("{server}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_a_url_is_replaced() {
        for (url, expected) in [
            ("postgres://u:p@h:1", "postgres://u:p@h:1/x"),
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/x"),
            ("postgres://u@h/old?sslmode=require", "postgres://u@h/x?sslmode=require"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
