# Sourced by tests/cluster/cluster: simulated nodes, on which pods become Ready without containers, at once
# or as the stages in the folder $NEMETON_STAGES say.

start_nodes() {
    local stages=() f kwok_port
    free_port kwok_port
    for f in "$bin"/stages/node/fast/node-*.yaml "$bin"/stages/node/heartbeat-with-lease/node-*.yaml \
        "${NEMETON_STAGES:-$bin/stages/pod/fast}"/pod-*.yaml; do
        stages+=("--config=$f")
    done
    # Nobody answers in these pods. Their addresses lead nowhere, at once: others lead to a gateway, which may answer.
    run kwok "$bin/kwok" --kubeconfig=kubeconfig "${stages[@]}" --node-lease-duration-seconds=40 \
        --manage-all-nodes=false --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake \
        --cidr=239.244.0.0/16 --node-ip=127.0.0.1 --server-address="127.0.0.1:$kwok_port"
    kubectl apply -f "$root/tests/cluster/nodes.yaml" >/dev/null
    wait_for 60 "the simulated nodes" \
        sh -c "'$bin/kubectl' --kubeconfig '$dir/kubeconfig' get node simulated-0 --no-headers | grep -qw Ready"
}
