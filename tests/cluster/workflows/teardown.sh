# A deleted cluster is gone, its volumes as declared; a namespace that is deleted ends.

claims='"volumeClaimTemplates":[{"metadata":{"name":"cache"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}],"volumeMounts":[{"name":"cache","mountPath":"/druid/cache"}]'
count_claims() { kubectl get pvc -l "druid_cr=$1" -o name | grep -c . ; }
druid wet-cluster "{\"spec\":{\"nodes\":{\"historicals\":{$claims}}}}" | kubectl apply -f - >/dev/null
druid dry-cluster "{\"spec\":{\"disablePVCDeletionFinalizer\":true,\"nodes\":{\"historicals\":{$claims}}}}" | kubectl apply -f - >/dev/null
ready wet-cluster 120 "one whose volumes go"
ready dry-cluster 120 "one whose volumes stay"
same "claims are bound" "Bound Bound" "$(kubectl get pvc -o 'jsonpath={.items[*].status.phase}')"
expect "one is deleted" "deleted" kubectl delete druid wet-cluster --timeout=90s
soon "all of it is gone, and its volumes" 60 "^$" kubectl get statefulset,service,configmap,pod,pvc -l druid_cr=wet-cluster -o name
expect "the other is deleted" "deleted" kubectl delete druid dry-cluster --timeout=90s
soon "all of it is gone" 60 "^$" kubectl get statefulset,service,configmap,pod -l druid_cr=dry-cluster -o name
sleep 2
same "but its volume" 1 "$(count_claims dry-cluster)"
expect "the first cluster is deleted" "deleted" kubectl delete druid tiny-cluster --timeout=90s
soon "and gone" 60 "^$" kubectl get statefulset,service,configmap,pod,pvc -l druid_cr=tiny-cluster -o name
expect "somebody else's ConfigMap stays" "configmap/mine" kubectl get configmap mine -o name

expect "a namespace" "created" kubectl create namespace short-lived
druid short-cluster "{\"metadata\":{\"namespace\":\"short-lived\"},\"spec\":{\"nodes\":{\"historicals\":{$claims}}}}" | kubectl apply -f - >/dev/null
soon "pods in it" 60 "Running" kubectl -n short-lived get pod
expect "the namespace ends" "deleted" kubectl delete namespace short-lived --timeout=120s
