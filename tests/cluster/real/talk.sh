# Sourced by the workflows on real Druid: what they say to it.

login=() # options for curl
# Properties of Druid with basic authentication.
passwords='druid.auth.authenticatorChain=["basic"]
druid.auth.authenticator.basic.type=basic
druid.auth.authenticator.basic.initialAdminPassword=of-the-admin
druid.auth.authenticator.basic.initialInternalClientPassword=of-processes
druid.auth.authenticator.basic.credentialsValidator.type=metadata
druid.auth.authenticator.basic.skipOnFailure=false
druid.auth.authenticator.basic.authorizerName=basic
druid.escalator.type=basic
druid.escalator.internalClientUsername=druid_system
druid.escalator.internalClientPassword=of-processes
druid.escalator.authorizerName=basic
druid.auth.authorizers=["basic"]
druid.auth.authorizer.basic.type=basic
'

load_druid() { # load_druid VERSION…: into the node, once, whoever runs beside us
    local version
    exec 8>"$dir/loading"
    flock 8
    for version in "$@"; do
        [ ! -f "$dir/druid-$version" ] || continue
        expect "Druid $version into the node" "" cluster load "$(tests/cluster/real/image "$version")"
        touch "$dir/druid-$version"
    done
    exec 8>&-
}
with_nemeton() { kubectl -n nemeton-system get deployment nemeton >/dev/null 2>&1 || install_nemeton; }
# Nemeton, two releases of Druid, and what it stands on; its segments will be in $deep
prepare() {
    with_nemeton
    load_druid 28.0.0 33.0.0
    kubectl apply -f tests/cluster/real/ground.yaml >/dev/null
    expect "what Druid stands on" "complete|roll out" kubectl rollout status statefulset/ground --timeout=120s
    deep=$dir/deep-$namespace
    rm -rf "$deep"
    install -d -m 777 "$deep"
}
dismantle() { # dismantle NAME
    expect "it is deleted" "deleted" kubectl delete druid "$1" --timeout=120s
    soon "and gone" 60 "^$" kubectl get statefulset,service,configmap,pod -l "druid_cr=$1" -o name
    kubectl delete -f tests/cluster/real/ground.yaml --timeout=60s >/dev/null
}
# batch ID DATASOURCE ROWS [DAYS]: a task that loads so many rows, spread over so many days
batch() {
    jq -cn --arg id "$1" --arg source "$2" --argjson rows "$3" --argjson days "${4:-2}" '{type: "index_parallel", id: $id, spec: {
        dataSchema: {dataSource: $source, timestampSpec: {column: "time", format: "iso"}, dimensionsSpec: {dimensions: ["page"]},
            metricsSpec: [{type: "longSum", name: "added", fieldName: "added"}],
            granularitySpec: {segmentGranularity: "DAY", queryGranularity: "NONE", rollup: false}},
        ioConfig: {type: "index_parallel", inputFormat: {type: "json"}, inputSource: {type: "inline", data:
            [range($rows) | {time: "2026-01-0\(1 + . % $days)T00:00:00Z", page: "p\(.)", added: (. + 1)} | tojson] | join("\n")}},
        tuningConfig: {type: "index_parallel", maxRowsInMemory: 1000}}}'
}
submit() { curl -s "${login[@]}" --max-time 20 -H 'Content-Type: application/json' -d "$2" "$1/druid/indexer/v1/task"; }
ask() { # ask ROUTER SQL
    jq -cn --arg query "$2" '{query: $query}' | curl -s "${login[@]}" --max-time 20 -H 'Content-Type: application/json' -d @- "$1/druid/v2/sql"
}
