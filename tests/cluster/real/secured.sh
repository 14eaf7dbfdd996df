# Druid with passwords: the operator has one, sets what the object says, and asks before it goes on.

. tests/cluster/real/talk.sh
prepare
login=(-u admin:of-the-admin)
kubectl create secret generic druid-login --from-literal=OperatorUserName=admin --from-literal=OperatorPassword=of-the-admin >/dev/null
sed "s|FOLDER|$deep|; s|replicas: 2|replicas: 1|; s|real-cluster|secured-cluster|
    s|loadList=\[\]|loadList=[\"druid-basic-security\"]|" tests/cluster/real/cluster.yaml >"$work/plain.yaml"
workers() { curl -s "${login[@]}" "$router/druid/indexer/v1/worker"; }
coordination() { curl -s "${login[@]}" "$router/druid/coordinator/v1/config"; }
kubectl patch --local -f "$work/plain.yaml" --type merge -o json -p '{"spec":{"auth":{"type":"basic-auth","secretRef":{"name":"druid-login","namespace":"'"$namespace"'"}},
    "nodes":{"coordinators":{"dynamicConfig":{"maxSegmentsToMove":42}},
        "middlemanagers":{"dynamicConfig":{"type":"default","selectStrategy":{"type":"equalDistribution"}}}}}}' |
    jq --arg passwords "$passwords" '.spec["common.runtime.properties"] += $passwords' >"$work/secured.json"
expect "a cluster with passwords" "created" kubectl apply -f "$work/secured.json"
ready secured-cluster 300 "it is Ready"
router=http://$(kubectl get service druid-secured-cluster-routers -o 'jsonpath={.spec.clusterIP}'):8888
soon "it asks for a password" 30 "^401$" curl -s -o /dev/null -w '%{http_code}' "$router/druid/indexer/v1/workers"
soon "the Coordinator's configuration is the object's" 60 '"maxSegmentsToMove":42,' coordination
soon "and that for workers" 60 '"selectStrategy":\{"type":"equalDistribution"' workers
same "it is told" True "$(kubectl get druid secured-cluster -o json | jq -r '.status.conditions[] | select(.type == "DynamicConfigApplied").status')"
pods=$(kubectl get pod -l app=druid -o json | jq -c '[.items[].metadata.uid] | sort')
curl -s "${login[@]}" -H 'Content-Type: application/json' -d '{"maxSegmentsToMove":7}' "$router/druid/coordinator/v1/config"
change secured-cluster '{"spec":{"nodes":{"coordinators":{"dynamicConfig":{"replicantLifetime":16}}}}}'
soon "what was changed by hand comes back with the next change" 60 '"maxSegmentsToMove":42,"replicantLifetime":16' coordination
same "no pod was restarted for it" "$pods" "$(kubectl get pod -l app=druid -o json | jq -c '[.items[].metadata.uid] | sort')"
sed "s/tiny-cluster/secured-cluster/; s/namespace: default/namespace: $namespace/" deploy/examples/ingestion.yaml | kubectl apply -f - >/dev/null
soon "an ingestion succeeds" 180 "Succeeded" kubectl get druidingestion wiki -o 'jsonpath={.status.phase}'
soon "its rows are there" 60 '^\[\{"n":3\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM "wiki"'
record "$work/secured"
change secured-cluster '{"spec":{"podAnnotations":{"round":"one"}}}'
ready secured-cluster 600 "Ready after a rollout"
stop_record
same "in Druid's order" "historicals middlemanagers brokers routers overlords coordinators" "$(left "$work/secured")"
same "nothing went by what Kubernetes says alone" "" "$(kubectl get druid secured-cluster -o yaml | grep 'could not be asked')$(kubectl get events -o yaml | grep 'could not be asked')"
soon "rows are there again" 60 '^\[\{"n":3\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM "wiki"'
kubectl -n nemeton-system logs deployment/nemeton --all-pods --tail=-1 >"$work/log"
expect "the operator logs what it does" "secured-cluster" cat "$work/log"
expect "but no password" "^0$" sh -c "grep -c of-the-admin '$work/log' || true"
kubectl delete druidingestion wiki --timeout=60s >/dev/null
dismantle secured-cluster
kubectl delete secret druid-login >/dev/null
