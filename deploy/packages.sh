#!/bin/sh
# Makes Debian packages of what was built:
#
#   deploy/packages.sh PROGRAMS OUT                 PROGRAMS as target/release; by deploy/install.sh
#   deploy/packages.sh --tree TREE VERSION OUT      of what was installed in TREE, which is emptied: of a former release
#
# OUT has the packages of this call alone, and SHA256SUMS. What each has in it and says is in deploy/debian (docs/adr/0039).
# The same programs make the same packages: times are the commit's (SOURCE_DATE_EPOCH), or that of the programs' version.
# COMPRESSION=quick: for tests, larger and sooner. RELEASE=release: what a release's programs must have and must not is looked at.
set -eu
umask 022
export LC_ALL=C TZ=UTC
here=$(cd "$(dirname "$0")" && pwd)

fail() { printf 'packages: %s\n' "$*" >&2; exit 1; }
for tool in dpkg-deb dpkg-shlibdeps strip; do
    command -v "$tool" >/dev/null || fail "there is no $tool: deploy/deps.sh packages"
done

# What is between releases is newer than the last one and older than the next.
version_of_checkout() {
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
    commit=$(git -C "$here" rev-parse --verify --quiet HEAD) || { echo "$version"; return; }
    ! grep -q "^$version $commit" "$here/../tests/releases" || { echo "$version"; return; }
    echo "$version+$(git -C "$here" log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S).$(echo "$commit" | cut -c 1-8)"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ "${1:-}" = --tree ]; then
    checkout='' tree=$(cd "$2" && pwd) version=$3 out=$4
else
    checkout=yes tree=$work/tree out=${2:?the folder of the packages}
    version=$(version_of_checkout)
    DESTDIR=$tree PREFIX=/usr "$here/install.sh" "${1:?the folder of the programs, as in target/release}" >"$work/log" ||
        fail "$(cat "$work/log")"
fi
: "${SOURCE_DATE_EPOCH:=$(git -C "$here" log -1 --format=%ct 2>/dev/null || stat -c %Y "$here/../CHANGELOG.md")}"
export SOURCE_DATE_EPOCH
architecture=$(dpkg --print-architecture)
case ${COMPRESSION:-} in
    quick) compression="-Zgzip -z1" ;;
    # One thread: what xz makes depends on how many there are.
    *) compression="-Zxz --threads-max=1" ;;
esac

# fill TEXT: what the texts of deploy/debian leave open
fill() {
    sed "s|@VERSION@|$version|g; s|@ARCHITECTURE@|$architecture|g; s|@UNIT@|${unit:-}|g
        s|@LIBRARIES@|${libraries:-}|g" "$1"
}

# The C library and what else is linked, of the version that the programs need at least.
libraries() {
    mkdir -p "$work/libraries/debian"
    printf 'Source: ballast\n\nPackage: ballast\nArchitecture: any\n' >"$work/libraries/debian/control"
    (cd "$work/libraries" && dpkg-shlibdeps -O "$@" >"$work/linked" 2>"$work/log") || fail "$(cat "$work/log")"
    sed -n 's/^shlibs:Depends=//p' "$work/linked"
}

# take PACKAGE: its files leave the tree; fails where there are none
take() {
    found=
    while read -r pattern; do
        for file in "$tree"/$pattern; do
            [ -e "$file" ] || continue
            found=yes
            mkdir -p "$root/$(dirname "${file#"$tree"/}")"
            mv "$file" "$root/$(dirname "${file#"$tree"/}")/"
        done
    done <"$here/debian/$1/files"
    [ -n "$found" ]
}

# What Debian wants of every package, and of files of these kinds.
finish() {
    documents=$root/usr/share/doc/$1
    mkdir -p "$documents"
    cp "$here/debian/copyright" "$documents/copyright"
    date=$(date -R -d "@$SOURCE_DATE_EPOCH")
    { fill "$here/debian/changelog"; printf '\n -- %s  %s\n' "$maintainer" "$date"; } | gzip -9n >"$documents/changelog.gz"
    for page in "$root"/usr/share/man/man*/*; do [ ! -e "$page" ] || gzip -9n "$page"; done
    [ ! -e "$here/debian/$1/lintian-overrides" ] ||
        install -D -m 644 "$here/debian/$1/lintian-overrides" "$root/usr/share/lintian/overrides/$1"
    [ ! -e "$root/etc/ballast/ballast.toml" ] || chmod 640 "$root/etc/ballast/ballast.toml"
    # Of a former release there are the programs alone.
    # shellcheck disable=SC2046 # a list of words
    [ ! -e "$here/debian/$1/crates" ] || [ -z "$checkout" ] ||
        "$here/sbom.sh" "$1" "$version" $(cat "$here/debian/$1/crates") >"$documents/sbom.cdx.json"
}

# The scripts that dpkg runs: a package's own, or if it brings a unit, those of units with what it has beside.
scripts() {
    unit=$(basename "$root"/usr/lib/systemd/system/*.service)
    for script in postinst prerm postrm; do
        own=$here/debian/$1/$script
        common=$here/debian/unit.$script
        [ "$unit" != '*.service' ] || common=/dev/null
        [ ! -e "$own" ] && [ "$common" = /dev/null ] && continue
        {
            printf '#!/bin/sh\nset -e\n'
            fill "$common"
            [ ! -e "$own" ] || fill "$own"
        } >"$root/DEBIAN/$script"
        chmod 755 "$root/DEBIAN/$script"
    done
}

# Programs without what only debuggers read.
stripped() {
    set -- "$root"/usr/bin/* "$root"/usr/lib/ballast/*/*.so
    programs=
    for file; do
        [ -f "$file" ] || continue
        strip --strip-unneeded --remove-section=.comment --remove-section=.note "$file"
        programs="$programs $file"
    done
}

pack() {
    root=$work/$1 libraries=
    mkdir -p "$root/DEBIAN"
    take "$1" || return 0
    stripped
    # shellcheck disable=SC2086 # a list of files
    [ -z "$programs" ] || libraries=$(libraries $programs)
    # shellcheck disable=SC2086 # a list of files
    [ -z "$checkout" ] || [ "${RELEASE:-}" != release ] || "$here/released.sh" $programs
    scripts "$1"
    finish "$1"
    size=$(du -k -s --apparent-size --exclude DEBIAN "$root" | cut -f 1)
    fill "$here/debian/$1/control" | sed "s/^Description:/Installed-Size: $size\n&/" >"$root/DEBIAN/control"
    [ ! -d "$root/etc" ] || (cd "$root" && find etc -type f | sed 's,^,/,') >"$root/DEBIAN/conffiles"
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # shellcheck disable=SC2086 # a list of options
    dpkg-deb --root-owner-group $compression --build "$root" "$out" >/dev/null
    rm -rf "$root"
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/ballast*_*.deb "$out/SHA256SUMS"
maintainer=$(sed -n 's/^Maintainer: //p' "$here/debian/ballast/control")
# The licence is in each package's copyright; the configuration is one that says nothing, and so never changes.
rm -f "$tree/usr/share/doc/ballast/LICENSE"
install -D -m 640 "$here/debian/ballast.toml" "$tree/etc/ballast/ballast.toml"
for package in "$here"/debian/*/control; do pack "$(basename "$(dirname "$package")")"; done
left=$(cd "$tree" && find . -type f)
[ -z "$left" ] || fail "in no package: $left"
(cd "$out" && sha256sum -- *.deb >SHA256SUMS)
printf 'packages: %s of version %s in %s\n' "$(find "$out" -name '*.deb' | wc -l)" "$version" "$out"
