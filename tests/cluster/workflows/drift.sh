# What others delete or change comes back at once.

# raw PATH: without kubectl, which takes a good part of a second itself where much else runs
raw() {
    curl -s --cacert "$dir/pki/ca.crt" -H "Authorization: Bearer $(sed -n 's/.*token: \([^}]*\)}.*/\1/p' "$KUBECONFIG")" \
        "$(sed -n 's/.*server: "\([^"]*\)".*/\1/p' "$KUBECONFIG")$1"
}
# back KIND NAME: deleted, there again (as another object) within a second
back() {
    local path=/api/v1 uid start waited now=
    [ "$1" != statefulset ] || path=/apis/apps/v1
    path=$path/namespaces/default/${1}s/$2
    uid=$(raw "$path" | jq -r .metadata.uid)
    kubectl delete "$1" "$2" --cascade=orphan --wait=false >/dev/null
    start=$(date +%s%N)
    while waited=$((($(date +%s%N) - start) / 1000000)); [ $waited -lt 10000 ]; do
        now=$(raw "$path" | jq -r '.metadata.uid // ""')
        [ -z "$now" ] || [ "$now" = "$uid" ] || break
        now=
    done
    if [ -n "$now" ] && [ $waited -le 1000 ]; then good; else bad "$1 $2 is back within a second" "$waited ms"; fi
}
for kind in service configmap statefulset; do
    for name in $(kubectl get "$kind" -l app=druid -o 'jsonpath={.items[*].metadata.name}'); do
        case $kind/$name in
        *-last-good) ;; # what may be gone back to is no part of the cluster
        */*routers* | */*historicals* | configmap/tiny-cluster-druid-common-config) back "$kind" "$name" ;;
        esac
    done
done
router_config=configmap/druid-tiny-cluster-routers-config
kubectl patch "$router_config" --type merge -p '{"data":{"runtime.properties":"changed=by hand","added":"by hand"}}' >/dev/null
soon "an edited ConfigMap" 2 "druid.service=druid/router" kubectl get "$router_config" -o yaml
expect "what was added to it is gone" "^none$" sh -c "'$kubectl_program' get '$router_config' -o yaml | grep 'by hand' || echo none"
kubectl patch statefulset druid-tiny-cluster-routers --type merge -p '{"spec":{"replicas":3}}' >/dev/null
soon "an edited StatefulSet" 2 "^1$" kubectl get statefulset druid-tiny-cluster-routers -o 'jsonpath={.spec.replicas}'
kubectl patch service druid-tiny-cluster-routers --type merge -p '{"spec":{"selector":{"app":"other"}}}' >/dev/null
soon "an edited Service" 2 "druid_cr.:.tiny-cluster" kubectl get service druid-tiny-cluster-routers -o 'jsonpath={.spec.selector}'
expect "an object of somebody else" "created" kubectl create configmap mine --from-literal=a=b
ready tiny-cluster 60 "Ready again"
