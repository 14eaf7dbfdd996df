/* The recipes of policies/README.md, taken from there, over the shipped policies. */
#include "unit/script_fake.h"

#include "base/yaml.h"

#include <ftw.h>

enum { FILES_MAX = 256, RECIPES_MAX = 8 };

static struct policy_file shipped[FILES_MAX];
static size_t shipped_count;
static char *readme;

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 256 * 1024);
    *len = fread(text, 1, 256 * 1024 - 1, file);
    fclose(file);
    return text;
}

static int add_shipped(const char *path, const struct stat *stat, int type)
{
    (void)stat;
    size_t len = strlen(path);
    if (type != FTW_F || strcmp(path + len - 4, ".lua") != 0 || strstr(path, "/sandbox/") != NULL)
        return 0;
    assert_true(shipped_count < FILES_MAX);
    struct policy_file *file = &shipped[shipped_count++];
    char *module = strdup(path + strlen("policies/"));
    module[strlen(module) - 4] = '\0';
    for (char *c = module; *c != '\0'; c++)
        *c = *c == '/' ? '.' : *c;
    file->module = module;
    file->source = strdup(path);
    file->text = read_file(path, &file->len);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    size_t len;
    readme = read_file("policies/README.md", &len);
    return ftw("policies", add_shipped, 16);
}

static int teardown(void **state)
{
    (void)state;
    free(readme);
    for (size_t i = 0; i < shipped_count; i++) {
        free((char *)shipped[i].module);
        free((char *)shipped[i].source);
        free((char *)shipped[i].text);
    }
    return 0;
}

/* The text of the block that begins with "-- <module>.lua". */
static char *recipe(const char *module)
{
    char head[128];
    snprintf(head, sizeof head, "```lua\n-- %s.lua\n", module);
    const char *begin = strstr(readme, head);
    if (begin == NULL)
        fail_msg("policies/README.md has no recipe for %s", module);
    begin += strlen("```lua\n");
    return strndup(begin, (size_t)(strstr(begin, "\n```") - begin));
}

static struct policy *with_recipe(struct fake *fake, const char *module)
{
    char *text = recipe(module);
    struct policy_file overlay[] = {{"bundle", "bundle.lua", "return { api = 1 }", 18},
                                    {module, "recipe", text, strlen(text)}};
    struct policy_layer layers[] = {{"base", shipped, shipped_count}, {"team", overlay, 2}};
    struct err err = {0};
    struct policy *policy = policy_load(&fake->env, layers, 2, &err);
    if (policy == NULL)
        fail_msg("%s: %s", module, err.text);
    free(text);
    return policy;
}

static struct jv *tiny_cluster(void)
{
    size_t len;
    struct err err = {0};
    char *text = read_file("deploy/examples/tiny-cluster.yaml", &len);
    struct yaml_docs *docs = yaml_parse(text, len, &err);
    assert_non_null(docs);
    struct jv *found = NULL;
    for (size_t i = 0; i < yaml_docs_count(docs); i++) {
        const char *kind = jv_path_str(yaml_docs_get(docs, i), "kind", NULL);
        if (kind != NULL && strcmp(kind, "Druid") == 0)
            found = jv_dup(yaml_docs_get(docs, i));
    }
    assert_non_null(found);
    yaml_docs_free(docs);
    free(text);
    return found;
}

static struct jv *call(struct policy *policy, const char *module, const char *function,
                       struct jv *argument)
{
    struct jv *result = NULL;
    struct err err = {0};
    struct jv *args[] = {argument};
    if (policy_call(policy, module, function, args, 1, &result, &err) != 0)
        fail_msg("%s.%s: %s", module, function, err.text);
    jv_unref(argument);
    return result;
}

static struct fake fake;

static int begin(void **state)
{
    (void)state;
    fake_init(&fake, clock_virtual_new(1700000000000000000));
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_deinit(&fake);
    return 0;
}

static void another_order_restarts_routers_first(void **state)
{
    (void)state;
    struct policy *policy = with_recipe(&fake, "druid.rollout");
    struct jv *first = call(policy, "druid.rollout", "rank", jv_string("router"));
    struct jv *last = call(policy, "druid.rollout", "rank", jv_string("coordinator"));
    assert_int_equal(jv_int_value(first), 1);
    assert_int_equal(jv_int_value(last), 7);
    jv_unref(first);
    jv_unref(last);
    policy_unref(policy);
}

static void a_label_reaches_every_pod_and_no_selector(void **state)
{
    (void)state;
    struct policy *policy = with_recipe(&fake, "druid.render.pod");
    struct jv *objects = call(policy, "druid.init", "render", tiny_cluster());
    size_t workloads = 0;
    for (size_t i = 0; i < jv_size(objects); i++) {
        const struct jv *object = jv_at(objects, i);
        if (strcmp(jv_path_str(object, "kind", NULL), "StatefulSet") != 0)
            continue;
        workloads++;
        assert_string_equal(jv_path_str(object, "spec", "template", "metadata", "labels",
                                        "example.com/cost-center", NULL),
                            "analytics");
        assert_null(
            jv_path(object, "spec", "selector", "matchLabels", "example.com/cost-center", NULL));
    }
    assert_int_equal(workloads, 6);
    jv_unref(objects);
    policy_unref(policy);
}

static void a_house_rule_names_the_field(void **state)
{
    (void)state;
    struct policy *policy = with_recipe(&fake, "druid.check");
    struct jv *problems = call(policy, "druid.init", "check", tiny_cluster());
    assert_int_equal(jv_size(problems), 1);
    assert_string_equal(jv_path_str(jv_at(problems, 0), "field", NULL), "spec.image");
    jv_unref(problems);
    struct jv *allowed = tiny_cluster();
    jv_set_str(jv_get(allowed, "spec"), "image", "registry.example.com/druid:33.0.0");
    problems = call(policy, "druid.init", "check", allowed);
    assert_int_equal(jv_size(problems), 0);
    jv_unref(problems);
    policy_unref(policy);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(another_order_restarts_routers_first),
        CASE(a_label_reaches_every_pod_and_no_selector),
        CASE(a_house_rule_names_the_field),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
