/* Tables: the columns and cells that `kubectl get` shows, as a 1.35 server computes them. */
#include "sandbox/jsonpath.h"
#include "sandbox_support.h"

#define TABLE "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
#define PODS "/api/v1/namespaces/default/pods"
#define THINGS "/apis/t.example.com/v1/namespaces/default/things"

static void with_quotes(char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            *text = '"';
}

/* The cells of the first row; quotes in `wanted` may be written as '. */
static void expect_cells(struct stage *stage, const char *path, const char *wanted)
{
    stage->accept = TABLE;
    call_ok(stage, "GET", path, NULL);
    stage->accept = NULL;
    const struct jv *row = jv_at(jv_path(stage->answer, "rows", NULL), 0);
    char *shown = jv_print_str(jv_get(row, "cells"), 0), *copy = strdup(wanted);
    with_quotes(copy);
    assert_string_equal(shown, copy);
    free(copy);
    free(shown);
}

/* Names of the columns, "+" before those of -o wide. */
static void expect_columns(const struct stage *stage, const char *wanted)
{
    const struct jv *columns = jv_path(stage->answer, "columnDefinitions", NULL);
    struct buf names;
    buf_init(&names, 4096);
    for (size_t i = 0; i < jv_size(columns); i++)
        buf_printf(&names, "%s%s%s", i ? "|" : "",
                   jv_int_value(jv_path(jv_at(columns, i), "priority", NULL)) ? "+" : "",
                   jv_path_str(jv_at(columns, i), "name", NULL));
    assert_string_equal(buf_str(&names), wanted);
    buf_deinit(&names);
}

static void make_pod(struct stage *stage, const char *spec, const char *status)
{
    char body[2048];
    call(stage, "POST", "/api/v1/namespaces/default/serviceaccounts",
         "{'metadata':{'name':'default'}}");
    call(stage, "DELETE", PODS "/p?gracePeriodSeconds=0", NULL);
    snprintf(body, sizeof(body),
             "{'metadata':{'name':'p'},'spec':{%s'containers':[{'name':'c','image':'i'},"
             "{'name':'d','image':'j'}]}}",
             spec);
    call_ok(stage, "POST", PODS, body);
    snprintf(body, sizeof(body), "{'status':%s}", status);
    call_ok(stage, "PATCH", PODS "/p/status", body);
}

#define RUNS "'state':{'running':{'startedAt':'2026-01-01T00:00:00Z'}}"
#define STATUS(NAME, READY, REST)                                                                  \
    "{'name':'" NAME "','image':'i','imageID':'','ready':" READY "," REST "}"

static void pods_show_what_their_containers_do(void **state)
{
    static const struct {
        const char *spec, *status, *cells;
    } rows[] = {
        {"",
         "{'phase':'Running','podIP':'1.2.3.4','podIPs':[{'ip':'1.2.3.4'}],'conditions':["
         "{'type':'Ready','status':'True'}],'containerStatuses':[" STATUS(
             "c", "true", "'restartCount':0," RUNS) "," STATUS("d", "true",
                                                               "'restartCount':3," RUNS) "]}",
         "['p','2/2','Running','3','0s','1.2.3.4','<none>','<none>','<none>']"},
        {"",
         "{'phase':'Running','containerStatuses':[" STATUS(
             "c", "false",
             "'restartCount':1,'state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{"
             "'terminated':{'exitCode':1,'finishedAt':'2025-12-31T23:00:00Z'}}") "]}",
         "['p','0/2','CrashLoopBackOff','1 (60m ago)','0s','<none>','<none>','<none>','<none>']"},
        {"'readinessGates':[{'conditionType':'a/b'}],",
         "{'phase':'Running','containerStatuses':[" STATUS(
             "c", "false",
             "'restartCount':0,'state':{'terminated':{'exitCode':137,'signal':9}}") "]}",
         "['p','0/2','Signal:9','0','0s','<none>','<none>','<none>','0/1']"},
        {"'initContainers':[{'name':'x','image':'i'},{'name':'y','image':'i'}],",
         "{'phase':'Pending','initContainerStatuses':[" STATUS("x", "false",
                                                               "'restartCount':0," RUNS) "]}",
         "['p','0/2','Init:0/2','0','0s','<none>','<none>','<none>','<none>']"},
        {"'nodeName':'n',", "{'phase':'Failed','reason':'Evicted'}",
         "['p','0/2','Evicted','0','0s','<none>','n','<none>','<none>']"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct stage stage;
        stage_init(&stage);
        make_pod(&stage, rows[i].spec, rows[i].status);
        expect_cells(&stage, PODS, rows[i].cells);
        stage_end(&stage);
    }
}

static void pod_columns_and_terminating(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_pod(&stage, "'nodeName':'n',", "{'phase':'Running'}");
    call_ok(&stage, "DELETE", PODS "/p", NULL);
    expect_cells(&stage, PODS "/p",
                 "['p','0/2','Terminating','0','0s','<none>','n','<none>','<none>']");
    expect_columns(&stage, "Name|Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|"
                           "+Readiness Gates");
    stage_end(&stage);
}

static void ages_are_short(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } ages[] = {{0, "0s"},         {119, "119s"},     {120, "2m"},      {125, "2m5s"},
                {3600, "60m"},     {10800, "3h"},     {12300, "3h25m"}, {172800, "2d"},
                {183600, "2d3h"},  {8640000, "100d"}, {63072000, "2y"}, {66000000, "2y33d"},
                {315360000, "10y"}};
    (void)state;
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        char cells[64];
        struct stage stage;
        stage_init(&stage);
        call_ok(&stage, "POST", "/api/v1/namespaces/default/configmaps",
                "{'metadata':{'name':'c'},'data':{'a':'b'},'binaryData':{'b':'YQ=='}}");
        clock_shift_wall_ns(stage.clock, ages[i].seconds * 1000000000);
        snprintf(cells, sizeof(cells), "['c',2,'%s']", ages[i].text);
        expect_cells(&stage, "/api/v1/namespaces/default/configmaps/c", cells);
        stage_end(&stage);
    }
}

