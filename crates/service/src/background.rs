//! Tasks that a process cannot do without: when one panics, the process ends with the reason, and is started again whole.

use std::{collections::HashMap, future};

use tokio::task::{Id, JoinError, JoinSet};

use crate::process::Failure;

/// The tasks. Dropped, they end.
#[derive(Debug, Default)]
pub struct Background {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Background {
    /// Starts one.
    pub fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until one has panicked. Those that end because the process does are no failure.
    pub async fn failed(&mut self) -> Failure {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                let name = self.names.get(&error.id()).copied().unwrap_or_default();
                return Failure::run(format!("the task '{name}' ended"), reason(error));
            }
        }
        future::pending().await
    }
}

fn reason(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was given up".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("it panicked: {}", text.as_deref().unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_named_with_its_reason_and_one_that_ends_is_not() {
        let mut background = Background::default();
        background.start("placing", async {});
        assert!(tokio::time::timeout(Duration::from_millis(50), background.failed()).await.is_err());
        background.start("failover", async { panic!("no agent {}", 7) });
        assert_eq!(background.failed().await.to_string(), "the task 'failover' ended: it panicked: no agent 7");
    }
}
