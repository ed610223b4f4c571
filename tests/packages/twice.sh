#!/bin/sh
# Builds a release of one of what is packaged twice, from the commit that is checked out, in two folders, and compares what comes
# of it: tests/packages/twice.sh CRATE
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
crate=${1:?the crate}
unset CARGO_TARGET_DIR

say() { printf 'reproducible: %s\n' "$*"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
one=$work/one other=$work/another/and-deeper
for folder in "$one" "$other"; do
    mkdir -p "$folder"
    git -C "$root" archive HEAD | tar -x -C "$folder"
    say "building $crate in $folder"
    make --silent --no-print-directory -C "$folder" programs BUILD=release INSTALLED="$crate"
    mkdir -p "$folder/built"
    find "$folder/target/release" -maxdepth 1 -type f \( -name '*.so' -o -perm -100 \) -exec cp {} "$folder/built/" ';'
    (cd "$folder/built" && strip --strip-unneeded --remove-section=.comment --remove-section=.note -- * && "$folder/deploy/released.sh" * && sha256sum -- * | tee ../sums)
done
! cmp -s "$one/sums" "$other/sums" || { say "$crate is the same from both folders"; exit 0; }
for file in "$one"/built/*; do
    again=$other/built/$(basename "$file")
    cmp -s "$file" "$again" && continue
    say "$(basename "$file") differs in:"
    for section in $(readelf --sections --wide "$file" | sed -n 's/^ *\[ *[0-9]*\] \(\.[^ ]*\).*/\1/p'); do
        sum() { objcopy --dump-section "$section=/dev/stdout" "$1" /dev/null 2>/dev/null | sha256sum; }
        [ "$(sum "$file")" = "$(sum "$again")" ] || echo "    $section"
    done
done
exit 1
