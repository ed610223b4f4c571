#!/bin/sh
# deploy/Containerfile and deploy/compose.yaml: tests/packages/compose.sh PACKAGES
#
# Images on a Debian that debootstrap has made, all that the file starts on networks that lead nowhere, and a load balancer
# that one gateway is asked for and the other one shows.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
packages=$(realpath "${1:?the folder of the packages}")
base=ballast-deploy-test:debian

say() { printf 'compose-test: %s\n' "$*"; }
fail() { printf 'compose-test: %s\n' "$*" >&2; exit 1; }
command -v docker-compose >/dev/null || fail "NOT RUN: there is no docker-compose: deploy/deps.sh deploy-test"

project=ballast-compose-test
image() { echo "$project-$1"; }
POSTGRES_IMAGE=${BALLAST_TEST_POSTGRES_IMAGE:-ballast-test-postgres:debian}
POSTGRES_PASSWORD=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
SCHEDULER_IMAGE=$(image scheduler) GATEWAY_IMAGE=$(image gateway) AGENT_IMAGE=$(image agent)
# Any free port.
REST_1=127.0.0.1: REST_2=127.0.0.1:
export POSTGRES_IMAGE POSTGRES_PASSWORD SCHEDULER_IMAGE GATEWAY_IMAGE AGENT_IMAGE REST_1 REST_2
work=$(mktemp -d)
printf 'networks:\n  front: {internal: true}\n' >"$work/nowhere.yaml"
compose() { docker-compose --project-name "$project" --file "$root/deploy/compose.yaml" --file "$work/nowhere.yaml" "$@"; }
remove() {
    for name in web client agent; do docker rm --force --volumes "$project-$name" >/dev/null 2>&1 || true; done
    compose down --volumes --timeout 3 >/dev/null 2>&1 || true
    for target in scheduler gateway agent unpacked; do docker image rm "$(image "$target")" >/dev/null 2>&1 || true; done
}
trap 'remove; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# A client of REST and of load balancers, and what is asked there
client() { timeout 180 docker exec --interactive "$project-client" sh -eu -c "$1"; }
client_and_member() {
    docker run --detach --name "$project-web" --network "${project}_tenants" --ip 198.51.100.21 "$base" \
        sh -c 'mkdir /srv/try && cd /srv/try && echo "hello from web" >index.html && exec python3 -m http.server 80' >/dev/null
    docker run --detach --name "$project-client" --network "${project}_tenants" --ip 198.51.100.50 "$base" \
        sleep 600 >/dev/null
    docker network connect "${project}_front" "$project-client"
    client 'cat >/root/api' <<'END'
curl -sS --fail-with-body --retry 30 --retry-connrefused --retry-delay 1 --max-time 10 -o /root/answer \
    -H 'Content-Type: application/json' "http://$1:9696/v2.0/$2" ${3:+-d "$3"} || { cat /root/answer >&2; exit 1; }
cat /root/answer
END
}

# As docs/deploy.md says for who has no compose: with rights one by one.
agent_by_hand() {
    options=$(sed -n '/^docker run --detach --name ballast-agent /,/^```/p' "$root/docs/deploy.md" |
        grep -o -- '--init\|--cap-[a-z]* [A-Z_]*\|--security-opt [a-z=]*')
    # shellcheck disable=SC2086 # a list of words
    docker create --name "$project-agent" --hostname agent-3 $options --network "${project}_control" \
        --volume "$root/deploy/compose.toml:/etc/ballast/ballast.toml:ro" "$AGENT_IMAGE" --insecure >/dev/null
    docker network connect "${project}_tenants" "$project-agent"
    docker start "$project-agent" >/dev/null
}

load_balancer() {
    client "$(cat <<'END'
id_of() { sed 's/.*"id": *"\([^"]*\)".*/\1/' /root/answer; }
until [ "$(sh /root/api gateway-1 agents | grep -o '"READY"' | wc -l)" = 3 ]; do sleep 0.5; done
sh /root/api gateway-1 networks '{"network": {"name": "tenants",
    "provider:network_type": "bridge", "provider:physical_network": "tenants"}}'
sh /root/api gateway-1 subnets '{"subnet": {"name": "tenants", "network_id": "'"$(id_of)"'", "ip_version": 4,
    "cidr": "198.51.100.0/24", "allocation_pools": [{"start": "198.51.100.100", "end": "198.51.100.199"}]}}'
subnet=$(id_of)
sh /root/api gateway-1 lb/pools '{"pool": {"name": "web", "protocol": "HTTP", "lb_method": "ROUND_ROBIN",
    "subnet_id": "'"$subnet"'"}}'
pool=$(id_of)
sh /root/api gateway-1 lb/members '{"member": {"pool_id": "'"$pool"'", "address": "198.51.100.21", "protocol_port": 80}}'
sh /root/api gateway-1 lb/vips '{"vip": {"name": "web", "protocol": "HTTP", "protocol_port": 80, "subnet_id": "'"$subnet"'",
    "pool_id": "'"$pool"'", "address": "198.51.100.100"}}'
until sh /root/api gateway-2 "lb/pools/$pool" | grep -q '"ACTIVE"'; do sleep 0.2; done
curl -sS --fail --retry 20 --retry-connrefused --retry-all-errors --max-time 5 http://198.51.100.100/ | grep "hello from web"
END
)"
}

# Who the services are, and that they cannot write where they have nothing to write.
confined() {
    for service in scheduler-1 gateway-1; do
        name=$(compose ps -q "$service")
        [ "$(docker exec "$name" id -u)" = 10001 ] || fail "$service is not of the user 10001"
        ! docker exec "$name" touch /tmp/try 2>/dev/null || fail "$service has a root that can be written to"
        docker exec "$name" grep -q 'CapEff:.0000000000000000' /proc/1/status || fail "$service has capabilities"
    done
}

told() {
    compose ps >&2 || true
    compose logs --no-color --tail 12 >&2 || true
    fail "$1"
}

begun=$(date +%s)
remove
"$root/tests/deploy/image.sh" "$base"
[ -n "${BALLAST_TEST_POSTGRES_IMAGE:-}" ] || "$root/tests/postgres-image/build.sh" "$POSTGRES_IMAGE"
# What the others take from has a name as well, so that it can be removed by it.
for target in unpacked scheduler gateway agent; do
    # The builder that every engine has.
    DOCKER_BUILDKIT=0 docker build --quiet --network none --build-arg BASE="$base" --file "$root/deploy/Containerfile" --target "$target" \
        --tag "$(image "$target")" "$packages" >"$work/log" 2>&1 || fail "no image of $target: $(cat "$work/log")"
done
say "images of scheduler, gateway and agent are built"
compose up --detach >"$work/log" 2>&1 || told "$(tail -n 5 "$work/log")"
client_and_member
agent_by_hand
load_balancer >"$work/log" 2>&1 || { cat "$work/log" >&2; told "no load balancer serves"; }
confined
say "PostgreSQL, two schedulers, two gateways, two agents and one by hand: a load balancer serves"
say "in $(($(date +%s) - begun)) s"
