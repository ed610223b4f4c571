//! Notes as they were last read. To read and understand them each second costs as much as to ask haproxy.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    failure::Failure,
    files::Files,
    state::{Stamp, State},
};

/// By load balancer. What is here counts only as long as the file is the one that it is from.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<HashMap<String, (Stamp, Arc<State>)>>);

impl Notes {
    /// Those that are on disk now, and their stamp; `None`: there are none.
    pub(crate) fn of(&self, id: &str, files: &Files) -> Result<(Option<Stamp>, Arc<State>), Failure> {
        let stamp = Stamp::of(files);
        let known = self.lock().get(id).filter(|(of, _)| Some(*of) == stamp).map(|(_, state)| Arc::clone(state));
        if let Some(known) = known {
            return Ok((stamp, known));
        }
        // If they are replaced in this moment, they are newer than their stamp, and are read again next time.
        let read = Arc::new(State::read(files)?.unwrap_or_default());
        if let Some(stamp) = stamp {
            self.lock().insert(id.to_owned(), (stamp, Arc::clone(&read)));
        }
        Ok((stamp, read))
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Stamp, Arc<State>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_those_on_disk_whoever_has_replaced_them() {
        let directory = tempfile::tempdir().unwrap();
        let (files, notes) = (Files::of(directory.path(), "one"), Notes::default());
        files.make(None).unwrap();
        assert_eq!(notes.of("one", &files).unwrap(), (None, Arc::default()));
        for generation in 1..100 {
            let written = State { generation, ..State::default() };
            written.write(&files).unwrap();
            let (stamp, read) = notes.of("one", &files).unwrap();
            assert_eq!((stamp.is_some(), &*read), (true, &written));
            assert!(Arc::ptr_eq(&read, &notes.of("one", &files).unwrap().1), "the same file is read once");
        }
        std::fs::remove_file(files.state()).unwrap();
        assert_eq!(notes.of("one", &files).unwrap().0, None);
    }
}
