/* Paths, queries and resourceVersions: what discovery knows without asking. */
#include "kube/discovery.h"

#include <string.h>

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void encode(struct buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (is_unreserved(*p))
            buf_add_char(out, (char)*p);
        else
            buf_printf(out, "%%%02X", *p);
    }
}

/* What the API server itself accepts as one segment of a path. */
static bool segment_ok(const char *text)
{
    return *text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && !strpbrk(text, "/%");
}

static void segment_add(struct buf *out, const char *text)
{
    buf_add_char(out, '/');
    encode(out, text);
}

int kube_path(struct buf *out, const struct kube_kind *kind, const char *namespace,
              const char *name, const char *subresource)
{
    if (!kind->namespaced)
    namespace = NULL;
    /* "" for a name would turn the deletion of an object into that of all of them. */
    if ((namespace && !segment_ok(namespace)) || (name && !segment_ok(name)) ||
        (name && kind->namespaced && !namespace) || (subresource && !name) ||
        (subresource && !segment_ok(subresource)))
        return -1;
    buf_add_str(out, *kind->group ? "/apis" : "/api");
    if (*kind->group)
        segment_add(out, kind->group);
    segment_add(out, kind->version);
    if (namespace) {
        buf_add_str(out, "/namespaces");
        segment_add(out, namespace);
    }
    segment_add(out, kind->plural);
    if (name)
        segment_add(out, name);
    if (subresource)
        segment_add(out, subresource);
    return out->failed ? -1 : 0;
}

int kube_query_add(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return out->failed ? -1 : 0;
    buf_add_char(out, strchr(buf_str(out), '?') ? '&' : '?');
    encode(out, name);
    buf_add_char(out, '=');
    encode(out, value);
    return out->failed ? -1 : 0;
}

static bool rv_ok(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && text[0] != '0' && strspn(text, "0123456789") == len;
}

int kube_rv_compare(const char *a, const char *b, bool *comparable)
{
    *comparable = rv_ok(a) && rv_ok(b);
    if (!*comparable)
        return strcmp(a, b) == 0 ? 0 : 1;
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    int order = strcmp(a, b);
    return order < 0 ? -1 : order > 0;
}
