# Sourced by tests/bench/run: starts and stops what is measured, and measures. Figures go into F.
declare -A F
operator_pid='' sandbox_pid=''
port_metrics=$((18000 + RANDOM % 2000)) port_health=$((20000 + RANDOM % 2000))

say() { [ -t 2 ] && printf 'bench: %s: %s\n' "$world" "$*" >&2; return 0; }
only() { # only PART: is it wanted?
    case " ${NEMETON_BENCH_ONLY:-$1} " in *" $1 "*) return 0 ;; esac
    return 1
}
# take PREFIX COMMAND…: the lines "figure value" that a client prints become F[PREFIXfigure]
take() {
    local prefix=$1 name value
    shift
    "$client" "$@" >"$work/figures" 2>"$work/client.log" || {
        cat "$work/client.log" >&2
        tail -n 5 "$work/operator.log" >&2
        fail "$world: $1 could not be measured"
    }
    while read -r name value; do F[$prefix$name]=$value; done <"$work/figures"
}
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }
stop() { # stop PID: politely, then not
    local n
    alive "$1" || return 0
    kill "$1"
    for n in $(seq 300); do alive "$1" || break; sleep 0.1; done
    alive "$1" && kill -9 "$1"
    wait "$1" 2>/dev/null
    return 0
}
sandbox_start() {
    local n
    "$nemeton" sandbox --no-operator --kubeconfig-out "$work/sandbox.kubeconfig" >"$work/sandbox.log" 2>&1 &
    sandbox_pid=$!
    for n in $(seq 100); do
        [ -s "$work/sandbox.kubeconfig" ] && return
        alive "$sandbox_pid" || break
        sleep 0.1
    done
    tail -n 5 "$work/sandbox.log" >&2
    fail "the sandbox does not start"
}
sandbox_stop() { stop "$sandbox_pid"; sandbox_pid=''; }
operator_launch() { # without waiting
    "$nemeton" run --kubeconfig "$operator" --metrics-bind-address "127.0.0.1:$port_metrics" \
        --health-probe-bind-address "127.0.0.1:$port_health" --log-format json >>"$work/operator.log" 2>&1 &
    operator_pid=$!
}
operator_stop() { stop "$operator_pid"; operator_pid=''; }

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }
ms_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.0f", (b - a) / 1000 }'; }
cpu_ms() { cat "/proc/$operator_pid/task"/*/schedstat | awk '{ s += $1 } END { printf "%.1f", s / 1e6 }'; }
memory_kb() { awk -v k="$1:" '$1 == k { print $2 }' "/proc/$operator_pid/status"; }
memory() { # memory CLUSTERS
    F[rss_$1]=$(memory_kb VmRSS) F[anon_$1]=$(memory_kb RssAnon)
}
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", b - a }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }

# Lines "count verb resource" of what the operator has asked for so far.
requests() {
    if [ -n "$audit" ]; then
        jq -r 'select(.user.username == "operator" and (.stage == "ResponseComplete") == (.verb != "watch"))
            | .verb + " " + (.objectRef.resource // "discovery") +
              (if .objectRef.subresource then "/" + .objectRef.subresource else "" end)' "$audit" |
            sort | uniq -c
    else
        curl -s "http://127.0.0.1:$port_metrics/metrics" |
            sed -n 's/^rest_client_requests_total{.*method="\([A-Z]*\)".* \([0-9]*\)$/\2 \1 -/p' |
            awk '{ n[$2 " " $3] += $1 } END { for (k in n) print n[k], k }'
    fi
}
# requests_since BEFORE AFTER: the difference of two such files, without leases and watches. Events:
# the audit log names them, and over the sandbox's metrics they are the only POSTs.
requests_since() {
    awk 'NR == FNR { before[$2 " " $3] = $1; next }
        { n = $1 - before[$2 " " $3] }
        n > 0 && $2 != "watch" && $2 != "PUT" && $3 != "leases" { print n, $2, $3 }' "$1" "$2" | sort -rn
}
is_event='$3 == "events" || $2 == "POST"'
count_events() { awk "$is_event { n += \$1 } END { print n + 0 }" "$1"; }
count_others() { awk "!($is_event) { n += \$1 } END { print n + 0 }" "$1"; }

measure_start() {
    local started
    started=$(now_us)
    operator_launch
    take '' start --url "http://127.0.0.1:$port_health/readyz" --timeout-s 60
    F[start_ms]=$(ms_between "$started" "${F[answered_at_us]}")
    sleep 2
    memory 0
}
measure_size() {
    strip -o "$work/stripped" "$nemeton"
    F[size]=$(stat -c %s "$work/stripped")
}
measure_yardstick() {
    say "the yardstick"
    "$nemeton" render tests/bench/cluster.yaml >"$work/objects.yaml" 2>"$work/render.log" ||
        { cat "$work/render.log" >&2; fail "render failed"; }
    take '' yardstick --kubeconfig "$operator" --namespace bench-yardstick --file "$work/objects.yaml" --to 100
    take '' clear --kubeconfig "$admin" --namespace bench-yardstick --how objects
    sleep 5
}
measure_render() {
    say "rendering"
    large_cluster >"$work/large.yaml"
    take '' render --file "$work/large.yaml" --how tests/bench/render --samples 60
}
# 100 clusters are there.
measure_adopt() {
    local started TIMEFORMAT='%U %S'
    started=$(now_us)
    { time "$nemeton" adopt --dry-run --kubeconfig "$admin" >"$work/adopt.log" 2>&1; } 2>"$work/adopt.cpu"
    F[adopt_ms]=$(ms_between "$started" "$(now_us)")
    grep -q '^Taking over changes' "$work/adopt.log" || { tail -n 5 "$work/adopt.log" >&2; fail "adopt --dry-run failed"; }
    F[adopt_cpu_s]=$(awk '{ printf "%.2f", $1 + $2 }' "$work/adopt.cpu")
}
measure_create() {
    local cpu
    say "100 clusters"
    requests >"$work/before"
    cpu=$(cpu_ms)
    take '' create --kubeconfig "$admin" --to 100
    F[create_cpu_ms]=$(difference "$cpu" "$(cpu_ms)")
    take '' settle --kubeconfig "$admin" --to 100
    sleep 15 # events that are still under way
    F[settled_cpu_ms]=$(difference "$cpu" "$(cpu_ms)")
    requests >"$work/after"
    requests_since "$work/before" "$work/after" >"$work/requests.$world"
    F[requests]=$(ratio "$(count_others "$work/requests.$world")" 100)
    F[events]=$(ratio "$(count_events "$work/requests.$world")" 100)
    memory 100
}
measure_idle() {
    local cpu minutes=10
    [ -z "$quick" ] || minutes=1
    say "idle, $minutes min"
    requests >"$work/before"
    cpu=$(cpu_ms)
    sleep $((60 * minutes))
    F[idle_cpu_ms]=$(ratio "$(difference "$cpu" "$(cpu_ms)")" "$minutes")
    requests >"$work/after"
    requests_since "$work/before" "$work/after" >"$work/idle.$world"
    F[idle_requests]=$(ratio "$(awk '{ n += $1 } END { print n + 0 }' "$work/idle.$world")" "$minutes")
}
measure_edit() { # measure_edit CLUSTERS [NAMESPACE]
    say "edits among $1"
    take "at$1_" edit --kubeconfig "$admin" --namespace "${2:-bench}" --to "$1" --samples "$samples"
}
measure_restart() {
    local started
    say "restart"
    operator_stop
    take '' lose --kubeconfig "$admin" --to 100
    "$client" whole --kubeconfig "$admin" >"$work/whole" 2>"$work/client.log" &
    local looking=$! n
    for n in $(seq 100); do [ -s "$work/whole" ] && break; sleep 0.1; done
    started=$(now_us)
    operator_launch
    wait "$looking" || { cat "$work/client.log" >&2; fail "$world: nothing was repaired after a restart"; }
    F[restart_cpu_ms]=$(cpu_ms)
    F[restart_ms]=$(ms_between "$started" "$(awk '/whole_at_us/ { print $2 }' "$work/whole")")
    sleep 3
}
measure_latency() {
    measure_edit 100
    say "drift"
    take '' drift --kubeconfig "$admin" --to 100 --samples "$samples" --how delete
    take '' drift --kubeconfig "$admin" --to 100 --samples "$samples" --how edit
    say "policy"
    take '' policy --kubeconfig "$admin" --namespace nemeton-system --samples 5 --gap-ms 500
}
measure_one() {
    say "one cluster"
    take '' create --kubeconfig "$admin" --namespace bench-one
    measure_edit 1 bench-one
    take '' clear --kubeconfig "$admin" --namespace bench-one --how clusters
    sleep 2
}
measure_many() {
    say "300 clusters"
    take many_ create --kubeconfig "$admin" --from 101 --to 300
    take many_ settle --kubeconfig "$admin" --to 300
    sleep 5
    memory 300
    measure_edit 300
    [ -n "$thousand" ] || return 0
    say "1,000 clusters"
    take thousand_ create --kubeconfig "$admin" --from 301 --to 1000 --timeout-s 600
    take thousand_ settle --kubeconfig "$admin" --to 1000 --timeout-s 600
    sleep 10
    memory 1000
}
measure_all() {
    F=()
    samples=60
    [ -z "$quick" ] || samples=25
    : >"$work/operator.log"
    measure_size
    only render && measure_render
    only create && measure_yardstick
    measure_start
    only latency && measure_one
    measure_create
    only adopt && measure_adopt
    only idle && measure_idle
    only latency && measure_latency
    only restart && measure_restart
    only many && measure_many
    return 0
}
