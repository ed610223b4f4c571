#!/bin/sh
# Runs the tests of haproxy-ns with this machine's haproxy and with those of other suites of Debian, which are unpacked with their
# libraries below TARGET, from where this machine's apt gets its packages. Says in the end which versions ran, and how it went.
#
# usage: tests/haproxy-versions.sh TARGET SUITE...      (as in target trixie)
set -eu
cd "$(dirname "$0")/.."
target=$(realpath -m "${1:?the target folder}")
shift
say() { printf 'haproxy-versions: %s\n' "$*"; }
fail() { printf 'haproxy-versions: %s\n' "$*" >&2; exit 1; }

# The first archive of the machine's own sources, in either of apt's formats.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n 's/^deb  *\(\[.*\] *\)\{0,1\}\(http[^ ]*\).*/\2/p; s/^URIs: *\(http[^ ]*\).*/\1/p' | head -n 1)
[ -n "$mirror" ] || fail "apt's sources name no archive"

# apt-get as on a machine of this suite on which nothing is installed
apt_of() {
    place=$1
    shift
    apt-get -q -o Dir::Etc::sourcelist="$place/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$place/apt/lists" -o Dir::State::status="$place/apt/status" -o Dir::Cache="$place/apt" \
        -o APT::Install-Recommends=false -o APT::Sandbox::User=root "$@" >>"$place/log" 2>&1 ||
        fail "$(tail -n 3 "$place/log")"
}

# Its haproxy, linked with its own libraries: SUITE
unpack() {
    place=$target/haproxy-versions/$1
    [ ! -e "$place/haproxy" ] || return 0
    say "fetching haproxy of $1"
    rm -rf "$place"
    mkdir -p "$place/apt/lists/partial" "$place/apt/archives/partial" "$place/root"
    echo "deb $mirror $1 main" >"$place/apt/sources.list"
    : >"$place/apt/status"
    apt_of "$place" update
    apt_of "$place" --yes --download-only install haproxy
    for package in "$place"/apt/archives/*.deb; do dpkg-deb -x "$package" "$place/root"; done
    loader=$(patchelf --print-interpreter "$place/root/usr/sbin/haproxy")
    libraries=$(dirname "$(find "$place/root/usr/lib" -name 'libc.so.6' | head -n 1)")
    cp "$place/root/usr/sbin/haproxy" "$place/patched"
    patchelf --set-interpreter "$place/root/usr$loader" --force-rpath --set-rpath "$libraries" "$place/patched"
    mv "$place/patched" "$place/haproxy"
    rm -rf "$place/apt"
}

results=$target/haproxy-versions/results
# The tests with this one: PROGRAM
run() {
    version=$("$1" -v | head -n 1)
    say "$version"
    result=passed
    BALLAST_TEST_HAPROXY=$1 cargo nextest run --package ballast-driver-haproxy-ns || result=FAILED
    echo "$result: $version" >>"$results"
}

mkdir -p "$target/haproxy-versions"
: >"$results"
for suite in "$@"; do unpack "$suite"; done
cargo build --package ballast-lab --bins
run /usr/sbin/haproxy
for suite in "$@"; do run "$target/haproxy-versions/$suite/haproxy"; done
echo
cat "$results"
! grep -q '^FAILED' "$results"
