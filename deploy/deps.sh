#!/bin/sh
# Installs what this workspace needs and the machine lacks. Debian 12 or later; as root, or with sudo.
#
# usage: deploy/deps.sh [demo|root|host|clients|test|tempest|neutron|browser|chaos|lint|bench|packages|release|deploy-test]...      (none: demo and test)
#
#   demo         what is built and run by `make demo`: a C compiler for cargo, haproxy, ip, curl
#   root         installs nothing: refuses when this is not root
#   host         the same, and when there are no network namespaces, a demo runs already, or its ports are in use
#   clients      the neutron and openstack commands
#   test         clients, tempest, neutron, browser, Barbican, openssl, jq, another Rust compiler than ours (Debian's),
#                cargo-nextest, Python's gRPC, A10's own client, a client of NetScaler, schemathesis, promtool, systemd-analyze
#                (of units), sqlite3 and psql (databases of former releases), Go and gophercloud, pebble (a CA),
#                sslscan, protobuf-c and a compiler of C++ (drivers in C)
#   tempest      octavia-tempest-plugin and Keystone
#   neutron      Neutron's server and its agent of Open vSwitch, RabbitMQ, Open vSwitch, Keystone
#   browser      Debian's Chromium with its driver, and axe-core, for the dashboard's tests
#   lint         cargo-deny
#   bench        wrk, arping, PostgreSQL
#   chaos        Open vSwitch, ethtool, cargo-nextest
#   packages     dpkg-dev
#   release      cargo-auditable
#   deploy-test  debootstrap, lintian, docker-compose, python3
#   haproxy-versions  patchelf
#
# What can be asked before anything is installed or built is asked first. Where all is there it is quick and asks nobody: no
# apt-get update, no network. What was interrupted goes on where it was.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"
[ $# -gt 0 ] || set -- demo test

# name and version of the Rust toolchain that Cargo.toml asks for
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
venv=${BALLAST_VENV:-.venv-neutron}
openstack_venv=.venv-openstack
tempest_venv=.venv-tempest
grpc_venv=.venv-grpc
acos_venv=.venv-acos
netscaler_venv=.venv-netscaler
alteon_venv=.venv-alteon
fuzzer_venv=.venv-schemathesis
keystone_venv=.venv-keystone
barbican_venv=.venv-barbican
neutron_server_venv=.venv-neutron-server
nextest_venv=.venv-nextest
axe_venv=.venv-axe
deny_version=0.20.2
auditable_version=0.7.7
promtool=.promtool
gophercloud=.gophercloud
gophercloud_version=1.4.0-1
target=${CARGO_TARGET_DIR:-target}

say() { printf 'deps: %s\n' "$*"; }
fail() { printf 'deps: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif has sudo; then sudo "$@"
    else fail "'$*' needs root, and there is no sudo: run this as root"
    fi
}

# -- this machine -----------------------------------------------------------------------------------------------------

root() {
    [ "$(id -u)" = 0 ] || fail "this makes network namespaces and needs root: sudo -E env \"PATH=\$PATH\" make demo"
}

namespaces() {
    why=$(unshare --net --mount --pid --fork sh -c 'mount -t tmpfs ballast /tmp && ip link add name trial type bridge' 2>&1) ||
        fail "no network namespaces can be made here, as in a container without --privileged: $why"
}

# Of a demo that runs, so that a second one says all that it needs at once, and before it builds.
no_demo() {
    lock=${BALLAST_DEMO_DIR:-.demo}/lock
    [ ! -e "$lock" ] || flock --nonblock "$lock" true || fail "a demo runs already, and is found by $(dirname "$lock"): end it,
or give this one another folder and other ports:
    make demo BALLAST_DEMO_DIR=.demo-2 BALLAST_REST_PORT=9796 BALLAST_GRPC_PORT=9797"
}

ports() {
    used=""
    free=""
    for one in "BALLAST_REST_PORT=${BALLAST_REST_PORT:-9696}" "BALLAST_GRPC_PORT=${BALLAST_GRPC_PORT:-9697}"; do
        port=${one#*=}
        addresses=$(ss -Hltn "sport = :$port" | awk '{ print $4 }')
        case " $(echo $addresses) " in
            *" 127.0.0.1:$port "* | *" 0.0.0.0:$port "* | *" *:$port "* | *" [::]:$port "*) 
                used="$used 127.0.0.1:$port"
                free="$free ${one%=*}=$((port + 100))"
                ;;
        esac
    done
    [ -z "$used" ] || fail "in use by another program:$used. Take free ports, as in: make demo$free"
}

# -- apt --------------------------------------------------------------------------------------------------------------

missing=""
# want PACKAGE TEST...: the package, when the test fails
want() {
    package=$1; shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

packages_for_demo() {
    want gcc has cc
    want make has make
    want libc6-dev test -e /usr/include/stdio.h
    want haproxy has haproxy
    want iproute2 has ip
    want util-linux has setpriv
    want util-linux has nsenter
    want mount has mount
    want iputils-ping has ping
    want procps has ps
    want curl has curl
    want ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
}

packages_for_clients() {
    [ -x "$venv/bin/neutron" ] && [ -x "$openstack_venv/bin/openstack" ] || [ -n "$(python)" ] ||
        missing="$missing python3-venv"
}

packages_for_neutron() {
    [ -x "$neutron_server_venv/bin/python" ] || [ -n "$(python)" ] || missing="$missing python3-venv"
    want openvswitch-switch has ovs-vswitchd
    want rabbitmq-server test -x /usr/lib/rabbitmq/bin/rabbitmq-server
}

packages_for_browser() {
    [ -e "$axe_venv/installed.txt" ] || [ -n "$(python)" ] || missing="$missing python3-venv"
    want chromium has chromium
    want chromium-driver has chromedriver
}

# Another compiler than ours, for drivers: that of Debian, which may be there under one of two names.
other_compiler() {
    [ -x /usr/bin/rustc ] && return
    case $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null) in
        bookworm) missing="$missing rustc-web" ;;
        *) missing="$missing rustc" ;;
    esac
}

