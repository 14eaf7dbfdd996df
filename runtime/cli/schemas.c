#include "cli/schemas.h"

#include "base/map.h"
#include "cli/bundle.h"
#include "sandbox/schema.h"

#include <stdlib.h>
#include <string.h>

struct schemas {
    struct map *by_kind; /* "group/version/Kind" → struct schema */
    size_t built_in;     /* so many of the first ones are those in the binary */
};

static void free_schema(void *value)
{
    schema_free(value);
}

static int add_version(struct schemas *schemas, const char *group, const char *kind,
                       const struct jv *version, size_t index, struct err *err)
{
    const char *name = jv_path_str(version, "name", NULL);
    const struct jv *text = jv_path(version, "schema", "openAPIV3Schema", NULL);
    if (name == NULL || text == NULL)
        return 0;
    char *path = mem_printf("spec.versions[%zu].schema.openAPIV3Schema", index);
    char *key = mem_printf("%s/%s/%s", group, name, kind);
    struct field_errors errors;
    field_errors_init(&errors);
    struct schema *schema = schema_new(text, path, &errors);
    int failed = 0;
    if (field_errors_count(&errors) > 0) {
        failed = err_set(err, ERR_INVALID, "%s", buf_str(&errors.text));
        schema_free(schema);
    } else if (schema != NULL) {
        map_put(schemas->by_kind, key, schema);
    }
    field_errors_deinit(&errors);
    free(key);
    free(path);
    return failed;
}

int schemas_add(struct schemas *schemas, const struct jv *crd, struct err *err)
{
    const char *group = jv_path_str(crd, "spec", "group", NULL);
    const char *kind = jv_path_str(crd, "spec", "names", "kind", NULL);
    const struct jv *versions = jv_path(crd, "spec", "versions", NULL);
    if (group == NULL || kind == NULL || jv_size(versions) == 0)
        return err_set(err, ERR_INVALID,
                       "a CustomResourceDefinition needs spec.group, spec.names.kind and "
                       "spec.versions");
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < jv_size(versions); i++)
        failed = add_version(schemas, group, kind, jv_at(versions, i), i, err);
    return failed;
}

struct schemas *schemas_new(struct err *err)
{
    struct jv *crds = bundle_crds(err);
    if (crds == NULL)
        return NULL;
    struct schemas *schemas = mem_alloc(sizeof(*schemas));
    schemas->by_kind = map_new(0, free_schema);
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < jv_size(crds); i++)
        failed = schemas_add(schemas, jv_at(crds, i), err);
    jv_unref(crds);
    schemas->built_in = map_count(schemas->by_kind);
    if (failed == 0)
        return schemas;
    schemas_free(schemas);
    return NULL;
}

void schemas_free(struct schemas *schemas)
{
    if (schemas == NULL)
        return;
    map_free(schemas->by_kind);
    free(schemas);
}

static const struct schema *find(const struct schemas *schemas, const struct jv *object)
{
    char *key = mem_printf("%s/%s", jv_path_str(object, "apiVersion", NULL),
                           jv_path_str(object, "kind", NULL));
    const struct schema *schema = map_get(schemas->by_kind, key);
    free(key);
    return schema;
}

bool schemas_check(const struct schemas *schemas, const struct jv *object, schemas_fn fn, void *arg)
{
    const struct schema *schema = find(schemas, object);
    if (schema == NULL)
        return false;
    struct field_errors errors;
    struct jv *copy = jv_dup(object), *unknown = jv_array();
    field_errors_init(&errors);
    schema_prune(schema, copy, unknown);
    schema_drop_nulls(schema, copy);
    schema_default(schema, copy);
    schema_validate(schema, copy, NULL, NULL, &errors);
    for (size_t i = 0; i < jv_size(unknown); i++)
        fn(arg, jv_str(jv_at(unknown, i)), "unknown field");
    for (size_t i = 0; i < field_errors_count(&errors); i++) {
        const struct jv *cause = jv_at(errors.causes, i);
        fn(arg, jv_path_str(cause, "field", NULL), jv_path_str(cause, "message", NULL));
    }
    field_errors_deinit(&errors);
    jv_unref(unknown);
    jv_unref(copy);
    return true;
}

bool schemas_know_group(const struct schemas *schemas, const struct jv *object, struct buf *kinds)
{
    const char *version = jv_path_str(object, "apiVersion", NULL), *key;
    const char *slash = version != NULL ? strchr(version, '/') : NULL;
    size_t len = slash != NULL ? (size_t)(slash - version) + 1 : 0;
    struct map_iter iter = {0};
    bool known = false;
    for (size_t i = 0; len > 0 && i < schemas->built_in; i++) {
        if (map_next(schemas->by_kind, &iter) == 0 || strncmp(iter.key, version, len) != 0)
            continue;
        key = iter.key;
        const char *kind = strrchr(key, '/') + 1;
        buf_printf(kinds, "%s%s of %.*s", known ? ", " : "", kind, (int)(kind - key - 1), key);
        known = true;
    }
    return known;
}

struct jv *schemas_default(const struct schemas *schemas, const struct jv *object)
{
    const struct schema *schema = find(schemas, object);
    struct jv *copy = jv_dup(object);
    if (schema != NULL) {
        schema_prune(schema, copy, NULL);
        schema_drop_nulls(schema, copy);
        schema_default(schema, copy);
    }
    return copy;
}
