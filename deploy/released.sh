#!/bin/sh
# Looks at what is released: no path of the machine that built it, and a list of what it is made of, which scanners read.
# deploy/released.sh FILE..
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
fail() { printf 'released: %s\n' "$*" >&2; exit 1; }
for file; do
    for path in "$here" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
        ! grep -q -a -F "$path/" "$file" || fail "$(basename "$file") names $path: it was not built by make packages"
    done
    readelf --sections --wide "$file" | grep -q -F ' .dep-v0 ' ||
        fail "$(basename "$file") does not say what it is made of: it was not built by cargo auditable"
done
