/* Names and addresses of Services and pods: who gets a request, and what a client is told when nobody
 * can. */
#include "sandbox_support.h"

enum { HIT_BYTES = 96 };

struct net {
    struct stage stage;
    char hit[HIT_BYTES]; /* "scheme pod:port path" of the last request that reached a pod */
    struct err err;
    int status;
};

static void on_pod(void *arg, const struct jv *pod, unsigned port, struct exchange *exchange)
{
    struct net *net = arg;
    snprintf(net->hit, sizeof(net->hit), "%s %s:%u %s", exchange_scheme(exchange),
             jv_path_str(pod, "metadata", "name", NULL), port, exchange_path(exchange));
    exchange_reply(exchange, 200, NULL, 0, "hi", 2);
}

static void load(struct net *net, const char *text)
{
    struct jv *object = NULL;
    struct err err = {0};
    char *json = strdup(text);
    for (char *at = json; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    if (jv_parse(json, strlen(json), &object, &err) != 0 ||
        apiserver_load(net->stage.server, object, true, &err) != 0)
        fail_msg("%s", err.text);
    jv_unref(object);
    free(json);
}

static void load_pod(struct net *net, const char *name, const char *ip, const char *ready)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%s','namespace':'default',"
             "'labels':{'app':'web'}},'spec':{'hostname':'%s','subdomain':'heads','containers':[{"
             "'name':'main','image':'i','ports':[{'name':'http','containerPort':8080}]}]},"
             "'status':{'phase':'%s','podIP':'%s','conditions':[{'type':'Ready','status':'%s'}]}}",
             name, name, strcmp(ready, "gone") == 0 ? "Failed" : "Running", ip, ready);
    load(net, text);
}

static void load_service(struct net *net, const char *name, const char *spec)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "{'apiVersion':'v1','kind':'Service','metadata':{'name':'%s','namespace':'default'},"
             "'spec':{'selector':{'app':'web'},'ports':[{'name':'http','port':80,'targetPort':"
             "'http'},{'name':'raw','port':81,'targetPort':9000}],%s}}",
             name, spec);
    load(net, text);
}

static void net_init(struct net *net)
{
    memset(net, 0, sizeof(*net));
    stage_init_with(&net->stage,
                    (struct apiserver_options){.pod_request = on_pod, .pod_request_arg = net});
    loopback_route(net->stage.transport, "http://", apiserver_handle_pods, net->stage.server);
    loopback_route(net->stage.transport, "https://", apiserver_handle_pods, net->stage.server);
    load_service(net, "plain", "'clusterIP':'10.96.7.7'");
    load_service(net, "heads", "'clusterIP':'None'");
    load_service(net, "early", "'clusterIP':'None','publishNotReadyAddresses':true");
    load(net, "{'apiVersion':'v1','kind':'Service','metadata':{'name':'other','namespace':"
              "'default'},'spec':{'ports':[{'port':80}]}}");
}

static void on_done(void *arg, const struct http_response *response, const struct err *err)
{
    struct net *net = arg;
    net->stage.done = true;
    net->err = err != NULL ? *err : (struct err){0};
    net->status = response != NULL ? response->status : 0;
}

/* Where the request ended: "scheme pod:port path", or what the client is told. */
static const char *ask(struct net *net, const char *url)
{
    static const struct http_callbacks callbacks = {.on_done = on_done};
    const struct http_request request = {.method = "GET", .url = url, .timeout_ms = 1000};
    net->stage.done = false;
    net->hit[0] = '\0';
    assert_non_null(transport_start(net->stage.transport, &request, &callbacks, net, NULL));
    assert_true(loop_run_until(net->stage.loop, stage_is_done, &net->stage, 60000));
    if (net->err.code == ERR_NONE)
        return net->hit;
    assert_int_equal(net->err.code, ERR_NETWORK);
    assert_string_equal(net->err.reason, HTTP_REASON_REFUSED);
    assert_string_equal(net->hit, "");
    return net->err.text;
}

