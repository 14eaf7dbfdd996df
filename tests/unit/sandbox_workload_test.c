/* StatefulSets, Deployments, scale, claims and services: what the server fills in and refuses. */
#include "sandbox_support.h"

#define SETS "/apis/apps/v1/namespaces/default/statefulsets"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/default/deployments"
#define CLAIMS "/api/v1/namespaces/default/persistentvolumeclaims"
#define SERVICES "/api/v1/namespaces/default/services"
#define STRATEGIC "application/strategic-merge-patch+json"

static const char set[] =
    "{'apiVersion':'apps/v1','kind':'StatefulSet','metadata':{'name':'web'},'spec':{"
    "'serviceName':'web','selector':{'matchLabels':{'app':'web'}},'template':{'metadata':{"
    "'labels':{'app':'web'}},'spec':{'containers':[{'name':'main','image':'nginx:1.2',"
    "'ports':[{'containerPort':80}],'volumeMounts':[{'name':'data','mountPath':'/data'}],"
    "'resources':{'requests':{'cpu':0.5,'memory':'1024Mi'}},'readinessProbe':{'httpGet':{"
    "'port':80}}}],'volumes':[{'name':'tmp'}]}},'volumeClaimTemplates':[{'metadata':{'name':"
    "'data'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1Gi'}"
    "}}}]}}";

static const struct jv *container(const struct stage *stage)
{
    return jv_at(jv_path(stage->answer, "spec", "template", "spec", "containers", NULL), 0);
}

static void stateful_set_is_defaulted_as_the_real_server_does(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    struct jv *spec = jv_path(stage.answer, "spec", NULL);
    char *text = jv_print_str(jv_path(stage.answer, "status", NULL), JV_PRINT_SORTED);
    assert_string_equal(text, "{\"availableReplicas\":0,\"replicas\":0}");
    free(text);
    jv_remove(spec, "template");
    jv_remove(spec, "volumeClaimTemplates");
    text = jv_print_str(spec, JV_PRINT_SORTED);
    assert_string_equal(
        text, "{\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"Retain\",\"whenScaled\""
              ":\"Retain\"},\"podManagementPolicy\":\"OrderedReady\",\"replicas\":1,"
              "\"revisionHistoryLimit\":10,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
              "\"serviceName\":\"web\",\"updateStrategy\":{\"rollingUpdate\":{\"partition\":0},"
              "\"type\":\"RollingUpdate\"}}");
    free(text);
    call_ok(&stage, "GET", SETS "/web", NULL);
    text = jv_print_str(container(&stage), JV_PRINT_SORTED);
    assert_string_equal(
        text, "{\"image\":\"nginx:1.2\",\"imagePullPolicy\":\"IfNotPresent\",\"name\":\"main\","
              "\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"readinessProbe\":{"
              "\"failureThreshold\":3,\"httpGet\":{\"path\":\"/\",\"port\":80,\"scheme\":\"HTTP\"},"
              "\"periodSeconds\":10,\"successThreshold\":1,\"timeoutSeconds\":1},\"resources\":{"
              "\"requests\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"}},\"terminationMessagePath\":"
              "\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"volumeMounts\":[{"
              "\"mountPath\":\"/data\",\"name\":\"data\"}]}");
    free(text);
    text =
        jv_print_str(jv_path(stage.answer, "spec", "volumeClaimTemplates", NULL), JV_PRINT_SORTED);
    assert_string_equal(
        text, "[{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":"
              "\"data\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":"
              "{\"storage\":\"1Gi\"}},\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":"
              "\"Pending\"}}]");
    free(text);
    const struct jv *volume =
        jv_at(jv_path(stage.answer, "spec", "template", "spec", "volumes", NULL), 0);
    assert_non_null(jv_get(volume, "emptyDir"));
    stage_end(&stage);
}