static void make_crd(struct stage *stage, const char *columns)
{
    char body[2048];
    snprintf(body, sizeof(body),
             "{'metadata':{'name':'things.t.example.com'},'spec':{'group':'t.example.com','scope':"
             "'Namespaced','names':{'plural':'things','kind':'Thing','singular':'thing','listKind':"
             "'ThingList'},'versions':[{'name':'v1','served':true,'storage':true,%s'schema':{"
             "'openAPIV3Schema':{'type':'object','x-kubernetes-preserve-unknown-fields':true}}}]}}",
             columns);
    call_ok(stage, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body);
}

static void custom_columns_come_from_the_crd(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_crd(&stage, "'additionalPrinterColumns':["
                     "{'name':'Ready','type':'string','jsonPath':"
                     "'.status.conditions[?(@.type==\\'Ready\\')].status'},"
                     "{'name':'Replicas','type':'integer','jsonPath':'.spec.replicas'},"
                     "{'name':'Ok','type':'boolean','jsonPath':'.spec.ok'},"
                     "{'name':'Any','type':'string','jsonPath':'.spec.list','priority':1},"
                     "{'name':'Wrong','type':'integer','jsonPath':'.spec.name'},"
                     "{'name':'Since','type':'date','jsonPath':'.status.since'}],");
    call_ok(&stage, "POST", THINGS,
            "{'apiVersion':'t.example.com/v1','kind':'Thing','metadata':{'name':'t'},'spec':{"
            "'replicas':3,'ok':true,'list':[1,'a'],'name':'n'},'status':{'conditions':["
            "{'type':'Other','status':'no'},{'type':'Ready','status':'True'}],"
            "'since':'2025-12-31T23:59:00Z'}}");
    expect_cells(&stage, THINGS, "['t','True',3,true,'[1,\\'a\\']',null,'60s']");
    expect_columns(&stage, "Name|Ready|Replicas|Ok|+Any|Wrong|Since");
    stage_end(&stage);
}

static void custom_kind_without_columns_shows_its_age(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    make_crd(&stage, "");
    call_ok(&stage, "POST", THINGS,
            "{'apiVersion':'t.example.com/v1','kind':'Thing','metadata':{'name':'t'}}");
    expect_cells(&stage, THINGS, "['t','0s']");
    expect_columns(&stage, "Name|Age");
    stage_end(&stage);
}

