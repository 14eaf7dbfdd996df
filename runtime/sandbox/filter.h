/* Which objects a list, watch or collection delete is about: namespace, labels, fields. */
#ifndef NEMETON_SANDBOX_FILTER_H
#define NEMETON_SANDBOX_FILTER_H

#include "base/selector.h"
#include "sandbox/request.h"

enum { FILTER_FIELDS_MAX = 16 };

struct filter_field {
    char *path; /* "status.phase" */
    char *value;
    bool unequal;
};

struct filter {
    char *namespace; /* NULL: all */
    char *name;      /* metadata.name=…; NULL: all */
    struct selector *labels;
    struct filter_field fields[FILTER_FIELDS_MAX]; /* other than name and namespace */
    size_t field_count;
};

int filter_init(struct filter *filter, const struct request *request, struct refusal *refusal);
void filter_deinit(struct filter *filter);
bool filter_matches(const struct filter *filter, const struct stored *stored);

#endif
