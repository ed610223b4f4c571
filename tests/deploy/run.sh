#!/bin/sh
# Follows docs/deploy.md to the letter, on hosts that are containers of Docker Engine with systemd in them.
#
# Above each block of the document stands on which hosts it is typed, or which files on which hosts it is. Hosts and networks
# have the names and addresses that the document gives them. All is made here, and removed at the end by its exact name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
image=ballast-deploy-test:debian
document=$root/docs/deploy.md
patience=180
hosts="ctl host-1 host-2 other"
others="web-1 client"

say() { printf 'deploy-test: %s\n' "$*"; }
fail() { printf 'deploy-test: %s\n' "$*" >&2; exit 1; }
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "NOT RUN: there is no Docker Engine that this user may use"

# Names are the same in each run, so one at a time.
exec 9>"${TMPDIR:-/tmp}/ballast-deploy-test.lock"
flock --nonblock 9 || fail "it runs already on this machine"
work=$(mktemp -d)
container() { echo "ballast-deploy-$1"; }
. "$here/hosts.sh"
remove() {
    for host in $hosts $others; do docker rm --force --volumes "$(container "$host")" >/dev/null 2>&1 || true; done
    for network in hosts tenants; do docker network rm "ballast-deploy-$network" >/dev/null 2>&1 || true; done
}
trap 'remove; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# -- hosts ------------------------------------------------------------------------------------------------------------

plug() { docker network connect --ip "$2" ballast-deploy-tenants "$(container "$1")"; }

make_hosts() {
    "$here/image.sh" "$image"
    remove
    docker network create --internal --subnet 192.0.2.0/24 ballast-deploy-hosts >/dev/null
    docker network create --internal --subnet 198.51.100.0/24 ballast-deploy-tenants >/dev/null
    with="--add-host ctl:192.0.2.10 --add-host host-1:192.0.2.11 --add-host host-2:192.0.2.12"
    start ctl --network ballast-deploy-hosts --ip 192.0.2.10
    for n in 1 2; do
        start "host-$n" --network ballast-deploy-hosts --ip "192.0.2.1$n"
        plug "host-$n" "198.51.100.1$n"
    done
    # No part of what is deployed: it is installed from source.
    start other --network ballast-deploy-hosts --ip 192.0.2.13
    start web-1 --network ballast-deploy-tenants --ip 198.51.100.21
    start client --network ballast-deploy-tenants --ip 198.51.100.50
    for host in $hosts; do booted "$host"; done
}

# -- the document -----------------------------------------------------------------------------------------------------

