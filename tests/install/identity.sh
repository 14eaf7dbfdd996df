# Sourced: the operator's own identity on a cluster, with the rights that its manifests give, and no others.

identity_user=system:serviceaccount:nemeton-system:nemeton
# kinds KINDS: of the objects on standard input, those of these kinds (an extended pattern)
kinds() { awk -v kinds="^kind: ($1)\$" 'BEGIN { RS = "---\n"; ORS = "---\n" } { n = split($0, line, "\n"); for (i = 1; i <= n; i++) if (line[i] ~ kinds) { print; next } }'; }
# identity_make KUBECTL KUBECONFIG OUT [KUSTOMIZATION]: applies account and rights of the manifests (default
# deploy/), and writes OUT, a kubeconfig with a token of the account, good for a day
identity_make() {
    local kubectl=$1 config=$2 out=$3 namespace token
    # That of 1.20 takes no folders for resources: a newer one then puts the manifests together.
    { "$kubectl" kustomize "${4:-deploy}" 2>/dev/null || "$(tests/cluster/cluster kubectl)" kustomize "${4:-deploy}"; } | kinds 'ServiceAccount|(Cluster)?Role(Binding)?' >"$out.rights"
    namespace=$(awk '/^kind: ServiceAccount$/ { found = 1 } found && /^  namespace: / { print $2; exit }' "$out.rights")
    "$kubectl" --kubeconfig "$config" apply -f "$out.rights" >/dev/null || return 1
    rm "$out.rights"
    token=$(echo '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":86400}}' |
        "$kubectl" --kubeconfig "$config" create --raw "/api/v1/namespaces/$namespace/serviceaccounts/nemeton/token" -f - |
        jq -er .status.token) || return 1
    "$kubectl" --kubeconfig "$config" config view --raw --flatten --minify -o json | jq --arg token "$token" --arg namespace "$namespace" \
        '.users = [{name: "operator", user: {token: $token}}] | .contexts[0].context |= (.user = "operator" | .namespace = $namespace)' >"$out"
}
