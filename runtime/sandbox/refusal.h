/* Why a request is refused: the Status object that a real server would answer.
 *
 * A refusal lives on its owner's stack, zeroed at first, and is set at most once; every refuse_…
 * returns -1 so that `return refuse(…);` reads well. Field problems are gathered in a struct
 * field_errors and become one 422.
 */
#ifndef NEMETON_SANDBOX_REFUSAL_H
#define NEMETON_SANDBOX_REFUSAL_H

#include "base/json.h"

struct kind;

/* Where the real server's source has its list of kinds, which its refusals tell. */
#define GO_SCHEME "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"

struct refusal {
    int code;          /* HTTP status; 0 = not refused */
    struct jv *status; /* owned */
    int retry_after_s; /* 0 = no header */
};

void refusal_deinit(struct refusal *refusal);
/* A Status without details. reason "" leaves it out. */
int refuse(struct refusal *refusal, int code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A Status whose details name the object. name may be NULL. */
int refuse_object(struct refusal *refusal, int code, const char *reason, const struct kind *kind,
                  const char *name, const char *format, ...) __attribute__((format(printf, 6, 7)));
void refusal_add_cause(struct refusal *refusal, const char *reason, const char *message,
                       const char *field); /* field may be NULL */
int refuse_bad_request(struct refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int refuse_not_found(struct refusal *refusal, const struct kind *kind, const char *name);
int refuse_exists(struct refusal *refusal, const struct kind *kind, const char *name);
int refuse_conflict(struct refusal *refusal, const struct kind *kind, const char *name,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
int refuse_modified(struct refusal *refusal, const struct kind *kind, const char *name);
int refuse_forbidden(struct refusal *refusal, const struct kind *kind, const char *name,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
int refuse_method(struct refusal *refusal);
int refuse_unknown(struct refusal *refusal); /* no such kind or subresource */
int refuse_expired(struct refusal *refusal, const char *message);
int refusal_to_err(const struct refusal *refusal, struct err *err);

/* "apps" and "statefulsets" as "statefulsets.apps"; core kinds without a dot. Lent buffer. */
const char *kind_resource_text(const struct kind *kind, char *out, size_t size);

enum { FIELD_PATH_BYTES = 512, FIELD_ERRORS_MAX = 64 };

struct field_errors {
    struct jv *causes; /* owned; NULL while there is none */
    struct buf text;
    size_t texts; /* different ones */
};

void field_errors_init(struct field_errors *errors);
void field_errors_deinit(struct field_errors *errors);
size_t field_errors_count(const struct field_errors *errors);
/* A path: field_path(out, "%s[%zu].name", base, i); returns out. Too long is cut. */
const char *field_path(char out[FIELD_PATH_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void field_required(struct field_errors *errors, const char *path, const char *detail);
/* value may be NULL (shown as null) */
void field_invalid(struct field_errors *errors, const char *path, const struct jv *value,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
void field_invalid_str(struct field_errors *errors, const char *path, const char *value,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
void field_type_invalid(struct field_errors *errors, const char *path, const struct jv *value,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
void field_forbidden(struct field_errors *errors, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void field_duplicate(struct field_errors *errors, const char *path, const struct jv *value);
/* shown: as the real server prints its own struct, whose order tells. */
void field_duplicate_text(struct field_errors *errors, const char *path, const char *shown);
void field_duplicate_str(struct field_errors *errors, const char *path, const char *value);
void field_not_found(struct field_errors *errors, const char *path, const char *value);
void field_too_long(struct field_errors *errors, const char *path, size_t bytes_max);
void field_too_many(struct field_errors *errors, const char *path, size_t actual, size_t max);
/* supported: sorted, NULL behind the last */
void field_unsupported(struct field_errors *errors, const char *path, const char *value,
                       const char *const *supported);
/* value: as it is shown */
void field_unsupported_text(struct field_errors *errors, const char *path, const char *value,
                            const char *const *supported);
void field_unsupported_value(struct field_errors *errors, const char *path, const struct jv *value,
                             const char *const *supported);

/* The 422 of these errors; call it only when there is at least one. */
int refuse_invalid(struct refusal *refusal, const struct kind *kind, const char *name,
                   const struct field_errors *errors);

#endif