static void stateful_set_refuses_changes_of_what_is_immutable(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    call(&stage, "PATCH", SETS "/web", "{'spec':{'serviceName':'other'}}");
    expect_refusal(&stage, 422, "Invalid",
                   "StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset "
                   "spec for fields other than 'replicas', 'ordinals', 'template', "
                   "'updateStrategy', 'revisionHistoryLimit', "
                   "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
    const struct jv *cause = jv_at(jv_path(stage.answer, "details", "causes", NULL), 0);
    assert_string_equal(jv_path_str(cause, "reason", NULL), "FieldValueForbidden");
    assert_string_equal(jv_path_str(cause, "field", NULL), "spec");
    call(&stage, "POST", SETS,
         "{'metadata':{'name':'b'},'spec':{'selector':{'matchLabels':{'app':'x'}},'template':{"
         "'metadata':{'labels':{'app':'y'}},'spec':{'containers':[{'name':'m'}]}}}}");
    expect_refusal(&stage, 422, "Invalid",
                   "StatefulSet.apps \"b\" is invalid: [spec.template.metadata.labels: Invalid "
                   "value: {\"app\":\"y\"}: `selector` does not match template `labels`, "
                   "spec.template.spec.containers[0].image: Required value]");
    stage_end(&stage);
}

static void generation_counts_specs_and_status_has_its_own_door(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    call_ok(&stage, "PATCH", SETS "/web/status", "{'status':{'replicas':3},'spec':{'replicas':9}}");
    call_ok(&stage, "PATCH", SETS "/web",
            "{'status':{'replicas':7},'metadata':{'labels':{'a':'b'}}}");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "status", "replicas", NULL)), 3);
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 1);
    assert_int_equal(jv_int_value(jv_path(stage.answer, "metadata", "generation", NULL)), 1);
    call_ok(&stage, "PATCH", SETS "/web", "{'spec':{'replicas':2}}");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "metadata", "generation", NULL)), 2);
    call_ok(&stage, "DELETE", SETS "/web", "{'propagationPolicy':'Foreground'}");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "metadata", "generation", NULL)), 3);
    stage_end(&stage);
}

static void strategic_patches_merge_by_key(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    call_typed(&stage, "PATCH", SETS "/web", STRATEGIC,
               "{'spec':{'template':{'spec':{'containers':[{'name':'side','image':'b:1'},{'name':"
               "'main','env':[{'name':'A','value':'1'},{'name':'B','value':'2'}]}],"
               "'$setElementOrder/containers':[{'name':'side'},{'name':'main'}]}}}}");
    assert_int_equal(stage.code, 200);
    assert_string_equal(jv_path_str(container(&stage), "name", NULL), "side");
    call_typed(&stage, "PATCH", SETS "/web", STRATEGIC,
               "{'spec':{'template':{'spec':{'containers':[{'$patch':'delete','name':'side'},{"
               "'name':'main','env':[{'name':'A','$patch':'delete'}]}]}}}}");
    assert_int_equal(jv_size(jv_path(stage.answer, "spec", "template", "spec", "containers", NULL)),
                     1);
    assert_int_equal(jv_size(jv_get(container(&stage), "env")), 1);
    assert_string_equal(jv_path_str(container(&stage), "image", NULL), "nginx:1.2");
    call_typed(&stage, "PATCH", SETS "/web", STRATEGIC,
               "{'metadata':{'finalizers':['a.b/c']},'spec':{'template':{'spec':{'volumes':["
               "{'name':'tmp','$retainKeys':['name','configMap'],'configMap':{'name':'x'}}]}}}}");
    const struct jv *volume =
        jv_at(jv_path(stage.answer, "spec", "template", "spec", "volumes", NULL), 0);
    assert_null(jv_get(volume, "emptyDir"));
    assert_non_null(jv_get(volume, "configMap"));
    call_typed(&stage, "PATCH", SETS "/web", STRATEGIC, "{'metadata':{'finalizers':['d.e/f']}}");
    assert_int_equal(jv_size(jv_path(stage.answer, "metadata", "finalizers", NULL)), 2);
    call_typed(&stage, "PATCH", SETS "/web", STRATEGIC,
               "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a.b/c']}}");
    assert_int_equal(jv_size(jv_path(stage.answer, "metadata", "finalizers", NULL)), 1);
    stage_end(&stage);
}

static void json_patches_apply_whole_or_not_at_all(void **state)
{
    (void)state;
    struct stage stage;
    const char *type = "application/json-patch+json";
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    call_typed(&stage, "PATCH", SETS "/web", type,
               "[{'op':'add','path':'/metadata/labels','value':{}},{'op':'add','path':"
               "'/metadata/labels/a~1b','value':'c'},{'op':'copy','from':'/metadata/labels/a~1b',"
               "'path':'/metadata/labels/d'},{'op':'move','from':'/metadata/labels/d','path':"
               "'/metadata/labels/e'},{'op':'test','path':'/spec/replicas','value':1},{'op':"
               "'replace','path':'/spec/replicas','value':4}]");
    assert_int_equal(stage.code, 200);
    assert_string_equal(jv_path_str(stage.answer, "metadata", "labels", "a/b", NULL), "c");
    assert_string_equal(jv_path_str(stage.answer, "metadata", "labels", "e", NULL), "c");
    assert_null(jv_path(stage.answer, "metadata", "labels", "d", NULL));
    call_typed(&stage, "PATCH", SETS "/web", type,
               "[{'op':'replace','path':'/spec/replicas','value':5},{'op':'test','path':"
               "'/spec/replicas','value':1}]");
    expect_refusal(&stage, 422, "Invalid",
                   "the server rejected our request due to an error in our request");
    call_ok(&stage, "GET", SETS "/web", NULL);
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 4);
    stage_end(&stage);
}

