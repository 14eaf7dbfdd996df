# Sourced by tests/install/rights: what needs a right. A need is a function with three moments: `do` brings
# about that the operator has to use the right, `done` is true when it has done its work, `undo` goes back.

# need_of RIGHT: the need, and what it is about
need_of() {
    # shellcheck disable=SC2086 # three words
    set -- $1
    case "$1 $3" in
    "create leases") echo takes_a_lease ;;
    "get leases" | "update leases") echo renews_its_lease ;;
    "list leases") echo looks_for_a_former_operator ;;
    "get secrets") echo logs_in ;;
    "create events") echo tells_a_first_event ;;
    "patch events") echo tells_an_event_again ;;
    "list events") echo hears_why_pods_are_refused ;;
    "patch configmaps") [ "${role:-}" = role/nemeton ] && echo marks_a_policy || echo "repairs configmaps" ;;
    "list "*) echo "starts_with $3" ;;
    "watch "*) echo "watches $3" ;;
    "patch druids/status" | "patch druidingestions/status") echo "reports ${3%/status}" ;;
    "patch druids" | "patch druidingestions") echo "holds_by_a_finalizer $3" ;;
    "get druids") echo "removes services" ;;
    "delete pods" | "get pods") echo replaces_pods ;;
    "get pods/log") echo reads_last_words ;;
    "create persistentvolumeclaims") echo makes_a_claim ;;
    "delete persistentvolumeclaims" | "get persistentvolumeclaims") echo removes_claims ;;
    "create "*) echo "brings_back $3" ;;
    "patch "*) echo "repairs $3" ;;
    "get "* | "delete "*) echo "removes $3" ;;
    *) return 1 ;;
    esac
}

