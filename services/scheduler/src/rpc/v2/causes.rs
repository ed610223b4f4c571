//! Why something changed, as a caller may know it: users of other projects and agents are operators' business.

use std::time::Duration;

use ballast_proto::{
    convert,
    driver::Effect,
    v2::{Cause, Origin, Settled},
};
use ballast_store::{By, Settled as Ended, Why};

use crate::app::Caller;

pub(super) fn to_cause(why: &Why, caller: &Caller) -> Cause {
    let Some(at) = why.at else { return Cause::default() };
    let time = Some(convert::timestamp(at));
    let Some(cause) = &why.cause else {
        return Cause { time, origin: Origin::Scheduler.into(), ..Cause::default() };
    };
    let shown = |is_shown: bool, text: &str| if is_shown { text.to_owned() } else { String::new() };
    let (by_user, own) = (cause.by == By::User, caller.admin || caller.sees(&cause.project_id));
    Cause {
        time,
        origin: i32::from(match cause.by {
            By::User => Origin::User,
            By::Agent => Origin::Agent,
            By::Scheduler => Origin::Scheduler,
        }),
        user: shown(by_user && own, &cause.who),
        project_id: shown(own, &cause.project_id),
        host: shown(!by_user && caller.admin, &cause.who),
        action: cause.what.clone(),
        request_id: shown(own, &cause.request_id),
        settled: cause.settled.as_ref().map(to_settled),
    }
}

fn to_settled(ended: &Ended) -> Settled {
    let duration = |micros| Duration::from_micros(micros).try_into().ok();
    Settled {
        generation: ended.generation,
        duration: ended.took.and_then(duration),
        effect: i32::from(effect(&ended.effect)),
        failed: ended.failed,
    }
}

/// As it is stored: the name of the value, which others may read in the database.
fn effect(name: &str) -> Effect {
    Effect::from_str_name(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ballast_model::time::Timestamp;
    use ballast_store::Cause as Stored;

    use super::*;

    #[test]
    fn others_than_admins_are_told_users_of_their_own_project_and_no_agents() {
        let by = |by, project: &str| {
            let stored = Stored {
                by,
                who: "w".to_owned(),
                project_id: project.to_owned(),
                request_id: "r".to_owned(),
                ..Stored::default()
            };
            Why { at: Some(Timestamp(1)), cause: Some(Arc::new(stored)) }
        };
        let caller = |admin| Caller { project_id: Some("a".to_owned()), admin };
        let told = |why: &Why, admin| {
            let cause = to_cause(why, &caller(admin));
            (cause.user, cause.host, cause.request_id)
        };
        let texts = |user: &str, host: &str, request: &str| (user.to_owned(), host.to_owned(), request.to_owned());
        assert_eq!(told(&by(By::User, "a"), false), texts("w", "", "r"));
        assert_eq!(told(&by(By::User, "b"), false), texts("", "", ""));
        assert_eq!(told(&by(By::User, "b"), true), texts("w", "", "r"));
        assert_eq!(told(&by(By::Agent, ""), false), texts("", "", ""));
        assert_eq!(told(&by(By::Agent, ""), true), texts("", "w", "r"));
        assert_eq!(to_cause(&Why::default(), &caller(true)), Cause::default(), "an older release has said nothing");
        let own_doing = to_cause(&Why { at: Some(Timestamp(1)), cause: None }, &caller(false));
        assert_eq!(own_doing.origin(), Origin::Scheduler);
    }
}