static void scale_reads_and_writes_replicas(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SETS, set);
    call_ok(&stage, "GET", SETS "/web/scale", NULL);
    assert_string_equal(jv_path_str(stage.answer, "status", "selector", NULL), "app=web");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 1);
    call_ok(&stage, "PATCH", SETS "/web/scale", "{'spec':{'replicas':0}}");
    assert_null(jv_path(stage.answer, "spec", "replicas", NULL));
    call_ok(&stage, "GET", SETS "/web", NULL);
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 0);
    call(&stage, "PATCH", SETS "/web/scale", "{'spec':{'replicas':-1}}");
    expect_refusal(&stage, 422, "Invalid", NULL);
    call(&stage, "PUT", SETS "/web/scale",
         "{'metadata':{'name':'web','resourceVersion':'1'},'spec':{'replicas':3}}");
    assert_int_equal(stage.code, 409);
    stage_end(&stage);
}

static void deployment_selector_is_immutable(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", DEPLOYMENTS,
            "{'metadata':{'name':'d'},'spec':{'selector':{'matchLabels':{'a':'b'}},'template':{"
            "'metadata':{'labels':{'a':'b','c':'d'}},'spec':{'containers':[{'name':'m','image':"
            "'i'}]}}}}");
    assert_string_equal(
        jv_path_str(stage.answer, "spec", "strategy", "rollingUpdate", "maxSurge", NULL), "25%");
    call(&stage, "PATCH", DEPLOYMENTS "/d", "{'spec':{'selector':{'matchLabels':{'c':'d'}}}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: "
                   "{\"matchLabels\":{\"a\":\"b\",\"c\":\"d\"}}: field is immutable");
    stage_end(&stage);
}

static void claims_only_grow_when_bound_and_expandable(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", "/apis/storage.k8s.io/v1/storageclasses",
            "{'metadata':{'name':'fast','annotations':{"
            "'storageclass.kubernetes.io/is-default-class':'true'}},'provisioner':'p'}");
    call_ok(&stage, "POST", CLAIMS,
            "{'metadata':{'name':'c'},'spec':{'accessModes':['ReadWriteOnce'],'resources':{"
            "'requests':{'storage':'2Gi'}}}}");
    assert_string_equal(jv_path_str(stage.answer, "spec", "storageClassName", NULL), "fast");
    assert_string_equal(jv_str(jv_at(jv_path(stage.answer, "metadata", "finalizers", NULL), 0)),
                        "kubernetes.io/pvc-protection");
    call(&stage, "PATCH", CLAIMS "/c", "{'spec':{'resources':{'requests':{'storage':'3Gi'}}}}");
    expect_refusal(&stage, 422, "Invalid", NULL);
    call_ok(&stage, "PATCH", CLAIMS "/c/status", "{'status':{'phase':'Bound'}}");
    call(&stage, "PATCH", CLAIMS "/c", "{'spec':{'resources':{'requests':{'storage':'3Gi'}}}}");
    expect_refusal(&stage, 403, "Forbidden",
                   "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc "
                   "can be resized and the storageclass that provisions the pvc must support "
                   "resize");
    call_ok(&stage, "PATCH", "/apis/storage.k8s.io/v1/storageclasses/fast",
            "{'allowVolumeExpansion':true}");
    call_ok(&stage, "PATCH", CLAIMS "/c", "{'spec':{'resources':{'requests':{'storage':'3Gi'}}}}");
    call_ok(&stage, "PATCH", CLAIMS "/c/status", "{'status':{'capacity':{'storage':'2Gi'}}}");
    call(&stage, "PATCH", CLAIMS "/c", "{'spec':{'resources':{'requests':{'storage':'1Gi'}}}}");
    expect_refusal(&stage, 422, "Invalid",
                   "PersistentVolumeClaim \"c\" is invalid: spec.resources.requests.storage: "
                   "Forbidden: field can not be less than status.capacity");
    stage_end(&stage);
}

