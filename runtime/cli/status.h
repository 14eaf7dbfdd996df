/* What `nemeton status` gathers (status.c) and shows (status_print.c). Internal to the two. */
#ifndef NEMETON_CLI_STATUS_H
#define NEMETON_CLI_STATUS_H

#include "base/json.h"

#include <stdio.h>

/* The report: {"server", "version", "operator": {"holder", "renewedSecondsAgo"}, "policies":
 * [{"name", "label", "loaded", "error"}], "objects": [{"apiVersion", "kind", "namespace", "name",
 * "ready", "message", "conditions", "groups": [{"group", "ready", "total", "waits"}]}]}. */
void status_print(FILE *out, const struct jv *report, bool all_groups);

#endif
