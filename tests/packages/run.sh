#!/bin/sh
# The packages of the newest release and of this checkout, in Debian hosts that are containers of Docker Engine without a network:
# installed, upgraded and taken away, while a load balancer serves.
#
# usage: tests/packages/run.sh PROGRAMS TARGET SUITE..      (as in target/debug target bookworm trixie)
#
# TARGET/releases/newest has the release's programs: tests/releases.sh. All is made here, and removed by its exact name.
set -eu
export COMPRESSION=quick
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
programs=$(realpath "${1:?the folder of the programs}")
release=$(realpath -m "${2:?the target folder}/releases/newest")
shift 2
patience=120

say() { printf 'packages-test: %s\n' "$*"; }
fail() { printf 'packages-test: %s\n' "$*" >&2; exit 1; }
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "NOT RUN: there is no Docker Engine that this user may use"
[ -x "$release/ballast-agent" ] || fail "NOT RUN: there is no newest release in $release: tests/releases.sh"

# Names are the same in each run, so one at a time.
exec 9>"${TMPDIR:-/tmp}/ballast-packages-test.lock"
flock --nonblock 9 || fail "it runs already on this machine"
work=$(mktemp -d)
container() { echo "ballast-packages-$1"; }
remove() { docker rm --force --volumes "$(container host)" >/dev/null 2>&1 || true; }
trap 'remove; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
. "$root/tests/deploy/hosts.sh"

# -- the packages -----------------------------------------------------------------------------------------------------

