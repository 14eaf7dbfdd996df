# A user installs Nemeton and the example, and waits.

tests/cluster/standin/image "$work/34.tar" 34.0.0 docker.io/apache/druid:34.0.0 docker.io/library/zookeeper:3.9
tests/cluster/standin/image "$work/35.tar" 35.0.0 docker.io/apache/druid:35.0.0
expect "images into the node" "" cluster load "$work/34.tar" "$work/35.tar"
install_nemeton
expect "the example" "druid.druid.apache.org/tiny-cluster created" kubectl apply -f deploy/examples/tiny-cluster.yaml
expect "waits until it is Ready" "condition met" kubectl wait --for=condition=Ready druid/tiny-cluster --timeout=120s
expect "its line" "tiny-cluster +True +6/6" kubectl get druid
same "six pods run" 6 "$(kubectl get pod -l app=druid --no-headers | grep -c Running)"
router=$(kubectl get service druid-tiny-cluster-routers -o 'jsonpath={.spec.clusterIP}')
soon "the Router's Service answers" 15 "true" curl -sf --max-time 5 "http://$router:8888/status/health"
soon "the leader by the Router" 15 "coordinators-0.*:8081" curl -sf --max-time 5 "http://$router:8888/druid/coordinator/v1/leader"
druid tiny-cluster >"$work/quick.yaml"
expect "quick probes from now on" "configured" kubectl apply -f "$work/quick.yaml"
ready tiny-cluster 120 "Ready with quick probes"
