/* Pods, namespaces and CRDs come and go in steps; these are the steps. Also faults and dry runs. */
#include "sandbox_support.h"

#define PODS "/api/v1/namespaces/default/pods"
#define CRDS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define THINGS "/apis/example.com/v1/namespaces/default/things"

static const char crd[] =
    "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition','metadata':{'name':"
    "'things.example.com'},'spec':{'group':'example.com','scope':'Namespaced','names':{'plural':"
    "'things','kind':'Thing','shortNames':['th']},'versions':[{'name':'v1','served':true,"
    "'storage':true,'subresources':{'status':{},'scale':{'specReplicasPath':'.spec.replicas',"
    "'statusReplicasPath':'.status.replicas'}},'schema':{'openAPIV3Schema':{'type':'object',"
    "'properties':{'spec':{'type':'object','required':['color'],'properties':{'color':{'type':"
    "'string','enum':['red','green']},'replicas':{'type':'integer','default':1}}},'status':{"
    "'type':'object','x-kubernetes-preserve-unknown-fields':true}}}}}]}}";

static void pod(struct stage *stage, const char *name, const char *spec)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{'metadata':{'name':'%s','labels':{'app':'a'}},'spec':{%s'containers':[{'name':'m',"
             "'image':'i'}]}}",
             name, spec);
    call_ok(stage, "POST", PODS, body);
}

static void scheduled_pods_die_gracefully_and_others_at_once(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    pod(&stage, "free", "");
    assert_string_equal(jv_path_str(stage.answer, "status", "phase", NULL), "Pending");
    assert_string_equal(jv_path_str(stage.answer, "status", "qosClass", NULL), "BestEffort");
    call_ok(&stage, "DELETE", PODS "/free", NULL);
    call(&stage, "GET", PODS "/free", NULL);
    assert_int_equal(stage.code, 404);
    pod(&stage, "bound", "");
    call_ok(&stage, "POST", PODS "/bound/binding", "{'target':{'kind':'Node','name':'n1'}}");
    call(&stage, "POST", PODS "/bound/binding", "{'target':{'kind':'Node','name':'n2'}}");
    assert_int_equal(stage.code, 409);
    call_ok(&stage, "DELETE", PODS "/bound", NULL);
    assert_int_equal(
        jv_int_value(jv_path(stage.answer, "metadata", "deletionGracePeriodSeconds", NULL)), 30);
    assert_string_equal(jv_path_str(stage.answer, "metadata", "deletionTimestamp", NULL),
                        "2026-01-01T00:00:30Z");
    call_ok(&stage, "DELETE", PODS "/bound?gracePeriodSeconds=60", NULL);
    assert_int_equal(
        jv_int_value(jv_path(stage.answer, "metadata", "deletionGracePeriodSeconds", NULL)), 30);
    call_ok(&stage, "DELETE", PODS "/bound", "{'gracePeriodSeconds':0}");
    call(&stage, "GET", PODS "/bound", NULL);
    assert_int_equal(stage.code, 404);
    stage_end(&stage);
}

static void pod_specs_change_only_where_they_may(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    pod(&stage, "p", "'nodeName':'n1',");
    call_typed(&stage, "PATCH", PODS "/p", "application/strategic-merge-patch+json",
               "{'spec':{'containers':[{'name':'m','image':'other'}]}}");
    assert_int_equal(stage.code, 200);
    call(&stage, "PATCH", PODS "/p", "{'spec':{'hostNetwork':true}}");
    expect_refusal(&stage, 422, "Invalid", NULL);
    call_ok(&stage, "GET", PODS "?fieldSelector=spec.nodeName%3Dn1,status.phase!%3DRunning", NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 1);
    call_ok(&stage, "GET", PODS "?fieldSelector=spec.nodeName%3Dn2", NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 0);
    call_ok(&stage, "DELETE", PODS "/p?gracePeriodSeconds=0", NULL);
    stage_end(&stage);
}

static void evictions_spend_the_budget(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    const char *budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    pod(&stage, "one", "'nodeName':'n',");
    pod(&stage, "two", "'nodeName':'n',");
    call_ok(&stage, "PATCH", PODS "/one/status", "{'status':{'phase':'Running'}}");
    call_ok(&stage, "PATCH", PODS "/two/status", "{'status':{'phase':'Running'}}");
    call_ok(&stage, "POST", budgets,
            "{'metadata':{'name':'b'},'spec':{'minAvailable':1,'selector':{'matchLabels':{'app':"
            "'a'}}}}");
    char path[128];
    snprintf(path, sizeof(path), "%s/b/status", budgets);
    call_ok(&stage, "PATCH", path, "{'status':{'disruptionsAllowed':1}}");
    call_ok(&stage, "POST", PODS "/one/eviction", "{}");
    assert_int_equal(stage.code, 201);
    call(&stage, "POST", PODS "/two/eviction", "{}");
    expect_refusal(&stage, 429, "TooManyRequests",
                   "Cannot evict pod as it would violate the pod's disruption budget.");
    stage_end(&stage);
}

static void namespaces_terminate_before_they_go(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", "/api/v1/namespaces", "{'metadata':{'name':'team'}}");
    assert_string_equal(jv_path_str(stage.answer, "status", "phase", NULL), "Active");
    call_ok(&stage, "DELETE", "/api/v1/namespaces/team", NULL);
    assert_string_equal(jv_path_str(stage.answer, "status", "phase", NULL), "Terminating");
    call(&stage, "POST", "/api/v1/namespaces/team/configmaps", "{'metadata':{'name':'late'}}");
    expect_refusal(&stage, 403, "Forbidden",
                   "configmaps \"late\" is forbidden: unable to create new content in namespace "
                   "team because it is being terminated");
    assert_string_equal(
        jv_path_str(jv_at(jv_path(stage.answer, "details", "causes", NULL), 0), "reason", NULL),
        "NamespaceTerminating");
    call_ok(&stage, "PUT", "/api/v1/namespaces/team/finalize",
            "{'metadata':{'name':'team'},'spec':{'finalizers':[]}}");
    call(&stage, "GET", "/api/v1/namespaces/team", NULL);
    assert_int_equal(stage.code, 404);
    call(&stage, "DELETE", "/api/v1/namespaces/default", NULL);
    expect_refusal(&stage, 403, "Forbidden",
                   "namespaces \"default\" is forbidden: this namespace may not be deleted");
    stage_end(&stage);
}

static void custom_kinds_live_and_die_with_their_definition(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call(&stage, "GET", THINGS, NULL);
    assert_int_equal(stage.code, 404);
    call_ok(&stage, "POST", CRDS, crd);
    call_ok(&stage, "POST", THINGS,
            "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'t'},'spec':{"
            "'color':'red','unknown':1},'status':{'x':1}}");
    assert_non_null(strstr(stage.warning, "unknown field \\\"spec.unknown\\\""));
    assert_int_equal(jv_int_value(jv_path(stage.answer, "spec", "replicas", NULL)), 1);
    assert_null(jv_path(stage.answer, "spec", "unknown", NULL));
    assert_null(jv_path(stage.answer, "status", NULL));
    call(&stage, "POST", THINGS "?fieldValidation=Strict",
         "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'u'},'spec':{'color':"
         "'red','unknown':1}}");
    expect_refusal(&stage, 400, "BadRequest",
                   "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: "
                   "unknown field \"spec.unknown\"");
    call(&stage, "PUT", THINGS "/t",
         "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'t'},'spec':{'color':"
         "'green'}}");
    expect_refusal(&stage, 422, "Invalid",
                   "things.example.com \"t\" is invalid: metadata.resourceVersion: Invalid value: "
                   "0: must be specified for an update");
    call(&stage, "PATCH", THINGS "/t", "{'spec':{'color':'blue'}}");
    expect_refusal(&stage, 422, "Invalid", NULL);
    call_ok(&stage, "PATCH", THINGS "/t/scale", "{'spec':{'replicas':4}}");
    call_ok(&stage, "PATCH", THINGS "/t/status",
            "{'metadata':{'labels':{'a':'b'}},'status':{'replicas':4}}");
    assert_null(jv_path(stage.answer, "metadata", "labels", NULL));
    assert_int_equal(jv_int_value(jv_path(stage.answer, "metadata", "generation", NULL)), 2);
    call_typed(&stage, "PATCH", THINGS "/t", "application/strategic-merge-patch+json", "{}");
    assert_int_equal(stage.code, 415);
    call_ok(&stage, "PATCH", THINGS "/t", "{'metadata':{'finalizers':['x.y/z']}}");
    call_ok(&stage, "DELETE", CRDS "/things.example.com", NULL);
    call_ok(&stage, "GET", THINGS "/t", NULL);
    assert_non_null(jv_path(stage.answer, "metadata", "deletionTimestamp", NULL));
    call_ok(&stage, "PATCH", THINGS "/t", "{'metadata':{'finalizers':null}}");
    call(&stage, "GET", CRDS "/things.example.com", NULL);
    assert_int_equal(stage.code, 404);
    call(&stage, "GET", THINGS, NULL);
    assert_int_equal(stage.code, 404);
    call_ok(&stage, "POST", CRDS, crd);
    call_ok(&stage, "GET", THINGS, NULL);
    assert_int_equal(jv_size(jv_path(stage.answer, "items", NULL)), 0);
    stage_end(&stage);
}

static void a_watch_ends_when_its_kind_is_defined_anew(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch, later;
    stage_init(&stage);
    call_ok(&stage, "POST", CRDS, crd);
    watch_open(&watch, &stage, THINGS "?watch=1&resourceVersion=0");
    call_ok(&stage, "PATCH", CRDS "/things.example.com", "{'metadata':{'labels':{'a':'b'}}}");
    call_ok(&stage, "POST", THINGS,
            "{'apiVersion':'example.com/v1','kind':'Thing','metadata':{'name':'t'},'spec':{"
            "'color':'red'}}");
    watch_expect(&watch, 1);
    assert_false(watch.ended);
    call_ok(&stage, "PATCH", CRDS "/things.example.com",
            "{'spec':{'names':{'shortNames':['th','thg']}}}");
    call_ok(&stage, "PATCH", THINGS "/t", "{'spec':{'color':'green'}}");
    watch_expect(&watch, 1);
    assert_true(watch.ended);
    watch_open(&later, &stage, THINGS "?watch=1&resourceVersion=0");
    watch_expect(&later, 1);
    call_ok(&stage, "PATCH", THINGS "/t", "{'spec':{'color':'red'}}");
    watch_expect(&later, 2);
    watch_close(&later);
    watch_close(&watch);
    stage_end(&stage);
}

static void discovery_tells_all_kinds_in_both_forms(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", CRDS, crd);
    call_ok(&stage, "GET", "/api/v1", NULL);
    bool found = false;
    const struct jv *resources = jv_path(stage.answer, "resources", NULL);
    for (size_t i = 0; i < jv_size(resources); i++)
        found |= strcmp(jv_path_str(jv_at(resources, i), "name", NULL), "pods/eviction") == 0;
    assert_true(found);
    call_ok(&stage, "GET", "/apis/example.com", NULL);
    assert_string_equal(jv_path_str(stage.answer, "preferredVersion", "groupVersion", NULL),
                        "example.com/v1");
    stage.accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                   "application/json";
    call_ok(&stage, "GET", "/apis", NULL);
    assert_string_equal(jv_path_str(stage.answer, "kind", NULL), "APIGroupDiscoveryList");
    stage.accept = NULL;
    call(&stage, "GET", "/apis/nothing.io/v1", NULL);
    assert_int_equal(stage.code, 404);
    stage_end(&stage);
}

static void dry_runs_answer_but_write_nothing(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    uint64_t revision = apiserver_revision(stage.server);
    call_ok(&stage, "POST", "/api/v1/namespaces/default/services?dryRun=All",
            "{'metadata':{'name':'a'},'spec':{'ports':[{'port':80}]}}");
    assert_int_equal(stage.code, 201);
    call(&stage, "GET", "/api/v1/namespaces/default/services/a", NULL);
    assert_int_equal(stage.code, 404);
    assert_int_equal(apiserver_revision(stage.server), revision);
    stage_end(&stage);
}

static void metadata_only_readers_get_metadata_only(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    pod(&stage, "p", "");
    stage.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
                   "application/json";
    call_ok(&stage, "GET", PODS, NULL);
    assert_string_equal(jv_path_str(stage.answer, "kind", NULL), "PartialObjectMetadataList");
    const struct jv *item = jv_at(jv_path(stage.answer, "items", NULL), 0);
    assert_null(jv_path(item, "spec", NULL));
    assert_string_equal(jv_path_str(item, "metadata", "name", NULL), "p");
    stage_end(&stage);
}

static void events_are_the_same_in_both_groups(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call_ok(&stage, "POST", "/apis/events.k8s.io/v1/namespaces/default/events",
            "{'apiVersion':'events.k8s.io/v1','kind':'Event','metadata':{'name':'e'},'regarding':{"
            "'kind':'Pod','name':'p','namespace':'default'},'reason':'R','note':'said','type':"
            "'Normal','eventTime':'2026-01-01T00:00:00.000000Z','action':'A',"
            "'reportingController':'c','reportingInstance':'i'}");
    assert_string_equal(jv_path_str(stage.answer, "note", NULL), "said");
    call_ok(&stage, "GET",
            "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp", NULL);
    const struct jv *item = jv_at(jv_path(stage.answer, "items", NULL), 0);
    assert_string_equal(jv_path_str(item, "message", NULL), "said");
    assert_string_equal(jv_path_str(item, "reportingComponent", NULL), "c");
    stage_end(&stage);
}

static void faults_strike_only_whom_they_are_meant_for(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    apiserver_set_faults(stage.server,
                         &(struct apiserver_faults){.too_many = 1, .only_user = "victim"});
    call_ok(&stage, "GET", PODS, NULL);
    stage.user = "victim/1";
    call(&stage, "GET", PODS, NULL);
    expect_refusal(&stage, 429, "TooManyRequests", "Too many requests, please try again later.");
    apiserver_set_faults(stage.server, &(struct apiserver_faults){.late_error = 1});
    call(&stage, "POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{'name':'late'}}");
    expect_refusal(&stage, 504, "Timeout", NULL);
    call_ok(&stage, "GET", "/api/v1/namespaces/default/configmaps/late", NULL);
    apiserver_set_faults(stage.server, &(struct apiserver_faults){.conflict = 1});
    call(&stage, "PATCH", "/api/v1/namespaces/default/configmaps/late", "{'data':{'a':'b'}}");
    assert_int_equal(stage.code, 409);
    stage_end(&stage);
}

static void wrong_types_are_refused_by_go_field(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    call(&stage, "POST", "/apis/apps/v1/namespaces/default/statefulsets",
         "{'metadata':{'name':'a'},'spec':{'replicas':'3'}}");
    expect_refusal(&stage, 400, "BadRequest",
                   "StatefulSet in version \"v1\" cannot be handled as a StatefulSet: json: "
                   "cannot unmarshal string into Go struct field StatefulSetSpec.spec.replicas of "
                   "type int32");
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scheduled_pods_die_gracefully_and_others_at_once),
        cmocka_unit_test(pod_specs_change_only_where_they_may),
        cmocka_unit_test(evictions_spend_the_budget),
        cmocka_unit_test(namespaces_terminate_before_they_go),
        cmocka_unit_test(custom_kinds_live_and_die_with_their_definition),
        cmocka_unit_test(a_watch_ends_when_its_kind_is_defined_anew),
        cmocka_unit_test(discovery_tells_all_kinds_in_both_forms),
        cmocka_unit_test(dry_runs_answer_but_write_nothing),
        cmocka_unit_test(metadata_only_readers_get_metadata_only),
        cmocka_unit_test(events_are_the_same_in_both_groups),
        cmocka_unit_test(faults_strike_only_whom_they_are_meant_for),
        cmocka_unit_test(wrong_types_are_refused_by_go_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
