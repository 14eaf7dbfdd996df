# Sourced by tests/bench/run: an update of 100 pods in virtual time (rollout.lua), as a table.

rollout_print() {
    local scenario said name value
    declare -A R
    scenario=$(dirname "$nemeton")/tests/scenario
    [ -x "$scenario" ] || { echo "bench: no \`$scenario\`: build the target scenario" >&2; return 1; }
    said=$("$scenario" --mode virtual tests/bench/rollout.lua) || { printf '%s\n' "$said" >&2; return 1; }
    while read -r name value; do R[$name]=$value; done < <(grep -E '^[a-z_0-9]+ [0-9.]+$' <<<"$said")
    printf '\n%s\n\n%-54s %12s  %10s  %-4s\n' "An update of 100 pods, virtual time" "figure" "measured" "bar" "met"
    row "from the edit until all is Ready" "${R[wall_s]:-}" "" s ""
    row "    pods or segments are away" "${R[away_s]:-}" "" s ""
    row "    looked at twice on purpose" "${R[twice_s]:-}" "" s ""
    row "the whole by these two" "${R[ratio]:-}" 1.05 "" ""
    row "requests to the API server a pod, besides events" "${R[api_per_pod]:-}" 10 "" ""
    row "    events" "${R[events_per_pod]:-}" "" "" ""
    row "times that Druid is asked, in 5 s" "${R[polls_per_5_s]:-}" 1 "" ""
}
