#ifndef NEMETON_SANDBOX_OPENAPI_INTERNAL_H
#define NEMETON_SANDBOX_OPENAPI_INTERNAL_H

#include "base/map.h"
#include "sandbox/openapi.h"

struct openapi {
    const struct apiserver *server;
    bool v3;
    const char *group, *version; /* only this one; NULL: all (v2) */
    struct map *packages;        /* name of a built-in type → prefix of its definition's name */
    struct map *wanted;          /* names of built-in types that are referred to */
};
void openapi_init(struct openapi *api, const struct apiserver *server, bool v3, const char *group,
                  const char *version);
void openapi_deinit(struct openapi *api);
bool openapi_shows(const struct openapi *api, const struct kind *kind,
                   const struct kind_version *version);

/* Calls fn with each definition (lent) and its name. */
typedef void (*openapi_fn)(void *arg, const char *name, const struct jv *value);
void openapi_each_definition(const struct openapi *api, openapi_fn fn, void *arg);
void openapi_each_path(const struct openapi *api, openapi_fn fn, void *arg);

/* "io.k8s.api.apps.v1.StatefulSet", "com.example.v1.Thing". Yours to free. */
char *openapi_kind_name(const struct openapi *api, const struct kind *kind,
                        const struct kind_version *version);
struct jv *openapi_ref(const struct openapi *api, const char *name); /* {"$ref":…} */
struct jv *openapi_gvk(const struct kind *kind, const struct kind_version *version,
                       const char *suffix);
/* The schema of a custom kind's version, as v2 or v3 can say it. Yours. */
struct jv *openapi_custom(const struct openapi *api, const struct kind *kind,
                          const struct kind_version *version);

/* The v2 document in the protobuf form (gnostic's OpenAPIv2). */
void openapi_protobuf(const struct openapi *api, struct buf *out);

enum { OPENAPI_BYTES_MAX = 64 << 20, OPENAPI_DEPTH_MAX = 64 };
#define OPENAPI_META "io.k8s.apimachinery.pkg.apis.meta.v1."

#endif
