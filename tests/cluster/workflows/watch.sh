# Sourced by the workflows: what happened to pods, from the API server's own watch.

recording=
# record FILE: from now on; each line is an event of a pod of Druid: kind, group, name, uid, state
record() {
    kubectl get pod -l app=druid -w --output-watch-events -o json --request-timeout=0 >"$1.raw" 2>/dev/null &
    recording=$!
    record_file=$1
    sleep 1
}
stop_record() {
    kill "$recording" 2>/dev/null
    wait "$recording" 2>/dev/null
    jq -r '.type as $type | .object | [$type, (.metadata.labels.nodeSpecUniqueStr // "-" | sub("druid-[a-z]+-cluster-"; "")),
        .metadata.name, .metadata.uid,
        (if .metadata.deletionTimestamp then "leaves"
         elif any(.status.conditions[]?; .type == "Ready" and .status == "True") then "ready" else "waits" end)] | join(" ")' \
        "$record_file.raw" >"$record_file" 2>/dev/null
    recording=
}
# left FILE: the groups in the order in which their first pod was told to go
left() { awk '$5 == "leaves" && !($2 in seen) { seen[$2]; printf "%s%s", n++ ? " " : "", $2 } END { print "" }' "$1"; }
# together FILE: names of pods that were told to go while another one was not ready
together() {
    awk '{ before = state[$3]
           if ($5 == "leaves" && before == "ready") for (p in state) if (p != $3 && state[p] != "ready") print $3 " went while " p " " state[p]
           if ($1 == "DELETED") state[$3] = "away"; else state[$3] = $5 }' "$1"
}
