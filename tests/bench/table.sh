# Sourced by tests/bench/run: the figures as a table.

# row FIGURE VALUE BAR UNIT GO: judged when both value and bar are numbers
row() {
    local reached=''
    [ -n "$2" ] || return 0
    [ -z "$3" ] || reached=$(awk -v v="$2" -v b="$3" 'BEGIN { print v + 0 <= b + 0 ? "yes" : "NO" }')
    printf '%-54s %12s  %10s  %-4s %s\n' "$1" "$2 $4" "${3:+≤ $3}" "$reached" "$5"
}
scaled() { # scaled VALUE DIVISOR DIGITS
    [ -n "$1" ] && awk -v v="$1" -v d="$2" -v n="$3" 'BEGIN { printf "%.*f", n, v / d }'
}
per_cluster() { # anonymous memory between two numbers of clusters, for each
    [ -n "${F[anon_$2]:-}" ] && awk -v a="${F[anon_$1]}" -v b="${F[anon_$2]}" -v n="$(($2 - $1))" 'BEGIN { printf "%.1f", (b - a) / n }'
}
latency_rows() { # latency_rows TITLE PREFIX BAR GO
    row "$1, median" "${F[$2_p50_ms]:-}" "$3" ms "$4"
    row "$1, p99" "${F[$2_p99_ms]:-}" "" ms ""
    row "    from the server's answer, median" "${F[$2_accepted_p50_ms]:-}" "" ms ""
}
table_print() { # table_print TITLE
    local bar='' n
    [ -z "${F[yardstick_s]:-}" ] || bar=$(awk -v y="${F[yardstick_s]}" 'BEGIN { printf "%.2f", 1.3 * y }')
    printf '\n%s\n\n%-54s %12s  %10s  %-4s %s\n' "$1" "figure" "measured" "bar" "met" "Go operator, real 1.35"
    row "stripped binary" "$(scaled "${F[size]:-}" 1000000 2)" 2 MB "37.6 MB"
    row "start to ready" "${F[start_ms]:-}" "" ms ""
    row "RSS, no cluster" "$(scaled "${F[rss_0]:-}" 1024 1)" 16 MiB "32 MB"
    row "anonymous memory, no cluster" "$(scaled "${F[anon_0]:-}" 1024 1)" 4 MiB "7 MB"
    for n in 100 300 1000; do
        row "RSS, $n clusters" "$(scaled "${F[rss_$n]:-}" 1024 1)" "" MiB ""
        row "anonymous memory, $n clusters" "$(scaled "${F[anon_$n]:-}" 1024 1)" "" MiB ""
    done
    row "anonymous memory of a cluster, 0 to 100" "$(per_cluster 0 100)" 40 kB "400 kB"
    row "anonymous memory of a cluster, 100 to 300" "$(per_cluster 100 300)" 40 kB "400 kB"
    row "anonymous memory of a cluster, 300 to 1,000" "$(per_cluster 300 1000)" 40 kB "400 kB"
    row "bare client, 1,300 objects, 64 in flight" "${F[yardstick_s]:-}" "" s ""
    row "100 clusters created, all 1,300 objects there" "${F[create_s]:-}" "$bar" s "27 s"
    row "CPU for that" "$(scaled "${F[create_cpu_ms]:-}" 1000 2)" 1 s "10.4 s"
    row "CPU until they are Ready and told" "$(scaled "${F[settled_cpu_ms]:-}" 1000 2)" "" s ""
    row "requests of a deployed cluster, besides events" "${F[requests]:-}" 17 "" "16-23"
    row "events of a deployed cluster" "${F[events]:-}" 4 "" "13"
    row "requests of an idle minute, 100 clusters" "${F[idle_requests]:-}" 0 "" "596"
    row "CPU of an idle minute, 100 clusters" "$(scaled "${F[idle_cpu_ms]:-}" 1000 3)" 0.05 s "4.5 s"
    latency_rows "CR edit to changed template, 1 cluster" at1_edit 15 "39 ms"
    latency_rows "CR edit to changed template, 100 clusters" at100_edit 15 "124 ms"
    latency_rows "CR edit to changed template, 300 clusters" at300_edit 15 "5 s"
    latency_rows "owned object deleted to back" deleted 20 "3.2 s"
    latency_rows "owned object edited by hand to back" drifted 20 "never"
    row "restart, 100 clusters each missing one object" "$(scaled "${F[restart_ms]:-}" 1000 2)" 0.5 s "4.5 s"
    row "CPU for that" "$(scaled "${F[restart_cpu_ms]:-}" 1000 2)" 0.2 s "1.06 s"
    row "40 groups rendered, 161 objects, CPU, median" "${F[render_p50_ms]:-}" 5 ms ""
    row "    judged, rendered and handed over" "${F[render_whole_p50_ms]:-}" "" ms ""
    row "adopt --dry-run, 100 clusters" "$(scaled "${F[adopt_ms]:-}" 1000 2)" 5 s "-"
    row "    CPU for that" "${F[adopt_cpu_s]:-}" "" s ""
    row "policy edit to in force, median" "${F[policy_p50_ms]:-}" 1000 ms "-"
    row "policy edit to in force, p99" "${F[policy_p99_ms]:-}" 1000 ms "-"
    printf '\nRequests while 100 clusters were deployed:\n'
    awk '{ printf "    %6d  %s %s\n", $1, $2, $3 }' "$work/requests.$world"
    if [ -s "$work/idle.$world" ]; then
        printf 'Requests while idle:\n'
        awk '{ printf "    %6d  %s %s\n", $1, $2, $3 }' "$work/idle.$world"
    fi
}
