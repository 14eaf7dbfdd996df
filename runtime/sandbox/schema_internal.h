#ifndef NEMETON_SANDBOX_SCHEMA_INTERNAL_H
#define NEMETON_SANDBOX_SCHEMA_INTERNAL_H

#include "base/map.h"
#include "sandbox/schema.h"

enum { SCHEMA_UNKNOWN_MAX = 64, SCHEMA_PATH_BYTES = 64 << 10, SCHEMA_PROBLEMS_MAX = 256 };

/* A node is the JSON of its schema: read in place, never changed. */
struct schema {
    struct jv *root;
    struct map *patterns; /* text → struct pattern; filled as they are met */
};

void schema_path_cut(struct buf *path, size_t len);
void schema_path_add(struct buf *path, const char *member); /* "a" or "a.member" */

/* What is wrong with a value, before anybody is told: alternatives may still be dropped. */
enum problem_kind {
    PROBLEM_REQUIRED,
    PROBLEM_TYPE,
    PROBLEM_INVALID,
    PROBLEM_ENUM,
    PROBLEM_TOO_LONG,
    PROBLEM_TOO_MANY,
};
struct problem {
    enum problem_kind kind;
    char *path, *text;
    struct jv *value;         /* NULL: shown as "" */
    const struct jv *allowed; /* PROBLEM_ENUM */
    size_t actual, max;
};
struct verdict {
    struct problem *list;
    size_t count;
    size_t matches; /* checks made: of two failed alternatives the one with more is told */
};
/* text is taken over, value lent. */
struct problem *verdict_add(struct verdict *verdict, enum problem_kind kind, const char *path,
                            char *text, const struct jv *value);
void verdict_merge(struct verdict *into, struct verdict *from); /* empties from */
/* Texts name fields from below `part`, as the real server does where only that part is written. */
void verdict_shorten(struct verdict *verdict, const char *part);
void verdict_deinit(struct verdict *verdict);
void verdict_tell(const struct verdict *verdict, struct field_errors *errors);

/* One value, all checks; before: what was there (NULL: nothing), the same is not judged again. */
struct judge {
    const struct schema *schema;
    struct buf path;
};
void schema_judge(struct judge *judge, const struct jv *node, const struct jv *value,
                  const struct jv *before, struct verdict *out);
/* False when the value is of the wrong type. */
bool schema_judge_type(const struct jv *node, const struct jv *value, const char *path,
                       struct verdict *out);
void schema_judge_enum(const struct jv *node, const struct jv *value, const char *path,
                       struct verdict *out);
void schema_judge_string(const struct schema *schema, const struct jv *node, const struct jv *value,
                         const char *path, struct verdict *out);
void schema_judge_number(const struct jv *node, const struct jv *value, const char *path,
                         struct verdict *out);

/* NULL: this format is not judged. "Any" text fits then. */
typedef bool (*schema_format_fn)(const char *text);
schema_format_fn schema_format(const char *name);

struct pattern;
/* RE2 in the forms that POSIX has too; NULL: not a pattern, or one that cannot be judged here. */
struct pattern *pattern_new(const char *text);
/* False when it is none; `why` says so. */
bool pattern_check(const char *text, char *why, size_t size);
void pattern_free(void *pattern);
bool pattern_matches(const struct pattern *pattern, const char *text);

/* Lists of maps and sets, and resources inside of resources. */
void schema_judge_lists(const struct jv *node, const struct jv *value, struct buf *path,
                        struct field_errors *errors);
void schema_judge_resources(const struct jv *node, const struct jv *value, struct buf *path,
                            struct field_errors *errors);
/* Is this the schema that a CRD may have? */
void schema_judge_structure(const struct schema *schema, const char *path,
                            struct field_errors *errors);

#endif
