/* What a policy can cause and look up, as one door between script/ and whoever runs it.
 *
 * script/ turns a call such as ctx.apply(obj) into a `struct effect`, parks the coroutine, and
 * resumes it with the result. Behind the door stands control/ (the real cluster, through the gate),
 * a recorder (previews, `render`), or a test. start copies what it needs; on_done runs from the
 * loop, exactly once, never inside start, and never after cancel.
 */
#ifndef NEMETON_SCRIPT_EFFECTS_H
#define NEMETON_SCRIPT_EFFECTS_H

#include "base/json.h"
#include "cache/store.h"

#include <stdbool.h>

enum effect_verb {
    EFFECT_READ,      /* live GET */
    EFFECT_READ_LIST, /* live LIST (label_selector) */
    EFFECT_APPLY,     /* server-side apply of body; skipped when nothing differs */
    EFFECT_CREATE,
    EFFECT_PATCH,         /* patch_type "merge" or "json" */
    EFFECT_DELETE,        /* through the gate */
    EFFECT_STATUS,        /* body = the whole status wanted; target default: the primary */
    EFFECT_FINALIZER_ADD, /* name in `value` */
    EFFECT_FINALIZER_REMOVE,
    EFFECT_EVENT,  /* event_*; never waits */
    EFFECT_HTTP,   /* http_* */
    EFFECT_SLEEP,  /* delay_ms */
    EFFECT_GAUGES, /* body = all figures of the primary; never waits */
    EFFECT_LOG,    /* the end of a container's log: `value` names it; log_lines, log_previous */
};

struct effect {
    enum effect_verb verb;
    const char *api_version, *kind, *namespace, *name; /* target */
    const char *uid, *resource_version;                /* when the policy names an incarnation */
    const char *subresource, *label_selector, *field_selector, *patch_type, *propagation, *value;
    const char *reason; /* why, in words: logged, and kept with deletions */
    const struct jv *body;
    const char *const *whole; /* maps of body that are ours whole: "data", "spec.selector" */
    size_t whole_count;
    const char *event_type, *event_reason, *event_action, *event_note;
    const char *http_method, *http_url, *http_body, *http_ca_pem;
    size_t http_body_len;
    const struct jv *http_headers; /* object of strings; values are secret */
    int64_t timeout_ms, delay_ms, log_lines;
    bool log_previous; /* of the container before the one that runs */
    bool immediate;    /* DELETE: with grace period 0 (who plays a kubelet) */
};

/* result: the object (READ, CREATE, PATCH, STATUS, FINALIZER_*), {"object":{…},"change":"created"}
 * (APPLY; change is "created", "updated" or "same"; with "same" the object may be left out: it is as
 * cached), {"items":[…]} (READ_LIST), or
 * {"status":200,"headers":{…},"body":"…"} (HTTP), a string (LOG); NULL where there is nothing. Lent. */
typedef void (*effect_fn)(void *arg, struct jv *result, const struct err *err);
struct effect_call;

struct effects_ops {
    struct effect_call *(*start)(void *self, const struct effect *effect, effect_fn fn, void *arg);
    void (*cancel)(void *self, struct effect_call *call);
    /* The cache of a declared kind. NULL and err when it is not declared or not synced. */
    struct store *(*store)(void *self, const char *api_version, const char *kind, struct err *err);
    int64_t (*wall_ns)(void *self);
    bool (*previewing)(void *self);
};
struct effects {
    const struct effects_ops *ops;
    void *self;
};

#endif
