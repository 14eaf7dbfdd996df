#include "kube/watch_scan.h"

#include <string.h>

static const char *const frame_path[] = {"object", "metadata", "managedFields"};
static const char *const object_path[] = {"metadata", "managedFields"};
static const char *const list_path[] = {"items", NULL, "metadata", "managedFields"};

/* The piece at hand. Bytes from `run` on belong to the present sink and are not copied yet. */
struct piece {
    const char *data;
    size_t len, at, run;
};

static bool in_items(const struct scan *scan)
{
    return scan->kind == SCAN_LIST && scan->depth >= 2 && scan->matched >= 1;
}

static struct buf *sink_of(struct scan *scan)
{
    if (scan->skip_depth > 0)
        return NULL;
    if (scan->in_value)
        return &scan->value;
    return scan->kind == SCAN_LIST && !in_items(scan) ? &scan->envelope : NULL;
}

static int flush(struct scan *scan, struct piece *piece, size_t end, struct err *err)
{
    struct buf *sink = sink_of(scan);
    size_t len = end - piece->run;

    if (sink != NULL && len > 0 && buf_add(sink, piece->data + piece->run, len) != 0)
        return err_set(err, ERR_TOO_LARGE, "an object of the answer is larger than %zu bytes",
                       sink->bytes_max);
    piece->run = end;
    return 0;
}

static int value_done(struct scan *scan, scan_fn fn, void *arg, struct err *err)
{
    int result = fn(arg, buf_str(&scan->value), scan->value.len);

    scan->in_value = false;
    buf_clear(&scan->value);
    if (scan->value.cap > SCAN_KEEP_MAX) {
        buf_deinit(&scan->value);
        buf_init(&scan->value, scan->value_bytes_max);
    }
    if (result != 0)
        return err_set(err, ERR_CANCELED, "the reader stopped");
    return 0;
}

/* Does a container that opens with `c` continue the path? */
static bool opens_path(const struct scan *scan, char c)
{
    if (scan->skip_depth > 0 || scan->depth != scan->matched + 1 || scan->matched >= scan->path_len)
        return false;
    if (scan->path[scan->matched] == NULL)
        return c == '{';
    if (!scan->pending)
        return false;
    if (scan->matched + 1 < scan->path_len && scan->path[scan->matched + 1] == NULL)
        return c == '[';
    return scan->matched + 1 == scan->path_len || c == '{';
}

static int open_container(struct scan *scan, struct piece *piece, char c, struct err *err)
{
    bool on_path = opens_path(scan, c);

    if (scan->depth >= SCAN_DEPTH_MAX)
        return err_set(err, ERR_PARSE, "the answer is nested deeper than %d", SCAN_DEPTH_MAX);
    if (scan->finished || (scan->depth == 0 && c != '{') ||
        (scan->depth == 2 && in_items(scan) && !on_path))
        return err_set(err, ERR_PARSE, "the answer is not what a Kubernetes server sends");
    if (on_path && scan->matched + 1 == scan->path_len) {
        if (flush(scan, piece, piece->at + 1, err) != 0)
            return -1;
        scan->skip_depth = scan->depth + 1; /* its closing bracket ends the gap */
    } else if (on_path || scan->depth == 0) {
        bool starts =
            scan->kind != SCAN_LIST ? scan->depth == 0 : scan->depth == 2 && scan->matched == 1;
        bool items = scan->kind == SCAN_LIST && scan->depth == 1;

        if (flush(scan, piece, piece->at + (items ? 1 : 0), err) != 0)
            return -1;
        if (scan->depth > 0)
            scan->matched++;
        if (starts) {
            scan->in_value = true;
            scan->uid[0] = scan->resource_version[0] = '\0';
        }
        scan->key_next = true;
    }
    scan->pending = false;
    scan->depth++;
    return 0;
}

static int close_container(struct scan *scan, struct piece *piece, scan_fn fn, void *arg,
                           struct err *err)
{
    bool ends;

    if (scan->depth == 0)
        return err_set(err, ERR_PARSE, "the answer is not JSON: a bracket too many");
    if (scan->skip_depth == scan->depth) {
        piece->run = piece->at;
        scan->skip_depth = 0;
    } else if (scan->depth == 2 && in_items(scan)) {
        piece->run = piece->at; /* the bracket that ends `items` belongs to the envelope */
    }
    if (scan->skip_depth == 0 && scan->matched > 0 && scan->depth == scan->matched + 1)
        scan->matched--;
    scan->depth--;
    ends = scan->in_value && scan->depth == (scan->kind != SCAN_LIST ? 0u : 2u);
    if (ends || scan->depth == 0) {
        if (flush(scan, piece, piece->at + 1, err) != 0)
            return -1;
        scan->finished = scan->kind == SCAN_LIST && scan->depth == 0;
    }
    return ends ? value_done(scan, fn, arg, err) : 0;
}

/* The string just ended was a key at a depth that matters. */
static void judge_key(struct scan *scan)
{
    const char *wanted = scan->path[scan->matched];

    scan->key_next = false;
    scan->field = NULL;
    if (scan->key_len >= SCAN_KEY_MAX)
        return;
    scan->key[scan->key_len] = '\0';
    scan->pending = strcmp(scan->key, wanted) == 0;
    if (scan->matched + 1 < scan->path_len)
        return;
    if (strcmp(scan->key, "uid") == 0) /* in metadata */
        scan->field = scan->uid;
    else if (strcmp(scan->key, "resourceVersion") == 0)
        scan->field = scan->resource_version;
}