# A cluster with an object of each kind: `extras`, a group of a StatefulSet, and `extrad`, one of a Deployment.
extra() { # extra KIND PORT
    jq -cn --arg kind "$1" --argjson port "$2" '{kind: $kind, nodeType: "router", replicas: 1, "druid.port": $port,
        nodeConfigMountPath: "/opt/druid/conf/druid/cluster/query/router", "runtime.properties": "druid.service=druid/router",
        podDisruptionBudgetSpec: {maxUnavailable: 1}, ingress: {rules: [{host: "x.example.com"}]}, hpAutoscaler: {minReplicas: 1, maxReplicas: 2}}'
}
change() { kubectl -n rights patch druid one --type merge -p "$1"; }
with_extras() { change "{\"spec\":{\"nodes\":{\"extras\":$(extra StatefulSet 8898),\"extrad\":$(extra Deployment 8899)}}}"; }
druid() { # druid NAME
    sed "s/tiny-cluster/$1/g; s/namespace: default/namespace: rights/" deploy/examples/tiny-cluster.yaml |
        kubectl patch --local -f - --type merge -o json -p '{"spec":{"druidTimeout":"2s"}}'
}
begin() {
    kubectl apply -f crd/ && within 20 kubectl wait --for=condition=Established crd --all --timeout=20s || return 1
    kubectl create namespace rights
    kubectl apply -f deploy/namespace.yaml && kubectl apply -f deploy/base/policies-configmap.yaml -n nemeton-system || return 1
    identity_make "$kubectl_program" "$dir/kubeconfig" "$work/operator.kubeconfig" || return 1
    druid one | jq '.spec.nodes.coordinators.persistentVolumeClaim = [{metadata: {name: "kept"},
        spec: {accessModes: ["ReadWriteOnce"], storageClassName: "standard", resources: {requests: {storage: "1Gi"}}}}]' | kubectl apply -f - &&
        with_extras || return 1
    operator_begin
    within 120 settled
}
settled() {
    ready && kubectl -n rights get druid one -o json | jq -e '.metadata.generation as $generation
        | .status.observedGeneration == $generation and any(.status.conditions[]; .type == "Ready" and .status == "True")' >/dev/null &&
        [ "$(kubectl -n rights get statefulset,deployment,service,poddisruptionbudget,ingress,horizontalpodautoscaler -o name |
            grep -c 'druid-one-extra')" = 10 ]
}
ready() { curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$health_port/readyz"; }
uid() { kubectl -n rights get "$1" "$2" -o 'jsonpath={.metadata.uid}' 2>/dev/null; }
object_of() { # object_of KIND: one that the operator made
    case $1 in
    configmaps) echo druid-one-extras-config ;;
    deployments) echo druid-one-extrad ;;
    *) echo druid-one-extras ;;
    esac
}
brings_back() { # brings_back KIND MOMENT: an object that somebody deleted
    case $2 in
    do) before=$(uid "$1" "$(object_of "$1")") && kubectl -n rights delete "$1" "$(object_of "$1")" --wait=false ;;
    done) local now; now=$(uid "$1" "$(object_of "$1")") && [ -n "$now" ] && [ "$now" != "$before" ] ;;
    esac
}
repairs() { # repairs KIND MOMENT: one that somebody changed
    local name path wrong patch
    name=$(object_of "$1")
    case $1 in
    horizontalpodautoscalers) path=.spec.maxReplicas wrong=7 patch='{"spec":{"maxReplicas":7}}' ;;
    poddisruptionbudgets) path=.spec.maxUnavailable wrong=7 patch='{"spec":{"maxUnavailable":7}}' ;;
    ingresses) path=.spec.rules[0].host wrong=wrong patch='{"spec":{"rules":[{"host":"wrong"}]}}' ;;
    persistentvolumeclaims) name=kept path=.metadata.labels.app wrong=wrong patch='{"metadata":{"labels":{"app":"wrong"}}}' ;;
    configmaps) path=.data.runtime\\.properties wrong=wrong patch='{"data":{"runtime.properties":"wrong"}}' ;;
    services) path=.spec.selector.app wrong=wrong patch='{"spec":{"selector":{"app":"wrong"}}}' ;;
    esac
    case $2,$1 in
    do,statefulsets | do,deployments) change '{"spec":{"nodes":{"extras":{"podAnnotations":{"a":"b"}},"extrad":{"podAnnotations":{"a":"b"}}}}}' ;;
    done,statefulsets | done,deployments)
        [ "$(kubectl -n rights get "$1" "$name" -o 'jsonpath={.spec.template.metadata.annotations.a}')" = b ]
        ;;
    undo,statefulsets | undo,deployments) change '{"spec":{"nodes":{"extras":{"podAnnotations":null},"extrad":{"podAnnotations":null}}}}' ;;
    do,*) kubectl -n rights patch "$1" "$name" --type merge -p "$patch" ;;
    done,*) [ "$(kubectl -n rights get "$1" "$name" -o "jsonpath={$path}")" != "$wrong" ] ;;
    esac
}
removes() { # removes KIND MOMENT: what the Druid object no longer asks for
    case $2 in
    do) change '{"spec":{"nodes":{"extras":null,"extrad":null}}}' ;;
    done) [ -z "$(kubectl -n rights get "$1" -o name | grep druid-one-extra)" ] ;;
    undo) with_extras ;;
    esac
}
starts_with() { # starts_with KIND MOMENT: without it the operator does not know what is there, and says so
    case $2 in
    do)
        operator_end
        kubectl -n nemeton-system delete lease nemeton --ignore-not-found
        operator_begin
        ;;
    done) ready && brings_back services do >/dev/null && within 3 brings_back services done ;;
    esac
}
# watches KIND MOMENT: without it the operator would look again and again, and be late
watches() {
    case $2 in
    do) starts_with "$1" do ;;
    done) audited "$1" ;;
    esac
}
audited() { # has the server let it watch that, since the log was marked?
    [ -n "$(tail -n "+$marked" "$dir/log/audit.json" | jq -r --arg user "$identity_user" --arg resource "$1" 'select(.user.username == $user and .verb == "watch" and .stage == "ResponseStarted"
        and .objectRef.resource == $resource and .responseStatus.code == 200) | .verb')" ]
}
takes_a_lease() {
    case $1 in
    do) starts_with leases do ;;
    done) kubectl -n nemeton-system get lease nemeton -o 'jsonpath={.spec.holderIdentity}' 2>/dev/null | grep -q . ;;
    esac
}
renews_its_lease() {
    case $1 in
    do) starts_with leases do ;;
    done) [ "$(kubectl -n nemeton-system get lease nemeton -o json 2>/dev/null | jq '(.spec.renewTime | sub("\\..*"; "Z") | fromdate) - (.metadata.creationTimestamp | fromdate)')" -gt 1 ] 2>/dev/null ;;
    esac
}
reports() { # reports RESOURCE MOMENT: what was seen of an object, in its status
    case $1,$2 in
    druids,do) change "{\"spec\":{\"druidTimeout\":\"$((2 + RANDOM % 20))s\"}}" ;;
    druids,done) kubectl -n rights get druid one -o json | jq -e '.metadata.generation == .status.observedGeneration' >/dev/null ;;
    druidingestions,do) ingestion reported ;;
    druidingestions,done) kubectl -n rights get druidingestion reported -o json | jq -e '.status != null' >/dev/null ;;
    druidingestions,undo) no_ingestion reported ;;
    esac
}
ingestion() {
    sed "s/^  name: .*/  name: $1/; s/^  namespace: .*/  namespace: rights/; s/druidCluster: .*/druidCluster: one/" deploy/examples/ingestion.yaml |
        kubectl -n rights apply -f -
}
no_ingestion() {
    kubectl -n rights delete druidingestion "$1" --wait=false
    kubectl -n rights patch druidingestion "$1" --type merge -p '{"metadata":{"finalizers":null}}'
}
holds_by_a_finalizer() { # holds_by_a_finalizer RESOURCE MOMENT
    case $1,$2 in
    druids,do) druid held | kubectl apply -f - ;;
    druidingestions,do) ingestion held ;;
    *,done) kubectl -n rights get "$1" held -o 'jsonpath={.metadata.finalizers}' | grep -q . ;;
    druids,undo) kubectl -n rights delete druid held --timeout=60s ;;
    druidingestions,undo) no_ingestion held ;;
    esac
}
makes_a_claim() {
    case $1 in
    do) change '{"spec":{"nodes":{"brokers":{"persistentVolumeClaim":[{"metadata":{"name":"made"},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"standard","resources":{"requests":{"storage":"1Gi"}}}}]}}}}' ;;
    done) kubectl -n rights get pvc made >/dev/null 2>&1 ;;
    esac
}
removes_claims() {
    case $1 in
    do) druid brief | jq '.spec.nodes.historicals.persistentVolumeClaim = [{metadata: {name: "brief"}, spec: {accessModes: ["ReadWriteOnce"],
            storageClassName: "standard", resources: {requests: {storage: "1Gi"}}}}]' | kubectl apply -f - &&
            within 30 kubectl -n rights get pvc brief && kubectl -n rights delete druid brief --wait=false ;;
    done) ! kubectl -n rights get pvc brief >/dev/null 2>&1 && ! kubectl -n rights get druid brief >/dev/null 2>&1 ;;
    esac
}
replaces_pods() { # whose state in Druid matters
    case $1 in
    do) before=$(uid pod druid-one-historicals-0) && change "{\"spec\":{\"nodes\":{\"historicals\":{\"podAnnotations\":{\"round\":\"$RANDOM\"}}}}}" ;;
    done) local now; now=$(uid pod druid-one-historicals-0) && [ -n "$now" ] && [ "$now" != "$before" ] ;;
    esac
}
# What a container wrote before it ended again and again: its status is set as a kubelet would.
reads_last_words() {
    local name=druid-one-brokers-0 ended='{"exitCode":1,"reason":"Error"}'
    case $1 in
    do)
        kubectl -n rights patch pod "$name" --subresource=status -p "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}],
            \"containerStatuses\":[{\"name\":\"druid-one-brokers\",\"image\":\"x\",\"imageID\":\"\",\"ready\":false,\"restartCount\":$RANDOM,
            \"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":$ended}}]}}"
        ;;
    done) # there is no process behind it, and no log: it was let through
        [ -n "$(tail -n "+$marked" "$dir/log/audit.json" | jq -r --arg user "$identity_user" 'select(.user.username == $user and .verb == "get"
            and .objectRef.resource == "pods" and .objectRef.subresource == "log" and .responseStatus.code != 403) | .verb')" ]
        ;;
    undo) kubectl -n rights delete pod "$name" --wait=false ;;
    esac
}
# Events are told once, and not again when they could not be: each time it is another object's.
some_objects="ingress/druid-one-extrad poddisruptionbudget/druid-one-extrad service/druid-one-extrad configmap/druid-one-extrad-config
    service/druid-one-brokers service/druid-one-routers service/druid-one-overlords configmap/druid-one-brokers-config"
