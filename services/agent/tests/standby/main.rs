//! Two sides of a load balancer on two hosts: real agents, the real driver, the real network of a lab. The schedulers are played: what
//! the two sides do they do without.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, shows what it has measured, and takes the time"
)]

mod client;
mod place;
mod played;

use std::{
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{TestResult, require_tool, wait_until};

use client::{Kept, Load};
use place::{Place, SOON, VIP, VIP6};

fn in_place(body: impl FnOnce(Place<'_>) -> TestResult) {
    let test = thread::current().name().unwrap_or("a test of two sides").to_owned();
    if ["haproxy", "nft", "curl"].iter().all(|tool| require_tool(tool, &test)) {
        ballast_lab::in_lab(|lab| body(Place::begin(lab)));
    }
}

#[test]
fn when_all_of_the_active_host_is_killed_the_standby_answers_within_a_second() {
    in_place(|mut place| {
        assert_eq!(place.active(), Some(1), "as it was ordered");
        let mut loads = [VIP, VIP6].map(|vip| Load::begin(&place.client, vip));
        thread::sleep(Duration::from_millis(500));
        place.kill_all(1);
        let began = Instant::now();
        wait_until(SOON, "the other side answers", || (place.standing(2)?.active).then_some(()));
        eprintln!("the standby says that it answers after {:?}", began.elapsed());
        thread::sleep(Duration::from_secs(6));
        for (load, vip) in loads.iter_mut().zip([VIP, VIP6]) {
            let (longest, (good, failed)) = (load.longest_gap(), load.end());
            let failed = failed.len();
            eprintln!("{vip}: no answer for {longest:?}; {good} requests were answered and {failed} were not");
            assert!(longest < Duration::from_secs(1), "{vip}: {longest:?}");
        }
        assert_eq!(place.vips_on(1), [""; 0], "the kernel takes them away where nobody is left who could");
        assert_eq!(place.standing(2).unwrap().term, 2);
        // It comes back, and is the standby.
        place.start_agent(1);
        wait_until(SOON, "it hears the other", || place.standing(1).filter(|one| one.peer_heard && !one.active));
        assert_eq!((place.active(), place.standing(1).unwrap().term), (Some(2), 2));
        Ok(())
    });
}

#[test]
fn what_was_cut_apart_agrees_within_a_second_of_being_one_again() {
    in_place(|place| {
        for (way, what) in [("both ways", true), ("one way", false)] {
            let active = place.active().unwrap();
            let standby = 3 - active;
            let term = place.standing(active).unwrap().term;
            place.cut(standby, what);
            wait_until(SOON, "the standby hears nobody, and answers", || place.standing(standby)?.active.then_some(()));
            place.heal(standby);
            let began = Instant::now();
            wait_until(SOON, "one of them", || place.settled());
            eprintln!("cut {way}: one of them {:?} after it was healed", began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(1));
            assert!(place.standing(1).unwrap().term > term, "who began last is right");
            Load::begin(&place.client, VIP).answers_soon();
        }
        Ok(())
    });
}

#[test]
fn a_warden_that_is_stopped_fences_itself_and_does_not_come_back_as_active() {
    in_place(|place| {
        let mut load = Load::begin(&place.client, VIP);
        thread::sleep(Duration::from_millis(300));
        place.stop_warden(1);
        let began = Instant::now();
        wait_until(SOON, "the standby answers", || place.standing(2)?.active.then_some(()));
        wait_until(SOON, "the kernel takes the addresses away", || place.vips_on(1).is_empty().then_some(()));
        eprintln!("the addresses were taken away {:?} after the warden was stopped", began.elapsed());
        place.continue_warden(1);
        wait_until(SOON, "it hears of the other", || place.standing(1).filter(|one| !one.active && one.term == 2));
        thread::sleep(Duration::from_secs(2));
        assert_eq!((place.active(), place.vips_on(1)), (Some(2), Vec::new()));
        let (longest, _) = (load.longest_gap(), load.end());
        assert!(longest < Duration::from_secs(1), "{longest:?}");
        Ok(())
    });
}

#[test]
fn where_what_serves_has_ended_the_other_side_answers_within_a_second() {
    in_place(|place| {
        let mut load = Load::begin(&place.client, VIP);
        thread::sleep(Duration::from_millis(500));
        place.kill_haproxy(1);
        let began = Instant::now();
        wait_until(SOON, "the standby answers", || place.standing(2)?.active.then_some(()));
        eprintln!("the standby says that it answers after {:?}", began.elapsed());
        wait_until(SOON, "both are well again", || (place.settled()? == 2).then_some(()));
        thread::sleep(Duration::from_secs(1));
        let (longest, _) = (load.longest_gap(), load.end());
        eprintln!("no answer for {longest:?}");
        assert!(longest < Duration::from_secs(1), "{longest:?}");
        // Before it serves again it is not asked to answer.
        wait_until(SOON, "another haproxy", || place.has_haproxy(1).then_some(()));
        place.order(3, 1);
        wait_until(SOON, "it answers again", || (place.settled()? == 1).then_some(()));
        load = Load::begin(&place.client, VIP);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(load.end().1, Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn words_of_nobodys_do_nothing() {
    in_place(|place| {
        let before = (place.standing(1), place.standing(2));
        for (number, own) in [(1_u8, "10.0.0.21:1026"), (2, "10.0.0.22:1026")] {
            let mut datagram = b"BLS1".to_vec();
            datagram.extend([3 - number, 3]);
            datagram.resize(200, 0xff);
            for length in [0, 1, 40, 69, 137, 165, 200] {
                (0..200).for_each(|_| place.client_says(own, &datagram[..length]));
            }
        }
        thread::sleep(Duration::from_secs(1));
        assert_eq!((place.standing(1), place.standing(2)), before);
        wait_until(SOON, "a word of it in a log", || place.log().contains("datagrams so far").then_some(()));
        assert!(!place.log().contains(&place::key_in_hex()), "the key is in a log");
        // Nobody else gets to what the peers of haproxy tell each other.
        assert!(place.client_connects("10.0.0.21:1025").is_err());
        assert!(place.client_connects("10.0.0.22:1025").is_err());
        Ok(())
    });
}

#[test]
fn twenty_swaps_fail_no_request_and_break_no_connection_and_who_is_remembered_stays_so() {
    in_place(|place| {
        let first = place.bodies();
        assert!(first.iter().any(|body| *body != first[0]), "{first:?}");
        let mut loads = [VIP, VIP6].map(|vip| Load::begin(&place.client, vip));
        let mut kept = Kept::begin(&place.client, VIP);
        let mut term = 1;
        for swap in 0..20 {
            let to = if swap % 2 == 0 { 2 } else { 1 };
            term += 1;
            place.order(term, to);
            let began = Instant::now();
            wait_until(SOON, "the other side answers", || (place.settled()? == to).then_some(()));
            eprintln!("swap {swap}: {:?}", began.elapsed());
            thread::sleep(Duration::from_millis(700));
        }
        for (load, vip) in loads.iter_mut().zip([VIP, VIP6]) {
            let (longest, (good, failed)) = (load.longest_gap(), load.end());
            eprintln!("{vip}: {good} requests, {failed:?} failed; the longest time without an answer was {longest:?}");
            assert_eq!(failed, Vec::<String>::new());
            assert!(good > 500, "{good}");
        }
        let (requests, end) = kept.end();
        eprintln!("one connection: {requests} requests");
        assert_eq!(end, None, "after {requests} requests");
        for to in [2, 1] {
            assert_eq!(place.bodies(), first, "its clients are remembered at both sides");
            term += 1;
            place.order(term, to);
            wait_until(SOON, "the other side answers", || (place.settled()? == to).then_some(()));
        }
        place.order(3, 2);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(place.standing(1).unwrap().term, term, "an order of the past does nothing");
        Ok(())
    });
}
