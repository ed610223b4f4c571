//! What an operator sees of a rule set, with the nft program.

use ballast_l4::desired::{Filter, Limit, Listener, Method, Persistence, Protocol, Service};
use ballast_lab::{TestResult, require_tool};

use crate::world::{World, in_world, member, service};

#[test]
fn the_nft_program_shows_the_rules_of_a_listener_that_has_everything() {
    if !require_tool("nft", "the_nft_program_shows_the_rules_of_a_listener_that_has_everything") {
        return;
    }
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, [member(1), member(2)]);
        let listener = &mut asked.listeners[0];
        listener.persistence = Some(Persistence { seconds: 360, prefix4: 24, prefix6: 64 });
        listener.limit = Some(Limit { most: 500, full: false });
        listener.allowed = vec!["10.0.0.0/16".parse()?];
        listener.idle = Some(300);
        let hashed = service(Protocol::Udp, [member(1)]).listeners.remove(0);
        asked.listeners.push(Listener { id: "k".to_owned(), method: Method::SourceIpPort, ..hashed });
        world.pass(&asked);
        assert_shown(&world, CHAINS)
    });
}

/// Its ports are ports, also in the map.
#[test]
fn the_nft_program_shows_who_may_connect() {
    if !require_tool("nft", "the_nft_program_shows_who_may_connect") {
        return;
    }
    in_world(|mut world| {
        let allowed = vec!["10.0.0.0/16".parse()?, "fd00::/64".parse()?];
        let filters = vec![Filter { port: 80, allowed }, Filter { port: 443, allowed: Vec::new() }];
        world.pass(&Service { filters, ..Service::default() });
        assert_shown(&world, FILTERS)?;
        let ports = world.balancer.output("nft", ["list", "map", "inet", "ballast", "fp"])?;
        assert!(ports.contains("80 : goto f80") && ports.contains("443 : goto f443"), "{ports}");
        Ok(())
    });
}

/// The chains are these.
fn assert_shown(world: &World<'_>, expected: &str) -> TestResult {
    let shown = world.balancer.output("nft", ["list", "ruleset"])?;
    let lines = shown.lines().map(str::trim).filter(|line| !line.is_empty());
    let chains: Vec<&str> = lines.skip_while(|line| !line.starts_with("chain")).collect();
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(chains, expected, "in\n{shown}");
    Ok(())
}

const FILTERS: &str = r#"
    chain f443 {
        meta nfproto ipv4 counter name "f443d" drop
        meta nfproto ipv6 counter name "f443d" drop
    }
    chain f80 {
        ip saddr != @a4_f80_be8129b7 counter name "f80d" drop
        ip6 saddr != @a6_f80_ed351f19 counter name "f80d" drop
    }
    chain in {
        type filter hook input priority filter; policy accept;
        tcp flags syn / syn,ack tcp dport vmap @fp
    }
    }
"#;

const CHAINS: &str = r#"
    chain c1 {
        meta l4proto tcp ct count over 500 counter name "l1d" reject with tcp reset
    }
    chain l1 {
        ip saddr != @a4_1_be8129b7 counter name "l1d" drop
        jump c1
        ct timeout set "t1_6_300"
        ct mark set ip saddr & 255.255.255.0 map @p4_1_24 ct mark @sv counter name ct mark map @cn update @p4_1_24 { ip saddr & 255.255.255.0 timeout 6m : ct mark } meta l4proto tcp dnat ip to ct mark map @m4
        meta nfproto ipv4 ct mark set numgen inc mod 2 map @s4_1_1
        delete @p4_1_24 { ip saddr & 255.255.255.0 : ct mark } add @p4_1_24 { ip saddr & 255.255.255.0 timeout 6m : ct mark }
        meta nfproto ipv4 counter name ct mark map @cn meta l4proto tcp dnat ip to ct mark map @m4
        meta l4proto tcp reject with tcp reset
    }
    chain l2 {
        ct mark set jhash ip saddr . th sport mod 251 seed 0xba11a57 map @h4_2_251
        meta nfproto ipv4 counter name ct mark map @cn meta l4proto udp dnat ip to ct mark map @m4
        reject
    }
    chain post {
        type nat hook postrouting priority srcnat; policy accept;
        meta nfproto ipv4 ct status dnat snat ip to 10.0.0.4:1024-60999
        meta nfproto ipv6 ct status dnat snat ip6 to [fd00::4]:1024-60999
    }
    chain pre {
        type nat hook prerouting priority dstnat; policy accept;
        ip daddr . meta l4proto . th dport vmap @v4
        ip6 daddr . meta l4proto . th dport vmap @v6
    }
    chain through {
        type filter hook forward priority filter; policy drop;
        ct direction original counter name ct mark map @ci
        ct direction reply counter name ct mark map @co
        ct status dnat accept
    }
    }
"#;