# Each block becomes two files: NUMBER.where with the section and what stands behind the block's backticks, NUMBER.text.
blocks() {
    awk -v out="$work" '
        /^## / { section = substr($0, 4) }
        /^```/ && state { state = ""; next }
        /^```[a-z]+ / {
            state = "block"
            file = sprintf("%s/%03d", out, ++n)
            print section "\n" substr($0, 4) >(file ".where")
            printf "" >(file ".text")
            next
        }
        /^```/ { state = "text for people"; next }
        state == "block" { print >(file ".text") }
    ' "$document"
}

# On the machine with the checkout. Its ssh leads into containers; what the document puts into /root is this run's.
on_admin() {
    mkdir -p "$work/bin" "$work/home"
    cat >"$work/bin/scp" <<'END'
#!/bin/sh
set -eu
[ "$1" != -r ] || shift
for last; do :; done
host=${last#*@}
while [ $# -gt 1 ]; do docker cp "$1" "ballast-deploy-${host%%:*}:${last#*:}" >/dev/null; shift; done
END
    cat >"$work/bin/ssh" <<'END'
#!/bin/sh
host=ballast-deploy-${1#*@}
shift
exec docker exec "$host" "$@"
END
    chmod +x "$work/bin/scp" "$work/bin/ssh"
    # Of the hosts' network this machine is no part: what asks the gateway stands where it can be reached.
    there=
    case $section in "Agents" | "The neutron command")
        there="nsenter --net --target $(docker inspect --format '{{.State.Pid}}' "$(container ctl)")" ;;
    esac
    (
        cd "$root"
        export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
        # What tests use is installed, not a release.
        HOME=$work/home PATH=$work/bin:$PATH BUILD=dev $there sh -eu "$1"
    )
}

put() {
    docker exec --interactive "$(container "${1%%:*}")" sh -c "cat >'${1#*:}'" <"$2"
}

told() {
    status=$?
    say "FAILED in '$section', on $1 (status $status):" >&2
    sed 's/^/    /' "$2" >&2
    for host in $hosts; do
        say "the last lines of $host:" >&2
        docker exec "$(container "$host")" journalctl --quiet --no-pager --lines 15 --unit 'ballast-*' >&2 || true
    done
    exit 1
}

block() {
    section=$(sed -n 1p "$1.where")
    info=$(sed -n 2p "$1.where")
    case $info in "sh client") [ "$section" != "When a host dies, and fencing" ] || power_off ;; esac
    case $section in "Upgrades") traffic_begins ;; *) traffic_ends ;; esac
    for where in ${info#* }; do
        say "$section: ${info%% *} $where"
        case $info in
            "sh admin") on_admin "$1.text" || told admin "$1.text" ;;
            sh\ *) on "$where" "$1.text" || told "$where" "$1.text" ;;
            *) put "$where" "$1.text" ;;
        esac
    done
}

# -- what the document says that happens ------------------------------------------------------------------------------

off=""
# The host of the VIP that is asked for then.
power_off() {
    cat >"$work/addresses" <<'END'
for name in $(ip netns list | cut -d " " -f 1); do ip -netns "$name" -oneline address; done
END
    for host in host-1 host-2; do
        ! on "$host" "$work/addresses" | grep -q "198.51.100.100/" || off=$host
    done
    [ -n "$off" ] || fail "the load balancer is on no host"
    say "power off: $off"
    docker kill "$(container "$off")" >/dev/null
}

# The host is back: its bridge has come with the boot, what moved is gone, and the other one serves.
power_on() {
    [ -n "$off" ] || fail "the document says nothing of a host that dies"
    say "power on: $off"
    docker start "$(container "$off")" >/dev/null
    booted "$off"
    cat >"$work/back" <<'END'
until ip link show master br-lb | grep -q eth1; do sleep 0.2; done
until systemctl is-active --quiet ballast-agent; do sleep 0.2; done
until [ -z "$(ls /var/lib/ballast/agent/ledger/load-balancers 2>/dev/null)" ]; do sleep 0.5; done
! ip netns | grep qlbaas-
END
    on "$off" "$work/back" || told "$off" "$work/back"
}

traffic_begins() {
    [ ! -e "$work/traffic" ] || return 0
    power_on
    : >"$work/traffic"
    docker exec "$(container client)" sh -c '
        rm -f /root/stop /root/failed; n=0
        while [ ! -e /root/stop ] || [ $n -lt 100 ]; do
            curl -sS --fail --max-time 5 -o /dev/null http://198.51.100.100/ 2>>/root/failed || echo failed >>/root/failed
            n=$((n + 1)); sleep 0.02
        done; echo $n >/root/sent' 9>&- &
}

# Programs were restarted meanwhile: no request is lost.
traffic_ends() {
    [ -e "$work/traffic" ] && [ ! -e "$work/traffic.over" ] || return 0
    docker exec "$(container client)" touch /root/stop
    wait
    : >"$work/traffic.over"
    sent=$(docker exec "$(container client)" cat /root/sent)
    failed=$(docker exec "$(container client)" sh -c 'cat /root/failed 2>/dev/null' | head -n 3)
    [ -z "$failed" ] || fail "of $sent requests during the upgrade some failed: $failed"
    say "$sent requests during the upgrade, none failed"
}

# What the units promise, of the real processes: who they are, what they may, and what is kept from them.
privileges() {
    cat >"$work/confined" <<'END'
for program in scheduler api-gateway; do
    unit=ballast-$program.service
    systemd-analyze verify --man=no "$unit"
    systemd-analyze security --no-pager --threshold=20 "$unit" >/root/security || { cat /root/security; exit 1; }
    pid=$(systemctl show -P MainPID "$unit")
    id=$(id -u ballast)
    for line in "Uid: $id $id $id $id" "CapPrm: 0000000000000000" "CapEff: 0000000000000000" "CapBnd: 0000000000000000" \
        "NoNewPrivs: 1" "Seccomp: 2"; do
        tr -s '\t ' ' ' <"/proc/$pid/status" | grep -qx "$line" || { echo "$unit: no $line"; cat "/proc/$pid/status"; exit 1; }
    done
    inside() { nsenter --mount --target "$pid" setpriv --reuid ballast --regid ballast --clear-groups sh -c "$1"; }
    inside "cat /etc/ballast/ballast.toml" >/dev/null
    for refused in "ls /root" "ls /var/lib/ballast/agent/ledger" "mv /var/lib/ballast/agent /var/lib/ballast/other" \
        "touch /etc/ballast/try" "touch /usr/try" "cat /proc/1/cmdline"; do
        ! inside "$refused" >/root/refused 2>&1 || { echo "$unit may: $refused"; exit 1; }
    done
done
# The last of them is the gateway: the scheduler's database is not its own.
! inside "cat /var/lib/ballast/ballast.db" >/root/refused 2>&1
[ "$(stat -c '%U %a' /var/lib/ballast/ballast.db)" = "ballast 600" ]
END
    on ctl "$work/confined" || told ctl "$work/confined"
    cat >"$work/bounded" <<'END'
systemd-analyze verify --man=no ballast-agent.service
systemd-analyze security --no-pager --threshold=60 ballast-agent.service >/root/security || { cat /root/security; exit 1; }
pid=$(systemctl show -P MainPID ballast-agent)
host=$(pgrep -f '^ballast-agent driver-host haproxy-ns')
for process in $pid $host; do
    for line in "NoNewPrivs: 1" "Seccomp: 2"; do
        tr -s '\t ' ' ' <"/proc/$process/status" | grep -qx "$line" || { echo "no $line"; cat "/proc/$process/status"; exit 1; }
    done
    # of sys_module, sys_rawio, sys_boot, sys_time, mknod, setfcap, syslog, bpf none
    bound=$(sed -n 's/^CapBnd:[[:space:]]*//p' "/proc/$process/status")
    [ $((0x$bound & (1 << 16 | 1 << 17 | 1 << 22 | 1 << 25 | 1 << 27 | 1 << 31 | 1 << 34 | 1 << 39))) = 0 ] || { echo "bounded by $bound"; exit 1; }
done
END
    for host in host-1 host-2; do on "$host" "$work/bounded" || told "$host" "$work/bounded"; done
    say "the units' processes have what they need and no more"
}

begun=$(date +%s)
make_hosts
blocks
for file in "$work"/*.where; do block "${file%.where}"; done
[ -e "$work/traffic.over" ] || fail "the document says nothing of upgrades"
section="the end"
echo 'curl -sS --fail --max-time 5 http://198.51.100.100/ | grep "hello from web-1"' >"$work/end"
on client "$work/end" || told client "$work/end"
privileges
say "docs/deploy.md works to the letter: $(find "$work" -name '*.where' | wc -l) blocks in $(($(date +%s) - begun)) s"
