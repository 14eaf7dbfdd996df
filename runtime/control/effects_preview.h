/* The door of a run that only pretends: nothing is sent, what it would do is counted.
 *
 * Reads come from the caches; a write answers with what the object would be; HTTP fails as if the
 * peer could not be reached. Used before a changed policy comes into force.
 */
#ifndef NEMETON_CONTROL_EFFECTS_PREVIEW_H
#define NEMETON_CONTROL_EFFECTS_PREVIEW_H

#include "cache/informer.h"
#include "loop/loop.h"
#include "script/task.h"

struct preview_counts {
    size_t creates, updates, deletes, statuses;
    size_t restarts; /* workloads that exist and whose pod template would change */
};

struct effects_preview;
struct effects_preview_options {
    struct loop *loop;
    struct task_key key;
    struct informer *(*informer)(void *arg, const char *api_version, const char *kind);
    void *arg;
    struct preview_counts *counts; /* added to */
};
struct effects_preview *effects_preview_new(const struct effects_preview_options *options);
struct effects *effects_preview_door(struct effects_preview *preview);
void effects_preview_free(struct effects_preview *preview);

#endif
