//! What a driver says of a deploy before it is done.

use ballast_abi::{Connections, Driver, Effect, LoadBalancer};

use crate::{
    Played, Stage,
    rules::with_a_third_member,
    samples::{ID, checked},
    writes,
};

pub fn a_preview_writes_nothing_and_what_it_says_is_what_is_made<P: Played>() {
    let stage = Stage::<P>::new();
    let foresee = |asked: &LoadBalancer, generation| stage.driver.preview(asked, generation).unwrap();
    let reported = || stage.driver.observe(&[ID.to_owned()]).unwrap()[0].generation;
    let fewer = || {
        let mut asked = checked();
        asked.pools[0].members.pop();
        asked
    };
    let closed = || LoadBalancer { listeners: Vec::new(), ..checked() };
    let cases = [
        (checked(), Effect::Restart, Connections::Kept),
        (checked(), Effect::None, Connections::Kept),
        (with_a_third_member(), Effect::Runtime, Connections::Kept),
        (fewer(), Effect::Runtime, Connections::Cut),
        (closed(), Effect::Runtime, Connections::Cut),
    ];
    for ((asked, effect, connections), generation) in cases.into_iter().zip(1..) {
        let before = stage.objects();
        drop(stage.asked());
        let said = foresee(&asked, generation);
        assert_eq!((said.effect(), said.connections()), (effect, connections), "{:?}", said.steps);
        assert_eq!(said, foresee(&asked, generation), "asked twice it says the same");
        assert_eq!((writes(&stage.asked()), stage.objects()), (Vec::<String>::new(), before));
        let done = stage.driver.take_over(&asked, generation, b"of another's").unwrap();
        assert_eq!((said.effect(), said.faults), (done.effect(), done.faults));
        let now = foresee(&asked, generation);
        assert_eq!((now.effect(), now.steps, now.configuration), (Effect::None, Vec::new(), said.configuration));
        assert_eq!(reported(), generation);
    }
    assert_eq!(stage.open_sessions(), 0);
}