static void finds_the_pod_by_every_name_and_address_it_has(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"http://10.200.0.1:8080/a?b=c", "http web-0:8080 /a"},
        {"https://10.200.0.1:1", "https web-0:1 /"},
        {"http://10.200.0.1/", "http web-0:80 /"},
        {"https://10.200.0.1/", "https web-0:443 /"},
        {"http://10.96.7.7/x", "http web-0:8080 /x"},
        {"http://10.96.7.7:81/x", "http web-0:9000 /x"},
        {"http://plain.default/", "http web-0:8080 /"},
        {"http://plain.default.svc:81/", "http web-0:9000 /"},
        {"http://PLAIN.default.svc.cluster.local./", "http web-0:8080 /"},
        {"http://heads.default:8888/", "http web-0:8888 /"},
        {"http://web-0.heads.default.svc.cluster.local:8080/y", "http web-0:8080 /y"},
    };
    struct net net;
    net_init(&net);
    load_pod(&net, "web-0", "10.200.0.1", "True");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(ask(&net, rows[i][0]), rows[i][1]);
    stage_end(&net.stage);
}

static void says_what_a_client_would_be_told_when_nobody_is_there(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"http://10.200.0.9/", "connect: no route to host"},
        {"http://10.200.0.2:8080/", "connect: no route to host"}, /* its pod has ended */
        {"http://10.96.7.7:82/", "connect: connection refused"},  /* no such port */
        {"http://plain.default/", "connect: connection refused"}, /* no pod is Ready */
        {"http://heads.default/", "resolve `heads.default`: no such host"},
        {"http://web-1.heads.default/", "resolve `web-1.heads.default`: no such host"},
        {"http://web-1.plain.default/", "resolve `web-1.plain.default`: no such host"},
        {"http://other.default/", "connect: connection refused"},
        {"http://plain.elsewhere/", "resolve `plain.elsewhere`: no such host"},
        {"http://plain/", "resolve `plain`: no such host"},
        {"http://a.b.c.d.e/", "resolve `a.b.c.d.e`: no such host"},
        {"http://plain.default:0/", "`plain.default:0` is no host and port"},
        {"http://plain.default:x/", "`plain.default:x` is no host and port"},
    };
    struct net net;
    net_init(&net);
    load_pod(&net, "web-1", "10.200.0.1", "False");
    load_pod(&net, "web-2", "10.200.0.2", "gone");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(ask(&net, rows[i][0]), rows[i][1]);
    /* Its own address and a Service that publishes it early reach it nevertheless. */
    assert_string_equal(ask(&net, "http://10.200.0.1:8080/"), "http web-1:8080 /");
    assert_string_equal(ask(&net, "http://early.default:8080/"), "http web-1:8080 /");
    stage_end(&net.stage);
}

static void spreads_requests_over_the_ready_pods_of_a_service(void **state)
{
    (void)state;
    struct net net;
    size_t first = 0, second = 0;
    net_init(&net);
    load_pod(&net, "web-0", "10.200.0.1", "True");
    load_pod(&net, "web-1", "10.200.0.2", "True");
    load_pod(&net, "web-2", "10.200.0.3", "False");
    for (int i = 0; i < 40; i++) {
        const char *hit = ask(&net, "http://plain.default/");
        first += strcmp(hit, "http web-0:8080 /") == 0;
        second += strcmp(hit, "http web-1:8080 /") == 0;
    }
    assert_int_equal(first + second, 40);
    assert_true(first > 5 && second > 5);
    stage_end(&net.stage);
}

static void nothing_listens_where_nobody_plays_the_pods(void **state)
{
    (void)state;
    struct net net;
    memset(&net, 0, sizeof(net));
    stage_init(&net.stage);
    loopback_route(net.stage.transport, "http://", apiserver_handle_pods, net.stage.server);
    load_pod(&net, "web-0", "10.200.0.1", "True");
    assert_string_equal(ask(&net, "http://10.200.0.1:8080/"), "connect: connection refused");
    stage_end(&net.stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_pod_by_every_name_and_address_it_has),
        cmocka_unit_test(says_what_a_client_would_be_told_when_nobody_is_there),
        cmocka_unit_test(spreads_requests_over_the_ready_pods_of_a_service),
        cmocka_unit_test(nothing_listens_where_nobody_plays_the_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
