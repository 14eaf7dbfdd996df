/* kube/apply: when nothing has to be sent, and merge patches. */
#include "unit/kube_stage.h"

#include "kube/apply.h"

static struct jv *parse(const char *text)
{
    struct jv *value = NULL;
    struct err err = {0};
    char *json = mem_str(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    if (jv_parse(json, strlen(json), &value, &err) != 0)
        fail_msg("%s: %s", json, err.text);
    free(json);
    return value;
}

/* path "": no difference. */
static void compare(const char *wanted, const char *live, const char *path)
{
    struct jv *a = parse(wanted), *b = parse(live);
    struct buf found;
    bool differs;
    buf_init(&found, 4096);
    differs = apply_differs(a, b, &found);
    if (differs != (*path != '\0') || strcmp(buf_str(&found), path) != 0)
        fail_msg("%s\n against %s\n: `%s` instead of `%s`", wanted, live, buf_str(&found), path);
    assert_int_equal(apply_differs(a, b, NULL), differs);
    buf_deinit(&found);
    jv_unref(a);
    jv_unref(b);
}

#define POD_SPEC(text) "{'apiVersion':'v1','kind':'Pod','spec':{" text "}}"
#define CONTAINER(text) POD_SPEC("'containers':[{'name':'c'," text "}]")
#define HERE "spec.containers[name=\"c\"]"

static void only_what_we_send_is_compared(void **state)
{
    (void)state;
    compare(POD_SPEC("'a':1"), POD_SPEC("'a':1,'b':2"), "");
    compare(POD_SPEC("'a':1"), POD_SPEC("'a':2"), "spec.a");
    compare(POD_SPEC("'a':'x'"), POD_SPEC("'b':1"), "spec.a");
    compare(POD_SPEC("'a':null"), POD_SPEC("'a':2"), "");
    compare(POD_SPEC("'a':{'b':{'c':[1,2]}}"), POD_SPEC("'a':{'b':{'c':[1,3]}}"), "spec.a.b.c[1]");
    compare(POD_SPEC("'a':1.0"), POD_SPEC("'a':1"), "");
    compare(POD_SPEC("'a':'1'"), POD_SPEC("'a':1"), "spec.a");
    compare("{'kind':'Pod','status':{'a':1}}", "{'kind':'Pod'}", "");
}

static void metadata_counts_where_it_is_ours(void **state)
{
    (void)state;
    compare(
        "{'metadata':{'name':'x','uid':'1','labels':{'a':'b'}}}",
        "{'metadata':{'name':'x','uid':'2','labels':{'a':'b','c':'d'},'annotations':{'k':'v'}}}",
        "");
    compare("{'metadata':{'labels':{'a.b/c':'b'}}}", "{'metadata':{'labels':{'a.b/c':'x'}}}",
            "metadata.labels[a.b/c]");
    compare("{'metadata':{'annotations':{'a':''}}}", "{'metadata':{'annotations':{}}}",
            "metadata.annotations.a");
    compare("{'metadata':{'finalizers':['b','a']}}", "{'metadata':{'finalizers':['a','x','b']}}",
            "");
    compare("{'metadata':{'finalizers':['b']}}", "{'metadata':{'finalizers':['a']}}",
            "metadata.finalizers");
    compare("{'metadata':{'ownerReferences':[{'uid':'2','name':'b'}]}}",
            "{'metadata':{'ownerReferences':[{'uid':'1','name':'b'},{'uid':'2','name':'b'}]}}", "");
    compare("{'metadata':{'ownerReferences':[{'uid':'2','controller':true}]}}",
            "{'metadata':{'ownerReferences':[{'uid':'2','controller':false}]}}",
            "metadata.ownerReferences[uid=\"2\"].controller");
}

static void another_hash_is_a_difference(void **state)
{
    (void)state;
    compare("{'metadata':{'annotations':{'nemeton.dev/applied':'1'}}}",
            "{'metadata':{'annotations':{'nemeton.dev/applied':'2'}}}",
            "metadata.annotations[nemeton.dev/applied]");
    compare("{'metadata':{'annotations':{'nemeton.dev/applied':'1'}}}", "{'metadata':{}}",
            "metadata.annotations[nemeton.dev/applied]");
}

static void quantities_compare_by_value_where_the_api_has_them(void **state)
{
    static const char *const equal[][2] = {
        {"'1Gi'", "'1024Mi'"}, {"0.5", "'500m'"},       {"2", "'2'"},          {"'1000m'", "'1'"},
        {"'1e3'", "'1k'"},     {"'1.5Gi'", "'1536Mi'"}, {"'0.1'", "'100m'"},   {"'-0'", "'0'"},
        {"'.5'", "0.5"},       {"'1E3'", "'1000'"},     {"'2048Gi'", "'2Ti'"}, {"'1E'", "'1000P'"},
    };
    static const char *const different[][2] = {
        {"'1Gi'", "'1G'"},
        {"'1'", "'1m'"},
        {"'1K'", "'1000'"},
        {"'-1'", "'1'"},
        {"'x'", "'y'"},
        {"'1 Gi'", "'1Gi'"},
        {"'1234567890123456789'", "'1234567890123456788'"},
    };
    char wanted[256], live[256];
    (void)state;
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        snprintf(wanted, sizeof wanted, CONTAINER("'resources':{'requests':{'q':%s}}"),
                 equal[i][0]);
        snprintf(live, sizeof live, CONTAINER("'resources':{'requests':{'q':%s}}"), equal[i][1]);
        compare(wanted, live, "");
    }
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        snprintf(wanted, sizeof wanted, CONTAINER("'resources':{'limits':{'q':%s}}"),
                 different[i][0]);
        snprintf(live, sizeof live, CONTAINER("'resources':{'limits':{'q':%s}}"), different[i][1]);
        compare(wanted, live, HERE ".resources.limits.q");
    }
    compare(POD_SPEC("'volumes':[{'name':'v','emptyDir':{'sizeLimit':'1Gi'}}]"),
            POD_SPEC("'volumes':[{'name':'v','emptyDir':{'sizeLimit':'1024Mi'}}]"), "");
    /* A text that looks like one is a text. */
    compare("{'kind':'ConfigMap','data':{'size':'1Gi'}}",
            "{'kind':'ConfigMap','data':{'size':'1024Mi'}}", "data.size");
    compare(CONTAINER("'env':[{'name':'A','value':'1000m'}]"),
            CONTAINER("'env':[{'name':'A','value':'1'}]"), HERE ".env[name=\"A\"].value");
}

