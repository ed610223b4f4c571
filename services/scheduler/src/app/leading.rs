//! Who leads: of all schedulers of a database one does what one is enough for.
//!
//! It is looked at together with who lives, once a second and when somebody says that it changed. The first that sees that
//! nobody leads any more does from then on. What one that leads was about when it stood still writes nothing once another does:
//! that is the store's to hold ([`leading`]).

use std::pin::Pin;

use ballast_model::fault::Fault;
use ballast_store::{Lead, Scheduler, leading};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::App;

/// Goes on until the shutdown.
pub type Task = for<'a> fn(&'a App, CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A scheduler that serves the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    pub scheduler: Scheduler,
    pub leads: bool,
    /// It is this one.
    pub answers: bool,
}

/// That this scheduler leads, while it does.
#[derive(Debug)]
pub(super) struct Leading(watch::Sender<Option<Lead>>);

impl Default for Leading {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl App {
    /// Whether this scheduler leads, as far as it knows.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leading.0.borrow().is_some()
    }

    /// Those that serve this database, in the order of their addresses.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedulers(&self) -> Result<Vec<Serving>, Fault> {
        let read = self.store.read(|tx, _| Box::pin(async { Ok((tx.schedulers().await?, tx.lead().await?)) }));
        let (mut schedulers, lead) = read.await?;
        schedulers.sort_by(|a, b| (&a.advertised, a.id).cmp(&(&b.advertised, b.id)));
        let of = |scheduler: Scheduler| Serving {
            leads: lead.is_some_and(|lead| lead.scheduler_id == scheduler.id),
            answers: scheduler.id == self.id,
            scheduler,
        };
        Ok(schedulers.into_iter().map(of).collect())
    }

    /// Goes on with a task whenever this scheduler leads, until the shutdown, or until it ends by itself as there is nothing for
    /// it to do.
    pub async fn while_leading(&self, task: Task, shutdown: CancellationToken) {
        let mut known = self.leading.0.subscribe();
        loop {
            let until_it_leads = async { known.wait_for(Option::is_some).await.ok().and_then(|lead| *lead) };
            let lead = tokio::select! {
                lead = until_it_leads => lead,
                () = shutdown.cancelled() => return,
            };
            let Some(lead) = lead else { return };
            let until_it_does_not = async { drop(known.wait_for(|now| *now != Some(lead)).await) };
            tokio::select! {
                () = leading(lead, task(self, shutdown.clone())) => return,
                // What it was about is given up where it is.
                () = until_it_does_not => {}
            }
        }
    }

    /// Takes the lead if nobody has it, as was just read.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn follow_lead(&self, lead: Option<Lead>, schedulers: &[Scheduler]) -> Result<(), Fault> {
        let lives =
            |lead: &Lead| lead.scheduler_id == self.id || schedulers.iter().any(|one| one.id == lead.scheduler_id);
        let lead = match lead.filter(lives) {
            Some(lead) => Some(lead),
            None => self.store.write(|tx, _| Box::pin(tx.take_lead(self.id))).await?,
        };
        self.led_by(lead);
        Ok(())
    }

    pub(super) fn led_by(&self, lead: Option<Lead>) {
        let own = lead.filter(|lead| lead.scheduler_id == self.id);
        let is_news = self.leading.0.send_if_modified(|known| std::mem::replace(known, own) != own);
        match own {
            Some(lead) if is_news => tracing::info!(term = lead.term, "this scheduler leads"),
            None if is_news => tracing::warn!("another scheduler leads by now"),
            _ => {}
        }
    }
}
