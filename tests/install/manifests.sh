# What the chart and the kustomizations make, without a server: each object passes the schemas that nemeton has.

expect "the chart has no faults" "0 chart\(s\) failed" helm lint deploy/helm
for version in 1.20.0 1.24.17 1.25.0 1.35.0; do
    expect "for Kubernetes $version" " 0 problems" template nemeton --namespace druid-system --kube-version $version
    case $version in 1.2[0-4]*) rules=0 ;; *) rules=1 ;; esac
    same "rules that the server holds, $version" $rules "$(grep -c 'x-kubernetes-validations' "$work/rendered.yaml" | sed 's/^[1-9].*/1/')"
    case $version in 1.20*) budget=policy/v1beta1 ;; *) budget=policy/v1 ;; esac
    same "the budget's version, $version" "apiVersion: $budget" "$(grep -B1 'kind: PodDisruptionBudget' "$work/rendered.yaml" | head -n 1)"
done
rendered() { kubectl create --dry-run=client --validate=false -o json -f "$work/rendered.yaml" 2>/dev/null | jq -s -r "$1"; }
kinds_of() { awk '/^kind: / { print $2 }' "$work/rendered.yaml" | sort | uniq -c | awk '{ printf "%s%s:%s", n++ ? " " : "", $2, $1 }'; }
parts=$(grep -c '^kind: ConfigMap' deploy/base/policies-configmap.yaml)
same "what is in it" "ClusterRole:1 ClusterRoleBinding:1 ConfigMap:$parts CustomResourceDefinition:2 Deployment:1 PodDisruptionBudget:1 Role:1 RoleBinding:1 Service:1 ServiceAccount:1" "$(kinds_of)"
expect "rights in some namespaces" " 0 problems" template nemeton -n ops --set global.createClusterRole=false --set env.WATCH_NAMESPACE='a\,b'
same "Roles only" "ConfigMap:$parts CustomResourceDefinition:2 Deployment:1 PodDisruptionBudget:1 Role:3 RoleBinding:3 Service:1 ServiceAccount:1" "$(kinds_of)"
expect "and it watches no more" "value: \"a,b\"" grep -A1 WATCH_NAMESPACE "$work/rendered.yaml"
expect "a values file of the former chart" " 0 problems" template druid-operator -n ops -f tests/install/former-values.yaml
for line in 'image: "registry.example.com/druid-operator:v1.3.0"' 'app.kubernetes.io/name: druid-operator' 'value: "druid-a,druid-b"' \
    'name: registry$' 'initialDelaySeconds: 15' 'team: data' 'example.com/role: druid' 'example.com/scrape: "yes"' 'cpu: 500m' 'kubernetes.io/os: linux' \
    'key: dedicated' 'key: kubernetes.io/arch' 'imagePullPolicy: Always' '- --zap-log-level=debug' 'controllers = { "druid" }' 'resource-policy: keep' 'name: DENY_LIST'; do
    expect "it counts" "." grep -e "$line" "$work/rendered.yaml"
done
same "no budget for one replica" 0 "$(grep -c PodDisruptionBudget <<<"$(grep '^kind:' "$work/rendered.yaml")")"
expect "more of everything" " 0 problems" template x -n ops --set networkPolicy.enabled=true --set crd.enabled=false \
    --set-string 'policies.overlays.team.druid\.rollout\.lua=return require "base.druid.rollout"'
expect "an overlay" "nemeton.dev/policies: team" grep -A20 'name: team$' "$work/rendered.yaml"
for kustomization in deploy deploy/namespaced deploy/crd-cel; do
    expect "$kustomization" "^$" sh -c "'$kubectl_program' kustomize $kustomization >'$work/rendered.yaml'"
    expect "$kustomization is well" " 0 problems" "$nemeton" check "$work/rendered.yaml"
done
kubectl kustomize deploy/namespaced >"$work/rendered.yaml"
same "no right beyond a namespace" 0 "$(grep -cE '^kind: (Cluster|Namespace)' "$work/rendered.yaml")"
