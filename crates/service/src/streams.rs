//! How many streams of events a gateway has open: of all, and of each caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::config::Settings;

/// Those that are open.
#[derive(Debug)]
pub struct Streams {
    most: usize,
    most_of_one: usize,
    /// How many each caller has.
    open: Mutex<HashMap<String, usize>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    streams: Arc<Streams>,
    caller: String,
}

impl Streams {
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            most: number(settings.gateway.max_streams),
            most_of_one: number(settings.gateway.streams_per_caller),
            open: Mutex::default(),
        }
    }

    /// # Errors
    /// There are as many as there may be, of all or of this caller: in a sentence.
    pub fn admit(self: &Arc<Self>, caller: String) -> Result<Permit, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&caller).copied().unwrap_or_default();
        if own >= self.most_of_one {
            return Err(format!(
                "{own} streams are open for this caller, which is the most (gateway.streams_per_caller)."
            ));
        }
        if open.values().sum::<usize>() >= self.most {
            return Err(format!("{} streams are open here, which is the most (gateway.max_streams).", self.most));
        }
        open.insert(caller.clone(), own + 1);
        Ok(Permit { streams: Arc::clone(self), caller })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// Whether nobody has one.
    #[must_use]
    pub fn are_closed(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn close(&self, caller: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(caller)),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.streams.close(&self.caller);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_as_many_as_he_may_and_all_have_no_more_than_there_may_be() {
        let mut settings = Settings::default();
        (settings.gateway.max_streams, settings.gateway.streams_per_caller) = (3, 2);
        let streams = Arc::new(Streams::new(&settings));
        let admit = |name: &str| streams.admit(name.to_owned());
        let held = [admit("a").unwrap(), admit("a").unwrap()];
        assert!(admit("a").unwrap_err().contains("gateway.streams_per_caller"));
        let other = admit("b").unwrap();
        assert!(admit("c").unwrap_err().contains("gateway.max_streams"));
        drop((held, other));
        assert!(streams.are_closed());
        assert!(admit("c").is_ok());
    }
}