static void services_get_addresses_that_stay_and_return(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SERVICES, "{'metadata':{'name':'a'},'spec':{'ports':[{'port':80}]}}");
    char *address = strdup(jv_path_str(stage.answer, "spec", "clusterIP", NULL));
    assert_int_equal(strncmp(address, "10.96.", 6), 0);
    const struct jv *port = jv_at(jv_path(stage.answer, "spec", "ports", NULL), 0);
    assert_int_equal(jv_int_value(jv_get(port, "targetPort")), 80);
    call_ok(&stage, "PUT", SERVICES "/a",
            "{'metadata':{'name':'a'},'spec':{'ports':[{'port':81}]}}");
    assert_string_equal(jv_path_str(stage.answer, "spec", "clusterIP", NULL), address);
    call(&stage, "PATCH", SERVICES "/a",
         "{'spec':{'clusterIP':'10.96.9.9','clusterIPs':['10.96.9.9']}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.9.9\"]: "
                   "may not change once set");
    char body[256];
    snprintf(body, sizeof(body),
             "{'metadata':{'name':'b'},'spec':{'clusterIP':'%s','ports':[{'port':80}]}}", address);
    call(&stage, "POST", SERVICES, body);
    assert_int_equal(stage.code, 422);
    call_ok(&stage, "DELETE", SERVICES "/a", NULL);
    call_ok(&stage, "POST", SERVICES, body);
    call_ok(&stage, "POST", SERVICES,
            "{'metadata':{'name':'h'},'spec':{'clusterIP':'None','ports':[{'port':80,'name':'x'},"
            "{'port':81,'name':'y'}]}}");
    assert_string_equal(jv_path_str(stage.answer, "spec", "clusterIP", NULL), "None");
    call(&stage, "POST", SERVICES, "{'metadata':{'name':'n'},'spec':{}}");
    expect_refusal(&stage, 422, "Invalid", "Service \"n\" is invalid: spec.ports: Required value");
    free(address);
    stage_end(&stage);
}

static void load_balancers_keep_their_class_and_health_check_port(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", SERVICES,
            "{'metadata':{'name':'a'},'spec':{'type':'LoadBalancer','loadBalancerClass':"
            "'example.com/a','externalTrafficPolicy':'Local','healthCheckNodePort':30001,"
            "'ports':[{'port':80}]}}");
    call(&stage, "PATCH", SERVICES "/a", "{'spec':{'loadBalancerClass':null}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Service \"a\" is invalid: spec.loadBalancerClass: Invalid value: null: may not "
                   "change once set");
    call(&stage, "PATCH", SERVICES "/a", "{'spec':{'loadBalancerClass':'example.com/b'}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Service \"a\" is invalid: spec.loadBalancerClass: Invalid value: "
                   "\"example.com/b\": may not change once set");
    call(&stage, "PATCH", SERVICES "/a", "{'spec':{'healthCheckNodePort':30002}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Service \"a\" is invalid: spec.healthCheckNodePort: Forbidden: field is "
                   "immutable");
    call_ok(&stage, "PATCH", SERVICES "/a", "{'spec':{'healthCheckNodePort':null}}");
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "healthCheckNodePort", NULL)),
                     30001);
    call_ok(&stage, "PATCH", SERVICES "/a", "{'spec':{'type':'NodePort'}}");
    assert_null(jv_path(stage.answer, "spec", "loadBalancerClass", NULL));
    call(&stage, "PATCH", SERVICES "/a", "{'spec':{'loadBalancerClass':'example.com/a'}}");
    expect_refusal(&stage, 422, "Invalid",
                   "Service \"a\" is invalid: spec.loadBalancerClass: Forbidden: may only be used "
                   "when `type` is 'LoadBalancer'");
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stateful_set_is_defaulted_as_the_real_server_does),
        cmocka_unit_test(stateful_set_refuses_changes_of_what_is_immutable),
        cmocka_unit_test(generation_counts_specs_and_status_has_its_own_door),
        cmocka_unit_test(strategic_patches_merge_by_key),
        cmocka_unit_test(json_patches_apply_whole_or_not_at_all),
        cmocka_unit_test(scale_reads_and_writes_replicas),
        cmocka_unit_test(deployment_selector_is_immutable),
        cmocka_unit_test(claims_only_grow_when_bound_and_expandable),
        cmocka_unit_test(services_get_addresses_that_stay_and_return),
        cmocka_unit_test(load_balancers_keep_their_class_and_health_check_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
