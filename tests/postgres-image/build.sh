#!/bin/sh
# Makes a Docker image of PostgreSQL from Debian's packages, where Docker can pull none: tests/postgres-image/build.sh NAME
#
# Nothing is done when there is an image of this name that was made of the same scripts and packages. The packages come
# from where this machine's apt gets them; they are unpacked, not installed, and none of their scripts runs.
set -eu
image=${1:?the name of the image, as in ballast-test-postgres:debian}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf 'postgres-image: %s\n' "$*"; }
fail() { printf 'postgres-image: %s\n' "$*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "there is no Docker Engine that this user may use"
command -v apt-get >/dev/null || fail "there is no apt-get: name another image in BALLAST_TEST_POSTGRES_IMAGE"

# apt is asked as if nothing were installed, so that it names everything that is needed.
# apt's own user writes there.
chmod 755 "$work"
mkdir -p "$work/archives/partial" "$work/root"
: >"$work/status"
chmod 777 "$work/archives"
packages() {
    apt-get install --print-uris -qq -o "Dir::State::status=$work/status" -o "Dir::Cache::archives=$work/archives" \
        --no-install-recommends postgresql dash coreutils util-linux sed grep 2>/dev/null
}
# What a server runs without: just-in-time compilation, and what only installs and administers packages.
unneeded='^(adduser|debconf|dpkg|libllvm|libperl|libz3|locales|netbase|openssl|passwd|perl|postgresql-common|ssl-cert|tar|ucf)'
list() { packages | awk '{ print $2 }' | grep -Ev "$unneeded" | sort; }

wanted=$(list)
if [ -z "$wanted" ]; then
    as_root apt-get update -q
    wanted=$(list)
fi
[ -n "$wanted" ] || fail "apt knows no package postgresql"
stamp=$( (echo "$wanted"; cat "$here/build.sh" "$here/entrypoint.sh") | sha256sum | cut -d ' ' -f 1)
if [ "$(docker image inspect --format '{{ index .Config.Labels "stamp" }}' "$image" 2>/dev/null)" = "$stamp" ]; then
    say "$image is there"
    exit 0
fi

names=$(echo "$wanted" | sed 's/_.*//')
say "downloading $(echo "$names" | wc -l) packages"
# apt-get download takes the candidates, which are those that were listed.
# shellcheck disable=SC2086 # a list of words
(cd "$work/archives" && apt-get download -qq $names)

# Debian's merged /usr, before a package brings the directories.
mkdir -p "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/lib" "$work/root/usr/lib64"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$work/root/$name"; done
for package in "$work"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$work/root" \
        --exclude './usr/share/doc/*' --exclude './usr/share/man/*' --exclude './usr/share/locale/*'
done
cd "$work/root"
version=$(ls usr/lib/postgresql)
mkdir -p etc proc sys dev tmp run var/lib/postgresql
rm -rf var/run && ln -s /run var/run
chmod 1777 tmp
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
printf 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n' >etc/passwd
printf 'root:x:0:\npostgres:x:999:\n' >etc/group
cp "$here/entrypoint.sh" entrypoint.sh
chmod 755 entrypoint.sh
tar -c --numeric-owner --owner=0 --group=0 . | docker import \
    --change "ENV PATH=/usr/lib/postgresql/$version/bin:/usr/bin:/bin" --change 'ENV LANG=C.UTF-8' \
    --change 'ENTRYPOINT ["/entrypoint.sh"]' --change 'CMD ["postgres"]' --change 'EXPOSE 5432' \
    --change "LABEL stamp=$stamp" - "$image" >/dev/null
say "made $image: PostgreSQL $version"
