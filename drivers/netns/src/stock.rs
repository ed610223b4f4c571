//! Namespaces in stock. The kernel takes half a millisecond for one, so a few are made and prepared before anybody asks.
//!
//! They have no name: nothing of them is left when the process ends.

use std::{
    fs::File,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::{Failure, chain},
    namespace,
    sysctl::{self, Purpose},
};

/// How many are kept. Each is some 0.3 MB of the kernel's memory.
const MOST: usize = 4;
/// After one was taken: whoever took it needs the processors first.
const REST: Duration = Duration::from_millis(50);
/// After one could not be made.
const PAUSE: Duration = Duration::from_secs(30);

/// Namespaces for one purpose.
#[derive(Clone)]
pub struct Stock {
    purpose: Purpose,
    shared: Arc<(Mutex<Shelf>, Condvar)>,
}

struct Shelf {
    made: Vec<File>,
    /// When the next may be made.
    next: Instant,
    closed: bool,
}

impl Stock {
    /// Starts the thread that makes them. It ends with [`Stock::close`].
    pub fn start(purpose: Purpose) -> io::Result<Self> {
        let shelf = Shelf { made: Vec::new(), next: Instant::now(), closed: false };
        let stock = Self { purpose, shared: Arc::new((Mutex::new(shelf), Condvar::new())) };
        let keeper = stock.clone();
        thread::Builder::new().name("stock-namespaces".to_owned()).spawn(move || keeper.keep())?;
        Ok(stock)
    }

    /// One that is prepared for this purpose. `None`: there is none now.
    pub fn take(&self, purpose: Purpose) -> Option<File> {
        if purpose != self.purpose {
            return None;
        }
        let mut shelf = self.lock();
        shelf.next = shelf.next.max(Instant::now() + REST);
        let taken = shelf.made.pop();
        self.shared.1.notify_one();
        taken
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.shared.1.notify_one();
    }

    fn keep(&self) {
        while self.awaits_another() {
            // A thread that stayed in it would keep it for ever.
            let made = namespace::on_own_thread("make-namespace", || {
                namespace::make(|| sysctl::prepare_namespace(self.purpose))
            });
            let mut shelf = self.lock();
            match made.flatten() {
                Ok(namespace) => shelf.made.push(namespace),
                Err(failure) => shelf.rest_after(&failure),
            }
        }
    }

    /// Waits until one more is to be made. `false`: it is closed.
    fn awaits_another(&self) -> bool {
        let mut shelf = self.lock();
        loop {
            if shelf.closed {
                return false;
            }
            let rest = shelf.next.saturating_duration_since(Instant::now());
            let full = shelf.made.len() >= MOST;
            if !full && rest.is_zero() {
                return true;
            }
            let changed = &self.shared.1;
            shelf = match full {
                true => changed.wait(shelf).unwrap_or_else(PoisonError::into_inner),
                false => changed.wait_timeout(shelf, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Namespaces are made when they are needed meanwhile.
    fn rest_after(&mut self, failure: &Failure) {
        tracing::warn!("no namespace is in stock: {}", chain(failure));
        self.next = Instant::now() + PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn wait_until_there_are(stock: &Stock, count: usize) {
        ballast_lab::wait_until(SOON, "namespaces in stock", || (stock.lock().made.len() == count).then_some(()));
    }

    #[test]
    fn what_is_in_stock_is_prepared_and_what_was_taken_is_made_again() {
        ballast_lab::in_lab(|_| {
            let purpose = Purpose { ipv6: false, forwards: true };
            let stock = Stock::start(purpose)?;
            wait_until_there_are(&stock, MOST);
            assert!(stock.take(Purpose::default()).is_none(), "it is prepared for something else");
            let own = File::open("/proc/thread-self/ns/net")?;
            let taken: Vec<File> = (0..MOST).filter_map(|_| stock.take(purpose)).collect();
            let mut numbers: Vec<u64> = taken.iter().chain([&own]).map(|one| one.metadata().unwrap().ino()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), MOST + 1, "each is one of its own");
            assert!(stock.take(purpose).is_none(), "nobody waits for another");
            for one in &taken {
                let prepared = namespace::on_own_thread("look", || {
                    namespace::enter(one)?;
                    Ok::<_, Failure>(!sysctl::is_unprepared(purpose, None))
                })?;
                assert!(prepared?);
            }
            wait_until_there_are(&stock, MOST);
            stock.close();
            Ok(())
        });
    }
}
