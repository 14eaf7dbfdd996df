# Sourced by tests/cluster/cluster: processes with a log and a pid file each, and waiting for them.

# free_port VARIABLE: each process looks in a row of ports of its own, so that two do not choose the same
next_port=$((20000 + $$ * 8 % 12000))
free_port() {
    while (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do next_port=$((next_port + 1)); done
    printf -v "$1" %s "$next_port"
    next_port=$((next_port + 1))
}
run() { # run NAME COMMAND…: in the background, with a log, a pid file, and the command for `restart`
    local name=$1
    shift
    printf '%q ' "$@" >"$dir/$name.command"
    nohup setsid "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}
alive() { [ -f "$dir/$1.pid" ] && grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$dir/$1.pid")/status" 2>/dev/null; }
wait_for() { # wait_for SECONDS WHAT COMMAND…
    local n=$(($1 * 5)) what=$2 name
    shift 2
    for _ in $(seq "$n"); do
        "$@" >/dev/null 2>&1 && return
        for name in $names; do
            if [ -f "$dir/$name.pid" ] && ! alive "$name"; then fail "$name ended: $(tail -n 1 "$dir/log/$name.log")"; fi
        done
        sleep 0.2
    done
    tail -n 3 "$dir"/log/*.log >&2 || true
    fail "gave up waiting for $what"
}
names="kwok proxy kubelet containerd node scheduler controller-manager apiserver etcd"
kill_all() { # kill_all SIGNAL
    local n
    for n in $names; do
        if alive "$n"; then kill "$1" "$(cat "$dir/$n.pid")" 2>/dev/null || true; fi
    done
}
any_alive() {
    local n
    for n in $names; do
        if alive "$n"; then return 0; fi
    done
    return 1
}
outlive() { # outlive PID: until that process is gone, or the folder
    local born
    born=$(cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null) || return 0
    mkfifo "$dir/never"
    while [ -d "$dir" ] && [ "$(cut -d' ' -f22 "/proc/$1/stat" 2>/dev/null)" = "$born" ]; do
        read -rt 1 <>"$dir/never" || true
    done 2>/dev/null
    rm -f "$dir/never"
}
# guard UP [PID]: sees to what nobody can do who was killed by -9. UP is the `up`, PID whom the cluster is for.
guard() {
    local log name
    outlive "$1"
    if [ -f "$dir/ready" ]; then
        [ $# -gt 1 ] || return 0
        outlive "$2"
    fi
    [ -d "$dir" ] || return 0
    # What was started, and its pid file not written any more.
    for log in /proc/[0-9]*/fd/1; do
        name=$(readlink "$log" 2>/dev/null) || continue
        case $name in "$dir"/log/*.log) ;; *) continue ;; esac
        name=${name##*/} name=${name%.log} log=${log#/proc/}
        alive "$name" || echo "${log%%/*}" >"$dir/$name.pid"
    done
    down
}
status() {
    local n pid
    for n in $names; do
        alive "$n" || continue
        pid=$(cat "$dir/$n.pid")
        # What runs in the node's namespaces has a parent outside that only waits for it.
        case $n in proxy | kubelet | containerd | node) pid=$(pgrep -o -P "$pid" || echo "$pid") ;; esac
        printf '%-19s pid %-7s RSS %s MiB  CPU %s s\n' "$n" "$pid" \
            "$(awk '/VmRSS/{printf "%d",$2/1024}' "/proc/$pid/status")" "$(awk '{print ($14+$15)/100}' "/proc/$pid/stat")"
    done
}
restart() { # restart NAME: killed and started again, as after a crash
    local command
    alive "$1" || fail "no process \`$1\` runs in $dir"
    case $1 in proxy | kubelet | containerd | node) fail "$1 cannot be restarted, only the control plane's processes" ;; esac
    kill -9 "$(cat "$dir/$1.pid")"
    while alive "$1"; do sleep 0.05; done
    cd "$dir"
    eval "command=($(cat "$dir/$1.command"))"
    run "$1" "${command[@]}"
}
