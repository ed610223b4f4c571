//! What a newcomer can try next, with the addresses of this very demo.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ballast_service::config::Settings;

use crate::{
    load_balancer::{LISTENER, LoadBalancer, NAME, POOL},
    topology::{FRONT, MEMBERS, PORT},
};

/// Lines to copy into another terminal.
pub(crate) fn steps(settings: &Settings, load_balancer: Option<&LoadBalancer>, state: &Path) -> String {
    let rest = settings.gateway.listen;
    let page = if settings.gateway.dashboard { format!("In a browser: http://{rest}/ui/\n\n") } else { String::new() };
    let mut text = format!("{page}Try next, in another terminal:\n\n{}", clients(rest));
    match load_balancer {
        Some(load_balancer) => text.push_str(&traffic(load_balancer)),
        None => text.push_str(&format!(
            "  openstack loadbalancer create --name web --vip-subnet-id {subnet} --wait\n\
             \x20 neutron lb-pool-create --name web --protocol HTTP --lb-method ROUND_ROBIN --subnet-id {subnet}\n",
            subnet = FRONT.subnet
        )),
    }
    let environment = if rest.port() == 9696 { String::new() } else { format!("BALLAST_URL=http://{rest} ") };
    let [one, other, _] = MEMBERS.map(|member| format!("{}:{PORT}", member.address));
    let whole = format!(
        "ballast lb create shop --subnet {} --port 80 --member {one} --member {other} --check http:/ --wait",
        FRONT.subnet
    );
    text.push_str(&format!(
        "\nA load balancer in one line, and all of them:\n\n\
         \x20 {environment}{}\n  {environment}{}\n  make -s demo-exec ON=agent CMD=\"ip netns\"\n\n\
         Logs and configuration are in {}. Ctrl-C ends the demo and leaves nothing behind.\n",
        beside(&whole),
        beside("ballast lb list"),
        state.display()
    ));
    text
}

/// The folder of a command, as it can be put into PATH here, and whether the command is there.
fn folder_of(command: &Path) -> (String, bool) {
    let here = env::current_dir().unwrap_or_default();
    let folder = here.join(command.parent().unwrap_or(Path::new("")));
    let folder = match folder.strip_prefix(&here) {
        Ok(inside) => format!("$PWD/{}", inside.display()),
        Err(_) => folder.display().to_string(),
    };
    (folder, command.is_file())
}

fn clients(rest: SocketAddr) -> String {
    let neutron =
        env::var_os("BALLAST_NEUTRON").map_or_else(|| PathBuf::from(".venv-neutron/bin/neutron"), PathBuf::from);
    let (openstack, has_openstack) = folder_of(Path::new(".venv-openstack/bin/openstack"));
    let (neutron, has_neutron) = folder_of(&neutron);
    let hint = if has_openstack && has_neutron { "" } else { "   # first: make clients" };
    // What is typed there has the terminal's environment.
    let proxied = env::vars_os().any(|(name, _)| name.to_string_lossy().to_ascii_lowercase().ends_with("_proxy"));
    let direct =
        if proxied { format!("  export no_proxy={ip} NO_PROXY={ip}\n", ip = rest.ip()) } else { String::new() };
    format!(
        "{direct}  curl -s http://{rest}/v2/lbaas/loadbalancers\n\n  export OS_AUTH_TYPE=none \
         OS_ENDPOINT=http://{rest} PATH=\"{openstack}:{neutron}:$PATH\"{hint}\n",
    )
}

fn traffic(load_balancer: &LoadBalancer) -> String {
    format!(
        "  openstack loadbalancer list\n  openstack loadbalancer status show {NAME}\n\
         \x20 openstack loadbalancer member list {POOL}\n\
         \x20 openstack loadbalancer l7policy create --name no --action REJECT --wait {LISTENER}\n\
         \x20 openstack loadbalancer l7rule create --type PATH --compare-type STARTS_WITH --value /no --wait no\n\
         \x20 neutron agent-list\n  neutron subnet-list\n\n\
         \x20 make -s demo-exec CMD=\"curl -s {url}\"\n  make -s demo-exec CMD=\"curl -s {headers}\"\n\n\
         A member fails, gets no more requests, and comes back:\n\n\
         \x20 make -s demo-exec ON=web-2 CMD=\"ip link set eth0 down\"    # a few seconds later: openstack loadbalancer member list {POOL}\n\
         \x20 make -s demo-exec ON=web-2 CMD=\"ip link set eth0 up\"\n",
        url = load_balancer.url("/"),
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
