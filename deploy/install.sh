#!/bin/sh
# Installs what was built: deploy/install.sh FOLDER-OF-THE-PROGRAMS, with DESTDIR and PREFIX as everywhere.
#
# It starts nothing, makes no configuration and overwrites none: docs/deploy.md says what comes next.
set -eu
umask 022
programs=${1:?the folder of the programs, as in target/release}
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr}
root=${DESTDIR:-}
case $prefix in /*) ;; *) echo "install: PREFIX must begin with a slash: $prefix" >&2; exit 1 ;; esac

# file MODE FROM TO
file() { install -D -m "$1" "$2" "$root$3"; }
# with_prefix FROM TO: units name programs in /usr
with_prefix() {
    file 644 "$1" "$2"
    sed -i "s,/usr/\(bin\|lib\|share\)/ballast,$prefix/\1/ballast,g" "$root$2"
}

for program in ballast-scheduler ballast-api-gateway ballast-agent ballast; do
    file 755 "$programs/$program" "$prefix/bin/$program"
done
file 644 "$programs/libballast_driver_haproxy_ns.so" "$prefix/lib/ballast/drivers/haproxy-ns.so"
# Every file in the drivers folder is run, so what is somebody's choice lies elsewhere: load balancers by the kernel alone,
# and those for devices until somebody has such a device.
file 644 "$programs/libballast_driver_nft_l4.so" "$prefix/lib/ballast/optional-drivers/nft-l4.so"
for device in a10 netscaler; do
    file 644 "$programs/libballast_driver_${device}_stub.so" "$prefix/lib/ballast/drivers-for-devices/$device-stub.so"
done
for unit in deploy/systemd/*.service; do
    with_prefix "$unit" "$prefix/lib/systemd/system/$(basename "$unit")"
done
for kind in sysusers tmpfiles; do
    for entry in deploy/$kind.d/*.conf; do
        [ ! -e "$entry" ] || with_prefix "$entry" "$prefix/lib/$kind.d/$(basename "$entry")"
    done
done
# As it is: what it comments out is what the programs take when nothing is said, whatever the prefix.
file 644 deploy/ballast.toml.example "$prefix/share/doc/ballast/ballast.toml.example"
for document in README.md CHANGELOG.md LICENSE docs/*.md docs/openapi*.json; do
    file 644 "$document" "$prefix/share/doc/ballast/$(basename "$document")"
done
for document in deploy/prometheus/ballast.rules.yml deploy/prometheus/prometheus.yml.example deploy/grafana/*; do
    file 644 "$document" "$prefix/share/doc/ballast/${document#deploy/}"
done
# What the shells and man are told of the command, by the command itself.
share="$root$prefix/share"
install -d -m 755 "$share/bash-completion/completions" "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
"$programs/ballast" completion bash >"$share/bash-completion/completions/ballast"
"$programs/ballast" completion zsh >"$share/zsh/vendor-completions/_ballast"
"$programs/ballast" completion fish >"$share/fish/vendor_completions.d/ballast.fish"
"$programs/ballast" man --out "$share/man/man1"
install -d -m 755 "$share/man/man5" "$share/man/man8"
for program in ballast-scheduler ballast-api-gateway ballast-agent; do
    "$programs/$program" --manual-page >"$share/man/man8/$program.8"
done
# The configuration's page is its example, as it is.
{
    printf '.TH ballast.toml 5\n.SH NAME\nballast.toml \\- the configuration of Ballast'\''s services\n.SH DESCRIPTION\n.nf\n'
    sed 's/\\/\\e/g; s/-/\\-/g; s/^\([.'\'']\)/\\\&\1/' deploy/ballast.toml.example
    printf '.fi\n.SH SEE ALSO\nballast\\-scheduler(8), ballast\\-api\\-gateway(8), ballast\\-agent(8)\n'
} >"$share/man/man5/ballast.toml.5"
install -d -m 755 "$root/etc/ballast"
echo "install: all is in ${root:-}$prefix; next: $prefix/share/doc/ballast/deploy.md"