static void rows_carry_what_was_asked_for(void **state)
{
    (void)state;
    struct stage stage;
    const char *path = "/api/v1/namespaces/default/configmaps";
    char with[128];
    stage_init(&stage);
    call_ok(&stage, "POST", path, "{'metadata':{'name':'c'},'data':{'a':'b'}}");
    static const struct {
        const char *include, *kind, *data;
    } rows[] = {{"", "PartialObjectMetadata", NULL},
                {"?includeObject=Metadata", "PartialObjectMetadata", NULL},
                {"?includeObject=Object", "ConfigMap", "b"},
                {"?includeObject=None", NULL, NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(with, sizeof(with), "%s%s", path, rows[i].include);
        expect_cells(&stage, with, "['c',1,'0s']");
        const struct jv *row = jv_at(jv_path(stage.answer, "rows", NULL), 0);
        const char *kind = jv_path_str(row, "object", "kind", NULL);
        const char *data = jv_path_str(row, "object", "data", "a", NULL);
        assert_true(rows[i].kind ? kind && strcmp(kind, rows[i].kind) == 0 : !kind);
        assert_true(rows[i].data ? data && strcmp(data, rows[i].data) == 0 : !data);
    }
    stage_end(&stage);
}

static void watch_tells_columns_once(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.accept = TABLE;
    watch_open(&watch, &stage, "/api/v1/namespaces/default/configmaps?watch=true");
    stage.accept = NULL;
    call_ok(&stage, "POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{'name':'a'}}");
    call_ok(&stage, "POST", "/api/v1/namespaces/default/configmaps", "{'metadata':{'name':'b'}}");
    watch_expect(&watch, 2);
    const struct jv *first = jv_path(watch.events[0], "object", NULL);
    const struct jv *second = jv_path(watch.events[1], "object", NULL);
    assert_string_equal(jv_path_str(first, "kind", NULL), "Table");
    assert_int_equal(jv_size(jv_get(first, "columnDefinitions")), 3);
    assert_int_equal(jv_size(jv_get(second, "columnDefinitions")), 0);
    assert_string_equal(jv_str(jv_at(jv_get(jv_at(jv_get(second, "rows"), 0), "cells"), 0)), "b");
    watch_close(&watch);
    stage_end(&stage);
}

static void jsonpath_finds(void **state)
{
    static const struct {
        const char *path, *found; /* NULL: refused or does not fit */
    } rows[] = {
        {".a.b", "[1]"},
        {"$.a.b", "[1]"},
        {".a['b']", "[1]"},
        {".x\\.y", "['dotted']"},
        {"['x.y']", "['dotted']"},
        {".l[0]", "[{'k':'p','v':1}]"},
        {".l[-1].v", "[3]"},
        {".l[0:2].v", "[1,2]"},
        {".l[1:].v", "[2,3]"},
        {".l[*].v", "[1,2,3]"},
        {".l[7]", NULL},
        {".l[?(@.k=='q')].v", "[2]"},
        {".l[?(@.v>=2)].k", "['q','r']"},
        {".l[?(@.v!=2)].k", "['p','r']"},
        {".l[?(@.w)].k", "['r']"},
        {".a[?(@.b==1)]", NULL},
        {"..v", "[1,2,3]"},
        {".missing.deep", "[]"},
        {".", "*"},
        {".l[", NULL},
        {".l[?(@.k==]", NULL},
        {".l['k", NULL},
    };
    static char text[] = "{'a':{'b':1},'x.y':'dotted','l':[{'k':'p','v':1},{'k':'q','v':2},"
                         "{'k':'r','v':3,'w':0}]}";
    struct jv *value = NULL;
    (void)state;
    with_quotes(text);
    assert_int_equal(jv_parse(text, strlen(text), &value, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct jsonpath *path = jsonpath_parse(rows[i].path, NULL);
        struct jv *found = path ? jsonpath_find(path, value) : NULL;
        if (!rows[i].found) {
            assert_null(found);
        } else if (*rows[i].found == '*') {
            assert_true(jv_equal(jv_at(found, 0), value));
        } else {
            char *wanted = strdup(rows[i].found), *shown = jv_print_str(found, 0);
            with_quotes(wanted);
            assert_string_equal(shown, wanted);
            free(wanted);
            free(shown);
        }
        jv_unref(found);
        jsonpath_free(path);
    }
    jv_unref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pods_show_what_their_containers_do),
        cmocka_unit_test(pod_columns_and_terminating),
        cmocka_unit_test(ages_are_short),
        cmocka_unit_test(custom_columns_come_from_the_crd),
        cmocka_unit_test(custom_kind_without_columns_shows_its_age),
        cmocka_unit_test(rows_carry_what_was_asked_for),
        cmocka_unit_test(watch_tells_columns_once),
        cmocka_unit_test(jsonpath_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
