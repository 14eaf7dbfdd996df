# `helm install`, upgrade from a former chart's values, uninstall.

need_cluster || return 0
kubectl delete crd druids.druid.apache.org druidingestions.druid.apache.org --ignore-not-found >/dev/null
expect "install" "STATUS: deployed" helm install nemeton deploy/helm -n ops --create-namespace --wait --timeout 90s
expect "the kinds, with rules" "x-kubernetes-validations" kubectl get crd druids.druid.apache.org -o yaml
expect "upgrade with the former chart's values" "STATUS: deployed" helm upgrade nemeton deploy/helm -n ops -f tests/install/former-values.yaml --set image.tag=1
expect "it says what has no effect" "kube_rbac_proxy has no effect" helm get notes nemeton -n ops
expect "under its former name" "druid-operator" kubectl -n ops get deployment
kubectl create namespace a >/dev/null
expect "Roles only, in other namespaces" "STATUS: deployed" helm upgrade nemeton deploy/helm -n ops --set global.createClusterRole=false --set env.WATCH_NAMESPACE=a
account=system:serviceaccount:ops:nemeton
same "rights where it works, and its own" "yes no no yes yes no" "$(for what in "patch statefulsets.apps -n a" "patch statefulsets.apps -n ops" "patch statefulsets.apps -n default" \
    "patch configmaps -n ops" "update leases.coordination.k8s.io -n ops" "create configmaps -n ops"; do
    # shellcheck disable=SC2086 # words
    kubectl auth can-i $what --as $account
done | xargs)"
kubectl -n ops scale deployment nemeton --replicas=0 >/dev/null
token=$(echo '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}' | kubectl create --raw /api/v1/namespaces/ops/serviceaccounts/nemeton/token -f - | jq -r .status.token)
kubectl config view --raw --flatten --minify -o json | jq --arg token "$token" '.users[0].user = {token: $token}' >"$work/helm.kubeconfig"
installed "$work/helm.kubeconfig" a --policy-namespace ops --watch-namespace a
expect "uninstall" "uninstalled" helm uninstall nemeton -n ops
same "the kinds stay" 2 "$(kubectl get crd -o name | grep -c druid.apache.org)"
expect "install beside kinds that are there" "STATUS: deployed" helm install other deploy/helm -n ops
expect "they are left, and that is said" "were there before this release" helm get notes other -n ops
helm uninstall other -n ops >/dev/null
