# Hosts that are containers of Docker Engine with systemd in them, for the scripts that read this. They say what $image, $work,
# $patience and container() are, and $with: options for all.

with=

# start HOST OPTION..: a container with systemd; where it may have all privileges it gets them, else those that it needs.
start() {
    host=$1
    shift
    name=$(container "$host")
    for privileges in "--privileged" "--cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH
        --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"; do
        # shellcheck disable=SC2086 # lists of words
        if docker run --detach --name "$name" --hostname "$host" $privileges --cgroupns private --stop-signal SIGRTMIN+3 \
            --tmpfs /run:rw,nosuid,nodev,noexec,mode=755 --tmpfs /run/lock --tmpfs /tmp --env container=docker \
            $with "$@" "$image" /sbin/init >"$work/started" 2>&1; then
            return
        fi
        docker rm --force "$name" >/dev/null 2>&1 || true
    done
    fail "$host does not start: $(tail -n 3 "$work/started")"
}

booted() {
    tries=0
    until docker exec "$(container "$1")" systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || fail "$1 has not booted; still waiting: $(docker exec "$(container "$1")" systemctl list-jobs)"
        sleep 0.5
    done
}

# on HOST FILE: the lines of the file, as one types them
on() {
    docker exec --interactive "$(container "$1")" sh -c 'cat >/root/typed' <"$2"
    timeout "$patience" docker exec "$(container "$1")" sh -eu /root/typed
}
