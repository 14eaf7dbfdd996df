# A user installs Nemeton and the example, with real Druid in it, loads rows and asks for them.

. tests/cluster/real/talk.sh

with_nemeton
load_druid 33.0.0
# As the example says: the processes have to share the segments, and here is one node.
rm -rf "$dir/data"
install -d -m 777 "$dir/data"
sed "s|apache/druid:34.0.0|apache/druid:33.0.0|g; s|{name: data, emptyDir: {}}|{name: data, hostPath: {path: $dir/data}}|" \
    deploy/examples/tiny-cluster.yaml >"$work/tiny.yaml"
applied=$SECONDS
expect "the example" "druid.druid.apache.org/tiny-cluster created" kubectl apply -f "$work/tiny.yaml"
ready tiny-cluster 300 "the example is Ready"
echo "       the example was Ready after $((SECONDS - applied)) s"
router=http://$(kubectl get service druid-tiny-cluster-routers -o 'jsonpath={.spec.clusterIP}'):8888
expect "real Druid says so itself" '"version":"33.0.0"' curl -s "$router/status"
submitted=$SECONDS
expect "a batch through the Router" '"task":"rows"' submit "$router" "$(batch rows wiki 3)"
soon "it succeeds" 120 '"statusCode":"SUCCESS"' curl -s "$router/druid/indexer/v1/task/rows/status"
soon "its rows are there" 180 '^\[\{"n":3,"added":6\}\]' ask "$router" 'SELECT COUNT(*) AS "n", SUM("added") AS "added" FROM "wiki"'
echo "       rows were answered $((SECONDS - submitted)) s after the batch was sent"
expect "what the Coordinator knows" '"wiki":100' curl -s "$router/druid/coordinator/v1/loadstatus"
expect "the example of an ingestion" "created" kubectl apply -f <(sed 's/dataSource: wiki/dataSource: pages/' deploy/examples/ingestion.yaml)
soon "it succeeds, too" 120 "Succeeded" kubectl get druidingestion wiki -o 'jsonpath={.status.phase}'
soon "and its rows are there" 180 '^\[\{"n":3\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM "pages"'
expect "with the rules that it gives" '"_default_tier":1' curl -s "$router/druid/coordinator/v1/rules/pages"
expect "it is deleted first" "deleted" kubectl delete druidingestion wiki --timeout=60s
soon "still Ready" 30 "tiny-cluster +True +6/6" kubectl get druid
same "no container was started twice" "" "$(kubectl get pod -l app=druid -o json | jq -r '.items[] | select(any(.status.containerStatuses[]; .restartCount > 0)) | .metadata.name')"
expect "it is deleted" "deleted" kubectl delete druid tiny-cluster --timeout=120s
soon "and gone" 60 "^$" kubectl get statefulset,service,configmap,pod -l druid_cr=tiny-cluster -o name
