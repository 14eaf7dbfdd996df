#include "sandbox/zero.h"

#include <string.h>

#define POD_TEMPLATE "{'metadata':{},'spec':{'containers':null}}"
#define ROLE_REF "{'roleRef':{'apiGroup':'','kind':'','name':''}}"
#define NAMES "{'plural':'','kind':''}"

static const struct {
    const char *group, *plural, *fields; /* with ' for " */
} zeros[] = {
    {"", "services", "{'spec':{},'status':{'loadBalancer':{}}}"},
    {"", "pods", "{'spec':{'containers':null},'status':{}}"},
    {"", "persistentvolumeclaims", "{'spec':{'resources':{}},'status':{}}"},
    {"", "persistentvolumes", "{'spec':{},'status':{}}"},
    {"", "namespaces", "{'spec':{},'status':{}}"},
    {"", "events",
     "{'involvedObject':{},'source':{},'firstTimestamp':null,'lastTimestamp':null,'eventTime':null,"
     "'reportingComponent':'','reportingInstance':''}"},
    {"", "resourcequotas", "{'spec':{},'status':{}}"},
    {"", "limitranges", "{'spec':{'limits':null}}"},
    {"", "nodes",
     "{'spec':{},'status':{'daemonEndpoints':{'kubeletEndpoint':{'Port':0}},'nodeInfo':{"
     "'machineID':'','systemUUID':'','bootID':'','kernelVersion':'','osImage':'',"
     "'containerRuntimeVersion':'','kubeletVersion':'','kubeProxyVersion':'',"
     "'operatingSystem':'','architecture':''}}}"},
    {"apps", "statefulsets",
     "{'spec':{'replicas':0,'selector':null,'template':" POD_TEMPLATE
     ",'serviceName':'','updateStrategy':{}},'status':{'replicas':0,'availableReplicas':0}}"},
    {"apps", "deployments",
     "{'spec':{'replicas':0,'selector':null,'template':" POD_TEMPLATE
     ",'strategy':{}},'status':{}}"},
    {"apps", "replicasets",
     "{'spec':{'replicas':0,'selector':null,'template':" POD_TEMPLATE "},'status':{'replicas':0}}"},
    {"apps", "controllerrevisions", "{'data':null,'revision':0}"},
    {"autoscaling", "horizontalpodautoscalers",
     "{'spec':{'scaleTargetRef':{'kind':'','name':''},'maxReplicas':0},'status':{"
     "'desiredReplicas':0,'currentMetrics':null}}"},
    {"policy", "poddisruptionbudgets",
     "{'spec':{},'status':{'disruptionsAllowed':0,'currentHealthy':0,'desiredHealthy':0,"
     "'expectedPods':0}}"},
    {"networking.k8s.io", "ingresses", "{'spec':{},'status':{'loadBalancer':{}}}"},
    {"networking.k8s.io", "ingressclasses", "{'spec':{}}"},
    {"networking.k8s.io", "networkpolicies", "{'spec':{'podSelector':{}}}"},
    {"coordination.k8s.io", "leases", "{'spec':{}}"},
    {"discovery.k8s.io", "endpointslices", "{'addressType':'','endpoints':null,'ports':null}"},
    {"events.k8s.io", "events",
     "{'eventTime':null,'regarding':{},'deprecatedSource':{},'deprecatedFirstTimestamp':null,"
     "'deprecatedLastTimestamp':null}"},
    {"storage.k8s.io", "storageclasses", "{'provisioner':''}"},
    {"scheduling.k8s.io", "priorityclasses", "{'value':0}"},
    {"rbac.authorization.k8s.io", "roles", "{'rules':null}"},
    {"rbac.authorization.k8s.io", "clusterroles", "{'rules':null}"},
    {"rbac.authorization.k8s.io", "rolebindings", ROLE_REF},
    {"rbac.authorization.k8s.io", "clusterrolebindings", ROLE_REF},
    {"apiextensions.k8s.io", "customresourcedefinitions",
     "{'spec':{'group':'','names':" NAMES ",'scope':'','versions':null},'status':{"
     "'conditions':null,'acceptedNames':" NAMES ",'storedVersions':null}}"},
};

static struct jv *parsed(const char *fields)
{
    struct buf text;
    struct jv *object = NULL;
    buf_init(&text, 1024);
    for (; *fields; fields++)
        buf_add_char(&text, *fields == '\'' ? '"' : *fields);
    if (jv_parse(buf_str(&text), text.len, &object, NULL) < 0)
        object = NULL;
    buf_deinit(&text);
    return object;
}

struct jv *zero_object(const struct kind *kind, const struct kind_version *version,
                       struct jv *metadata)
{
    char name[KIND_TEXT_BYTES];
    struct jv *object = jv_object(), *fields = NULL;
    jv_set_str(object, "kind", kind->kind);
    jv_set_str(object, "apiVersion", kind_api_version(kind, version, name, sizeof(name)));
    if (metadata)
        jv_set(object, "metadata", metadata);
    for (size_t i = 0; !fields && i < sizeof(zeros) / sizeof(zeros[0]); i++)
        if (strcmp(zeros[i].group, kind->group) == 0 && strcmp(zeros[i].plural, kind->plural) == 0)
            fields = parsed(zeros[i].fields);
    struct jv_iter iter = {0};
    while (fields && jv_next(fields, &iter))
        jv_set(object, iter.key, jv_ref(iter.value));
    jv_unref(fields);
    return object;
}