install_missing() {
    [ -n "$missing" ] || return 0
    has apt-get || fail "these are missing and there is no apt-get to install them:$missing"
    say "installing$missing"
    # A policy that is there already (a container's, an operator's) stays.
    policy=/usr/sbin/policy-rc.d
    no_start=""
    case " $missing " in *" haproxy "* | *" postgresql "* | *" openvswitch-switch "* | *" rabbitmq-server "*)
        if [ ! -e "$policy" ]; then
            no_start=yes
            trap 'as_root rm -f "$policy"' EXIT
            trap 'exit 1' HUP INT TERM
            printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
            as_root chmod +x "$policy"
        fi
    esac
    # What an interrupted installation left half-way.
    [ -z "$(dpkg --audit 2>/dev/null)" ] || as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a
    as_root apt-get update -q
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
    if [ -n "$no_start" ]; then
        as_root rm -f "$policy"
        trap - EXIT HUP INT TERM
    fi
    # Ballast starts its own haproxies; the package's would take port 80 of the machine at the next boot. Tests start their own
    # RabbitMQ; the package's would be reached from everywhere.
    has systemctl || return 0
    case " $missing " in *" haproxy "*) as_root systemctl disable haproxy.service >/dev/null 2>&1 || true ;; esac
    case " $missing " in *" rabbitmq-server "*)
        as_root systemctl disable rabbitmq-server.service epmd.socket epmd.service >/dev/null 2>&1 || true
    esac
}

# -- Rust -------------------------------------------------------------------------------------------------------------

