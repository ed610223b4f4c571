#!/bin/sh
# Builds the newest release of tests/releases for the tests that upgrade from it, once: TARGET/releases/<digest of its tree>,
# and `newest` beside it, which names it.
#
# usage: tests/releases.sh [TARGET]     (none: $CARGO_TARGET_DIR, or target)
#
# It shares TARGET with this checkout's own build, so that what both depend on is built once. To cargo the packages of both
# are the same ones, and files that are older than what was built of the other need no build: it is made to forget them.
set -eu
cd "$(dirname "$0")/.."
target=$(realpath -m "${1:-${CARGO_TARGET_DIR:-target}}")
fail() { printf 'releases: %s\n' "$*" >&2; exit 1; }

forget() {
    [ ! -d "$target/debug/.fingerprint" ] ||
        find "$target/debug/.fingerprint" -maxdepth 1 -name 'ballast*' -exec rm -rf {} +
}

commit=$(sed -n 's/^[0-9][^ ]* \([0-9a-f]\{40\}\)$/\1/p' tests/releases | tail -n 1)
[ -n "$commit" ] || fail "tests/releases names no commit"
tree=$(git rev-parse --verify --quiet "$commit^{tree}") ||
    fail "commit $commit is not in this clone: git fetch --unshallow"
built=$target/releases/$tree
if [ ! -e "$built/complete" ]; then
    source=$target/releases/source
    rm -rf "$source" "$built"
    mkdir -p "$source" "$built"
    forget
    trap forget EXIT
    git archive "$commit" | tar -x -C "$source"
    (cd "$source" && CARGO_TARGET_DIR=$target cargo build --locked --workspace --bins --lib)
    for file in ballast-scheduler ballast-api-gateway ballast-agent ballast libballast_driver_haproxy_ns.so; do
        cp "$target/debug/$file" "$built/"
    done
    rm -rf "$source"
    : > "$built/complete"
fi
ln -sfn "$tree" "$target/releases/newest"
