#include "sandbox/node_ports.h"

#include "sandbox/meta.h"

#include <stdio.h>

enum {
    FIRST = 30000,
    FOUND_FIRST = 30086, /* those before it are left to who chooses, as long as there are others */
    LAST = 32767,
    BEYOND = 32769,       /* the first that a dry run gives */
    NEXT_TO_CHOSEN = 100, /* as far it looks for one behind those that were chosen */
    KEY_BYTES = 24,
};

struct giving {
    const struct request *request;
    struct jv *given; /* in this request */
};

static bool is_given(const struct giving *giving, int64_t number)
{
    for (size_t i = 0; i < jv_size(giving->given); i++)
        if (jv_int_value(jv_at(giving->given, i)) == number)
            return true;
    return false;
}

static bool is_taken(const struct giving *giving, int64_t number)
{
    char key[KEY_BYTES];
    snprintf(key, sizeof(key), "%lld", (long long)number);
    return is_given(giving, number) || map_get(giving->request->server->node_ports, key) != NULL;
}

/* Why the chosen one cannot be had, or NULL when it can. */
static const char *choose(const struct giving *giving, int64_t number)
{
    if (!giving->request->dry_run && (number < FIRST || number > LAST))
        return "provided port is not in the valid range. The range of valid ports is 30000-32767";
    if (is_taken(giving, number))
        return "provided port is already allocated";
    jv_append(giving->given, jv_int(number));
    return NULL;
}

/* The first that is free of these; 0: none. */
static int64_t free_of(const struct giving *giving, int64_t first, int64_t last)
{
    for (int64_t number = first; number <= last; number++)
        if (!is_taken(giving, number))
            return number;
    return 0;
}

static int64_t made_up(const struct giving *giving)
{
    int64_t highest = BEYOND - 1;
    for (size_t i = 0; i < jv_size(giving->given); i++) {
        int64_t number = jv_int_value(jv_at(giving->given, i));
        if (i == 0 || number > highest)
            highest = number;
    }
    int64_t number = free_of(giving, highest + 1, NEXT_TO_CHOSEN - 1);
    return number ? number : highest + 1;
}

static int64_t find(const struct giving *giving)
{
    int64_t number = 0;
    if (giving->request->dry_run)
        number = made_up(giving);
    else
        number = free_of(giving, FOUND_FIRST, LAST);
    if (!number)
        number = free_of(giving, FIRST, FOUND_FIRST - 1);
    if (number)
        jv_append(giving->given, jv_int(number));
    return number;
}

static bool has(const struct jv *service, int64_t number)
{
    const struct jv *ports = jv_path(service, "spec", "ports", NULL);
    for (size_t i = 0; i < jv_size(ports); i++)
        if (jv_int_value(jv_get(jv_at(ports, i), "nodePort")) == number)
            return true;
    return false;
}

/* In a new Service ports of one number and several protocols have one node port. */
static int64_t shared(const struct jv *ports, const struct jv *port)
{
    for (size_t i = 0; i < jv_size(ports); i++) {
        const struct jv *other = jv_at(ports, i);
        int64_t number = jv_int_value(jv_get(other, "nodePort"));
        if (number && jv_equal(jv_get(other, "port"), jv_get(port, "port")))
            return number;
    }
    return 0;
}

static int refuse_port(const struct request *request, const struct jv *service, size_t index,
                       const char *why, struct refusal *refusal)
{
    char path[FIELD_PATH_BYTES];
    struct field_errors errors;
    const struct jv *port = jv_at(jv_path(service, "spec", "ports", NULL), index);
    field_errors_init(&errors);
    field_invalid(&errors, field_path(path, "spec.ports[%zu].nodePort", index),
                  jv_get(port, "nodePort"), "%s", why);
    refuse_invalid(refusal, request->kind, meta_name(service), &errors);
    field_errors_deinit(&errors);
    return -1;
}

static int give(struct giving *giving, const struct jv *before, struct jv *service,
                struct refusal *refusal)
{
    const struct jv *ports = jv_path(service, "spec", "ports", NULL);
    for (size_t i = 0; i < jv_size(ports); i++) {
        struct jv *port = jv_at(ports, i);
        int64_t chosen = jv_int_value(jv_get(port, "nodePort"));
        if (!chosen && !before)
            chosen = shared(ports, port);
        if (chosen && !has(before, chosen) && !is_given(giving, chosen)) {
            const char *why = choose(giving, chosen);
            if (why)
                return refuse_port(giving->request, service, i, why, refusal);
        }
        if (!chosen)
            chosen = find(giving);
        if (!chosen)
            return refuse(refusal, 500, "InternalError",
                          "failed to allocate a nodePort: range is full");
        jv_set_int(port, "nodePort", chosen);
    }
    return 0;
}

int node_ports_give(const struct request *request, const struct jv *before, struct jv *service,
                    struct refusal *refusal)
{
    struct giving giving = {request, jv_array()};
    int result = give(&giving, before, service, refusal);
    jv_unref(giving.given);
    return result;
}