rust() {
    has cargo && has rustc || fail "there is no Rust toolchain. Get one with
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . \"\$HOME/.cargo/env\"
(Debian 12's own, 1.63, is too old; Debian 13 has a package rustup)"
    said=$(rustc --version 2>&1) || if has rustup; then
        fail "rustup is there, and has no toolchain: rustup default stable"
    else
        fail "rustc does not run: $said"
    fi
    found=$(echo "$said" | sed 's/^rustc \([0-9.]*\).*/\1/')
    [ "$(printf '%s\n%s\n' "$rust_wanted" "$found" | sort -V | head -n 1)" = "$rust_wanted" ] ||
        fail "Rust $found is too old, $rust_wanted is needed: rustup update stable"
}

# As a package of PyPI it is there in seconds; where there is none for this machine it is compiled.
nextest() {
    cargo nextest --version >/dev/null 2>&1 && return
    bin=${CARGO_HOME:-$HOME/.cargo}/bin
    if environment "$nextest_venv" tests/clients/nextest-requirements.txt "cargo-nextest" &&
        mkdir -p "$bin" && cp "$nextest_venv/bin/cargo-nextest" "$bin/" && cargo nextest --version >/dev/null 2>&1; then
        rm -rf "$nextest_venv"
        return
    fi
    say "compiling cargo-nextest (some minutes); interrupted, it goes on where it was"
    # Without its own updater, which is half of what there is to compile.
    cargo install cargo-nextest --locked --no-default-features --features default-no-update --target-dir "$target/nextest"
}

deny() {
    cargo deny --version >/dev/null 2>&1 && return
    say "compiling cargo-deny (about two minutes); interrupted, it goes on where it was"
    cargo install cargo-deny --version "$deny_version" --locked --debug \
        --config profile.dev.debug=0 --target-dir "$target/deny"
    rm -rf "$target/deny"
}

auditable() {
    cargo auditable --version >/dev/null 2>&1 && return
    say "compiling cargo-auditable (about a minute); interrupted, it goes on where it was"
    cargo install cargo-auditable --version "$auditable_version" --locked --debug \
        --config profile.dev.debug=0 --target-dir "$target/auditable"
    rm -rf "$target/auditable"
}

# -- the neutron command ----------------------------------------------------------------------------------------------

# The first Python that can make a virtual environment; the pinned versions are known to work with 3.11.
python() {
    for candidate in python3.11 /usr/bin/python3 python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

# environment DIRECTORY PINS WHAT [OPTION]: a virtual environment with what the pins say
environment() {
    # The stamp is the pins that were installed: changed ones are installed again.
    cmp -s "$2" "$1/installed.txt" && return
    python=$(python)
    [ -n "$python" ] || fail "no Python of 3.11 or later can make virtual environments: install python3-venv"
    say "installing $3 into $1"
    "$python" -m venv --clear "$1" &&
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check ${4:+"$4"} --requirement "$2" &&
        cp "$2" "$1/installed.txt"
}

neutron() {
    environment "$venv" tests/clients/requirements.txt "the neutron command"
}

openstack() {
    environment "$openstack_venv" tests/clients/openstack-requirements.txt "the openstack command"
}

tempest() {
    environment "$tempest_venv" tests/clients/tempest-requirements.txt "octavia-tempest-plugin"
}

acos() {
    environment "$acos_venv" tests/clients/acos-requirements.txt "A10's client"
}

netscaler() {
    environment "$netscaler_venv" tests/clients/netscaler-requirements.txt "a client of NetScaler"
}

alteon() {
    environment "$alteon_venv" tests/clients/alteon-requirements.txt "Radware's client"
}

fuzzer() {
    environment "$fuzzer_venv" tests/clients/schemathesis-requirements.txt schemathesis
}

keystone() {
    environment "$keystone_venv" tests/clients/keystone-requirements.txt "Keystone"
}

barbican() {
    environment "$barbican_venv" tests/clients/barbican-requirements.txt "Barbican"
}

neutron_server() {
    environment "$neutron_server_venv" tests/clients/neutron-server-requirements.txt "Neutron's server and agent"
}

# One file of it is read; what it says that it needs is not.
axe() {
    environment "$axe_venv" tests/clients/axe-requirements.txt "axe-core" --no-deps
}

grpc() {
    environment "$grpc_venv" tests/clients/grpc-requirements.txt "Python's gRPC"
}

# -- promtool -----------------------------------------------------------------------------------------------------------

# The one program of Debian's package that tests need: nothing of it is installed, and no Prometheus runs.
fetch_promtool() {
    ! has promtool && [ ! -x "$promtool/promtool" ] || return 0
    say "fetching promtool into $promtool"
    rm -rf "$promtool"
    mkdir -p "$promtool"
    as_root apt-get update -q
    (cd "$promtool" && apt-get download -q -o APT::Sandbox::User=root prometheus)
    dpkg-deb --fsys-tarfile "$promtool"/*.deb | tar -x -C "$promtool" --strip-components=3 ./usr/bin/promtool
    rm -f "$promtool"/*.deb
}

# -- gophercloud ------------------------------------------------------------------------------------------------------

# As Debian 13 has it, whose package is nothing but source. Debian 12's knows neither tags nor flavors. It is taken by an apt
# of its own, and nothing of it is installed: this machine's sources stay as they are.
gophercloud() {
    [ ! "$(cat "$gophercloud/installed.txt" 2>/dev/null)" = "$gophercloud_version" ] || return 0
    say "fetching gophercloud into $gophercloud"
    rm -rf "$gophercloud"
    mkdir -p "$gophercloud/lists/partial" "$gophercloud/cache/archives/partial"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$key] http://deb.debian.org/debian trixie main" >"$gophercloud/sources.list"
    here=$PWD/$gophercloud
    set -- -q -o "Dir::Etc::sourcelist=$here/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$here/lists" \
        -o "Dir::Cache=$here/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    apt-get "$@" update
    (cd "$gophercloud" && apt-get "$@" download "golang-github-gophercloud-gophercloud-dev=$gophercloud_version")
    dpkg-deb --extract "$gophercloud"/*.deb "$gophercloud/package"
    mv "$gophercloud/package/usr/share/gocode/src" "$gophercloud/src"
    rm -rf "$gophercloud/package" "$gophercloud/lists" "$gophercloud/cache" "$gophercloud"/*.deb
    echo "$gophercloud_version" >"$gophercloud/installed.txt"
}

# ---------------------------------------------------------------------------------------------------------------------

compiles=""
for group in "$@"; do
    case $group in
        demo) packages_for_demo; compiles=yes ;;
        root) root ;;
        host) root; ! has flock || no_demo; ! has ss || ports ;;
        clients) packages_for_clients ;;
        test)
            packages_for_clients
            other_compiler
            want systemd has systemd-analyze
            want sqlite3 has sqlite3
            want openssl has openssl
            want jq has jq
            want postgresql-client has psql
            want golang-go has go
            want protobuf-c-compiler has protoc-c
            want libprotobuf-c-dev test -e /usr/include/protobuf-c/protobuf-c.h
            want g++ has c++
            packages_for_neutron
            want ethtool has ethtool
            want nftables has nft
            want sslscan has sslscan
            want python3 has python3
            want pebble has pebble
            packages_for_browser
            compiles=yes
            ;;
        browser) packages_for_browser ;;
        tempest) packages_for_clients ;;
        neutron) packages_for_neutron ;;
        bench)
            want wrk has wrk
            want iputils-arping has arping
            want postgresql test -e /usr/lib/postgresql
            ;;
        chaos)
            want openvswitch-switch has ovs-vswitchd
            want ethtool has ethtool
            ;;
        packages)
            want dpkg-dev has dpkg-shlibdeps
            want binutils has strip
            compiles=yes
            ;;
        deploy-test)
            want debootstrap has debootstrap
            want lintian has lintian
            want docker-compose has docker-compose
            want python3 has python3
            ;;
        release) compiles=yes ;;
        haproxy-versions) want patchelf has patchelf ;;
        lint) compiles=yes ;;
        *) fail "unknown group '$group': demo, root, host, clients, test, tempest, neutron, browser, chaos, lint, bench, packages, release, deploy-test, haproxy-versions" ;;
    esac
done
[ -z "$compiles" ] || rust
install_missing
for group in "$@"; do
    case $group in
        demo | root | bench | packages | deploy-test | haproxy-versions) ;;
        host) namespaces; no_demo; ports ;;
        clients) neutron; openstack ;;
        lint) deny ;;
        release) auditable ;;
        tempest) tempest; keystone ;;
        neutron) neutron_server; keystone ;;
        chaos) nextest ;;
        browser) axe; nextest ;;
        test) neutron; openstack; tempest; nextest; grpc; acos; netscaler; alteon; fuzzer; keystone; barbican; neutron_server; gophercloud; fetch_promtool; axe ;;
    esac
done
say "all is there"
