//! Who goes back to what it had, when haproxy refuses what the load balancers of a project are to have together: as few as
//! possible, so that the others get what they ask for. Pure.

use crate::page::shared::Parts;

/// Takes a step back, and says whose; none: there is nothing to go back to. `blamed`: whom haproxy means, where it says so.
/// `served`: what runs. `me`: who asks.
///
/// Each step makes a part one that is served, or takes it away, so there are not many.
pub(crate) fn retreat(parts: &mut Parts, served: &Parts, blamed: Option<&str>, me: &str) -> Vec<String> {
    let is_new = |parts: &Parts, id: &str| parts.get(id) != served.get(id);
    let whom: Vec<String> = match blamed.filter(|id| parts.contains_key(*id)) {
        Some(id) => vec![id.to_owned()],
        None => {
            let new = |mine: bool| {
                let ids = parts.keys().filter(|id| (id.as_str() == me) == mine && is_new(parts, id));
                ids.cloned().collect::<Vec<_>>()
            };
            Some(new(false)).filter(|others| !others.is_empty()).unwrap_or_else(|| new(true))
        }
    };
    for id in &whom {
        match served.get(id).filter(|_| is_new(parts, id)) {
            Some(before) => parts.insert(id.clone(), before.clone()),
            None => parts.remove(id),
        };
    }
    whom
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{page::shared::Part, project::parts::tests::part};

    fn of(ids: &[(&str, &str)]) -> Parts {
        let one =
            |(id, namespace): &(&str, &str)| ((*id).to_owned(), Part { namespace: (*namespace).to_owned(), ..part() });
        ids.iter().map(one).collect()
    }

    #[test]
    fn who_is_blamed_goes_back_first_and_then_altogether() {
        let served = of(&[("a", "1"), ("b", "1")]);
        let mut parts = of(&[("a", "1"), ("b", "2"), ("c", "1")]);
        assert_eq!(retreat(&mut parts, &served, Some("b"), "c"), ["b"]);
        assert_eq!(parts, of(&[("a", "1"), ("b", "1"), ("c", "1")]));
        assert_eq!(retreat(&mut parts, &served, Some("b"), "c"), ["b"]);
        assert_eq!(parts, of(&[("a", "1"), ("c", "1")]));
    }

    #[test]
    fn where_nobody_is_blamed_others_that_are_new_go_back_before_who_asks() {
        let served = of(&[("a", "1"), ("b", "1")]);
        let mut parts = of(&[("a", "2"), ("b", "1"), ("c", "1"), ("d", "1")]);
        assert_eq!(retreat(&mut parts, &served, None, "d"), ["a", "c"]);
        assert_eq!(parts, of(&[("a", "1"), ("b", "1"), ("d", "1")]));
        assert_eq!(retreat(&mut parts, &served, Some("strange"), "d"), ["d"]);
        assert_eq!(parts, served);
        assert_eq!(retreat(&mut parts, &served, None, "d"), [""; 0]);
    }

    proptest! {
        /// Whatever haproxy says, it comes to an end, and who is not to blame keeps what it is to have.
        #[test]
        fn it_ends_and_the_innocent_stay(
            served in proptest::collection::btree_map("[a-e]", "[12]", 0..5),
            wanted in proptest::collection::btree_map("[a-e]", "[12]", 0..5),
            guilty in proptest::collection::btree_set("[a-e]", 0..3),
            says in any::<bool>(),
        ) {
            let parts = |map: &std::collections::BTreeMap<String, String>| {
                of(&map.iter().map(|(id, namespace)| (id.as_str(), namespace.as_str())).collect::<Vec<_>>())
            };
            let (served, wanted) = (parts(&served), parts(&wanted));
            let mut now = wanted.clone();
            let mut steps = 0;
            while let Some(bad) = guilty.iter().find(|id| now.contains_key(*id)) {
                let blamed = says.then_some(bad.as_str());
                if retreat(&mut now, &served, blamed, "a").is_empty() {
                    break;
                }
                steps += 1;
                prop_assert!(steps <= 10);
            }
            if says {
                for id in wanted.keys().filter(|id| !guilty.contains(*id)) {
                    prop_assert_eq!(now.get(id), wanted.get(id));
                }
                prop_assert!(!guilty.iter().any(|id| now.contains_key(id)));
            }
        }
    }
}
