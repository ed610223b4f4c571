#!/bin/sh
# Makes a Docker image of a Debian host by debootstrap, from where this machine's apt gets its packages:
# tests/deploy/image.sh NAME [SUITE] (none: this machine's). Nothing is done when there is one that was made by the same script.
set -eu
image=${1:?the name of the image, as in ballast-deploy-test:debian}
packages=systemd,systemd-sysv,haproxy,iproute2,curl,ca-certificates,procps,openssl,python3,sqlite3

say() { printf 'deploy-image: %s\n' "$*"; }
fail() { printf 'deploy-image: %s\n' "$*" >&2; exit 1; }

stamp=$(sha256sum "$0" | cut -d ' ' -f 1)
if [ "$(docker image inspect --format '{{ index .Config.Labels "stamp" }}' "$image" 2>/dev/null)" = "$stamp" ]; then
    say "$image is there"
    exit 0
fi
[ "$(id -u)" = 0 ] || fail "debootstrap needs root"
suite=${2:-$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}
# The first archive of the machine's own sources, in either of apt's formats.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n 's/^deb  *\(\[.*\] *\)\{0,1\}\(http[^ ]*\).*/\2/p; s/^URIs: *\(http[^ ]*\).*/\1/p' | head -n 1)
[ -n "$mirror" ] || fail "apt's sources name no archive"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
say "making a root of $suite from $mirror (a minute or two)"
debootstrap --variant=minbase --include="$packages" "$suite" "$work/root" "$mirror" >"$work/log" 2>&1 ||
    fail "debootstrap: $(tail -n 5 "$work/log")"
tar -C "$work/root" -c --exclude './var/cache/apt/*' . | docker import --change "LABEL stamp=$stamp" - "$image" >/dev/null
say "made $image"