next_object() {
    # shellcheck disable=SC2086 # one word an object
    set -- $some_objects
    object=$1
    shift
    some_objects=$*
    case $object in
    configmap/*) kind=ConfigMap ;;
    service/*) kind=Service ;;
    ingress/*) kind=Ingress ;;
    *) kind=PodDisruptionBudget ;;
    esac
}
lose() { # lose OBJECT: and wait until it is back
    local before
    before=$(uid "${1%/*}" "${1#*/}")
    kubectl -n rights delete "$1" --wait=false
    within 20 is_another "$1" "$before"
}
is_another() { local now; now=$(uid "${1%/*}" "${1#*/}") && [ -n "$now" ] && [ "$now" != "$2" ]; }
events() { kubectl -n rights get events -o json | jq -e --arg note "Created $kind ${object#*/}" ".items | any(.message == \$note and ($1))" >/dev/null; }
tells_a_first_event() {
    case $1 in
    do) next_object; lose "$object" ;;
    done) events true ;;
    esac
}
tells_an_event_again() {
    case $1 in
    do) next_object; lose "$object"; within 10 events true; lose "$object" ;;
    done) events '.series.count > 1' ;;
    esac
}
hears_why_pods_are_refused() { # by a quota that is used up
    case $1 in
    do)
        kubectl -n rights create quota none --hard=pods=0
        within 20 quota_counts
        change '{"spec":{"nodes":{"brokers":{"replicas":2}}}}'
        ;;
    done) kubectl -n rights get druid one -o json | jq -e 'any(.status.conditions[]; .type == "Degraded" and (.message | contains("exceeded quota: none")))' >/dev/null ;;
    undo)
        kubectl -n rights delete quota none
        change '{"spec":{"nodes":{"brokers":{"replicas":1}}}}'
        ;;
    esac
}
quota_counts() { [ -n "$(kubectl -n rights get quota none -o 'jsonpath={.status.used.pods}')" ]; }
marks_a_policy() {
    case $1 in
    do) kubectl apply -f deploy/examples/policy-order.yaml ;;
    done) kubectl -n nemeton-system get configmap team-order -o json | jq -e '.metadata.annotations["nemeton.dev/loaded"]' >/dev/null ;;
    undo) kubectl delete -f deploy/examples/policy-order.yaml ;;
    esac
}
looks_for_a_former_operator() { # whose Lease somebody renews: then it leaves the cluster alone
    case $1 in
    do)
        jq -cn '{apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: {name: "e6946145.apache.org", namespace: "rights"},
            spec: {holderIdentity: "manager", leaseDurationSeconds: 600, renewTime: (now | todate | sub("Z"; ".000000Z"))}}' | kubectl apply -f -
        kubectl -n rights annotate statefulset druid-one-extras druidOpResourceHash=x nemeton.dev/template- --overwrite
        ;;
    done) kubectl -n rights get druid one -o json | jq -e '.status | tostring | contains("e6946145.apache.org is being renewed")' >/dev/null ;;
    undo)
        kubectl -n rights delete lease e6946145.apache.org
        kubectl -n rights annotate statefulset druid-one-extras druidOpResourceHash-
        ;;
    esac
}
logs_in() { # with what a Secret holds: the Druid that it asks is proxy.py, which answers nothing good, and takes notes
    case $1 in
    do)
        if [ -z "$proxy" ]; then
            : >"$work/proxy.notes"
            python3 tests/install/proxy.py "$work/proxy.port" "$work/proxy.notes" &
            proxy=$!
            within 10 test -s "$work/proxy.port" || return 1
        fi
        operator_end
        http_proxy=http://127.0.0.1:$(cat "$work/proxy.port") operator_begin
        kubectl -n rights create secret generic login --from-literal=OperatorUserName=a --from-literal=OperatorPassword=b
        change '{"spec":{"auth":{"type":"basic-auth","secretRef":{"name":"login","namespace":"rights"}},"nodes":{"coordinators":{"dynamicConfig":{"maxSegmentsToMove":7}}}}}'
        ;;
    done) grep -q '^Basic YTpi$' "$work/proxy.notes" ;;
    undo)
        operator_end
        operator_begin
        change '{"spec":{"auth":null,"nodes":{"coordinators":{"dynamicConfig":null}}}}'
        ;;
    esac
}
