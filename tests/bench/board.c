#include "bench.h"

#include "base/map.h"
#include "kube/watch.h"

#include <stdlib.h>
#include <string.h>

enum { BOARD_KINDS = 4 };

/* One kind. An entry that a full state did not name again is gone. */
struct column {
    struct board *board;
    const char *kind;
    struct watch *watch;
    struct map *entries; /* name → struct entry */
    uint64_t round;
    bool is_synced;
};
struct entry {
    struct jv *object;
    uint64_t round;
    bool is_owned;
};
struct board {
    struct bench *bench;
    struct column columns[BOARD_KINDS];
    size_t owned;
};

static const struct {
    const char *api_version, *kind;
} board_kinds[BOARD_KINDS] = {
    {"druid.apache.org/v1alpha1", "Druid"},
    {"apps/v1", "StatefulSet"},
    {"v1", "Service"},
    {"v1", "ConfigMap"},
};

static void entry_free(void *value)
{
    struct entry *entry = value;
    jv_unref(entry->object);
    free(entry);
}

static bool object_is_owned(const struct jv *object)
{
    const struct jv *owners = jv_path(object, "metadata", "ownerReferences", NULL);
    for (size_t i = 0; i < jv_size(owners); i++) {
        const char *kind = jv_str(jv_get(jv_at(owners, i), "kind"));
        if (kind && strcmp(kind, "Druid") == 0) {
            return true;
        }
    }
    return false;
}

static void column_drop(struct column *column, const char *name)
{
    struct entry *entry = map_get(column->entries, name);
    if (entry) {
        column->board->owned -= entry->is_owned;
        map_remove(column->entries, name);
    }
}

static void on_begin(void *arg)
{
    ((struct column *)arg)->round++;
}

static void on_upsert(void *arg, struct jv *object)
{
    struct column *column = arg;
    const char *name = jv_path_str(object, "metadata", "name", NULL);
    column_drop(column, name);
    struct entry *entry = mem_alloc(sizeof(*entry));
    *entry = (struct entry){
        .object = jv_ref(object), .round = column->round, .is_owned = object_is_owned(object)};
    column->board->owned += entry->is_owned;
    map_put(column->entries, name, entry);
}

static void on_delete(void *arg, struct jv *object)
{
    column_drop(arg, jv_path_str(object, "metadata", "name", NULL));
}

static void on_end(void *arg, const char *resource_version)
{
    struct column *column = arg;
    struct map_iter iter = {0};
    (void)resource_version;
    while (map_next(column->entries, &iter)) {
        const struct entry *entry = iter.value;
        if (entry->round != column->round) {
            column_drop(column, iter.key);
        }
    }
    column->is_synced = true;
}

static void on_progress(void *arg, const char *resource_version)
{
    (void)arg;
    (void)resource_version;
}

static void on_problem(void *arg, const struct err *err)
{
    const struct column *column = arg;
    if (err) {
        log_error(column->board->bench->log, "watch", "kind", column->kind, "error", err->text);
    }
}

static bool board_is_synced(void *arg)
{
    const struct board *board = arg;
    for (size_t i = 0; i < BOARD_KINDS; i++) {
        if (!board->columns[i].is_synced) {
            return false;
        }
    }
    return true;
}

struct board *board_new(struct bench *bench, const char *namespace, struct err *err)
{
    struct watch_callbacks callbacks = {.on_begin = on_begin,
                                        .on_upsert = on_upsert,
                                        .on_delete = on_delete,
                                        .on_end = on_end,
                                        .on_progress = on_progress,
                                        .on_problem = on_problem};
    struct board *board = mem_alloc(sizeof(*board));
    board->bench = bench;
    for (size_t i = 0; i < BOARD_KINDS; i++) {
        struct column *column = &board->columns[i];
        struct watch_options options = {
            .kind = bench_kind(bench, board_kinds[i].api_version, board_kinds[i].kind, err),
            .namespace = namespace,
            .log = bench->log,
            .random = bench->random};
        if (!options.kind) {
            board_free(board);
            return NULL;
        }
        column->board = board;
        column->kind = board_kinds[i].kind;
        column->entries = map_new(random_u64(bench->random), entry_free);
        column->watch = watch_start(bench->rest, &options, &callbacks, column);
    }
    if (!bench_wait(bench, board_is_synced, board, 60)) {
        err_set(err, ERR_TIMEOUT, "the watches have no full state after 60 s");
        board_free(board);
        return NULL;
    }
    return board;
}

void board_free(struct board *board)
{
    for (size_t i = 0; i < BOARD_KINDS; i++) {
        if (board->columns[i].watch) {
            watch_stop(board->columns[i].watch);
        }
        map_free(board->columns[i].entries);
    }
    free(board);
}

struct jv *board_get(struct board *board, const char *kind, const char *name)
{
    for (size_t i = 0; i < BOARD_KINDS; i++) {
        if (strcmp(board->columns[i].kind, kind) == 0) {
            const struct entry *entry = map_get(board->columns[i].entries, name);
            return entry ? entry->object : NULL;
        }
    }
    return NULL;
}

size_t board_owned(const struct board *board)
{
    return board->owned;
}

size_t board_clusters(const struct board *board)
{
    return map_count(board->columns[0].entries);
}

bool board_is_ready(struct board *board, const char *cluster)
{
    const struct jv *druid = board_get(board, "Druid", cluster);
    const struct jv *conditions = jv_path(druid, "status", "conditions", NULL);
    if (jv_int_value(jv_path(druid, "status", "observedGeneration", NULL)) !=
        jv_int_value(jv_path(druid, "metadata", "generation", NULL))) {
        return false;
    }
    for (size_t i = 0; i < jv_size(conditions); i++) {
        const struct jv *condition = jv_at(conditions, i);
        const char *type = jv_str(jv_get(condition, "type"));
        const char *status = jv_str(jv_get(condition, "status"));
        if (type && status && strcmp(type, "Ready") == 0) {
            return strcmp(status, "True") == 0;
        }
    }
    return false;
}
