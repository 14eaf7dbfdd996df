/* Bundles: what is embedded, what --policies names, and small parts of the command line. */
#include "cli_support.h"

#include "cli/bundle.h"
#include "cli/files.h"
#include "cli/listen.h"
#include "cli/sandbox_kubeconfig.h"
#include "cli/workbench.h"

static const struct policy_file *find(const struct policy_set *set, size_t layer,
                                      const char *module)
{
    size_t count = 0;
    const struct policy_layer *layers = policy_set_layers(set, &count);
    for (size_t i = 0; layer < count && i < layers[layer].file_count; i++) {
        if (strcmp(layers[layer].files[i].module, module) == 0)
            return &layers[layer].files[i];
    }
    return NULL;
}

static void the_operator_gets_all_but_the_sandbox(void **state)
{
    (void)state;
    struct err err = {0};
    struct policy_set *set = bundle_operator(&err);
    assert_non_null(find(set, 0, "bundle"));
    assert_non_null(find(set, 0, "druid"));
    assert_non_null(find(set, 0, "druid.init"));
    assert_non_null(find(set, 0, "lib.names"));
    assert_null(find(set, 0, "sandbox.bundle"));
    assert_null(find(set, 0, "customs"));
    policy_set_unref(set);
}

static void the_world_gets_its_own_and_lib_and_the_kinds_of_crds(void **state)
{
    (void)state;
    struct err err = {0};
    struct jv *kinds = jv_array(), *crds = bundle_crds(&err);
    assert_true(jv_size(crds) > 0);
    for (size_t i = 0; i < jv_size(crds); i++)
        bundle_add_custom_kinds(kinds, jv_at(crds, i));
    struct policy_set *set = bundle_world(kinds, &err);
    assert_non_null(find(set, 0, "kubernetes.statefulset"));
    assert_non_null(find(set, 0, "lib.names"));
    assert_null(find(set, 0, "druid.init"));
    assert_has(find(set, 0, "customs")->text, "kind = \"Druid\"");
    policy_set_unref(set);
    jv_unref(kinds);
    jv_unref(crds);
}

static void the_configmap_holds_the_same_texts(void **state)
{
    (void)state;
    struct err err = {0};
    struct jv *map = bundle_configmap();
    struct policy_set *set = policy_set_new(NULL), *embedded = bundle_operator(&err);
    assert_int_equal(policy_set_add_configmap(set, "base", map, &err), 0);
    assert_true(policy_set_same_layer(set, embedded, "base"));
    policy_set_unref(set);
    policy_set_unref(embedded);
    jv_unref(map);
}

static void a_version_shares_the_texts_of_its_kin_and_outlives_it(void **state)
{
    (void)state;
    struct err err = {0};
    size_t count = 0;
    struct jv *map = bundle_configmap();
    jv_set_str(jv_get(map, "data"), "druid.order.lua", "return { 'mine' }");
    struct policy_set *embedded = bundle_operator(&err), *set = policy_set_new(embedded);
    assert_int_equal(policy_set_add_configmap(set, "base", map, &err), 0);
    jv_unref(map);
    const struct policy_layer *ours = policy_set_layers(set, &count),
                              *theirs = policy_set_layers(embedded, &count);
    size_t shared = 0, own = 0;
    for (size_t i = 0; i < ours->file_count; i++) {
        bool found = false;
        for (size_t j = 0; j < theirs->file_count && !found; j++)
            found = ours->files[i].text == theirs->files[j].text;
        shared += found;
        own += !found;
    }
    assert_int_equal(own, 1);
    assert_true(shared > 20);
    policy_set_unref(embedded);
    struct policy_set *next = policy_set_new(set);
    assert_int_equal(policy_set_add(next, policy_set_layers(set, &count), &err), 0);
    assert_true(policy_set_same_layer(set, next, "base"));
    char digest[DIGEST_SHA256_HEX];
    snprintf(digest, sizeof(digest), "%s", policy_set_digest(set));
    policy_set_unref(set);
    assert_string_equal(policy_set_digest(next), digest);
    policy_set_unref(next);
}

static size_t open_layers(struct workbench *bench, const char *const *paths, size_t count)
{
    struct err err = {0};
    size_t layers = 0;
    struct policy_set *set = bundle_open(&bench->env, paths, count, &err);
    if (set == NULL)
        fail_msg("%s", err.text);
    policy_set_layers(set, &layers);
    policy_set_unref(set);
    return layers;
}

static void what_names_controllers_is_the_bottom_and_the_rest_lies_on_top(void **state)
{
    (void)state;
    struct workbench bench;
    struct err err = {0};
    struct folder folder = folder_make();
    assert_int_equal(workbench_init(&bench, &err), 0);
    folder_put(&folder, "bundle.lua", "return { api = 1 }\n");
    assert_true(bundle_is_here(folder.path));
    assert_true(bundle_is_overlay(&bench.env, folder.path));
    assert_false(bundle_is_overlay(&bench.env, "policies"));
    const char *both[] = {folder.path, "policies"};
    assert_int_equal(open_layers(&bench, NULL, 0), 1);
    assert_int_equal(open_layers(&bench, both, 1), 2);
    assert_int_equal(open_layers(&bench, both, 2), 2);
    const char *twice[] = {"policies", "policies"};
    assert_null(bundle_open(&bench.env, twice, 2, &err));
    assert_has(err.text, "one bundle stands at the bottom");
    const char *nothing = "/nonexistent";
    assert_null(bundle_open(&bench.env, &nothing, 1, &err));
    workbench_deinit(&bench);
    folder_remove(&folder);
}

