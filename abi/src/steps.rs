//! What a deploy consists of, and how long each part takes, for who follows a request to here.
//!
//! A driver says [`step`] around what it does; where nobody follows, that is no more than the work itself. It is told in
//! `DeployReply.steps`.

use std::{
    borrow::Cow,
    cell::RefCell,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::proto::Step;

/// More are not told.
const MOST: usize = 64;
/// The whole call.
const WHOLE: &str = "deploy";

thread_local! {
    static HERE: RefCell<Steps> = const { RefCell::new(Steps(None)) };
}

/// Where steps of a deploy are told; nowhere where nobody follows it. A clone is the same place.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Told>>);

struct Told {
    /// One look at the clock for all: by two, a part could outlast its whole.
    since_1970: Duration,
    since: Instant,
    steps: Mutex<Vec<Step>>,
}

impl Told {
    fn from_now_on() -> Self {
        #[expect(clippy::disallowed_methods, reason = "when it began is told, and nothing is decided by it")]
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { since_1970, since: Instant::now(), steps: Mutex::default() }
    }

    /// Its number; none: there are too many.
    fn begin(&self, name: impl Into<Cow<'static, str>>) -> Option<usize> {
        let mut steps = self.steps();
        let number = steps.len();
        if number >= MOST {
            return None;
        }
        let began = nanoseconds(self.since_1970 + self.since.elapsed());
        steps.push(Step { name: name.into().into_owned(), began, took: 0 });
        Some(number)
    }

    fn end(&self, number: usize) {
        let now = nanoseconds(self.since_1970 + self.since.elapsed());
        if let Some(step) = self.steps().get_mut(number) {
            step.took = now.saturating_sub(step.began);
        }
    }

    fn steps(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `work`, a step of the deploy that this thread is at. A name is the driver's own word, and the same for every load
/// balancer: it is made only where somebody follows.
pub fn step<T, N: Into<Cow<'static, str>>>(name: impl FnOnce() -> N, work: impl FnOnce() -> T) -> T {
    let Some(told) = here().0 else { return work() };
    let number = told.begin(name());
    let done = work();
    number.into_iter().for_each(|number| told.end(number));
    done
}

/// Where the steps of this thread are told, for another thread that works for it.
#[must_use]
pub fn here() -> Steps {
    HERE.with_borrow(Steps::clone)
}

impl Steps {
    /// Does `work`, whose steps are told here.
    pub fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        let _back = Back(HERE.replace(self.clone()));
        work()
    }

    /// For a deploy that is followed, or is not.
    pub(crate) fn of(traceparent: &str) -> Self {
        Self((!traceparent.is_empty()).then(|| Arc::new(Told::from_now_on())))
    }

    /// Does the whole deploy; returns what was told meanwhile.
    pub(crate) fn of_whole<T>(self, deploy: impl FnOnce() -> T) -> (T, Vec<Step>) {
        let done = self.around(|| step(|| WHOLE, deploy));
        (done, self.0.map(|told| std::mem::take(&mut *told.steps())).unwrap_or_default())
    }
}

/// What was there before, also after a panic.
struct Back(Steps);

impl Drop for Back {
    fn drop(&mut self) {
        HERE.set(std::mem::take(&mut self.0));
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(steps: &[Step]) -> Vec<&str> {
        steps.iter().map(|step| step.name.as_str()).collect()
    }

    #[test]
    fn steps_are_told_in_the_order_in_which_they_began_after_the_whole() {
        let deploy = || {
            step(|| "plan", || ());
            let here = here();
            std::thread::scope(|scope| scope.spawn(|| here.around(|| step(|| "start", || 7))).join().unwrap())
        };
        let (done, steps) = Steps::of("00-a-b-01").of_whole(deploy);
        assert_eq!((done, names(&steps)), (7, vec!["deploy", "plan", "start"]));
        let end = |step: &Step| step.began + step.took;
        assert!(steps.iter().all(|step| end(step) <= end(&steps[0])), "{steps:?}");
        assert!(steps.windows(2).all(|two| two[0].began <= two[1].began), "{steps:?}");
        step(|| "after", || ());
        assert!(Steps::of("").of_whole(deploy).1.is_empty());
    }

    #[test]
    fn a_name_is_made_only_where_it_is_told() {
        step(|| -> String { panic!("nobody asked") }, || ());
    }

    #[test]
    fn what_is_too_many_is_not_told_and_a_panic_leaves_nothing() {
        let many = || (0..MOST * 2).for_each(|_| step(|| "one", || ()));
        assert_eq!(Steps::of("x").of_whole(many).1.len(), MOST);
        let panicked = std::panic::catch_unwind(|| Steps::of("x").of_whole(|| panic!("as asked")));
        assert!(panicked.is_err() && here().0.is_none());
    }
}
