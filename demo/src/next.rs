//! What a newcomer can try next, with the addresses of this very demo.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ballast_service::config::Settings;

use crate::{load_balancer::LoadBalancer, topology::FRONT};

/// Lines to copy into another terminal.
pub(crate) fn steps(settings: &Settings, load_balancer: Option<&LoadBalancer>, state: &Path) -> String {
    let rest = settings.gateway.listen;
    let mut text = format!("Try next, in another terminal:\n\n{}", clients(rest));
    match load_balancer {
        Some(load_balancer) => text.push_str(&traffic(load_balancer)),
        None => text.push_str(&format!(
            "  neutron lb-pool-create --name web --protocol HTTP --lb-method ROUND_ROBIN --subnet-id {}\n",
            FRONT.subnet
        )),
    }
    let environment = if rest.port() == 9696 { String::new() } else { format!("BALLAST_URL=http://{rest} ") };
    text.push_str(&format!(
        "\n  {environment}{}\n  make -s demo-exec ON=agent CMD=\"ip netns\"\n\n\
         Logs and configuration are in {}. Ctrl-C ends the demo and leaves nothing behind.\n",
        beside("ballast pools list"),
        state.display()
    ));
    text
}

fn clients(rest: SocketAddr) -> String {
    let neutron =
        env::var_os("BALLAST_NEUTRON").map_or_else(|| PathBuf::from(".venv-neutron/bin/neutron"), PathBuf::from);
    let hint = if neutron.is_file() { "" } else { "   # first: make clients" };
    let here = env::current_dir().unwrap_or_default();
    let folder = here.join(neutron.parent().unwrap_or(Path::new("")));
    let folder = match folder.strip_prefix(&here) {
        Ok(inside) => format!("$PWD/{}", inside.display()),
        Err(_) => folder.display().to_string(),
    };
    // What is typed there has the terminal's environment.
    let proxied = env::vars_os().any(|(name, _)| name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy"));
    let direct =
        if proxied { format!("  export no_proxy={ip} NO_PROXY={ip}\n", ip = rest.ip()) } else { String::new() };
    format!(
        "{direct}  curl -s http://{rest}/v2.0/lb/pools\n\n  export OS_AUTH_TYPE=none OS_ENDPOINT=http://{rest} \
         PATH=\"{folder}:$PATH\"{hint}\n  neutron agent-list\n  neutron subnet-list\n",
    )
}

fn traffic(load_balancer: &LoadBalancer) -> String {
    let (pool, url) = (&load_balancer.pool_id, load_balancer.url("/"));
    format!(
        "  neutron lb-pool-show demo-pool\n  neutron lb-member-list\n  neutron lb-agent-hosting-pool {pool}\n\n\
         \x20 make -s demo-exec CMD=\"curl -s {url}\"\n  make -s demo-exec CMD=\"curl -s {headers}\"\n\n\
         A member fails, gets no more requests, and comes back:\n\n\
         \x20 make -s demo-exec ON=web-2 CMD=\"ip link set eth0 down\"    # a few seconds later: neutron lb-member-list\n\
         \x20 make -s demo-exec ON=web-2 CMD=\"ip link set eth0 up\"\n",
        headers = load_balancer.url("/headers"),
    )
}

/// A program of this workspace, as it can be called from here.
fn beside(command: &str) -> String {
    let folder = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let here = env::current_dir().unwrap_or_default();
    match folder {
        Some(folder) => format!("{}/{command}", folder.strip_prefix(&here).unwrap_or(&folder).display()),
        None => command.to_owned(),
    }
}
