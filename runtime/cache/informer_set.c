#include "base/slab.h"
#include "cache/informer_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MAX = 64 << 10 };

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_fields(struct buf *key, const struct informer_spec *spec)
{
    const char **sorted;

    if (spec->fields == NULL) {
        buf_add_str(key, "|*");
        return;
    }
    sorted = mem_alloc((spec->field_count + 1) * sizeof(sorted[0]));
    for (size_t i = 0; i < spec->field_count; i++)
        sorted[i] = spec->fields[i];
    qsort(sorted, spec->field_count, sizeof(sorted[0]), compare_text);
    for (size_t i = 0; i < spec->field_count; i++)
        buf_printf(key, "|%s", sorted[i]);
    free(sorted);
}

/* The text that tells two informers apart. The selector in its canonical form, where it has one. */
static char *key_of(const struct informer_spec *spec, struct buf *selector_text)
{
    struct selector *selector = selector_parse(spec->label_selector, NULL);
    struct buf key;

    if (selector == NULL || selector_print(selector, selector_text) != 0) {
        buf_clear(selector_text);
        buf_add_str(selector_text, spec->label_selector != NULL ? spec->label_selector : "");
    }
    selector_free(selector);
    buf_init(&key, KEY_BYTES_MAX);
    buf_printf(&key, "%s|%s|%s|%s|%s|%d", spec->api_version, spec->kind,
               spec->older != NULL ? spec->older : "",
               spec->namespace != NULL ? spec->namespace : "", buf_str(selector_text),
               spec->metadata_only);
    add_fields(&key, spec);
    return buf_take(&key, NULL);
}

struct informer_set *informer_set_new(struct rest *rest, struct discovery *discovery,
                                      struct log *log, struct random_source *random)
{
    struct informer_set *set = mem_alloc(sizeof(*set));

    set->rest = rest;
    set->loop = rest_loop(rest);
    set->discovery = discovery;
    set->log = log;
    set->random = random;
    set->slab = slab_new();
    return set;
}

void informer_set_free(struct informer_set *set)
{
    if (set == NULL)
        return;
    while (set->informers != NULL) {
        struct informer *informer = set->informers;

        set->informers = informer->next;
        informer_stop(informer);
    }
    slab_unref(set->slab);
    free(set);
}

void informer_set_trim(struct informer_set *set)
{
    slab_trim(set->slab);
}

struct informer *informer_get(struct informer_set *set, const struct informer_spec *spec)
{
    struct informer_spec canonical = *spec;
    struct informer **link = &set->informers;
    struct buf selector;
    char *key;

    buf_init(&selector, KEY_BYTES_MAX);
    key = key_of(spec, &selector);
    while (*link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    if (*link == NULL) {
        canonical.label_selector = selector.len > 0 ? buf_str(&selector) : NULL;
        *link = informer_new(set, &canonical, key);
    } else {
        (*link)->spec.optional = (*link)->spec.optional && spec->optional;
        free(key);
    }
    buf_deinit(&selector);
    (*link)->refs++;
    return *link;
}

void informer_put(struct informer *informer)
{
    struct informer **link;

    if (informer == NULL || --informer->refs > 0)
        return;
    link = &informer->set->informers;
    while (*link != informer)
        link = &(*link)->next;
    *link = informer->next;
    informer_stop(informer);
}

bool informer_set_synced(const struct informer_set *set)
{
    for (const struct informer *informer = set->informers; informer != NULL;
         informer = informer->next) {
        if (!informer_synced(informer))
            return false;
    }
    return true;
}

static bool of_kind(const struct informer *informer, const char *api_version, const char *kind)
{
    const char *served =
        informer->kind != NULL ? informer->kind->api_version : informer->spec.api_version;

    return strcmp(informer->spec.kind, kind) == 0 && strcmp(served, api_version) == 0;
}

void informer_set_observe(struct informer_set *set, const struct jv *object)
{
    const char *api_version = jv_str(jv_get(object, "apiVersion"));
    const char *kind = jv_str(jv_get(object, "kind"));
    struct informer *informer = set->informers, *next;
    struct jv *stripped = NULL;

    if (api_version == NULL || kind == NULL || jv_path(object, "metadata", "uid", NULL) == NULL)
        return;
    for (; informer != NULL; informer = next) {
        next = informer->next;
        if (!of_kind(informer, api_version, kind))
            continue;
        if (stripped == NULL)
            stripped = watch_stripped(object); /* as the watch hands it over */
        informer_observe(informer, stripped);
    }
    jv_unref(stripped);
}

void informer_set_observe_delete(struct informer_set *set, const char *uid)
{
    struct informer *informer = set->informers, *next;

    for (; uid != NULL && informer != NULL; informer = next) {
        next = informer->next;
        informer_forget(informer, uid);
    }
}

void informer_set_each(struct informer_set *set, void (*fn)(void *arg, struct informer *),
                       void *arg)
{
    struct informer *informer = set->informers, *next;

    for (; informer != NULL; informer = next) {
        next = informer->next;
        fn(arg, informer);
    }
}
