# Sourced by tests/cluster/cluster: etcd, API server, controller-manager and scheduler.

certificates() {
    cd "$dir/pki"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=nemeton-test-ca -days 30
    openssl genrsa -out sa.key 2048
    openssl rsa -in sa.key -pubout -out sa.pub
    openssl req -newkey rsa:2048 -nodes -keyout apiserver.key -out apiserver.csr -subj /CN=kube-apiserver
    printf 'subjectAltName=IP:127.0.0.1,IP:%s,IP:%s,DNS:localhost,DNS:kubernetes.default.svc\n' "$address" "${services%.*}.1" >san
    openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile san -out apiserver.crt
    cd "$dir"
}
kubeconfig() { # kubeconfig FILE USER TOKEN
    cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://$address:$port", certificate-authority: $dir/pki/ca.crt}}]
users: [{name: $2, user: {token: $3}}]
contexts: [{name: test, context: {cluster: test, user: $2}}]
current-context: test
END
}
start_apiserver() {
    local etcd_bin=$bin/etcd api_bin=$bin/kube-apiserver admin operator etcd_port peer_port unsafe=--unsafe-no-fsync
    local endpoints=--endpoint-reconciler-type=none
    [ "$profile" != node ] || endpoints="--advertise-address=$address --kubelet-preferred-address-types=InternalIP"
    [ -n "${KUBEBUILDER_ASSETS:-}" ] && etcd_bin=$KUBEBUILDER_ASSETS/etcd api_bin=$KUBEBUILDER_ASSETS/kube-apiserver
    admin=$(openssl rand -hex 16)
    operator=$(openssl rand -hex 16)
    # A second identity, so that the audit log can tell an operator's requests apart.
    printf '%s,admin,admin,system:masters\n%s,operator,operator,system:masters\n' "$admin" "$operator" >pki/tokens.csv
    "$etcd_bin" --help 2>&1 | grep -- $unsafe >/dev/null || unsafe=
    free_port etcd_port
    free_port peer_port
    free_port port
    kubeconfig kubeconfig admin "$admin"
    kubeconfig kubeconfig.operator operator "$operator"
    cat >audit.yaml <<'END'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata, users: [operator, "system:serviceaccount:nemeton-system:nemeton"]}, {level: None}]
END
    run etcd "${beside_node[@]}" "$etcd_bin" --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" \
        --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" $unsafe
    run apiserver "${beside_node[@]}" "$api_bin" --etcd-servers="http://127.0.0.1:$etcd_port" --secure-port="$port" \
        --bind-address="$address" $endpoints --tls-cert-file=pki/apiserver.crt \
        --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
        --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
        --service-account-issuer=https://kubernetes.default.svc --api-audiences=https://kubernetes.default.svc \
        --token-auth-file=pki/tokens.csv --authorization-mode=RBAC --service-cluster-ip-range=$services/16 --allow-privileged=true \
        --audit-policy-file=audit.yaml --audit-log-path="$dir/log/audit.json" --audit-log-maxsize=2000 \
        ${APISERVER_EXTRA:-}
    wait_for 90 "the API server" kubectl get --raw /readyz
}
start_controllers() {
    local manager_port scheduler_port insecure=
    [ "$release" != 1.20 ] || insecure=--port=0 # a fixed port otherwise, which only one cluster could have
    free_port manager_port
    free_port scheduler_port
    run controller-manager "${beside_node[@]}" "$bin/kube-controller-manager" --kubeconfig=kubeconfig \
        --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig \
        --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt --leader-elect=false \
        --enable-hostpath-provisioner=true --kube-api-qps=300 --kube-api-burst=600 \
        --concurrent-statefulset-syncs=10 --secure-port="$manager_port" --bind-address=127.0.0.1 $insecure
    run scheduler "${beside_node[@]}" "$bin/kube-scheduler" --kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig \
        --authorization-kubeconfig=kubeconfig --leader-elect=false --secure-port="$scheduler_port" \
        --bind-address=127.0.0.1 $insecure
    kubectl apply -f "$root/tests/cluster/storageclass.yaml" >/dev/null
}
# The provisioner's folders, which are outside of $dir. They are found in etcd's files, which needs no
# server that still answers.
remove_volumes() {
    local path
    [ -d "$dir/etcd" ] || return 0
    grep -rhaoE '/tmp/hostpath_pv/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$dir/etcd" 2>/dev/null | sort -u |
        while read -r path; do rm -rf "$path"; done || true
    rmdir /tmp/hostpath_pv 2>/dev/null || true
}
