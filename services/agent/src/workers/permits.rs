//! How many load balancers of one driver are worked on at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

/// However many a driver says that it bears: each is a call under way, and a thread of the driver's process.
const MOST: usize = 256;

pub(super) struct Permits {
    parallelism: usize,
    drivers: Mutex<HashMap<String, OfDriver>>,
}

struct OfDriver {
    calls: Arc<Semaphore>,
    /// Of a driver that bears more undeploys at once than other calls, and how many.
    undeploys: Option<(usize, Arc<Semaphore>)>,
    /// Undeploys that wait for what is under way: they keep nobody else's work up.
    finishing: Arc<Semaphore>,
}

impl Permits {
    pub(super) fn new(parallelism: usize) -> Self {
        Self { parallelism, drivers: Mutex::default() }
    }

    pub(super) fn of_deploys(&self, driver: &str) -> Arc<Semaphore> {
        self.of(driver, |of_driver| Arc::clone(&of_driver.calls))
    }

    /// `declared`: how many undeploys the driver says that it bears at once.
    pub(super) fn of_undeploys(&self, driver: &str, declared: u32) -> Arc<Semaphore> {
        let at_once = usize::try_from(declared).unwrap_or(MOST).min(MOST);
        self.of(driver, |of_driver| {
            if at_once <= self.parallelism {
                return Arc::clone(&of_driver.calls);
            }
            // Another process of the driver may say another number; what has begun counts for the one before.
            let known = of_driver.undeploys.take().filter(|(number, _)| *number == at_once);
            let (_, permits) =
                of_driver.undeploys.insert(known.unwrap_or_else(|| (at_once, Arc::new(Semaphore::new(at_once)))));
            Arc::clone(permits)
        })
    }

    pub(super) fn of_finishing(&self, driver: &str) -> Arc<Semaphore> {
        self.of(driver, |of_driver| Arc::clone(&of_driver.finishing))
    }

    fn of(&self, driver: &str, which: impl FnOnce(&mut OfDriver) -> Arc<Semaphore>) -> Arc<Semaphore> {
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        which(drivers.entry(driver.to_owned()).or_insert_with(|| OfDriver {
            calls: Arc::new(Semaphore::new(self.parallelism)),
            undeploys: None,
            finishing: Arc::new(Semaphore::new(MOST)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_bears_more_undeploys_has_them_beside_its_other_calls() {
        let permits = Permits::new(4);
        assert_eq!(permits.of_deploys("d").available_permits(), 4);
        assert!(Arc::ptr_eq(&permits.of_deploys("d"), &permits.of_undeploys("d", 0)));
        assert!(Arc::ptr_eq(&permits.of_deploys("d"), &permits.of_undeploys("d", 4)));
        let many = permits.of_undeploys("d", 128);
        assert_eq!(many.available_permits(), 128);
        assert!(Arc::ptr_eq(&many, &permits.of_undeploys("d", 128)), "it is counted for all of them");
        assert_eq!(permits.of_undeploys("d", 64).available_permits(), 64);
        assert_eq!(permits.of_undeploys("d", u32::MAX).available_permits(), MOST);
        assert_eq!(permits.of_undeploys("another", 0).available_permits(), 4);
        let finishing = permits.of_finishing("another");
        assert_eq!(finishing.available_permits(), MOST);
        assert!(!Arc::ptr_eq(&finishing, &permits.of_deploys("another")), "who waits would keep others' work up");
    }
}