static void keyed_lists_match_in_any_order_and_keep_others(void **state)
{
    (void)state;
    compare(POD_SPEC("'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]"),
            POD_SPEC("'containers':[{'name':'proxy'},{'name':'b','image':'2'},"
                     "{'name':'a','image':'1'}]"),
            "");
    compare(POD_SPEC("'containers':[{'name':'a','image':'1'}]"),
            POD_SPEC("'containers':[{'name':'a','image':'2'}]"),
            "spec.containers[name=\"a\"].image");
    compare(POD_SPEC("'containers':[{'name':'a'}]"), POD_SPEC("'containers':[{'name':'b'}]"),
            "spec.containers[name=\"a\"]");
    compare(CONTAINER("'ports':[{'containerPort':53,'protocol':'UDP'},{'containerPort':53}]"),
            CONTAINER("'ports':[{'containerPort':53,'protocol':'TCP'},"
                      "{'containerPort':53,'protocol':'UDP'}]"),
            "");
    compare(CONTAINER("'ports':[{'containerPort':53,'protocol':'UDP'}]"),
            CONTAINER("'ports':[{'containerPort':53,'protocol':'TCP'}]"),
            HERE ".ports[containerPort=53]");
    compare(
        CONTAINER("'volumeMounts':[{'mountPath':'/a','name':'v'}]"),
        CONTAINER("'volumeMounts':[{'mountPath':'/b','name':'v'},{'mountPath':'/a','name':'w'}]"),
        HERE ".volumeMounts[mountPath=\"/a\"].name");
    compare("{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':80,'name':'a'}]}}",
            "{'apiVersion':'v1','kind':'Service','spec':{'ports':[{'port':81},"
            "{'port':80,'protocol':'TCP','targetPort':80,'name':'a'}]}}",
            "");
    compare(POD_SPEC("'hostAliases':[{'ip':'1','hostnames':['a']}]"),
            POD_SPEC("'hostAliases':[{'ip':'2'},{'ip':'1','hostnames':['a']}]"), "");
    compare(POD_SPEC("'topologySpreadConstraints':[{'topologyKey':'z','maxSkew':1,"
                     "'whenUnsatisfiable':'ScheduleAnyway'}]"),
            POD_SPEC("'topologySpreadConstraints':[{'topologyKey':'z','maxSkew':2,"
                     "'whenUnsatisfiable':'DoNotSchedule'},{'topologyKey':'z','maxSkew':1,"
                     "'whenUnsatisfiable':'ScheduleAnyway'}]"),
            "");
}

