//! Who is chosen: weights, both IP versions, the client's address, persistence, backups.

use std::{collections::BTreeMap, net::IpAddr};

use ballast_l4::{
    desired::{Member, Method, Persistence, Protocol, State},
    flows, shares,
};

use crate::world::{VIP, VIP6, World, ask, ask_again, clients, connect, in_world, inside, member, member6, service};

fn weighted(weights: [u16; 3]) -> impl Iterator<Item = Member> {
    (1..).zip(weights).map(|(number, weight)| Member { weight, ..member(number) })
}

#[test]
fn members_get_exactly_what_their_weights_say() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, weighted([10, 6, 2]));
        asked.listeners.extend(service(Protocol::Udp, weighted([1, 1, 0])).listeners);
        asked.listeners[1].id = "udp".to_owned();
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 90), [(1, 50), (2, 30), (3, 10)].into());
        assert_eq!(world.answers_udp(VIP, 60), [(1, 30), (2, 30)].into());
        let connections = world.driver.connections();
        assert_eq!(connections["3"], 10);
        Ok(())
    });
}

#[test]
fn a_client_of_each_ip_version_gets_members_of_its_own() {
    in_world(|mut world| {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let mut asked = service(protocol, [member(1), member(2), member6(3), Member { weight: 3, ..member6(4) }]);
            asked.listeners[0].addresses.insert("fd00::4".parse()?);
            world.pass(&asked);
            let answers = |to, count| match protocol {
                Protocol::Tcp => world.answers(to, count),
                Protocol::Udp | Protocol::Sctp => world.answers_udp(to, count),
            };
            assert_eq!(answers(VIP, 20), [(1, 10), (2, 10)].into());
            assert_eq!(answers(VIP6, 20), [(3, 5), (4, 15)].into());
        }
        Ok(())
    });
}

/// Who answers each client.
#[expect(clippy::unwrap_used, reason = "a tool of tests: what fails here fails the test")]
fn answers_of(world: &World<'_>, clients: &[IpAddr]) -> BTreeMap<IpAddr, u8> {
    let to = VIP.parse().unwrap();
    world.client(|| clients.iter().map(|from| (*from, ask(Some(*from), to).unwrap())).collect())
}

#[test]
fn a_client_keeps_its_member_by_its_address_and_few_move_when_another_leaves() {
    in_world(|mut world| {
        let clients = clients(&world, 60);
        let mut asked = service(Protocol::Tcp, (1..=4).map(member));
        asked.listeners[0].method = Method::SourceIp;
        world.pass(&asked);
        let before = answers_of(&world, &clients);
        assert_eq!(answers_of(&world, &clients), before);
        let each = |number| before.values().filter(|answer| **answer == number).count();
        assert!((1..=4).all(|number| each(number) > 4), "{before:?}");
        asked.listeners[0].members.remove(3);
        world.pass(&asked);
        let after = answers_of(&world, &clients);
        let others = before.iter().filter(|(_, answer)| **answer != 4);
        let moved = others.filter(|(client, answer)| after[*client] != **answer).count();
        assert!(moved <= 6, "{moved} of 60 moved");
        Ok(())
    });
}

#[test]
fn by_address_and_port_one_client_gets_several_members_and_a_flow_stays() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, (1..=3).map(member));
        asked.listeners[0].method = Method::SourceIpPort;
        asked.listeners[0].addresses.insert("fd00::4".parse()?);
        asked.listeners[0]
            .members
            .extend((1..=3).map(|number| Member { id: format!("six-{number}"), ..member6(number) }));
        world.pass(&asked);
        for vip in [VIP, VIP6] {
            let answers = world.answers(vip, 60);
            assert!(answers.len() == 3 && answers.values().all(|count| *count >= 5), "{answers:?}");
        }
        Ok(())
    });
}

