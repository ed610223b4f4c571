#!/bin/sh
# Builds the newest release of tests/releases for the tests that upgrade from it, once for all checkouts of a user, and has
# TARGET/releases/newest name it. What was built is kept by the digest of its tree, some 160 MB each, in BALLAST_RELEASES, or
# else in the user's cache.
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
kept=${BALLAST_RELEASES:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/ballast/releases}
built=$kept/$tree
mkdir -p "$target/releases" "$kept"
if [ ! -d "$built" ]; then
    source=$target/releases/source new=$kept/$tree.$$
    rm -rf "$source"
    mkdir -p "$source" "$new"
    forget
    trap 'forget; rm -rf "$new"' EXIT
    git archive "$commit" | tar -x -C "$source"
    (cd "$source" && CARGO_TARGET_DIR=$target cargo build --locked --workspace --bins --lib)
    for file in ballast-scheduler ballast-api-gateway ballast-agent ballast libballast_driver_haproxy_ns.so; do
        strip --strip-debug -o "$new/$file" "$target/debug/$file"
    done
    rm -rf "$source"
    # Whoever built it meanwhile has the same.
    mv -T "$new" "$built" 2>/dev/null || [ -d "$built" ] || fail "$built cannot be written"
fi
ln -sfn "$built" "$target/releases/newest"
