//! What of a load balancer cannot be run, while it is checked.

use ballast_abi::{DriverError, LoadBalancer, ObjectFault};

/// One fault for each object, with all that is said of it.
#[derive(Debug, Default)]
pub struct Faults(Vec<ObjectFault>);

impl Faults {
    pub fn add(&mut self, object_id: &str, error: DriverError) {
        let before = self.0.iter_mut().find(|fault| fault.object_id == object_id);
        match before.and_then(|before| before.fault.as_mut()) {
            Some(before) => before.message = format!("{}; {}", before.message, error.message),
            None => self.0.push(ObjectFault { object_id: object_id.to_owned(), fault: Some(error.into()) }),
        }
    }

    /// What was made of an object; an error becomes its fault.
    pub fn keep<T>(&mut self, object_id: &str, made: Result<T, DriverError>) -> Option<T> {
        made.map_err(|error| self.add(object_id, error)).ok()
    }

    /// Of the VIP, which has no id: its listeners show it.
    pub fn add_to_vip(&mut self, load_balancer: &LoadBalancer, error: DriverError) {
        if load_balancer.listeners.is_empty() {
            return self.add(&load_balancer.id, error);
        }
        for listener in &load_balancer.listeners {
            self.add(&listener.id, error.clone());
        }
    }
}

impl From<Faults> for Vec<ObjectFault> {
    fn from(faults: Faults) -> Self {
        faults.0
    }
}
