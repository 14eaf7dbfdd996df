# `kubectl apply`, as the README says it.

need_cluster || return 0
expect "the kinds" "created" kubectl apply -f crd/
expect "again, with the rules" "configured|unchanged" kubectl apply -k deploy/crd-cel
expect "the operator" "deployment.apps/nemeton created" kubectl apply -k deploy/
expect "again, nothing changes" "unchanged" kubectl apply -k deploy/
# kubectl calls budgets configured whatever it finds.
same "really nothing" "" "$(kubectl apply -k deploy/ | grep -v -e unchanged -e '^poddisruptionbudget')"
expect "two replicas" "successfully rolled out" kubectl -n nemeton-system rollout status deployment/nemeton --timeout=60s
same "the restricted level takes its pods" 2 "$(kubectl -n nemeton-system get pods --no-headers | grep -c Running)"
same "what it may" "yes yes no no" "$(for what in "patch statefulsets.apps" "get secrets" "list secrets" "create pods"; do
    # shellcheck disable=SC2086 # two words
    kubectl auth can-i $what -A --as $identity_user
done | xargs)"
identity_make "$kubectl_program" "$KUBECONFIG" "$work/operator.kubeconfig"
kubectl -n nemeton-system scale deployment nemeton --replicas=0 >/dev/null # simulated pods do not lead
installed() { # installed KUBECONFIG NAMESPACE OPTION…: does an operator with these rights bring a cluster up?
    local config=$1 namespace=$2 operator
    shift 2
    # Nobody answers in simulated pods, which is not waited for.
    sed "s/namespace: default/namespace: $namespace/; s/^spec:/spec:\n  druidTimeout: 3s/" deploy/examples/tiny-cluster.yaml | kubectl apply -f - >/dev/null
    "$nemeton" run --kubeconfig "$config" --metrics-bind-address 0 --health-probe-bind-address 0 "$@" >"$work/operator.log" 2>&1 &
    operator=$!
    expect "a cluster comes up in $namespace" "condition met" kubectl -n "$namespace" wait --for=condition=Ready druid/tiny-cluster --timeout=120s
    same "nothing was refused" "" "$(grep -i forbidden "$work/operator.log")"
    expect "and goes" "deleted" kubectl -n "$namespace" delete druid tiny-cluster --timeout=60s
    kill $operator
    wait $operator 2>/dev/null
}
installed "$work/operator.kubeconfig" default --policy-namespace nemeton-system
kubectl create namespace druid >/dev/null
expect "for one namespace" "deployment.apps/nemeton created" kubectl apply -k deploy/namespaced
kubectl -n druid scale deployment nemeton --replicas=0 >/dev/null
identity_make "$kubectl_program" "$KUBECONFIG" "$work/namespaced.kubeconfig" deploy/namespaced
same "no right beyond it" "yes no" "$(for where in druid default; do kubectl auth can-i patch statefulsets.apps -n $where --as system:serviceaccount:druid:nemeton; done | xargs)"
installed "$work/namespaced.kubeconfig" druid --policy-namespace druid --watch-namespace druid
expect "the network policy" "created" kubectl apply -f deploy/examples/network-policy.yaml
expect "away with it" "deleted" kubectl delete -k deploy/namespaced
expect "all of it" "deleted" kubectl delete -k deploy/
expect "the kinds stay" "druids.druid.apache.org" kubectl get crd
