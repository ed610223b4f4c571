//! How many calls are under way: one more than there is room for is refused at once, as it would only wait behind the others
//! until nobody waits for it any more. One project has a quarter of the room, and the last eighth is for admins.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ballast_metrics::{Counter, Gauge};
use ballast_model::fault::{Call, Fault};

#[derive(Debug)]
pub(crate) struct Room {
    most: usize,
    taken: Mutex<Taken>,
    under_way: Gauge,
    refused: Counter,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Of projects, without what admins do.
    of: HashMap<String, usize>,
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    project: Option<String>,
}

impl Room {
    pub(crate) fn new(most: u32, under_way: Gauge, refused: Counter) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self { most, taken: Mutex::default(), under_way, refused }
    }

    /// A place for a call of this project; none: for one of an admin.
    ///
    /// # Errors
    /// [`Call::TooManyCalls`]
    pub(super) fn take(self: &Arc<Self>, project: Option<&str>) -> Result<Place, Fault> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = project.map(|project| taken.of.get(project).copied().unwrap_or_default());
        let bound = if project.is_some() { self.most - self.most / 8 } else { self.most };
        if taken.all >= bound || own.is_some_and(|own| own >= self.most / 4) {
            self.refused.inc();
            return Err(Call::TooManyCalls.into());
        }
        taken.all += 1;
        self.under_way.inc();
        let project = project.map(str::to_owned);
        if let Some(project) = &project {
            *taken.of.entry(project.clone()).or_default() += 1;
        }
        Ok(Place { room: Arc::clone(self), project })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        self.room.under_way.dec();
        let Some(project) = &self.project else { return };
        match taken.of.get_mut(project) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.of.remove(project)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_project_has_all_places_and_admins_have_the_last() {
        let (under_way, refused) = (Gauge::default(), Counter::default());
        let room = Arc::new(Room::new(16, under_way.clone(), refused.clone()));
        let all = |of: Option<&str>| -> Vec<Place> { std::iter::from_fn(|| room.take(of).ok()).collect() };
        let held: Vec<_> = ["a", "b", "c", "d"].map(|project| all(Some(project))).into_iter().collect();
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4, 2]);
        assert_eq!(under_way.get(), 14);
        let admins = all(None);
        assert_eq!((admins.len(), under_way.get()), (2, 16));
        drop((held, admins));
        assert_eq!((under_way.get(), room.taken.lock().unwrap().of.len()), (0, 0));
        assert_eq!(refused.get(), 5);
    }
}
