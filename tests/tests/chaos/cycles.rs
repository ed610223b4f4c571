//! A load balancer that comes and goes, many times: nothing grows.

use ballast_lab::{in_lab, poll_until, require_tool};

use crate::{
    Extent,
    asked::{ID, load_balancer, with_datagrams},
    census::Held,
    driver::Kind,
    extent,
    place::{Attachment, Place, SOON},
};

/// Pools of memory and of threads fill up first.
const WARM_UP: u32 = 20;
const FEW: u32 = 30;
const MANY: u32 = 1_000;
/// What may be there more in the end, whatever the cycles.
const SLACK: usize = 4;
/// KiB: less than a page for each of many cycles, and what an allocator takes at once.
const MEMORY: u64 = 4 * 1_024;
/// KiB. The whole machine's, on which others work as well: a namespace that stays is some 100 KiB.
const KERNEL: u64 = 48 * 1_024;

fn come_and_go(kind: Kind) {
    let cycles = if extent() == Extent::All { MANY } else { FEW };
    in_lab(|lab| {
        let mut place = Place::new(lab, kind, Attachment::Vxlan)?;
        let asked = load_balancer(place.protocol(), place.attachment);
        let asked = if kind.is_haproxy() { with_datagrams(asked) } else { asked };
        let driver = place.driver();
        let cycle = |place: &mut Place| {
            let generation = place.next_generation();
            driver.deploy(&asked, generation);
            driver.undeploy(ID);
        };
        let before = place.census();
        (0..WARM_UP).for_each(|_| cycle(&mut place));
        let held = Held::now();
        (0..cycles).for_each(|_| cycle(&mut place));
        let is_same = poll_until(SOON, || (place.census() == before).then_some(()));
        assert!(is_same.is_some(), "after {cycles} cycles: {:#?}", place.census().changes(&before));
        let fits = |now: Held| {
            now.descriptors <= held.descriptors + SLACK
                && now.threads <= held.threads + SLACK
                && now.memory <= held.memory + MEMORY
                && (cycles < MANY || now.kernel <= held.kernel + KERNEL)
        };
        // The kernel takes a moment to free what is gone.
        let settled = poll_until(SOON, || fits(Held::now()).then_some(()));
        assert!(settled.is_some(), "in {cycles} cycles it grew from {held:?} to {:?}", Held::now());
        assert!(place.bystander_answered("in the end") > u64::from(cycles));
        Ok(())
    });
}

#[test]
fn a_load_balancer_of_haproxy_ns_that_comes_and_goes_leaves_nothing_that_grows() {
    let test = "a_load_balancer_of_haproxy_ns_that_comes_and_goes_leaves_nothing_that_grows";
    if require_tool("haproxy", test) {
        come_and_go(Kind::HaproxyNs);
    }
}

#[test]
#[ignore = "minutes: make soak"]
fn a_load_balancer_of_a_haproxy_that_is_shared_that_comes_and_goes_leaves_nothing_that_grows() {
    let test = "a_load_balancer_of_a_haproxy_that_is_shared_that_comes_and_goes_leaves_nothing_that_grows";
    if require_tool("haproxy", test) {
        come_and_go(Kind::PerProject);
    }
}

#[test]
fn a_load_balancer_of_nft_l4_that_comes_and_goes_leaves_nothing_that_grows() {
    come_and_go(Kind::NftL4);
}
