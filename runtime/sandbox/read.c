#include "sandbox/read.h"

#include "base/digest.h"
#include "sandbox/answer.h"
#include "sandbox/filter.h"
#include "sandbox/go_json.h"
#include "sandbox/options.h"
#include "sandbox/strategy.h"
#include "sandbox/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listing {
    struct request *request;
    struct filter filter;
    uint64_t limit;    /* 0 = no limit */
    uint64_t revision; /* as of; 0 = now */
    char *after;       /* key of the last item of the page before */
    struct buf items;
    size_t count, left;
    char *last; /* key of the last item given */
};

static bool add_item(void *arg, struct stored *stored)
{
    struct listing *listing = arg;
    if (listing->limit && listing->count >= listing->limit) {
        listing->left++; /* also what does not match: the real server has not looked yet */
        return true;
    }
    if (!filter_matches(&listing->filter, stored))
        return true;
    if (listing->count++)
        buf_add_char(&listing->items, ',');
    if (listing->request->form == ANSWER_TABLE) {
        struct jv *row = table_row(listing->request, stored);
        jv_print(row, 0, &listing->items);
        jv_unref(row);
    } else {
        answer_print(listing->request, stored, true, &listing->items);
    }
    free(listing->last);
    listing->last = mem_str(stored->key);
    return true;
}

/* The token names the snapshot and the key to go on after: base64 of {"v":…,"rv":…,"start":…}. */
static char *token_make(const struct listing *listing, uint64_t revision)
{
    struct buf out;
    struct jv *token = jv_object();
    jv_set_str(token, "v", "meta.k8s.io/v1");
    jv_set_int(token, "rv", (int64_t)revision);
    jv_set_str(token, "start", listing->last);
    char *text = jv_print_str(token, 0);
    buf_init(&out, 4096);
    base64_encode(text, strlen(text), &out);
    free(text);
    jv_unref(token);
    return buf_take(&out, NULL);
}

static int token_read(struct listing *listing, const char *text, struct refusal *refusal)
{
    struct buf raw;
    struct jv *token = NULL;
    buf_init(&raw, 4096);
    int result = base64_decode(text, strlen(text), &raw, NULL);
    if (result == 0)
        result = jv_parse(buf_str(&raw), raw.len, &token, NULL);
    const char *start = jv_str(jv_get(token, "start"));
    int64_t revision = jv_int_value(jv_get(token, "rv"));
    if (result < 0 || !start || revision <= 0) {
        char *problem = go_json_problem(buf_str(&raw), raw.len);
        result = refuse_bad_request(
            refusal, "invalid continue token: continue key is not valid: %s",
            problem ? problem : "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
        free(problem);
    } else {
        listing->after = mem_str(start);
        listing->revision = (uint64_t)revision;
    }
    jv_unref(token);
    buf_deinit(&raw);
    return result;
}

/* An expired token may be exchanged for one that goes on at the same key, inconsistently. */
static int refuse_expired_token(struct listing *listing, struct refusal *refusal)
{
    listing->last = mem_str(listing->after);
    char *fresh = token_make(listing, storage_revision(listing->request->server->storage));
    refuse_expired(refusal,
                   "The provided continue parameter is too old to display a consistent list "
                   "result. You can start a new list without the continue parameter, or use the "
                   "continue token in this response to retrieve the remainder of the results. "
                   "Continuing with the provided token results in an inconsistent list - objects "
                   "that were created, modified, or deleted between the time the first chunk was "
                   "returned and now may show up in the list.");
    jv_set_str(jv_ensure(refusal->status, "metadata", NULL), "continue", fresh);
    free(fresh);
    return -1;
}

static int parse_limit(struct listing *listing, struct refusal *refusal)
{
    const char *limit = request_query(listing->request, "limit");
    if (!limit || !*limit)
        return 0;
    char *end;
    errno = 0;
    long long number = strtoll(limit, &end, 10);
    if (*end || errno)
        return refuse_bad_request(refusal, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                                  limit);
    listing->limit = number > 0 ? (uint64_t)number : 0;
    return 0;
}

static int parse_page(struct listing *listing, struct refusal *refusal)
{
    const struct storage *storage = listing->request->server->storage;
    const char *token = request_query(listing->request, "continue");
    const char *match = request_query(listing->request, "resourceVersionMatch");

    uint64_t wanted = 0;
    if (options_of_list(listing->request, refusal) < 0 || parse_limit(listing, refusal) < 0 ||
        read_revision(listing->request, &wanted, refusal) < 0)
        return -1;
    if (token && *token) {
        if (wanted > 0)
            return refuse_bad_request(refusal, "specifying resource version is not allowed when "
                                               "using continue");
        if (token_read(listing, token, refusal) < 0)
            return -1;
        if (listing->revision < storage_compacted(storage))
            return refuse_expired_token(listing, refusal);
        return 0;
    }

    if (wanted > storage_revision(storage))
        return refuse_too_large_revision(refusal, wanted, storage_revision(storage));
    bool exact = match && strcmp(match, "Exact") == 0;

    /* Without a match, a version together with a limit means exactly that version. */
    if (exact || (wanted && listing->limit && !(match && *match)))
        listing->revision = wanted;
    if (listing->revision && listing->revision < storage_compacted(storage))
        return refuse_expired(refusal, "The resourceVersion for the provided list is too old.");
    return 0;
}

static void print_head(struct listing *listing, uint64_t revision, struct buf *out)
{
    char version[KIND_TEXT_BYTES];
    const struct request *request = listing->request;
    struct jv *metadata = jv_object();
    jv_set(metadata, "resourceVersion", jv_stringf("%llu", (unsigned long long)revision));
    if (!listing->left && kind_is(request->kind, KIND_CUSTOM) && request->form == ANSWER_OBJECT)
        jv_set_str(metadata, "continue", "");
    if (listing->left) {
        char *token = token_make(listing, revision);
        jv_set_str(metadata, "continue", token);
        free(token);
        bool selective = listing->filter.field_count || listing->filter.name ||
                         !selector_is_empty(listing->filter.labels);
        if (!selective)
            jv_set_int(metadata, "remainingItemCount", (int64_t)listing->left);
    }
    if (request->form == ANSWER_OBJECT)
        buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", request->kind->list_kind,
                   kind_api_version(request->kind, request->version, version, sizeof(version)));
    else
        buf_printf(out, "{\"kind\":\"%s\",\"apiVersion\":\"meta.k8s.io/%s\",",
                   request->form == ANSWER_TABLE ? "Table" : "PartialObjectMetadataList",
                   request->form_version);
    buf_add_str(out, "\"metadata\":");
    jv_print(metadata, 0, out);
    jv_unref(metadata);
    if (request->form == ANSWER_TABLE) {
        struct jv *columns = table_columns(request);
        buf_add_str(out, ",\"columnDefinitions\":");
        jv_print(columns, 0, out);
        jv_unref(columns);
    }
    buf_add_str(out, request->form == ANSWER_TABLE ? ",\"rows\":[" : ",\"items\":[");
}

