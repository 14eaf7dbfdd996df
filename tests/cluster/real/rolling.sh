# A change of the configuration and a new version roll through real Druid, while people use it: no query and
# no task fails.

. tests/cluster/real/talk.sh
prepare
applied=$SECONDS
sed "s|FOLDER|$deep|" tests/cluster/real/cluster.yaml >"$work/real.yaml"
expect "a cluster of two of each" "created" kubectl apply -f "$work/real.yaml"
ready real-cluster 400 "eleven processes are Ready"
echo "       Ready after $((SECONDS - applied)) s"
router=http://$(kubectl get service druid-real-cluster-routers -o 'jsonpath={.spec.clusterIP}'):8888
soon "a batch is taken" 60 '"task":"rows"|already exists' submit "$router" "$(batch rows wiki 40 4)"
soon "and succeeds" 180 '"statusCode":"SUCCESS"' curl -s "$router/druid/indexer/v1/task/rows/status"
soon "every segment is on two servers" 120 '^\[\{"n":8\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM sys.server_segments'

used() { # used NAME: people use the cluster from now on
    batch ID log 10 1 >"$work/batch.json"
    tests/cluster/real/clients.py "$router" "$work/batch.json" "$work/$1.report" &
    background=$!
    record "$work/$1"
    started=$SECONDS
}
used_well() { # used_well NAME: and were served
    echo "       $1: rolled out in $((SECONDS - started)) s"
    stop_record
    kill "$background"
    wait "$background"
    background=
    echo "       $(jq -r '"\(.queries) queries, \(.retried) asked twice, \(.failed | length) failed, the longest \(.longest_ms) ms; \(.tasks) tasks, \(.tasks_failed | length) failed"' "$work/$1.report")"
    same "$1: no query failed" "[]" "$(jq -c '.failed[:20]' "$work/$1.report")"
    same "$1: no task failed" "[]" "$(jq -c .tasks_failed "$work/$1.report")"
    same "$1: they were at it all the time" true "$(jq '.wanted == "[{\"n\":40,\"added\":820}]" and .queries > 200 and .tasks >= 4' "$work/$1.report")"
    same "$1: Druid's order" "historicals middlemanagers brokers routers overlords coordinators" "$(left "$work/$1")"
    same "$1: one pod at a time" "" "$(together "$work/$1")"
    same "$1: every pod once" 11 "$(grep -c '^DELETED ' "$work/$1")"
}
used configuration
change real-cluster "$(kubectl get druid real-cluster -o json | jq -c '{spec: {"common.runtime.properties": (.spec["common.runtime.properties"] + "druid.server.http.maxIdleTime=PT4M\n")}}')"
ready real-cluster 900 "Ready with the new configuration"
used_well configuration
used version
change real-cluster '{"spec":{"image":"apache/druid:33.0.0"}}'
ready real-cluster 900 "Ready with the new version"
used_well version
same "all say the new version" "11 33.0.0" "$(for place in $(kubectl get pod -l app=druid -o json | jq -r ".items[] | .status.podIP + \":\(.spec.containers[0].ports[0].containerPort)\""); do curl -s "http://$place/status" | jq -r .version; done | sort | uniq -c | sed "s/^ *//")"
dismantle real-cluster