static void atomic_lists_compare_as_they_are(void **state)
{
    (void)state;
    compare(CONTAINER("'command':['a','b']"), CONTAINER("'command':['a','b']"), "");
    compare(CONTAINER("'command':['a','b']"), CONTAINER("'command':['b','a']"), HERE ".command[0]");
    compare(CONTAINER("'args':['a']"), CONTAINER("'args':['a','b']"), HERE ".args");
    compare(POD_SPEC("'tolerations':[{'key':'a'}]"),
            POD_SPEC("'tolerations':[{'key':'b'},{'key':'a'}]"), "spec.tolerations");
    /* Elements of an atomic list are filled with defaults by the server. */
    compare("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'volumeClaimTemplates':[{"
            "'metadata':{'name':'d'},'spec':{'resources':{'requests':{'storage':'1Gi'}}}}]}}",
            "{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'volumeClaimTemplates':[{"
            "'metadata':{'name':'d','creationTimestamp':null},'spec':{'volumeMode':'Filesystem',"
            "'resources':{'requests':{'storage':'1024Mi'}}},'status':{'phase':'Pending'}}]}}",
            "");
    /* Those of custom resources have no keys that we could know. */
    compare("{'apiVersion':'x.io/v1','kind':'X','spec':{'env':[{'name':'a'},{'name':'b'}]}}",
            "{'apiVersion':'x.io/v1','kind':'X','spec':{'env':[{'name':'b'},{'name':'a'}]}}",
            "spec.env[0].name");
}

static void zero_values_that_the_server_drops_are_no_difference(void **state)
{
    (void)state;
    compare(POD_SPEC("'hostNetwork':false,'subdomain':'','minReadySeconds':0,'tolerations':[],"
                     "'nodeSelector':{},'affinity':{'podAffinity':{}}"),
            POD_SPEC("'x':1"), "");
    compare(CONTAINER("'env':[{'name':'A','value':''}]"), CONTAINER("'env':[{'name':'A'}]"), "");
    compare(POD_SPEC("'hostNetwork':false"), POD_SPEC("'hostNetwork':true"), "spec.hostNetwork");
    /* … but not where absent means something else, */
    compare(POD_SPEC("'automountServiceAccountToken':false"), POD_SPEC("'x':1"),
            "spec.automountServiceAccountToken");
    compare("{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{'replicas':0}}",
            "{'apiVersion':'apps/v1','kind':'StatefulSet','spec':{}}", "spec.replicas");
    compare(POD_SPEC("'volumes':[{'name':'v','emptyDir':{}}]"),
            POD_SPEC("'volumes':[{'name':'v','hostPath':{'path':'/'}}]"),
            "spec.volumes[name=\"v\"].emptyDir");
    compare("{'apiVersion':'v1','kind':'ConfigMap','data':{'a':''}}",
            "{'apiVersion':'v1','kind':'ConfigMap'}", "data.a");
    /* … nor in a custom resource, which keeps them, */
    compare("{'apiVersion':'x.io/v1','kind':'X','spec':{'a':false}}",
            "{'apiVersion':'x.io/v1','kind':'X','spec':{}}", "spec.a");
    /* … and an empty field that the server fills is as it should be. */
    compare(
        "{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'','type':''}}",
        "{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'10.0.0.1','type':'ClusterIP'}}",
        "");
    compare("{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'None'}}",
            "{'apiVersion':'v1','kind':'Service','spec':{'clusterIP':'10.0.0.1'}}",
            "spec.clusterIP");
}

static void string_data_of_a_secret_is_compared_with_its_data(void **state)
{
    (void)state;
    compare("{'apiVersion':'v1','kind':'Secret','stringData':{'a':'secret'}}",
            "{'apiVersion':'v1','kind':'Secret','data':{'a':'c2VjcmV0'}}", "");
    compare("{'apiVersion':'v1','kind':'Secret','stringData':{'a':'other'}}",
            "{'apiVersion':'v1','kind':'Secret','data':{'a':'c2VjcmV0'}}", "stringData.a");
}

