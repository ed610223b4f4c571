//! What it saves to share, and what it costs.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{fs, time::Instant};

use ballast_abi::Driver;
use ballast_driver_haproxy_ns::{Config, ProcessModel};

use super::{of, url};
use crate::world::{self, World, in_world, must_reload};

const MANY: u32 = 200;

/// Of all haproxies of the lab, in kB: what each has alone, and its part of what they share.
fn memory() -> u64 {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let haproxies = entries.filter(|entry| {
        fs::read_to_string(entry.path().join("cmdline")).is_ok_and(|line| line.contains("haproxy.cfg"))
    });
    let of_one = |rollup: String| -> Option<u64> {
        rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?.trim().split(' ').next()?.parse().ok()
    };
    haproxies.filter_map(|entry| of_one(fs::read_to_string(entry.path().join("smaps_rollup")).ok()?)).sum()
}

fn milliseconds(world: &World<'_>, number: u32, generation: u64) -> f64 {
    let mut asked = of("p", number);
    if generation > 1 {
        must_reload(&mut asked, generation);
    }
    let begun = Instant::now();
    world.deploy(&asked, generation);
    begun.elapsed().as_secs_f64() * 1e3
}

#[test]
#[ignore = "a measurement: docs/performance.md has what it says"]
fn what_a_shared_haproxy_saves_and_costs() {
    in_world(|mut world| {
        for process_model in [ProcessModel::PerLoadBalancer, ProcessModel::PerProject] {
            let config = Config { process_model, reload_interval: 0, ..world::config(world.lab) };
            world.start_driver(config);
            let mut took = Vec::new();
            for number in 0..MANY {
                took.push(milliseconds(&world, number, 1));
                let count = number + 1;
                if [1, 10, 50, 100, MANY].contains(&count) {
                    std::thread::sleep(std::time::Duration::from_millis(500));
                    let kilobytes = memory();
                    let last = took[took.len().saturating_sub(5)..].iter().copied().fold(f64::MAX, f64::min);
                    let changed = (2..7).map(|generation| milliseconds(&world, number, generation));
                    let changed = changed.fold(f64::MAX, f64::min);
                    eprintln!(
                        "{process_model:?}: {count}: {kilobytes} kB, {} each; new {last:.1} ms, changed {changed:.1} ms",
                        kilobytes / u64::from(count)
                    );
                }
            }
            assert_eq!(world.answers(&url(MANY - 1), 2), super::BOTH);
            let begun = Instant::now();
            for number in 0..MANY {
                world.driver.undeploy(&of("p", number).id)?;
            }
            eprintln!(
                "{process_model:?}: {:.1} ms to undeploy each",
                begun.elapsed().as_secs_f64() * 1e3 / f64::from(MANY)
            );
        }
        Ok(())
    });
}
