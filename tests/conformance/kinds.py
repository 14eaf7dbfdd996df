"""The kinds that cases are made over: of each a smallest object, changes and mistakes.

`change` is a merge patch that a server takes; `wrong` are merge patches over the smallest object that it
refuses, by name; `fixed` are merge patches of what cannot change once it is made; `status` a merge patch
of the status, for kinds with that subresource.
"""
import copy

CONTAINER = {"name": "c", "image": "i:1"}
TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [CONTAINER]}}
SELECTOR = {"matchLabels": {"app": "a"}}


def merged(base, patch):
    """An RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = copy.deepcopy(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


class Kind:
    def __init__(self, plural, api_version, kind, body, change, wrong=None, fixed=None, status=None, namespaced=True, upsert=False):
        self.plural, self.api_version, self.kind = plural, api_version, kind
        self.body, self.change, self.wrong, self.fixed = body, change, wrong or {}, fixed or {}
        self.status, self.namespaced, self.upsert = status, namespaced, upsert
        self.custom = "druid" in api_version

    def name(self, name):
        return name if self.namespaced else "$ns-" + name

    def make(self, name="a", **metadata):
        own = {"labels": {"case": "$ns"}, "name": name and self.name(name), **metadata}
        return merged({"apiVersion": self.api_version, "kind": self.kind, "metadata": own}, self.body)


def spec(**fields): return {"spec": fields}


WORKLOAD_WRONG = {
    "no selector": spec(selector=None),
    "another selector": spec(selector={"matchLabels": {"app": "b"}}),
    "no containers": spec(template={"spec": {"containers": []}}),
    "negative replicas": spec(replicas=-1),
    "a container without image": spec(template={"spec": {"containers": [{"name": "c"}]}}),
    "a bad container name": spec(template={"spec": {"containers": [{"name": "C_", "image": "i"}]}}),
    "two containers of one name": spec(template={"spec": {"containers": [CONTAINER, CONTAINER]}}),
    "a mount of no volume": spec(template={"spec": {"containers": [dict(CONTAINER, volumeMounts=[{"name": "v", "mountPath": "/v"}])]}}),
    "a volume without name": spec(template={"spec": {"volumes": [{"emptyDir": {}}]}}),
    "two sources of a volume": spec(template={"spec": {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]}}),
    "restart policy Never": spec(template={"spec": {"restartPolicy": "Never"}}),
    "an unknown restart policy": spec(template={"spec": {"restartPolicy": "Sometimes"}}),
    "a bad quantity": spec(template={"spec": {"containers": [dict(CONTAINER, resources={"limits": {"cpu": "much"}})]}}),
    "more requested than allowed": spec(template={"spec": {"containers": [dict(CONTAINER, resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})]}}),
    "a port out of range": spec(template={"spec": {"containers": [dict(CONTAINER, ports=[{"containerPort": 70000}])]}}),
    "a bad probe": spec(template={"spec": {"containers": [dict(CONTAINER, readinessProbe={"httpGet": {"path": "/", "port": 0}})]}}),
    "a probe without handler": spec(template={"spec": {"containers": [dict(CONTAINER, livenessProbe={"periodSeconds": 3})]}}),
    "a bad environment name": spec(template={"spec": {"containers": [dict(CONTAINER, env=[{"name": "a=b", "value": "c"}])]}}),
    "a toleration with both": spec(template={"spec": {"tolerations": [{"operator": "Exists", "value": "v", "key": "k"}]}}),
    "a bad label of pods": spec(template={"metadata": {"labels": {"app": "a", "b": "not valid!"}}}),
    "a negative grace period": spec(template={"spec": {"terminationGracePeriodSeconds": -5}}),
    "a bad pull policy": spec(template={"spec": {"containers": [dict(CONTAINER, imagePullPolicy="Maybe")]}}),
    "an affinity without topology": spec(template={"spec": {"affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": SELECTOR}]}}}}),
    "a spread without topology": spec(template={"spec": {"topologySpreadConstraints": [{"maxSkew": 0, "whenUnsatisfiable": "Never"}]}}),
}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
DRUID = {"image": "druid:1", "common.runtime.properties": "a=b", "nodes": {"brokers": {
    "nodeType": "broker", "druid.port": 8082, "nodeConfigMountPath": "/c", "replicas": 1, "runtime.properties": "c=d"}}}
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}

KINDS = [
    Kind("configmaps", "v1", "ConfigMap", {"data": {"k": "v"}}, {"data": {"k": "w", "l": "m"}},
         {"a bad key": {"data": {"a b": "c"}}, "a key twice": {"binaryData": {"k": "eA=="}}, "no base64": {"binaryData": {"x": "%"}},
          "a number": {"data": {"k": 1}}, "a list": {"data": ["k"]}, "too large": {"data": {"k": "x" * 1100000}}},
         upsert=False),
    Kind("secrets", "v1", "Secret", {"data": {"k": "dg=="}}, {"stringData": {"l": "w"}},
         {"a bad key": {"data": {"a b": "Yw=="}}, "no base64": {"data": {"k": "%%"}},
          "a docker config without key": {"type": "kubernetes.io/dockerconfigjson"},
          "a docker config that is none": {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "eA=="}},
          "basic auth without both": {"type": "kubernetes.io/basic-auth"}, "ssh without key": {"type": "kubernetes.io/ssh-auth"},
          "tls without both": {"type": "kubernetes.io/tls"}, "a token without account": {"type": "kubernetes.io/service-account-token"}},
         {"its type": {"type": "other"}}),
    Kind("services", "v1", "Service", spec(ports=[{"port": 80}], selector={"app": "a"}), spec(selector={"app": "b"}),
         {"no ports": spec(ports=None), "a port out of range": spec(ports=[{"port": 70000}]), "a port twice": spec(ports=[{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]),
          "two without names": spec(ports=[{"port": 1}, {"port": 2}]), "an unknown type": spec(type="Inner"),
          "an unknown protocol": spec(ports=[{"port": 80, "protocol": "ICMP"}]), "an external name with none": spec(type="ExternalName"),
          "a bad selector": spec(selector={"a": "b c"}), "a bad affinity": spec(sessionAffinity="Always"),
          "a bad address": spec(clusterIP="here"), "a node port of an inner one": spec(ports=[{"port": 80, "nodePort": 30001}]),
          "a node port out of range": spec(type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
          "a bad target": spec(ports=[{"port": 80, "targetPort": "no_good"}]), "a bad port name": spec(ports=[{"port": 80, "name": "A_"}]),
          "a name that begins with a digit": {"metadata": {"name": "1a"}}, "a bad traffic policy": spec(externalTrafficPolicy="Here")},
         {"its address": spec(clusterIP="10.0.250.250"), "to have none": spec(clusterIP="None")},
         {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
    Kind("pods", "v1", "Pod", spec(containers=[CONTAINER]), spec(activeDeadlineSeconds=60),
         {"no containers": spec(containers=[]), "no image": spec(containers=[{"name": "c"}]), "an unknown account": spec(serviceAccountName="nobody"),
          "a bad name of a container": spec(containers=[{"name": "C", "image": "i"}]), "a bad policy": spec(restartPolicy="Perhaps"),
          "an unknown class": spec(priorityClassName="none"), "a mount of no volume": spec(containers=[dict(CONTAINER, volumeMounts=[{"name": "v", "mountPath": "/"}])]),
          "a claim without name": spec(volumes=[{"name": "v", "persistentVolumeClaim": {}}]), "a bad DNS policy": spec(dnsPolicy="Mine"),
          "a bad host name": spec(hostname="A_b"), "a duplicate volume": spec(volumes=[{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]),
          "a port twice": spec(containers=[dict(CONTAINER, ports=[{"containerPort": 1, "name": "p"}, {"containerPort": 2, "name": "p"}])]),
          "a deadline of nothing": spec(activeDeadlineSeconds=0)},
         {"its node": spec(nodeName="n"), "its restart policy": spec(restartPolicy="Never"), "a new container": spec(containers=[CONTAINER, {"name": "d", "image": "i"}]),
          "its account": spec(serviceAccountName="other"), "its volumes": spec(volumes=[{"name": "v", "emptyDir": {}}])},
         {"status": {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "conditions": [{"type": "Ready", "status": "True"}]}}),
    Kind("persistentvolumeclaims", "v1", "PersistentVolumeClaim", {"spec": CLAIM}, {"metadata": {"annotations": {"x": "y"}}},
         {"no modes": spec(accessModes=[]), "an unknown mode": spec(accessModes=["Sometimes"]), "no size": spec(resources={"requests": {"storage": None}}),
          "a size of nothing": spec(resources={"requests": {"storage": "0"}}), "a negative size": spec(resources={"requests": {"storage": "-1"}}),
          "a bad size": spec(resources={"requests": {"storage": "big"}}), "a bad mode of the volume": spec(volumeMode="Tape"), "a bad class": spec(storageClassName="a b")},
         {"its class": spec(storageClassName="other"), "its modes": spec(accessModes=["ReadOnlyMany"]), "a smaller size": spec(resources={"requests": {"storage": "1Mi"}}),
          "a larger size": spec(resources={"requests": {"storage": "2Gi"}}), "its volume's mode": spec(volumeMode="Block")},
         {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}),
    Kind("serviceaccounts", "v1", "ServiceAccount", {}, {"automountServiceAccountToken": False}),
    Kind("events", "v1", "Event", {"involvedObject": {"kind": "Pod", "namespace": "$ns", "name": "p"}, "reason": "R", "message": "m", "type": "Normal"},
         {"count": 2, "message": "n"}, {"another namespace": {"involvedObject": {"namespace": "other"}}, "no object": {"involvedObject": None}}),
    Kind("resourcequotas", "v1", "ResourceQuota", spec(hard={"count/secrets": "5"}), spec(hard={"count/secrets": "6"}),
         {"a negative one": spec(hard={"pods": "-1"}), "a bad quantity": spec(hard={"pods": "some"})}, status={"status": {"hard": {"count/secrets": "5"}, "used": {"count/secrets": "0"}}}),
    Kind("statefulsets", "apps/v1", "StatefulSet", spec(serviceName="s", selector=SELECTOR, template=TEMPLATE), spec(replicas=3),
         {**WORKLOAD_WRONG, "an unknown update strategy": spec(updateStrategy={"type": "Sometimes"}), "a partition that is negative": spec(updateStrategy={"rollingUpdate": {"partition": -1}}),
          "an unknown management": spec(podManagementPolicy="Random"), "OnDelete with a partition": spec(updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
          "an unknown retention": spec(persistentVolumeClaimRetentionPolicy={"whenDeleted": "Perhaps"})},
         {"its service": spec(serviceName="t"), "its selector": spec(selector={"matchLabels": {"app": "b"}}), "its management": spec(podManagementPolicy="Parallel"),
          "its claims": spec(volumeClaimTemplates=[{"metadata": {"name": "v"}, "spec": CLAIM}])},
         {"status": {"replicas": 2, "readyReplicas": 1, "currentReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1, "availableReplicas": 1}}),
    Kind("deployments", "apps/v1", "Deployment", spec(selector=SELECTOR, template=TEMPLATE), spec(replicas=3),
         {**WORKLOAD_WRONG, "an unknown strategy": spec(strategy={"type": "Sometimes"}), "nothing may move": spec(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
          "Recreate with rolling": spec(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}), "a bad percentage": spec(strategy={"rollingUpdate": {"maxSurge": "many"}}),
          "a deadline below": spec(progressDeadlineSeconds=5, minReadySeconds=6)},
         {"its selector": spec(selector={"matchLabels": {"app": "b"}})}, {"status": {"replicas": 1, "readyReplicas": 1, "observedGeneration": 1, "availableReplicas": 1}}),
    Kind("replicasets", "apps/v1", "ReplicaSet", spec(selector=SELECTOR, template=TEMPLATE), spec(replicas=3), WORKLOAD_WRONG,
         {"its selector": spec(selector={"matchLabels": {"app": "b"}})}, {"status": {"replicas": 1, "readyReplicas": 1}}),
    Kind("horizontalpodautoscalers", "autoscaling/v2", "HorizontalPodAutoscaler",
         spec(scaleTargetRef={"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s"}, maxReplicas=3), spec(maxReplicas=4),
         {"no maximum": spec(maxReplicas=None), "a minimum above": spec(minReplicas=5), "no target": spec(scaleTargetRef={"name": None}), "no kind": spec(scaleTargetRef={"kind": None}),
          "a minimum of nothing": spec(minReplicas=0),
          "a metric without source": spec(metrics=[{"type": "Resource"}]), "an unknown metric": spec(metrics=[{"type": "Luck"}]),
          "a bad utilization": spec(metrics=[{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 0}}}])},
         status={"status": {"currentReplicas": 1, "desiredReplicas": 2}}),
    Kind("poddisruptionbudgets", "policy/v1", "PodDisruptionBudget", spec(selector=SELECTOR, maxUnavailable=1), spec(maxUnavailable=2),
         {"both": spec(minAvailable=1), "a negative one": spec(maxUnavailable=-1), "a bad percentage": spec(maxUnavailable="a few"), "too many percent": spec(maxUnavailable="120%"),
          "an unknown eviction": spec(unhealthyPodEvictionPolicy="Perhaps"), "a bad selector": spec(selector={"matchExpressions": [{"key": "a", "operator": "Like"}]})},
         status={"status": {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 1, "expectedPods": 2, "observedGeneration": 1}}),
    Kind("ingresses", "networking.k8s.io/v1", "Ingress", spec(defaultBackend=BACKEND), spec(ingressClassName="k"),
         {"nothing in it": spec(defaultBackend=None), "a path without type": spec(rules=[{"http": {"paths": [{"path": "/", "backend": BACKEND}]}}]),
          "an unknown path type": spec(rules=[{"http": {"paths": [{"path": "/", "pathType": "Like", "backend": BACKEND}]}}]),
          "a path that is not one": spec(rules=[{"http": {"paths": [{"path": "x", "pathType": "Exact", "backend": BACKEND}]}}]),
          "an address as host": spec(rules=[{"host": "1.2.3.4"}]), "a bad host": spec(rules=[{"host": "A_b"}]), "no name of a service": spec(defaultBackend={"service": {"name": None}}),
          "a port by number and name": spec(defaultBackend={"service": {"port": {"name": "p"}}})},
         status={"status": {"loadBalancer": {"ingress": [{"hostname": "h.example"}]}}}),
    Kind("networkpolicies", "networking.k8s.io/v1", "NetworkPolicy", spec(podSelector=SELECTOR), spec(ingress=[{"from": [{"podSelector": {}}]}]),
         {"an unknown type": spec(policyTypes=["Sideways"]), "a bad block": spec(ingress=[{"from": [{"ipBlock": {"cidr": "here"}}]}]), "a bad port": spec(ingress=[{"ports": [{"port": 0}]}])}),
    Kind("leases", "coordination.k8s.io/v1", "Lease", spec(holderIdentity="h", leaseDurationSeconds=15, renewTime="2020-01-02T03:04:05.000006Z"), spec(holderIdentity="i", leaseTransitions=1),
         {"a duration of nothing": spec(leaseDurationSeconds=0), "negative transitions": spec(leaseTransitions=-1), "a bad time": spec(renewTime="now")}, upsert=True),
    Kind("roles", "rbac.authorization.k8s.io/v1", "Role", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}, {"rules": []},
         {"no verbs": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]}, "a URL": {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]},
          "no group": {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}}),
    Kind("rolebindings", "rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]},
         {"subjects": []}, {"an unknown kind": {"roleRef": {"kind": "Rule"}}, "a subject without name": {"subjects": [{"kind": "User"}]}}, {"its role": {"roleRef": {"name": "s"}}}),
    Kind("persistentvolumes", "v1", "PersistentVolume", spec(capacity={"storage": "1Gi"}, accessModes=["ReadWriteOnce"], hostPath={"path": "/v"}), spec(persistentVolumeReclaimPolicy="Delete"),
         {"no size": spec(capacity=None), "no modes": spec(accessModes=[]), "no source": spec(hostPath=None), "two sources": spec(local={"path": "/l"}), "an unknown policy": spec(persistentVolumeReclaimPolicy="Sell"),
          "a path backwards": spec(hostPath={"path": "/a/../b"})},
         {"its source": spec(hostPath={"path": "/w"})}, {"status": {"phase": "Available"}}, namespaced=False),
    Kind("storageclasses", "storage.k8s.io/v1", "StorageClass", {"provisioner": "p"}, {"allowVolumeExpansion": True},
         {"no provisioner": {"provisioner": None}, "an unknown policy": {"reclaimPolicy": "Sell"}, "an unknown binding": {"volumeBindingMode": "Never"}},
         {"its provisioner": {"provisioner": "q"}, "its parameters": {"parameters": {"a": "b"}}, "its policy": {"reclaimPolicy": "Retain"}}, namespaced=False),
    Kind("clusterroles", "rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}, {"rules": []}, {"no verbs": {"rules": [{"nonResourceURLs": ["/x"]}]}}, namespaced=False),
    Kind("clusterrolebindings", "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}}, {"subjects": [{"kind": "User", "name": "u"}]},
         {"a role": {"roleRef": {"kind": "Role"}}}, {"its role": {"roleRef": {"name": "s"}}}, namespaced=False),
    Kind("namespaces", "v1", "Namespace", {}, {"metadata": {"annotations": {"x": "y"}}}, {"an upper-case name": {"metadata": {"name": "A"}}}, namespaced=False),
    Kind("druids", "druid.apache.org/v1alpha1", "Druid", {"spec": DRUID}, {"spec": {"image": "druid:2"}},
         {"no spec": {"spec": None}, "no nodes": spec(nodes=None), "a number as image": spec(image=1), "nodes as text": spec(nodes="none"), "no common properties": {"spec": {"common.runtime.properties": None}},
          "a node without type": spec(nodes={"brokers": {"nodeType": None}}), "text as replicas": spec(nodes={"brokers": {"replicas": "one"}}), "a fraction": spec(nodes={"brokers": {"replicas": 1.5}}),
          "a list as a map": spec(nodes={"brokers": {"podLabels": ["a"]}})},
         status={"status": {"message": "m", "conditions": [{"type": "Ready", "status": "True"}]}}),
    Kind("druidingestions", "druid.apache.org/v1alpha1", "DruidIngestion", spec(druidCluster="d", ingestion={"type": "native-batch", "spec": "{}"}), spec(suspend=True),
         {"no cluster": spec(druidCluster=None), "no type": spec(ingestion={"type": None}), "a number as type": spec(ingestion={"type": 4})}, status={"status": {"message": "m"}}),
]
BY_PLURAL = {kind.plural: kind for kind in KINDS}
