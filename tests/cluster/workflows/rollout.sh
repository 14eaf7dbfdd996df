# A new image rolls group by group in order; a property restarts its own group only.

order="historicals middlemanagers brokers routers overlords coordinators"
change tiny-cluster '{"spec":{"nodes":{"historicals":{"replicas":2,"runtime.properties":"druid.service=druid/historical\nstandin.segments=3\nstandin.load_ms=3000\n"},"brokers":{"replicas":2}}}}'
ready tiny-cluster 120 "two of each"
router=$(kubectl get service druid-tiny-cluster-routers -o 'jsonpath={.spec.clusterIP}')
soon "data is there" 20 '"currSize":3000.*"currSize":3000' curl -s "http://$router:8888/druid/coordinator/v1/servers?simple"
record "$work/upgrade"
change tiny-cluster '{"spec":{"image":"apache/druid:35.0.0"}}'
ready tiny-cluster 400 "Ready after the upgrade"
stop_record
same "the order of an upgrade" "$order" "$(left "$work/upgrade")"
same "one pod at a time" "" "$(together "$work/upgrade")"
same "all have the new image" 8 "$(kubectl get pod -l app=druid -o json | jq '[.items[] | select(.spec.containers[0].image == "apache/druid:35.0.0")] | length')"
expect "the leader says the new version" '"version":"35.0.0"' curl -s "http://$(ip_of druid-tiny-cluster-coordinators-0):8081/status"
record "$work/property"
change tiny-cluster '{"spec":{"nodes":{"brokers":{"runtime.properties":"druid.service=druid/broker\ndruid.server.http.numThreads=7\n"}}}}'
ready tiny-cluster 120 "Ready after the property"
stop_record
same "the brokers alone" "brokers" "$(left "$work/property")"
same "one of them at a time" "" "$(together "$work/property")"