# The newest release had no packages: of what its `make install` put where, as much as was kept.
pack_release() {
    line=$(tail -n 1 "$root/tests/releases")
    version=${line% *} commit=${line#* } tree=$work/tree
    git -C "$root" archive "$commit" deploy | tar -x -C "$work"
    for program in ballast-scheduler ballast-api-gateway ballast-agent ballast; do
        install -D "$release/$program" "$tree/usr/bin/$program"
    done
    install -D -m 644 "$release/libballast_driver_haproxy_ns.so" "$tree/usr/lib/ballast/drivers/haproxy-ns.so"
    install -D -m 644 -t "$tree/usr/lib/systemd/system" "$work"/deploy/systemd/*
    for kind in sysusers tmpfiles; do install -D -m 644 -t "$tree/usr/lib/$kind.d" "$work/deploy/$kind.d/ballast.conf"; done
    install -D -m 644 -t "$tree/usr/share/doc/ballast" "$work/deploy/ballast.toml.example"
    SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct "$commit") \
        "$root/deploy/packages.sh" --tree "$tree" "$version" "$work/old"
}

pack() {
    pack_release
    "$root/deploy/packages.sh" "$programs" "$work/again"
    "$root/deploy/packages.sh" "$programs" "$work/new"
    cmp "$work/new/SHA256SUMS" "$work/again/SHA256SUMS" || fail "the same programs make other packages"
    (cd "$work/new" && sha256sum --quiet --check SHA256SUMS)
    say "packed twice alike"
    lintian --allow-root --fail-on error "$work"/new/*.deb >"$work/lintian" 2>&1 || fail "lintian: $(grep ^E: "$work/lintian")"
    say "lintian has no errors"
}

# Manual pages of all that is started by a person or a unit, and what programs are made of.
contents() {
    for package in "$work"/new/*.deb; do dpkg-deb --extract "$package" "$work/contents"; done
    for page in man1/ballast.1 man5/ballast.toml.5 man8/ballast-scheduler.8 man8/ballast-api-gateway.8 man8/ballast-agent.8; do
        gzip -dc "$work/contents/usr/share/man/$page.gz" >"$work/page" || fail "there is no $page"
        grep -q '^\.SH' "$work/page" || fail "$page is none of the manual"
    done
    python3 - "$root/Cargo.lock" "$work"/contents/usr/share/doc/*/sbom.cdx.json <<'PYTHON' || fail "what programs are made of is not said right"
import json, re, sys
lock, *files = sys.argv[1:]
found = re.findall(r'name = "(.*)"\nversion = "(.*)"\nsource.*\nchecksum = "(.*)"', open(lock).read())
digests = {(name, version): digest for name, version, digest in found}
assert len(files) == 6, files
for file in files:
    bom = json.load(open(file))
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5"), file
    of = bom["metadata"]["component"]["name"]
    parts = {part["bom-ref"]: part for part in bom["components"]}
    assert len(parts) == len(bom["components"]) > 50, file
    for part in parts.values():
        own = part["name"].startswith("ballast-")
        assert own or part["hashes"][0]["content"] == digests[part["name"], part["version"]], part
        assert part["licenses"], part
    needs = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
    assert needs.keys() == parts.keys() | {of}, file
    reached, todo = set(), [of]
    while todo:
        for ref in needs[todo.pop()]:
            if ref not in reached:
                reached.add(ref)
                todo.append(ref)
    assert reached == parts.keys(), (file, parts.keys() - reached)
    assert ("libsqlite3-sys" in {part["name"] for part in parts.values()}) == (of == "ballast-scheduler"), of
PYTHON
    say "manual pages are there, and what programs are made of is said"
}

# -- a host -----------------------------------------------------------------------------------------------------------

# typed WHAT: what stands on standard input, typed on the host
typed() {
    cat >"$work/typed"
    say "$suite: $1"
    on host "$work/typed" >"$work/said" 2>&1 && return
    say "$suite: FAILED: $1" >&2
    sed 's/^/    /' "$work/said" >&2
    docker exec "$(container host)" journalctl --quiet --no-pager --lines 30 --unit 'ballast-*' >&2 || true
    exit 1
}

# A client and a member on a bridge of the host, and no way out of it.
make_host() {
    remove
    start host --network none
    booted host
    for folder in old new; do docker cp "$work/$folder" "$(container host):/root/$folder" >/dev/null; done
    typed "a bridge, a client, a member" <<'TYPED'
systemctl disable --now haproxy
ip link add br-lb type bridge
ip link set br-lb up
for one in member:21 client:50; do
    name=${one%:*}
    ip netns add "$name"
    ip link add "$name" type veth peer name eth0 netns "$name"
    ip link set "$name" master br-lb up
    ip -n "$name" address add "198.51.100.${one#*:}/24" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" link set lo up
done
mkdir -p /srv/try
echo "hello from member" >/srv/try/index.html
setsid ip netns exec member python3 -m http.server --directory /srv/try 80 </dev/null >/dev/null 2>&1 &
cat >/root/api <<'END'
curl -sS --fail-with-body --retry 20 --retry-connrefused -o /root/answer -H 'Content-Type: application/json' \
    "http://127.0.0.1:9696/v2.0/$1" ${2:+-d "$2"} || { cat /root/answer >&2; exit 1; }
cat /root/answer
END
TYPED
}

installed() {
    typed "install the release: nothing starts" <<'TYPED'
DEBIAN_FRONTEND=noninteractive apt-get install -y /root/old/*.deb </dev/null
for unit in ballast-scheduler ballast-api-gateway ballast-agent; do
    [ "$(systemctl is-active $unit)" = inactive ]
    [ "$(systemctl is-enabled $unit)" = disabled ]
done
[ "$(stat -c '%U %G %a' /etc/ballast/ballast.toml)" = "root ballast 640" ]
[ "$(stat -c '%U %G %a' /var/lib/ballast)" = "root ballast 771" ]
[ "$(stat -c '%U %G %a' /var/lib/ballast/agent)" = "root root 711" ]
command -v ballast
TYPED
}

serving() {
    typed "configure and start: a load balancer serves" <<'TYPED'
cat >/etc/ballast/ballast.toml <<'END'
[[provider]]
name = "haproxy"
driver = "haproxy-ns"
default = true

[drivers.haproxy-ns]
bridge_mappings = { tenants = "br-lb" }
END
systemctl enable --now ballast-scheduler ballast-api-gateway ballast-agent
id_of() { sed 's/.*"id": *"\([^"]*\)".*/\1/' /root/answer; }
until sh /root/api agents | grep -q '"READY"'; do sleep 0.2; done
# One network that the configuration names, and one for which the driver makes a bridge of its own.
n=0
for attributes in ', "provider:network_type": "bridge", "provider:physical_network": "tenants"' ''; do
    n=$((n + 1))
    sh /root/api networks '{"network": {"name": "net-'$n'"'"$attributes"'}}'
    sh /root/api subnets '{"subnet": {"name": "sub-'$n'", "network_id": "'"$(id_of)"'", "ip_version": 4,
        "cidr": "198.51.100.0/24", "allocation_pools": [{"start": "198.51.100.100", "end": "198.51.100.199"}]}}'
    subnet=$(id_of)
    sh /root/api lb/pools '{"pool": {"name": "web-'$n'", "protocol": "HTTP", "lb_method": "ROUND_ROBIN",
        "subnet_id": "'"$subnet"'"}}'
    pool=$(id_of)
    sh /root/api lb/members '{"member": {"pool_id": "'"$pool"'", "address": "198.51.100.21", "protocol_port": 80}}'
    sh /root/api lb/vips '{"vip": {"name": "web-'$n'", "protocol": "HTTP", "protocol_port": 80, "subnet_id": "'"$subnet"'",
        "pool_id": "'"$pool"'", "address": "198.51.100.100"}}'
    until sh /root/api "lb/pools/$pool" | grep -q '"ACTIVE"'; do sleep 0.2; done
done
echo "$pool" >/root/pool
ip link show type bridge | grep -q brq
ip netns exec client curl -sS --fail --retry 20 --retry-connrefused --retry-all-errors --max-time 5 http://198.51.100.100/ |
    grep "hello from member"
TYPED
}

