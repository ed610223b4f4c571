//! What load balancers have counted, all at once, and which of it changed since somebody asked last.
//!
//! The counters are read together, at most once in a second and only while somebody asks. What differs from the time
//! before gets the number of this look, and a cursor is such a number: no write pays for it, and the database keeps
//! nothing of it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ballast_model::{
    Uuid, check,
    fault::{Fault, Form},
    ids::LoadBalancerId,
    outcome::Statistics,
};
use tokio::sync::{Mutex, MutexGuard};

use super::{App, Caller};

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);

/// What is remembered of counters. It is empty until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    /// Of the last look, by the monotonic clock.
    read_at: Option<Duration>,
    look: u64,
    entries: HashMap<LoadBalancerId, Entry>,
}

#[derive(Debug)]
struct Entry {
    project_id: String,
    counted: Statistics,
    /// The look that found it otherwise than the one before.
    look: u64,
}

/// What is asked for.
#[derive(Debug, Default)]
pub struct WantedStats {
    pub cursor: String,
    pub most: usize,
    /// Empty: all.
    pub ids: HashSet<LoadBalancerId>,
    pub project_id: Option<String>,
}

/// Counters, with their load balancers and projects.
pub struct ListedStats {
    pub stats: Vec<(LoadBalancerId, String, Statistics)>,
    pub cursor: String,
    pub more: bool,
}

/// What was told up to here: of this look, up to this load balancer.
type Told = (u64, LoadBalancerId);

impl Book {
    fn take(&mut self, counted: Vec<(LoadBalancerId, String, Statistics)>) {
        self.look += 1;
        let mut entries = HashMap::with_capacity(counted.len());
        for (id, project_id, counted) in counted {
            let known = self.entries.get(&id).filter(|known| known.counted == counted);
            let look = known.map_or(self.look, |known| known.look);
            entries.insert(id, Entry { project_id, counted, look });
        }
        self.entries = entries;
    }

    fn after(&self, told: Told, most: usize, is_wanted: impl Fn(LoadBalancerId, &str) -> bool) -> (Vec<Told>, bool) {
        let found = self.entries.iter().filter(|(id, entry)| is_wanted(**id, &entry.project_id));
        let mut found: Vec<Told> = found.map(|(id, entry)| (entry.look, *id)).filter(|one| *one > told).collect();
        found.sort_unstable();
        let more = found.len() > most;
        found.truncate(most);
        (found, more)
    }
}

impl App {
    /// What load balancers have counted that the caller sees, beginning with what changed longest ago.
    ///
    /// # Errors
    /// That the project is another's, or the cursor none; or when the store fails.
    pub async fn list_stats(&self, caller: &Caller, wanted: &WantedStats) -> Result<ListedStats, Fault> {
        if let Some(project_id) = &wanted.project_id {
            caller.must_own(project_id)?;
        }
        let told = self.read_tally_cursor(&wanted.cursor)?;
        let book = self.current_tally().await?;
        let is_wanted = |id: LoadBalancerId, project_id: &str| {
            caller.sees(project_id)
                && wanted.project_id.as_deref().is_none_or(|own| own == project_id)
                && (wanted.ids.is_empty() || wanted.ids.contains(&id))
        };
        let (found, more) = book.after(told, wanted.most, is_wanted);
        let all = (book.look, LoadBalancerId::new(Uuid::max()));
        let (look, id) = found.last().filter(|_| more).copied().unwrap_or(all);
        let stats = found.iter().filter_map(|(_, id)| {
            let entry = book.entries.get(id)?;
            Some((*id, entry.project_id.clone(), entry.counted))
        });
        let cursor = format!("{}.{look}.{}", self.id.uuid().simple(), id.uuid().simple());
        Ok(ListedStats { stats: stats.collect(), cursor, more })
    }

    /// What all have counted that the caller sees, or that are of this project.
    pub(super) async fn sum_stats(&self, caller: &Caller, project_id: Option<&str>) -> Result<Statistics, Fault> {
        let (book, mut sum) = (self.current_tally().await?, Statistics::default());
        let is_wanted = |of: &str| caller.sees(of) && project_id.is_none_or(|wanted| wanted == of);
        for Statistics { bytes_in, bytes_out, active_connections, total_connections, request_errors } in
            book.entries.values().filter(|entry| is_wanted(&entry.project_id)).map(|entry| entry.counted)
        {
            sum.bytes_in = sum.bytes_in.saturating_add(bytes_in);
            sum.bytes_out = sum.bytes_out.saturating_add(bytes_out);
            sum.active_connections = sum.active_connections.saturating_add(active_connections);
            sum.total_connections = sum.total_connections.saturating_add(total_connections);
            sum.request_errors = sum.request_errors.saturating_add(request_errors);
        }
        Ok(sum)
    }

    /// Those who ask at once wait for one who reads.
    async fn current_tally(&self) -> Result<MutexGuard<'_, Book>, Fault> {
        let mut book = self.tally.0.lock().await;
        let now = self.clock.monotonic();
        if book.read_at.is_none_or(|at| now.saturating_sub(at) >= FRESH) {
            book.take(self.store.read(|tx, _| Box::pin(tx.tally())).await?);
            book.read_at = Some(now);
        }
        Ok(book)
    }

    /// One of another scheduler, or of this one before it was started anew, is where everything begins.
    fn read_tally_cursor(&self, text: &str) -> Result<Told, Fault> {
        let begin = (0, LoadBalancerId::default());
        if text.is_empty() {
            return Ok(begin);
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().unwrap_or_default();
        let (of, look, id) = (part(), part().parse(), Uuid::parse_str(part()));
        match (Uuid::parse_str(of), look, id) {
            (Ok(of), Ok(look), Ok(id)) if of == self.id.uuid() => Ok((look, id.into())),
            (Ok(_), Ok(_), Ok(_)) => Ok(begin),
            _ => Err(check::malformed("cursor", text, Form::Cursor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_again_and_a_page_goes_on_where_the_last_one_ended() {
        let id = LoadBalancerId::from_u128;
        let counted = |number, bytes_in| (id(number), "p".to_owned(), Statistics { bytes_in, ..Statistics::default() });
        let mut book = Book::default();
        book.take(vec![counted(1, 5), counted(2, 0), counted(3, 7)]);
        let all = |_: LoadBalancerId, _: &str| true;
        let begin = (0, LoadBalancerId::default());
        let (first, more) = book.after(begin, 2, all);
        assert_eq!((&first[..], more), (&[(1, id(1)), (1, id(2))][..], true));
        // The third one has changed before it was told, and another one is gone.
        book.take(vec![counted(1, 6), counted(3, 8)]);
        assert_eq!(book.after(first[1], 2, all), (vec![(2, id(1)), (2, id(3))], false));
        assert_eq!(book.after((2, id(3)), 2, all), (vec![], false));
        book.take(vec![counted(1, 6), counted(3, 8), counted(4, 0)]);
        assert_eq!(book.after((2, id(3)), 9, all), (vec![(3, id(4))], false));
        assert_eq!(book.after(begin, 9, |one, _| one == id(1)).0, [(2, id(1))]);
    }
}
