# Druid that speaks TLS only, with passwords: its certificates are judged by the authority that the object names.

. tests/cluster/real/talk.sh
prepare
login=(-u admin:of-the-admin)
name=druid-encrypted-cluster
kubectl create secret generic druid-login --from-literal=OperatorUserName=admin --from-literal=OperatorPassword=of-the-admin >/dev/null
# An authority, a certificate of it for each Service and its pods, and both as Java wants them.
certificates() {
    local group hosts=
    for group in coordinators overlords historicals middlemanagers brokers routers; do
        hosts="$hosts,DNS:$name-$group.$namespace.svc,DNS:*.$name-$group.$namespace.svc,DNS:*.$name-$group.$namespace.svc.cluster.local"
    done
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt &&
        openssl req -newkey rsa:2048 -nodes -subj /CN=druid -keyout druid.key -out druid.csr &&
        openssl x509 -req -days 2 -in druid.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out druid.crt \
            -extfile <(echo "subjectAltName=${hosts#,}") &&
        openssl pkcs12 -export -name druid -in druid.crt -inkey druid.key -passout pass:of-the-store -out keys.p12 &&
        keytool -importcert -noprompt -alias authority -file ca.crt -storetype PKCS12 -storepass of-the-store -keystore trusted.p12
}
mkdir -p "$work/tls"
(cd "$work/tls" && certificates) >"$work/certificates" 2>&1 || bad "certificates" "$(cat "$work/certificates")"
kubectl create secret generic druid-tls --from-file="$work/tls/keys.p12" --from-file="$work/tls/trusted.p12" \
    --from-literal=password=of-the-store >/dev/null
kubectl create configmap druid-authority --from-file="$work/tls/ca.crt" >/dev/null
store='Password={"type":"environment","variable":"STORE_PASSWORD"}'
properties="druid.enablePlaintextPort=false
druid.enableTlsPort=true
druid.server.https.keyStorePath=/tls/keys.p12
druid.server.https.keyStoreType=PKCS12
druid.server.https.certAlias=druid
druid.server.https.keyStore$store
druid.client.https.protocol=TLSv1.2
druid.client.https.trustStorePath=/tls/trusted.p12
druid.client.https.trustStoreType=PKCS12
druid.client.https.trustStore$store
$passwords"
# One of each but the Overlords; no Router passes anything on, so the leaders have to be found. Hosts call
# themselves by the names that are in the certificate.
sed "s|FOLDER|$deep|; s|replicas: 2|replicas: 1|; s|real-cluster|encrypted-cluster|; s|druid.router.managementProxy.enabled=true||
    s|loadList=\[\]|loadList=[\"druid-basic-security\",\"simple-client-sslcontext\"]|" tests/cluster/real/cluster.yaml >"$work/plain.yaml"
kubectl patch --local -f "$work/plain.yaml" --type merge -o json -p '{"spec":{"auth":{"type":"basic-auth","secretRef":{"name":"druid-login","namespace":"'"$namespace"'"}},
    "env":[{"name":"DRUID_SET_HOST_IP","value":"0"},{"name":"STORE_PASSWORD","valueFrom":{"secretKeyRef":{"name":"druid-tls","key":"password"}}}],
    "nodes":{"overlords":{"replicas":2},"coordinators":{"dynamicConfig":{"maxSegmentsToMove":42}},
        "middlemanagers":{"dynamicConfig":{"type":"default","selectStrategy":{"type":"equalDistribution"}}}}}}' |
    jq --arg properties "$properties" '.spec["common.runtime.properties"] += $properties
        | .spec.volumes += [{name: "tls", secret: {secretName: "druid-tls"}}]
        | .spec.volumeMounts += [{name: "tls", mountPath: "/tls"}]
        | (.. | objects | select(has("httpGet")).httpGet.scheme) = "HTTPS"
        | .spec.nodes[] |= (.["druid.port"] = {coordinator: 8281, overlord: 8290, historical: 8283, middleManager: 8291,
            broker: 8282, router: 9088}[.nodeType])' >"$work/encrypted.json"
applied() { kubectl get druid encrypted-cluster -o json | jq -r '.status.conditions[] | select(.type == "DynamicConfigApplied") | .status + " " + .message'; }
expect "a cluster that speaks TLS only" "created" kubectl apply -f "$work/encrypted.json"
soon "an authority that nobody knows is told, with the remedy" 400 "^False .*name the authority of Druid's certificates in spec.api.ca" applied
change encrypted-cluster '{"spec":{"api":{"ca":{"configMapRef":{"name":"druid-authority"}}}}}'
soon "with the authority both dynamic configurations are applied" 60 "^True" applied
ready encrypted-cluster 300 "it is Ready"
router=https://$name-routers.$namespace.svc:9088
login+=(--cacert "$work/tls/ca.crt" --resolve "$name-routers.$namespace.svc:9088:$(kubectl get service "$name-routers" -o 'jsonpath={.spec.clusterIP}')")
soon "it asks for a password" 30 "^401$" curl -s "${login[@]:2}" -o /dev/null -w '%{http_code}' "$router/status"
# By whoever of the two Overlords does not lead, too: it sends the other's address.
for pod in 0 1; do
    host=$name-overlords-$pod.$name-overlords.$namespace.svc
    curl -s -L --location-trusted "${login[@]}" --resolve "$host:8290:$(ip_of "$name-overlords-$pod")" -o /dev/null \
        -w '%{http_code} %{redirect_url}\n' --max-redirs 0 "https://$host:8290/druid/indexer/v1/worker"
done >"$work/overlords"
expect "one Overlord leads, the other sends on by TLS" "^200 ~307 https|^307 https.*~200 ~?$" cat "$work/overlords"
sed "s/tiny-cluster/encrypted-cluster/; s/namespace: default/namespace: $namespace/" deploy/examples/ingestion.yaml | kubectl apply -f - >/dev/null
soon "an ingestion succeeds" 180 "Succeeded" kubectl get druidingestion wiki -o 'jsonpath={.status.phase}'
soon "its rows are there" 90 '^\[\{"n":3\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM "wiki"'
record "$work/encrypted"
change encrypted-cluster '{"spec":{"podAnnotations":{"round":"one"}}}'
ready encrypted-cluster 700 "Ready after a rollout"
stop_record
same "in Druid's order" "historicals middlemanagers brokers routers overlords coordinators" "$(left "$work/encrypted")"
same "nothing went by what Kubernetes says alone" "" "$(kubectl get druid encrypted-cluster -o yaml | grep 'could not be asked')$(kubectl get events -o yaml | grep 'could not be asked')"
soon "rows are there again" 60 '^\[\{"n":3\}\]' ask "$router" 'SELECT COUNT(*) AS "n" FROM "wiki"'
kubectl delete druidingestion wiki --timeout=60s >/dev/null
dismantle encrypted-cluster
kubectl delete secret druid-login druid-tls >/dev/null
kubectl delete configmap druid-authority >/dev/null
