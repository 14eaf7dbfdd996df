/* Figures that policies tell of their primaries, as gauges among the metrics: nemeton_CONTROLLER_NAME with the
 * namespace and name of the primary. They stay until a run of the primary tells others, or it is gone. */
#include "control/effects_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PRIMARIES_MAX = METRICS_SERIES_MAX }; /* who tells nothing is none of them */

struct figures {
    char *namespace, *name;
    struct jv *list;
};

static void figures_free(void *value)
{
    struct figures *figures = value;
    if (figures == NULL)
        return;
    free(figures->namespace);
    free(figures->name);
    jv_unref(figures->list);
    free(figures);
}

/* Controllers are named like modules. Yours. */
static char *metric_name(const char *controller, const char *gauge)
{
    char *name = mem_printf("nemeton_%s_%s", controller, gauge);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)(*c == '.' || *c == '-' ? '_' : *c);
    return name;
}

static void declare(struct effects_shared *shared, const struct policy_controller *controller)
{
    for (size_t i = 0; i < controller->gauge_count; i++) {
        char *name = metric_name(controller->name, controller->gauges[i].name);
        metrics_declare(shared->options.metrics, name, METRIC_GAUGE, controller->gauges[i].help,
                        NULL, 0);
        if (map_get(shared->figure_names, name) == NULL)
            map_put(shared->figure_names, name, shared);
        free(name);
    }
}

/* The figures with the names of their metrics. */
static struct jv *named(const struct policy_controller *controller, const struct jv *list)
{
    struct jv *out = jv_array();
    for (size_t i = 0; i < jv_size(list); i++) {
        struct jv *figure = jv_dup(jv_at(list, i));
        char *name = metric_name(controller->name, jv_path_str(figure, "name", NULL));
        jv_set_str(figure, "name", name);
        jv_append(out, figure);
        free(name);
    }
    return out;
}

void effect_gauges_note(struct effects_run *run, const struct jv *list)
{
    struct effects_shared *shared = run->shared;
    const struct policy_controller *controller = run->options.controller;
    char *key = mem_printf("%s/%s/%s", controller->name, run->namespace, run->name);
    if (jv_size(list) == 0) {
        map_remove(shared->figures, key);
    } else if (map_get(shared->figures, key) != NULL ||
               map_count(shared->figures) < PRIMARIES_MAX) {
        struct figures *figures = mem_alloc(sizeof(*figures));
        declare(shared, controller);
        figures->namespace = mem_str(run->namespace);
        figures->name = mem_str(run->name);
        figures->list = named(controller, list);
        map_put(shared->figures, key, figures);
    }
    free(key);
}

static void scrape_one(struct metrics *metrics, const struct figures *figures,
                       const struct jv *figure)
{
    const struct jv *value = jv_get(figure, "value");
    struct jv_iter it = {0};
    struct buf labels;
    buf_init(&labels, 16 << 10);
    metrics_label(&labels, "namespace", figures->namespace);
    metrics_label(&labels, "name", figures->name);
    while (jv_next(jv_get(figure, "labels"), &it))
        metrics_label(&labels, it.key, jv_str(it.value));
    metrics_set(metrics, jv_path_str(figure, "name", NULL), buf_str(&labels),
                jv_type(value) == JV_REAL ? jv_real_value(value) : (double)jv_int_value(value));
    buf_deinit(&labels);
}

static void scrape(void *arg, struct metrics *metrics)
{
    struct effects_shared *shared = arg;
    struct map_iter iter = {0};
    while (map_next(shared->figure_names, &iter))
        metrics_clear(metrics, iter.key);
    iter = (struct map_iter){0};
    while (map_next(shared->figures, &iter)) {
        const struct figures *figures = iter.value;
        for (size_t i = 0; i < jv_size(figures->list); i++)
            scrape_one(metrics, figures, jv_at(figures->list, i));
    }
}

void effects_gauges_init(struct effects_shared *shared)
{
    shared->figures = map_new(shared->options.hash_seed, figures_free);
    shared->figure_names = map_new(shared->options.hash_seed, NULL);
    metrics_on_scrape(shared->options.metrics, scrape, shared);
}

void effects_gauges_deinit(struct effects_shared *shared)
{
    metrics_off_scrape(shared->options.metrics, shared);
    map_free(shared->figures);
    map_free(shared->figure_names);
}