static void the_hash_ignores_order_its_own_annotation_and_the_uid(void **state)
{
    struct jv *a = parse("{'kind':'X','metadata':{'name':'a','labels':{'x':'1','y':'2'}}}");
    struct jv *b = parse("{'metadata':{'annotations':{'nemeton.dev/applied':'abc'},"
                         "'labels':{'y':'2','x':'1'},'name':'a','uid':'u1'},'kind':'X'}");
    struct jv *c = parse("{'kind':'X','metadata':{'name':'a','labels':{'x':'1'}}}");
    char x[33], y[33], z[33];
    (void)state;
    apply_hash(a, x);
    apply_hash(b, y);
    apply_hash(c, z);
    assert_int_equal(strlen(x), 32);
    assert_string_equal(x, y);
    assert_string_not_equal(x, z);
    assert_non_null(jv_path(b, "metadata", "annotations", APPLY_ANNOTATION, NULL));
    jv_unref(a);
    jv_unref(b);
    jv_unref(c);
}

static void print_is(struct jv *take, const char *wanted)
{
    char *text = take ? jv_print_str(take, JV_PRINT_SORTED) : mem_str("NULL");
    for (char *p = text; *p; p++)
        if (*p == '"')
            *p = '\'';
    assert_string_equal(text, wanted);
    free(text);
    jv_unref(take);
}

static void prune_removes_what_is_not_wanted_from_whole_maps(void **state)
{
    static const char *const paths[] = {"data", "spec.selector", "metadata.annotations"};
    struct jv *wanted = parse("{'data':{'a':'1'},'spec':{'selector':{'x':'1'}}}");
    struct jv *live = parse("{'data':{'a':'0','b':'1','c.d':'2'},'spec':{'selector':{'x':'1',"
                            "'y':'2'},'other':1},'metadata':{'name':'n'}}");
    (void)state;
    print_is(apply_prune_patch(wanted, live, paths, 3),
             "{'data':{'b':null,'c.d':null},'spec':{'selector':{'y':null}}}");
    print_is(apply_prune_patch(live, wanted, paths, 3), "NULL");
    print_is(apply_prune_patch(wanted, live, paths, 0), "NULL");
    jv_unref(wanted);
    jv_unref(live);
}

/* The examples of RFC 7396, appendix A. */
static void merge_patches_apply_as_the_rfc_says(void **state)
{
    static const char *const cases[][3] = {
        {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
        {"{'a':'b'}", "{'a':null}", "{}"},
        {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
        {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
        {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
        {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
        {"['a','b']", "['c','d']", "['c','d']"},
        {"{'a':'b'}", "['c']", "['c']"},
        {"{'a':'foo'}", "null", "null"},
        {"{'a':'foo'}", "'bar'", "'bar'"},
        {"{'e':null}", "{'a':1}", "{'a':1,'e':null}"},
        {"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
        {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct jv *target = parse(cases[i][0]), *patch = parse(cases[i][1]);
        print_is(merge_patch_apply(target, patch), cases[i][2]);
        jv_unref(target);
        jv_unref(patch);
    }
}

static void a_diff_applied_gives_the_target(void **state)
{
    static const char *const values[] = {
        "{}",       "{'a':1}",  "{'a':{'b':1,'c':[1,2]}}", "{'a':{'c':[2]},'d':'x'}",
        "{'a':{}}", "{'a':[]}", "{'d':{'e':{'f':true}}}",  "[1]",
        "'x'",
    };
    size_t count = sizeof values / sizeof *values;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct jv *from = parse(values[i]), *to = parse(values[k]);
            struct jv *patch = merge_patch_diff(from, to);
            assert_int_equal(patch == NULL, i == k);
            if (patch) {
                struct jv *result = merge_patch_apply(from, patch);
                assert_true(jv_equal(result, to));
                jv_unref(result);
            }
            jv_unref(patch);
            jv_unref(from);
            jv_unref(to);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_we_send_is_compared),
        cmocka_unit_test(metadata_counts_where_it_is_ours),
        cmocka_unit_test(another_hash_is_a_difference),
        cmocka_unit_test(quantities_compare_by_value_where_the_api_has_them),
        cmocka_unit_test(keyed_lists_match_in_any_order_and_keep_others),
        cmocka_unit_test(atomic_lists_compare_as_they_are),
        cmocka_unit_test(zero_values_that_the_server_drops_are_no_difference),
        cmocka_unit_test(string_data_of_a_secret_is_compared_with_its_data),
        cmocka_unit_test(the_hash_ignores_order_its_own_annotation_and_the_uid),
        cmocka_unit_test(prune_removes_what_is_not_wanted_from_whole_maps),
        cmocka_unit_test(merge_patches_apply_as_the_rfc_says),
        cmocka_unit_test(a_diff_applied_gives_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
