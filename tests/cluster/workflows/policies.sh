# Policies are changed while a rollout is under way.

annotation() { kubectl -n nemeton-system get configmap "$1" -o "jsonpath={.metadata.annotations.nemeton\.dev/$2}"; }
record "$work/policies"
change tiny-cluster '{"spec":{"podAnnotations":{"round":"one"}}}'
soon "the first group goes" 60 "Terminating|Init|0/1|0/2" kubectl get pod -l nodeSpecUniqueStr=druid-tiny-cluster-historicals
expect "an overlay: Routers first" "created" kubectl -n nemeton-system apply -f deploy/examples/policy-order.yaml
soon "it is in force" 5 "[0-9a-f]{8}" annotation team-order loaded
ready tiny-cluster 400 "Ready under the new order"
stop_record
same "the new order, after the group that was under way" "historicals routers" "$(left "$work/policies" | cut -d' ' -f1,2)"
same "one pod at a time" "" "$(together "$work/policies")"
loaded=$(annotation team-order loaded)
kubectl -n nemeton-system patch configmap team-order --type merge -p '{"data":{"druid.rollout.lua":"local rollout = require \"base.druid.rollout\"\nrollout.order = {\n"}}' >/dev/null
soon "a bad one is told by its line" 5 "druid[./]rollout.*:[0-9]+:" annotation team-order error
change tiny-cluster '{"spec":{"podAnnotations":{"round":"two"}}}'
record "$work/last-good"
ready tiny-cluster 400 "the last good one works on"
stop_record
same "its order" "routers" "$(left "$work/last-good" | cut -d' ' -f1)"
expect "back to none" "deleted" kubectl -n nemeton-system delete configmap team-order
