/* Cuts a stream of JSON into values as the bytes arrive, each byte looked at once.
 *
 * SCAN_FRAMES finds the concatenated objects of a watch; SCAN_LIST finds the elements of `items` in
 * one list object and keeps the rest of it as the envelope (a list with an empty `items`). What is
 * found is handed out as text, one value at a time, whatever the pieces the network delivered.
 * The object's uid and resourceVersion are noted, so that what is known already need not be parsed.
 * SCAN_OBJECT finds one plain object, such as the answer to a write.
 * The contents of metadata.managedFields, often half of an object, are left out on the way.
 * Only nesting and strings are understood here: the JSON parser judges each value afterwards.
 */
#ifndef NEMETON_KUBE_WATCH_SCAN_H
#define NEMETON_KUBE_WATCH_SCAN_H

#include "base/buf.h"
#include "base/err.h"

enum scan_kind { SCAN_FRAMES, SCAN_LIST, SCAN_OBJECT };
enum {
    SCAN_DEPTH_MAX = 16384, /* counted only; a server reads 10,000 */
    SCAN_ENVELOPE_MAX = 1 << 20,
    SCAN_KEY_MAX = 16,
    SCAN_KEEP_MAX = 1 << 16,
    SCAN_FIELD_MAX = 128
};

/* One value; the text is lent and not terminated. -1 ends scan_feed with ERR_CANCELED. */
typedef int (*scan_fn)(void *arg, const char *text, size_t len);

struct scan {
    enum scan_kind kind;
    size_t value_bytes_max;
    struct buf value;
    struct buf envelope;     /* SCAN_LIST only */
    const char *const *path; /* keys from the top to managedFields; NULL stands for an array */
    unsigned path_len;
    unsigned depth;
    unsigned matched;    /* the container at depth matched + 1 lies on the path */
    unsigned skip_depth; /* leaving out bytes until this depth is reached again; 0 = not */
    bool in_string, escaped;
    bool capturing;       /* the string is a key that matters … */
    bool capturing_field; /* … or the value of `field` */
    char *field;          /* uid or resource_version, when the next string is its value */
    bool key_next;        /* the next string at depth matched + 1 is a key */
    bool pending;         /* the key just read is the next one of the path */
    bool in_value;
    bool finished; /* SCAN_LIST: the list object has ended */
    char key[SCAN_KEY_MAX];
    unsigned key_len;                                           /* of what is being captured */
    char uid[SCAN_FIELD_MAX], resource_version[SCAN_FIELD_MAX]; /* of the present value; or "" */
};

void scan_init(struct scan *scan, enum scan_kind kind, size_t value_bytes_max);
void scan_deinit(struct scan *scan);
int scan_feed(struct scan *scan, const char *data, size_t len, scan_fn fn, void *arg,
              struct err *err);
/* No value has been begun that did not end. */
bool scan_at_rest(const struct scan *scan);

#endif