static void listing_deinit(struct listing *listing)
{
    filter_deinit(&listing->filter);
    buf_deinit(&listing->items);
    free(listing->after);
    free(listing->last);
}

/* metadata.name=… in a known namespace needs no walk. */
static bool list_one(struct listing *listing)
{
    char key[KIND_TEXT_BYTES];
    const struct kind *kind = listing->request->kind->home;
    const struct filter *filter = &listing->filter;
    bool placed = filter->namespace || !kind_is(kind, KIND_NAMESPACED);
    if (!filter->name || !placed || listing->after || listing->revision)
        return false;
    struct stored *stored =
        storage_get(kind, storage_key(key, sizeof(key), filter->namespace, filter->name));
    if (stored)
        add_item(listing, stored);
    return true;
}

int read_revision(const struct request *request, uint64_t *out, struct refusal *refusal)
{
    const char *text = request_query(request, "resourceVersion");
    *out = 0;
    if (!text || !*text)
        return 0;
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (!*end && !errno && *text != '-' && *text != '+')
        return 0;
    bool cached = request->kind->home->strategy != &strategy_event;
    bool list = request->verb == VERB_LIST || (request->verb == VERB_GET && !cached);
    return refuse(refusal, list ? 400 : 500, list ? "BadRequest" : "",
                  "%sresourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": "
                  "invalid syntax",
                  list ? "invalid resource version: " : "", text, text);
}

int refuse_too_large_revision(struct refusal *refusal, uint64_t wanted, uint64_t current)
{
    refuse(refusal, 504, "Timeout", "Timeout: Too large resource version: %llu, current: %llu",
           (unsigned long long)wanted, (unsigned long long)current);
    jv_set_int(jv_ensure(refusal->status, "details", NULL), "retryAfterSeconds", 1);
    refusal_add_cause(refusal, "ResourceVersionTooLarge", "Too large resource version", NULL);
    refusal->retry_after_s = 1;
    return -1;
}

int verb_get(struct request *request, struct refusal *refusal)
{
    char key[KIND_TEXT_BYTES];
    uint64_t wanted;
    const struct storage *storage = request->server->storage;
    if (read_revision(request, &wanted, refusal) < 0)
        return -1;
    if (wanted > storage_revision(storage))
        return refuse_too_large_revision(refusal, wanted, storage_revision(storage));
    struct stored *stored =
        storage_get(request->kind->home, request_key(request, request->name, key));
    if (!stored)
        return refuse_not_found(refusal, request->kind, request->name);
    answer_stored(request, 200, stored);
    return 0;
}

int verb_list(struct request *request, struct refusal *refusal)
{
    struct listing listing = {.request = request};
    buf_init(&listing.items, LIST_BYTES_MAX);
    int result = filter_init(&listing.filter, request, refusal);
    if (result == 0)
        result = parse_page(&listing, refusal);
    if (result < 0) {
        listing_deinit(&listing);
        return -1;
    }
    if (!list_one(&listing))
        storage_each(request->server->storage, request->kind->home, listing.filter.namespace,
                     listing.after, listing.revision, add_item, &listing);
    uint64_t revision =
        listing.revision ? listing.revision : storage_revision(request->server->storage);
    struct buf text;
    buf_init(&text, LIST_BYTES_MAX);
    print_head(&listing, revision, &text);
    buf_add(&text, listing.items.data, listing.items.len);
    /* The real server has two ideas of nothing. */
    bool none = listing.count == 0 &&
                (request->form == ANSWER_METADATA ||
                 (request->form == ANSWER_TABLE && request->kind->strategy == &strategy_role));
    if (none) {
        text.len -= 1;
        buf_add_str(&text, "null}\n");
    } else {
        buf_add_str(&text, "]}\n");
    }
    answer_bytes(request, 200, "application/json", text.data, text.len);
    buf_deinit(&text);
    listing_deinit(&listing);
    return 0;
}
