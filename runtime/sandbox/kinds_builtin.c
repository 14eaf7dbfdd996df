#include "sandbox/kinds_internal.h"

#include "sandbox/strategy.h"

#define RBAC "rbac.authorization.k8s.io"

enum {
    NS = KIND_NAMESPACED,
    ST = KIND_STATUS,
    SC = KIND_SCALE,
    GEN = KIND_GENERATION,
    UP = KIND_UPSERT,
    KEEP = KIND_NO_STATUS_RESET,
    VER = KIND_NEEDS_VERSION,
    OBJ = KIND_RETURNS_OBJECT,
    FIN = KIND_PLAIN_FINALIZERS,
    PATH = KIND_PATH_NAME,
    CHG = KIND_CHANGE_FIRST,
    TWO = KIND_JUDGED_TWICE,
};

/* clang-format off */
const struct builtin kinds_builtin[] = {
    /* group, version, kind, plural, singular, short names, categories, type, flags, strategy, home */
    {"", "v1", "Namespace", "namespaces", "namespace", "ns", "", "Namespace", ST | OBJ, &strategy_namespace, NULL},
    {"", "v1", "Pod", "pods", "pod", "po", "all", "Pod", NS | ST | GEN | KIND_GRACEFUL | OBJ, &strategy_pod, NULL},
    {"", "v1", "Service", "services", "service", "svc", "all", "Service", NS | ST | UP | OBJ, &strategy_service, NULL},
    {"", "v1", "ConfigMap", "configmaps", "configmap", "cm", "", "ConfigMap", NS, &strategy_config_map, NULL},
    {"", "v1", "Secret", "secrets", "secret", "", "", "Secret", NS | CHG, &strategy_secret, NULL},
    {"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", "pvc", "", "PersistentVolumeClaim", NS | ST | OBJ, &strategy_claim, NULL},
    {"", "v1", "PersistentVolume", "persistentvolumes", "persistentvolume", "pv", "", "PersistentVolume", ST | OBJ | TWO, &strategy_volume, NULL},
    {"", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", "sa", "", "ServiceAccount", NS | OBJ, &strategy_plain, NULL},
    {"", "v1", "Event", "events", "event", "ev", "", "Event", NS | UP | KEEP | PATH | FIN, &strategy_event, NULL},
    {"", "v1", "Endpoints", "endpoints", "endpoints", "ep", "", "Endpoints", NS | UP, &strategy_plain, NULL},
    {"", "v1", "Node", "nodes", "node", "no", "", "Node", ST | KEEP, &strategy_node, NULL},
    {"", "v1", "ResourceQuota", "resourcequotas", "resourcequota", "quota", "", "ResourceQuota", NS | ST | OBJ, &strategy_quota, NULL},
    {"", "v1", "LimitRange", "limitranges", "limitrange", "limits", "", "LimitRange", NS | UP, &strategy_plain, NULL},
    {"apps", "v1", "StatefulSet", "statefulsets", "statefulset", "sts", "all", "StatefulSet", NS | ST | SC | GEN, &strategy_stateful_set, NULL},
    {"apps", "v1", "Deployment", "deployments", "deployment", "deploy", "all", "Deployment", NS | ST | SC | GEN, &strategy_deployment, NULL},
    {"apps", "v1", "ReplicaSet", "replicasets", "replicaset", "rs", "all", "ReplicaSet", NS | ST | SC | GEN, &strategy_replica_set, NULL},
    {"apps", "v1", "ControllerRevision", "controllerrevisions", "controllerrevision", "", "", "ControllerRevision", NS, &strategy_revision, NULL},
    {"events.k8s.io", "v1", "Event", "events", "event", "ev", "", "EventsEvent", NS | UP | KEEP | PATH | FIN, &strategy_event, ""},
    {"authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "selfsubjectaccessreview", "", "", "SelfSubjectAccessReview", 0, &strategy_plain, NULL},
    {"authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "selfsubjectrulesreview", "", "", "SelfSubjectRulesReview", 0, &strategy_plain, NULL},
    {"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", "all", "HorizontalPodAutoscaler", NS | ST, &strategy_autoscaler, NULL},
    {"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", "pdb", "", "PodDisruptionBudget", NS | ST | GEN | VER | PATH | FIN, &strategy_budget, NULL},
    {"networking.k8s.io", "v1", "Ingress", "ingresses", "ingress", "ing", "", "Ingress", NS | ST | GEN, &strategy_ingress, NULL},
    {"networking.k8s.io", "v1", "IngressClass", "ingressclasses", "ingressclass", "", "", "IngressClass", GEN, &strategy_plain, NULL},
    {"networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol", "", "NetworkPolicy", NS | GEN | TWO, &strategy_network_policy, NULL},
    {"coordination.k8s.io", "v1", "Lease", "leases", "lease", "", "", "Lease", NS | UP | VER | FIN, &strategy_lease, NULL},
    {"discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice", "", "", "EndpointSlice", NS | GEN, &strategy_plain, NULL},
    {"storage.k8s.io", "v1", "StorageClass", "storageclasses", "storageclass", "sc", "", "StorageClass", OBJ, &strategy_storage_class, NULL},
    {"scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "priorityclass", "pc", "", "PriorityClass", GEN, &strategy_plain, NULL},
    {RBAC, "v1", "Role", "roles", "role", "", "", "Role", NS | UP | KIND_PATH_NAME, &strategy_role, NULL},
    {RBAC, "v1", "RoleBinding", "rolebindings", "rolebinding", "", "", "RoleBinding", NS | UP | KIND_PATH_NAME, &strategy_role_binding, NULL},
    {RBAC, "v1", "ClusterRole", "clusterroles", "clusterrole", "", "", "ClusterRole", UP | KIND_PATH_NAME, &strategy_role, NULL},
    {RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding", "", "", "ClusterRoleBinding", UP | KIND_PATH_NAME, &strategy_role_binding, NULL},
    {"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "customresourcedefinition", "crd,crds", "api-extensions", "CustomResourceDefinition", ST | GEN | VER, &strategy_crd, NULL},
};
/* clang-format on */

const size_t kinds_builtin_count = sizeof(kinds_builtin) / sizeof(kinds_builtin[0]);
