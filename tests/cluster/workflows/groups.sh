# Groups come, grow, shrink, are renamed and go; the others do not notice.

uids() { kubectl get pod -l app=druid -o json | jq -r '.items[] | select(.metadata.name | test("coordinators|overlords|routers")) | .metadata.uid' | sort | tr '\n' ' '; }
others=$(uids)
hot='"nodeType":"historical","druid.port":8083,"nodeConfigMountPath":"/opt/druid/conf/druid/cluster/data/historical","runtime.properties":"druid.service=druid/historical\ndruid.server.tier=hot\n"'
change tiny-cluster "{\"spec\":{\"nodes\":{\"hot\":{$hot,\"replicas\":1}}}}"
ready tiny-cluster 60 "a group more"
expect "its pod" "Running" kubectl get pod druid-tiny-cluster-hot-0
change tiny-cluster '{"spec":{"nodes":{"hot":{"replicas":2}}}}'
ready tiny-cluster 60 "a pod more"
expect "its second pod" "1/1" kubectl get pod druid-tiny-cluster-hot-1
change tiny-cluster '{"spec":{"nodes":{"hot":{"replicas":1}}}}'
soon "a pod less" 60 "NotFound" sh -c "'$kubectl_program' get pod druid-tiny-cluster-hot-1 2>&1 || true"
change tiny-cluster "{\"spec\":{\"nodes\":{\"hot\":null,\"warm\":{$hot,\"replicas\":1}}}}"
soon "renamed: the new one" 60 "1/1" kubectl get pod druid-tiny-cluster-warm-0
soon "renamed: the old one is gone" 60 "^$" kubectl get statefulset,service,configmap,pod -l nodeSpecUniqueStr=druid-tiny-cluster-hot -o name
change tiny-cluster '{"spec":{"nodes":{"warm":null}}}'
soon "removed" 60 "^$" kubectl get statefulset,service,configmap,pod -l nodeSpecUniqueStr=druid-tiny-cluster-warm -o name
ready tiny-cluster 60 "Ready without it"
same "nobody else restarted" "$others" "$(uids)"
change tiny-cluster '{"spec":{"nodes":{"historicals":{"replicas":1},"brokers":{"replicas":1}}}}'
soon "one of each again" 60 "NotFound" sh -c "'$kubectl_program' get pod druid-tiny-cluster-historicals-1 2>&1 || true"
ready tiny-cluster 60 "Ready with one of each"
