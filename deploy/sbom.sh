#!/bin/sh
# What a package's programs are made of, as CycloneDX: deploy/sbom.sh PACKAGE VERSION CRATE.. >FILE
#
# From cargo's own tree of what is linked (without what only builds use) and Cargo.lock's digests, offline. By this script and
# not by a tool: cargo-cyclonedx writes a file for each crate beside its manifest, and a package may be of several.
set -eu
cd "$(dirname "$0")/.."
package=${1:?the package} version=${2:?its version}
shift 2
: "${SOURCE_DATE_EPOCH:?when}"
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# All that is packaged at once: what one of them turns on in a crate, all have.
# shellcheck disable=SC2046 # a list of words
cargo tree --quiet --offline --locked $(sed 's/^/--package /' deploy/debian/*/crates) --edges normal,no-proc-macro \
    --prefix depth --format ' {p}|{l}' >"$work/tree"

awk -v package="$package" -v version="$version" -v roots="$*" -v time="$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" '
    function quoted(text) { gsub(/["\\]/, "\\\\&", text); return "\"" text "\"" }
    function visit(crate,   each, n, i) {
        if (crate in seen) return
        seen[crate] = 1
        n = split(needs[crate], each, " ")
        for (i = 1; i <= n; i++) visit(each[i])
        order[++count] = crate
    }
    FNR == NR {
        if ($1 == "name") name = $3
        if ($1 == "version") number = $3
        if ($1 == "checksum") digest[name "@" number] = $3
        next
    }
    {
        line = $0
        sub(/ \(\*\)$/, "", line)
        split(line, part, "|")
        split(part[1], word, " ")
        depth = word[1] + 0
        crate = word[2] "@" substr(word[3], 2)
        licence[crate] = part[2]
        above[depth] = crate
        if (depth == 0) root[word[2]] = crate
        else if (index(" " needs[above[depth - 1]] " ", " " crate " ") == 0)
            needs[above[depth - 1]] = needs[above[depth - 1]] (needs[above[depth - 1]] == "" ? "" : " ") crate
    }
    END {
        n = split(roots, each, " ")
        for (i = 1; i <= n; i++) {
            if (!(each[i] in root)) { print "sbom: there is no crate " each[i] >"/dev/stderr"; exit 1 }
            direct = direct (i > 1 ? ", " : "") quoted(root[each[i]])
            visit(root[each[i]])
        }
        print "{\n \"bomFormat\": \"CycloneDX\",\n \"specVersion\": \"1.5\",\n \"version\": 1,"
        print " \"metadata\": {\"timestamp\": " quoted(time) ", \"component\": {\"type\": \"application\","
        print "  \"bom-ref\": " quoted(package) ", \"name\": " quoted(package) ", \"version\": " quoted(version) "}},"
        print " \"components\": ["
        for (i = 1; i <= count; i++) {
            crate = order[i]
            split(crate, half, "@")
            printf "  {\"type\": \"library\", \"bom-ref\": %s, \"name\": %s, \"version\": %s", quoted(crate), quoted(half[1]), quoted(half[2])
            # What Cargo.lock has no digest of is of this repository.
            if (crate in digest) {
                printf ", \"purl\": %s, \"hashes\": [{\"alg\": \"SHA-256\", \"content\": %s}]", quoted("pkg:cargo/" crate), quoted(digest[crate])
            }
            gsub(/ *\/ */, " OR ", licence[crate])
            if (licence[crate] != "") printf ", \"licenses\": [{\"expression\": %s}]", quoted(licence[crate])
            print "}" (i < count ? "," : "")
        }
        print " ],\n \"dependencies\": ["
        print "  {\"ref\": " quoted(package) ", \"dependsOn\": [" direct "]},"
        for (i = 1; i <= count; i++) {
            n = split(needs[order[i]], each, " ")
            list = ""
            for (j = 1; j <= n; j++) list = list (j > 1 ? ", " : "") quoted(each[j])
            print "  {\"ref\": " quoted(order[i]) ", \"dependsOn\": [" list "]}" (i < count ? "," : "")
        }
        print " ]\n}"
    }
' FS='[ "]+' Cargo.lock FS=' ' "$work/tree"
