/* What the printers of kinds share. */
#ifndef NEMETON_SANDBOX_TABLE_INTERNAL_H
#define NEMETON_SANDBOX_TABLE_INTERNAL_H

#include "sandbox/tables.h"

struct row {
    const struct request *request;
    const struct jv *object, *spec, *status;
    struct jv *cells;
    struct jv *conditions; /* of the row; NULL: none */
    int64_t now_s;
};

struct printer {
    const char *kind; /* as in the table of built-in kinds */
    /* Names, separated by '|'. Before a name: '+' shown by -o wide only, '#' an integer, '?' a
     * boolean, '@' a date. */
    const char *columns;
    void (*cells)(struct row *row);
};
extern const struct printer table_pod_printers[], table_core_printers[], table_volume_printers[],
    table_workload_printers[], table_network_printers[], table_policy_printers[];

void cell(struct row *row, const char *text); /* NULL as "" */
void cell_or(struct row *row, const char *text, const char *instead);
void cell_int(struct row *row, int64_t value);
void cell_take(struct row *row, char *text); /* frees it */
void cell_name(struct row *row);
void cell_since(struct row *row, const char *time); /* "5m", "<unknown>" */
void cell_age(struct row *row);
void cell_selector(struct row *row, const struct jv *selector,
                   bool none); /* none: "<none>" if "" */
void cell_labels(struct row *row, const struct jv *labels);
void cell_containers(struct row *row); /* names and images of the template */

int64_t row_int(const struct jv *object, const char *name);
const char *row_str(const struct jv *object, const char *name); /* "" when absent */
/* "5m10s" since a time; "<invalid>" for what is no time. Yours. */
char *row_since(const struct row *row, const char *time);
/* Epoch seconds of an RFC 3339 time; false when it is none. */
bool row_time(const char *text, int64_t *out);
/* The strings of an array, joined. Yours. */
char *row_join(const struct jv *list, const char *separator);

/* Custom kinds. */
struct jv *table_custom_columns(const struct kind_version *version);
void table_custom_cells(struct row *row, const struct kind_version *version);

#endif