traffic_begins() {
    docker exec "$(container host)" ip netns exec client sh -c '
        rm -f /root/stop /root/failed; n=0
        while [ ! -e /root/stop ]; do
            curl -sS --fail --max-time 5 -o /dev/null http://198.51.100.100/ 2>>/root/failed || echo failed >>/root/failed
            n=$((n + 1)); sleep 0.02
        done; echo $n >/root/sent' 9>&- &
    traffic=$!
}

traffic_ends() {
    docker exec "$(container host)" touch /root/stop
    wait "$traffic"
    sent=$(docker exec "$(container host)" cat /root/sent)
    failed=$(docker exec "$(container host)" sh -c 'cat /root/failed 2>/dev/null' | head -n 3)
    [ -z "$failed" ] || fail "$suite: of $sent requests some failed: $failed"
    [ "$sent" -ge 50 ] || fail "$suite: only $sent requests were sent"
    say "$suite: $sent requests meanwhile, none failed"
}

upgraded() {
    typed "upgrade to this checkout: what runs is restarted, the configuration stays" <<'TYPED'
configured=$(sha256sum /etc/ballast/ballast.toml)
DEBIAN_FRONTEND=noninteractive apt-get install -y /root/new/*.deb </dev/null
[ "$(sha256sum /etc/ballast/ballast.toml)" = "$configured" ]
[ "$(stat -c '%U %G %a' /etc/ballast/ballast.toml)" = "root ballast 640" ]
for unit in ballast-scheduler ballast-api-gateway ballast-agent; do
    until systemctl is-active --quiet $unit; do sleep 0.2; done
    [ "$(readlink "/proc/$(systemctl show -P MainPID $unit)/exe")" = /usr/bin/$unit ]
done
export BALLAST_URL=unix:/run/ballast/scheduler.sock
until ballast agents show "$(hostname)" | grep READY; do sleep 0.2; done
sh /root/api lb/members '{"member": {"pool_id": "'"$(cat /root/pool)"'", "address": "198.51.100.22", "protocol_port": 80}}'
until sh /root/api "lb/pools/$(cat /root/pool)" | grep -q '"ACTIVE"'; do sleep 0.2; done
[ -e /usr/share/bash-completion/completions/ballast ]
[ -e /usr/share/man/man1/ballast.1.gz ]
TYPED
}

# From this checkout to itself: haproxies are not touched, either.
upgraded_again() {
    typed "install it once more: haproxies are not touched" <<'TYPED'
haproxies() { pgrep -x haproxy | sort | tr '\n' ' '; }
before=$(haproxies)
[ -n "$before" ]
DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall /root/new/*.deb </dev/null
export BALLAST_URL=unix:/run/ballast/scheduler.sock
until ballast agents show "$(hostname)" | grep READY; do sleep 0.2; done
[ "$(haproxies)" = "$before" ] || { echo "haproxies were $before and are $(haproxies)"; exit 1; }
TYPED
}

purged() {
    typed "remove: load balancers serve on" <<'TYPED'
# shellcheck disable=SC2046 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get remove -y $(dpkg-query -W -f '${Package}\n' 'ballast*')
for unit in ballast-scheduler ballast-api-gateway ballast-agent; do [ "$(systemctl is-active $unit)" != active ]; done
ip netns exec client curl -sS --fail --max-time 5 http://198.51.100.100/ | grep "hello from member"
TYPED
    typed "purge: nothing is left" <<'TYPED'
left() { echo "left: $*"; exit 1; }
# shellcheck disable=SC2046 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get purge -y $(dpkg-query -W -f '${Package}\n' 'ballast*')
! dpkg-query -W -f '${Package} ${Status}\n' 'ballast*' 2>/dev/null | grep -v ' not-installed$' || left "packages"
found=$(find / -xdev -name '*ballast*' ! -path '/root/*'; find /run /tmp -name '*ballast*' -o -name 'qlbaas-*')
[ -z "$found" ] || left "$found"
! ps -eo comm= | grep -E '^(haproxy|ballast|bl-)' || left "processes"
! ip netns | grep qlbaas || left "namespaces"
! ip link | grep -E ': (brq|tap)' || left "links"
tries=0
until [ -z "$(find /sys/fs/cgroup -name '*ballast*')" ]; do
    tries=$((tries + 1))
    [ $tries -lt 50 ] || left "$(find /sys/fs/cgroup -name '*ballast*')"
    sleep 0.1
done
# The administrator's own bridge is not touched, and the user's number is given to nobody else.
ip link show br-lb
id ballast
TYPED
}

begun=$(date +%s)
pack
contents
own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
for suite; do
    # The one of this machine's suite is that of the test of docs/deploy.md.
    image=ballast-deploy-test:$(if [ "$suite" = "$own" ]; then echo debian; else echo "$suite"; fi)
    "$root/tests/deploy/image.sh" "$image" "$suite"
    make_host
    installed
    serving
    traffic_begins
    upgraded
    upgraded_again
    traffic_ends
    purged
done
remove
"$here/compose.sh" "$work/new"
say "installed, upgraded and purged on $*, in $(($(date +%s) - begun)) s"
