/* What `nemeton check` finds. Internal to check*.c. */
#ifndef NEMETON_CLI_CHECK_H
#define NEMETON_CLI_CHECK_H

#include "base/map.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/schemas.h"
#include "cli/workbench.h"
#include "script/lint.h"

struct check {
    struct cli *cli;
    struct workbench *bench;
    struct option_list policy_paths;
    struct policy *policy; /* judges objects; loaded when the first one comes */
    struct schemas *schemas;
    struct lint *lint;
    struct jv *found;                  /* -o json; else NULL */
    const struct object_files *origin; /* where the ConfigMaps come from that are looked at */
    struct map *places;                /* "file:line" of what was found: said once */
    size_t problems, advices, files, objects, passed_by;
};

/* line 0: the whole file. message may be one of Lua's, which begins with file and line itself. */
void check_problem(struct check *check, const char *file, int line, int column,
                   const char *message);
/* What is only advised: said in the same way, and no problem. */
void check_advice(struct check *check, const char *file, int line, int column, const char *message);
/* "file:line: text" of Lua's errors, as a problem at that place. */
void check_script_error(struct check *check, const char *file, const char *text);
/* "ConfigMap ns/name key k" and a line in it: the place in the file of check->origin. False when it
 * is not there. */
bool check_configmap_place(const struct check *check, const char *source, int line,
                           const char **path, int *out);
/* Every file of a layer by itself; false when one does not compile. */
bool check_layer(struct check *check, const struct policy_layer *layer);

/* A directory with a bundle.lua. */
void check_bundle(struct check *check, const char *dir);
/* A single Lua file: syntax and names. */
void check_script(struct check *check, const char *path);
/* A file of objects. -1: no judgement is possible (err). */
int check_objects(struct check *check, const char *path, struct err *err);

#endif