static void end_string(struct scan *scan)
{
    scan->in_string = false;
    if (scan->capturing) {
        judge_key(scan);
    } else if (scan->capturing_field) {
        if (scan->key_len < SCAN_FIELD_MAX)
            scan->field[scan->key_len] = '\0';
        else
            scan->field[0] = '\0';
        scan->field = NULL;
    }
    scan->capturing = false;
    scan->capturing_field = false;
}

static void capture(struct scan *scan, char c)
{
    char *to = scan->capturing ? scan->key : scan->field;
    unsigned max = scan->capturing ? SCAN_KEY_MAX : SCAN_FIELD_MAX;

    if (c == '\\')
        scan->key_len = SCAN_FIELD_MAX; /* with escapes it is none of those we know */
    if (scan->key_len < max)
        to[scan->key_len++] = c;
    else
        scan->key_len = SCAN_FIELD_MAX;
}

static void in_string(struct scan *scan, struct piece *piece)
{
    bool captured = scan->capturing || scan->capturing_field;

    for (; piece->at < piece->len; piece->at++) {
        char c = piece->data[piece->at];

        if (scan->escaped) {
            scan->escaped = false;
        } else if (c == '\\') {
            scan->escaped = true;
        } else if (c == '"') {
            end_string(scan);
            return;
        }
        if (captured)
            capture(scan, c);
    }
}

static void begin_string(struct scan *scan)
{
    bool level = scan->skip_depth == 0 && scan->depth == scan->matched + 1 &&
                 scan->matched < scan->path_len && scan->path[scan->matched] != NULL;

    scan->in_string = true;
    scan->escaped = false;
    scan->capturing = level && scan->key_next;
    scan->capturing_field = level && !scan->key_next && scan->field != NULL;
    scan->key_len = 0;
}

static int other_byte(struct scan *scan, char c, struct err *err)
{
    bool between;

    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return 0;
    if (c == ',' && scan->depth > 0) {
        if (scan->depth == scan->matched + 1 && scan->skip_depth == 0) {
            scan->key_next = true;
            scan->pending = false;
            scan->field = NULL;
        }
        return 0;
    }
    between = scan->depth == 0 || (scan->depth == 2 && in_items(scan));
    if (between)
        return err_set(err, ERR_PARSE, "the answer is not what a Kubernetes server sends");
    return 0;
}

void scan_init(struct scan *scan, enum scan_kind kind, size_t value_bytes_max)
{
    memset(scan, 0, sizeof(*scan));
    scan->kind = kind;
    scan->value_bytes_max = value_bytes_max;
    scan->path = kind == SCAN_FRAMES ? frame_path : kind == SCAN_LIST ? list_path : object_path;
    scan->path_len = kind == SCAN_FRAMES ? 3 : kind == SCAN_LIST ? 4 : 2;
    buf_init(&scan->value, value_bytes_max);
    buf_init(&scan->envelope, SCAN_ENVELOPE_MAX);
}

void scan_deinit(struct scan *scan)
{
    buf_deinit(&scan->value);
    buf_deinit(&scan->envelope);
}

bool scan_at_rest(const struct scan *scan)
{
    return scan->depth == 0 && !scan->in_string;
}

/* The end of the string that begins after the quote at `at`: behind its closing quote; NULL when the
 * piece ends first. */
static const char *string_end(const char *at, const char *end)
{
    const char *from = at + 1;

    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(end - from)), *back = quote;

        if (quote == NULL)
            return NULL;
        while (back > at + 1 && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0)
            return quote + 1;
        from = quote + 1;
    }
}

/* Most bytes stand in containers beside the path, or in the gap: only strings and brackets count there.
 * Stops at what needs the other functions: the bracket that ends it, and a string cut by the piece. */
static void pass_over(struct scan *scan, struct piece *piece)
{
    unsigned floor = scan->skip_depth > 0 ? scan->skip_depth : scan->matched + 2;
    const char *at = piece->data + piece->at, *end = piece->data + piece->len;

    while (at < end && scan->depth >= floor) {
        if (*at == '"') {
            const char *behind = string_end(at, end);

            if (behind == NULL)
                break;
            at = behind;
            continue;
        }
        if (*at == '{' || *at == '[') {
            if (scan->depth >= SCAN_DEPTH_MAX)
                break;
            scan->depth++;
        } else if (*at == '}' || *at == ']') {
            if (scan->depth == floor)
                break;
            scan->depth--;
        }
        at++;
    }
    piece->at = (size_t)(at - piece->data);
}

int scan_feed(struct scan *scan, const char *data, size_t len, scan_fn fn, void *arg,
              struct err *err)
{
    struct piece piece = {.data = data, .len = len};
    int result = 0;

    while (result == 0 && piece.at < len) {
        char c;

        if (!scan->in_string)
            pass_over(scan, &piece);
        if (piece.at == len)
            break;
        c = data[piece.at];
        if (scan->in_string) {
            in_string(scan, &piece);
        } else if (c == '"') {
            if (scan->depth == 0 || scan->depth == 2)
                result = other_byte(scan, c, err);
            begin_string(scan);
        } else if (c == '{' || c == '[') {
            result = open_container(scan, &piece, c, err);
        } else if (c == '}' || c == ']') {
            result = close_container(scan, &piece, fn, arg, err);
        } else if (c == ',' || scan->depth == 0 || scan->depth == 2) {
            result = other_byte(scan, c, err);
        }
        piece.at++;
    }
    return result == 0 ? flush(scan, &piece, len, err) : -1;
}
