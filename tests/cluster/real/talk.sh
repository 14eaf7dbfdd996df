# Sourced by the workflows on real Druid: what they say to it.

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
submit() { curl -s --max-time 20 -H 'Content-Type: application/json' -d "$2" "$1/druid/indexer/v1/task"; }
ask() { # ask ROUTER SQL
    jq -cn --arg query "$2" '{query: $query}' | curl -s --max-time 20 -H 'Content-Type: application/json' -d @- "$1/druid/v2/sql"
}