static void configmaps_of_a_file_lie_on_top_by_name(void **state)
{
    (void)state;
    struct workbench bench;
    struct err err = {0};
    struct folder folder = folder_make();
    assert_int_equal(workbench_init(&bench, &err), 0);
    const char *path = folder_put(
        &folder, "maps.yaml",
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: b, labels: {nemeton.dev/policies: team}}\n"
        "data: {bundle.lua: 'return { api = 1 }', x.lua: 'return { from = \"b\" }'}\n---\n"
        "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: a, labels: {nemeton.dev/policies: team}}\n"
        "data: {bundle.lua: 'return { api = 1 }', x.lua: 'return { from = \"a\" }'}\n");
    struct policy_set *set = bundle_open(&bench.env, &path, 1, &err);
    assert_non_null(set);
    assert_has(find(set, 1, "x")->text, "\"a\"");
    assert_has(find(set, 2, "x")->text, "\"b\"");
    policy_set_unref(set);
    workbench_deinit(&bench);
    folder_remove(&folder);
}

static void a_file_is_replaced_whole_and_private(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct err err = {0};
    struct stat info;
    struct buf text;
    const char *path = folder_put(&folder, "kubeconfig", "old");
    chmod(path, 0644);
    assert_int_equal(file_replace(path, "new", 3, &err), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    buf_init(&text, 100);
    assert_int_equal(file_read(path, &text, &err), 0);
    assert_string_equal(buf_str(&text), "new");
    buf_deinit(&text);
    assert_int_equal(file_replace("/nonexistent/x", "new", 3, &err), -1);
    assert_has(err.text, "/nonexistent/x");
    folder_remove(&folder);
}

static void fields_with_dotted_names_are_found(void **state)
{
    (void)state;
    struct folder folder = folder_make();
    struct err err = {0};
    struct object_files files;
    int line, column;
    const char *path = folder_put(&folder, "a.yaml",
                                  "apiVersion: v1\nkind: List\nitems:\n"
                                  "- apiVersion: v1\n  kind: Thing\n  metadata: {name: a}\n"
                                  "  spec:\n    a.b: {c: 1}\n    list:\n    - x: 1\n");
    assert_int_equal(object_files_read(&files, &path, 1, &err), 0);
    assert_int_equal(files.files[0].count, 1);
    object_file_where(&files.files[0], 0, "spec.a.b.c", &line, &column);
    assert_int_equal(line, 8);
    object_file_where(&files.files[0], 0, "spec.list[0].x", &line, &column);
    assert_int_equal(line, 10);
    object_file_where(&files.files[0], 0, "spec.nothing", &line, &column);
    assert_true(line == 7 || line == 8);
    object_files_deinit(&files);
    folder_remove(&folder);
}

static void addresses_are_read_as_go_programs_write_them(void **state)
{
    (void)state;
    struct listen_address a, b;
    struct err err = {0};
    assert_int_equal(listen_parse("x", ":8080", &a, &err), 0);
    assert_string_equal(a.host, "");
    assert_int_equal(a.port, 8080);
    assert_int_equal(listen_parse("x", "[::1]:99", &b, &err), 0);
    assert_string_equal(b.host, "::1");
    assert_false(listen_same(&a, &b));
    assert_true(listen_same(&a, &a));
    assert_int_equal(listen_parse("x", "0", &a, &err), 0);
    assert_true(a.off);
    static const char *const bad[] = {"8080", "host", ":", ":0", ":70000", "::1:99", ":80x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(listen_parse("x", bad[i], &a, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void the_kubeconfig_of_a_sandbox_is_one_that_we_read(void **state)
{
    (void)state;
    struct buf text;
    struct folder folder = folder_make();
    struct workbench bench;
    struct err err = {0};
    assert_int_equal(workbench_init(&bench, &err), 0);
    buf_init(&text, 1 << 16);
    sandbox_kubeconfig_print(6443, "not a certificate", "secret", &text);
    const char *path = folder_put(&folder, "config", buf_str(&text));
    struct kube_config_options options = {.kubeconfig = path};
    assert_null(kube_config_load(bench.loop, &options, &err));
    assert_has(err.text, "certificate-authority-data"); /* everything before it was fine */
    buf_deinit(&text);
    workbench_deinit(&bench);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_operator_gets_all_but_the_sandbox),
        cmocka_unit_test(the_world_gets_its_own_and_lib_and_the_kinds_of_crds),
        cmocka_unit_test(the_configmap_holds_the_same_texts),
        cmocka_unit_test(a_version_shares_the_texts_of_its_kin_and_outlives_it),
        cmocka_unit_test(what_names_controllers_is_the_bottom_and_the_rest_lies_on_top),
        cmocka_unit_test(configmaps_of_a_file_lie_on_top_by_name),
        cmocka_unit_test(a_file_is_replaced_whole_and_private),
        cmocka_unit_test(fields_with_dotted_names_are_found),
        cmocka_unit_test(addresses_are_read_as_go_programs_write_them),
        cmocka_unit_test(the_kubeconfig_of_a_sandbox_is_one_that_we_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
