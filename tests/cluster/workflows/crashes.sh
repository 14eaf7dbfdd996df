# Processes are killed and connections cut in the middle of work.

operator() { kubectl -n nemeton-system get pod -l app.kubernetes.io/name=nemeton -o name; }
leader() { kubectl -n nemeton-system get lease nemeton -o 'jsonpath={.spec.holderIdentity}'; }
generation() { kubectl get druid tiny-cluster -o 'jsonpath={.metadata.generation} {.status.observedGeneration}'; }
# in_node COMMAND…: in the node's network
in_node() { nsenter "--net=/proc/$(cat "$dir/init")/ns/net" -- "$@"; }

change tiny-cluster '{"spec":{"podAnnotations":{"round":"three"}}}'
soon "a rollout is under way" 30 "Terminating|0/1|0/2" kubectl get pod -l app=druid
record "$work/killed"
# shellcheck disable=SC2046 # one word a pod
kubectl -n nemeton-system delete $(operator) --grace-period=0 --force >/dev/null 2>&1
soon "other operators" 60 "2/2" kubectl -n nemeton-system get deployment nemeton
ready tiny-cluster 400 "the rollout ends"
stop_record
same "one pod at a time" "" "$(together "$work/killed")"

soon "both run" 60 "2/2" kubectl -n nemeton-system get deployment nemeton
first=$(leader)
kubectl -n nemeton-system delete pod "${first%%_*}" --grace-period=0 --force >/dev/null 2>&1
soon "the other one leads" 40 "^yes" sh -c "[ \"\$('$kubectl_program' -n nemeton-system get lease nemeton -o 'jsonpath={.spec.holderIdentity}')\" != '$first' ] && echo yes"
kubectl delete service druid-tiny-cluster-routers >/dev/null
soon "and works" 20 "ClusterIP" kubectl get service druid-tiny-cluster-routers

expect "the API server is killed" "" cluster restart apiserver
soon "it is back" 60 "ok" kubectl get --raw /readyz
expect "etcd is killed" "" cluster restart etcd
soon "it is back, too" 60 "ok" kubectl get --raw /readyz
kubectl delete service druid-tiny-cluster-routers >/dev/null
soon "the operator found its way" 60 "ClusterIP" kubectl get service druid-tiny-cluster-routers

port=$(sed -n 's/.*https:[^:]*:\([0-9]*\).*/\1/p' "$KUBECONFIG")
in_node iptables -I INPUT -s 198.18.128.0/17 -p tcp --dport "$port" -j DROP
kubectl delete service druid-tiny-cluster-routers >/dev/null
sleep 25
expect "cut off, nobody acts" "NotFound" sh -c "'$kubectl_program' get service druid-tiny-cluster-routers 2>&1 || true"
in_node iptables -D INPUT -s 198.18.128.0/17 -p tcp --dport "$port" -j DROP
soon "connected again" 90 "ClusterIP" kubectl get service druid-tiny-cluster-routers
ready tiny-cluster 90 "Ready in the end"