#[test]
fn a_client_is_remembered_and_moves_when_its_member_is_dead() {
    in_world(|mut world| {
        let from = clients(&world, 6);
        let mut asked = service(Protocol::Tcp, (1..=3).map(member));
        asked.listeners[0].persistence = Some(Persistence { seconds: 60, prefix4: 32, prefix6: 128 });
        world.pass(&asked);
        let before = answers_of(&world, &from);
        assert_eq!(before.values().collect::<std::collections::BTreeSet<_>>().len(), 3);
        asked.listeners[0].members[0].weight = 5;
        world.pass(&asked);
        assert_eq!(answers_of(&world, &from), before, "a change has made it forget");
        asked.listeners[0].members[0].state = State::Down;
        world.pass(&asked);
        let moved = answers_of(&world, &from);
        assert!(moved.values().all(|answer| *answer != 1), "{moved:?}");
        let kept = before.iter().filter(|(_, answer)| **answer != 1);
        assert!(kept.into_iter().all(|(client, answer)| moved[client] == *answer));
        asked.listeners[0].members[0].state = State::Up;
        world.pass(&asked);
        assert_eq!(answers_of(&world, &from), moved, "who has moved goes back");
        asked.listeners[0].members[1].state = State::Draining;
        world.pass(&asked);
        let drained = answers_of(&world, &from);
        assert!(drained.values().all(|answer| *answer != 2), "{drained:?}");
        Ok(())
    });
}

#[test]
fn clients_of_one_network_are_remembered_as_one() {
    in_world(|mut world| {
        let from = clients(&world, 5);
        let mut asked = service(Protocol::Tcp, (1..=3).map(member));
        asked.listeners[0].persistence = Some(Persistence { seconds: 60, prefix4: 24, prefix6: 64 });
        world.pass(&asked);
        let answers = answers_of(&world, &from);
        assert!(answers.values().all(|answer| *answer == answers[&from[0]]), "{answers:?}");
        Ok(())
    });
}

#[test]
fn a_client_is_forgotten_in_time() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Udp, (1..=2).map(member));
        asked.listeners[0].persistence = Some(Persistence { seconds: 5, prefix4: 32, prefix6: 128 });
        world.pass(&asked);
        assert_eq!(world.answers_udp(VIP, 5), [(2, 5)].into());
        std::thread::sleep(std::time::Duration::from_millis(5_500));
        assert_eq!(world.answers_udp(VIP, 5), [(1, 5)].into());
        Ok(())
    });
}

#[test]
fn who_has_more_flows_than_others_gets_fewer_new_ones() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, (1..=3).map(member));
        asked.listeners[0].method = Method::LeastConnections;
        world.pass(&asked);
        let to = VIP.parse()?;
        let mut held = world.client(|| (0..30).map(|_| connect(None, to).unwrap()).collect::<Vec<_>>());
        held.retain_mut(|stream| ask_again(stream).unwrap() == 1);
        let mut shares = vec![0.0; 3];
        for _ in 0..5 {
            let active = flows::active(&mut world.driver.netfilter)?;
            let load = |(member, share): (&Member, &f64)| {
                let mark = world.driver.numbers.of_member("l", &member.id).unwrap();
                shares::Load { weight: 1, share: *share, active: active.get(&mark).copied().unwrap_or(0) }
            };
            let loads: Vec<shares::Load> = asked.listeners[0].members.iter().zip(&shares).map(load).collect();
            shares = shares::next(&loads);
            for (member, share) in asked.listeners[0].members.iter_mut().zip(&shares) {
                member.share = Some(shares::rounded(*share));
            }
            world.pass(&asked);
        }
        let answers = world.answers(VIP, 60);
        assert!(answers.get(&1).is_none_or(|count| *count < 10), "{answers:?}");
        Ok(())
    });
}

#[test]
fn a_member_is_a_client_of_its_own_listener_too() {
    in_world(|mut world| {
        world.pass(&service(Protocol::Tcp, [member(1), member(2)]));
        let (to, from) = (VIP.parse()?, Some("10.0.0.11".parse()?));
        let mut answers = inside(&world.web, || (0..4).map(|_| ask(from, to).unwrap()).collect::<Vec<_>>());
        answers.sort_unstable();
        assert_eq!(answers, [1, 1, 2, 2]);
        Ok(())
    });
}

#[test]
fn backups_serve_while_nobody_else_does() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, [member(1), Member { backup: true, ..member(2) }]);
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 6), [(1, 6)].into());
        asked.listeners[0].members[0].state = State::Down;
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 6), [(2, 6)].into());
        asked.listeners[0].members[0].state = State::Up;
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 6), [(1, 6)].into());
        Ok(())
    });
}
