#!/bin/sh
# Our drivers through the conformance suite, all at once, those for a device with its simulator. The first argument is
# where the programs are. Any status of `ballast driver check` but 0 is a failure here: nothing may be skipped.
set -eu
programs=$1
work=$(mktemp -d)
processes=
end() {
    for process in $processes; do kill "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM

# simulator DEVICE: starts it, and sets `url`; its authority's certificate is in $work/DEVICE.pem.
simulator() {
    "$programs/ballast-simulator" "$1" --listen 127.0.0.1:0 --ca-file "$work/$1.pem" >"$work/$1.url" &
    processes="$processes $!"
    tries=0
    until [ -s "$work/$1.url" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { echo "the simulator of $1 did not start" >&2; exit 1; }
        sleep 0.1
    done
    url=$(cat "$work/$1.url")
}

# credentials DEVICE NAME PASSWORD
credentials() {
    (umask 077 && printf '%s\n%s\n' "$2" "$3" >"$work/$1.credentials")
}

# check NAME DRIVER [OPTION..]: in the background; `finish` shows what came of it.
checks=
check() {
    name=$1 driver=$2
    shift 2
    "$programs/ballast" driver check "$programs/libballast_driver_$driver.so" "$@" >"$work/$name.report" 2>&1 &
    processes="$processes $!"
    checks="$checks $name=$!"
}

finish() {
    status=0
    for one in $checks; do
        ended=0
        wait "${one#*=}" || ended=$?
        cat "$work/${one%=*}.report"
        echo
        if [ "$ended" != 0 ]; then
            echo "${one%=*}: status $ended"
            status=1
        fi
    done
    return $status
}

check haproxy_ns haproxy_ns
cat >"$work/per-project.toml" <<END
[drivers.haproxy-ns]
process_model = "per-project"
END
check haproxy_ns_per_project haproxy_ns --config "$work/per-project.toml"
check nft_l4 nft_l4
check example example

# device DEVICE NAME PASSWORD: the driver for it, at its simulator. An administrator is called so when it is new.
device() {
    simulator "$1"
    credentials "$1" "$2" "$3"
    cat >"$work/$1.toml" <<END
[drivers.$1-stub]
url = "$url"
ca_file = "$work/$1.pem"
credentials_file = "$work/$1.credentials"
END
    check "$1_stub" "$1_stub" --config "$work/$1.toml" --device "${url#*://}"
}

device a10 admin a10
device netscaler nsroot nsroot

finish
