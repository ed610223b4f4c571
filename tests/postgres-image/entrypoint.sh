#!/bin/sh
# Starts PostgreSQL as the public image does, as far as tests use it: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, and
# the arguments `postgres -c name=value ...`. The database cluster is made anew in each container.
set -eu
export PGDATA=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}

if [ "$(id -u)" = 0 ]; then
    : "${POSTGRES_PASSWORD:?give the superuser a password: -e POSTGRES_PASSWORD=...}"
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # As in the public image, nobody reaches the server before it is ready.
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username="$user" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 --no-sync \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    if [ "${POSTGRES_DB:-$user}" != postgres ]; then
        echo "CREATE DATABASE \"${POSTGRES_DB:-$user}\"" | postgres --single postgres >/dev/null
    fi
fi
[ "${1:-}" = postgres ] && shift
exec postgres -c listen_addresses='*' "$@"
