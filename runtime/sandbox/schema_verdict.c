#include "sandbox/schema_internal.h"

#include <stdlib.h>
#include <string.h>

static void problem_deinit(struct problem *problem)
{
    free(problem->path);
    free(problem->text);
    jv_unref(problem->value);
}

static void tell_enum(const struct problem *problem, struct field_errors *errors)
{
    enum { VALUES_MAX = 256 };
    char *shown[VALUES_MAX] = {NULL};
    const char *texts[VALUES_MAX + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < jv_size(problem->allowed) && count < VALUES_MAX; i++) {
        const struct jv *value = jv_at(problem->allowed, i);
        shown[count] = jv_str(value) ? mem_str(jv_str(value)) : jv_print_str(value, 0);
        texts[count] = shown[count];
        count++;
    }
    field_unsupported_value(errors, problem->path, problem->value, texts);
    for (size_t i = 0; i < count; i++)
        free(shown[i]);
}

static void tell(const struct problem *problem, struct field_errors *errors)
{
    struct jv *empty = jv_string("");
    const struct jv *value = problem->value ? problem->value : empty;
    switch (problem->kind) {
    case PROBLEM_REQUIRED:
        field_required(errors, problem->path, NULL);
        break;
    case PROBLEM_TYPE:
        field_type_invalid(errors, problem->path, value, "%s", problem->text);
        break;
    case PROBLEM_INVALID:
        field_invalid(errors, problem->path, value, "%s", problem->text);
        break;
    case PROBLEM_ENUM:
        tell_enum(problem, errors);
        break;
    case PROBLEM_TOO_LONG:
        field_too_long(errors, problem->path, problem->max);
        break;
    case PROBLEM_TOO_MANY:
        field_too_many(errors, problem->path, problem->actual, problem->max);
        break;
    }
    jv_unref(empty);
}

struct problem *verdict_add(struct verdict *verdict, enum problem_kind kind, const char *path,
                            char *text, const struct jv *value)
{
    if (verdict->count < SCHEMA_PROBLEMS_MAX)
        verdict->list = mem_grow(verdict->list, (verdict->count + 1) * sizeof(*verdict->list));
    else
        problem_deinit(&verdict->list[--verdict->count]);
    struct problem *problem = &verdict->list[verdict->count++];
    *problem = (struct problem){
        .kind = kind, .path = mem_str(path), .text = text, .value = jv_ref((struct jv *)value)};
    return problem;
}

void verdict_merge(struct verdict *into, struct verdict *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct problem *problem = &from->list[i];
        if (into->count >= SCHEMA_PROBLEMS_MAX) {
            problem_deinit(problem);
            continue;
        }
        into->list = mem_grow(into->list, (into->count + 1) * sizeof(*into->list));
        into->list[into->count++] = *problem;
    }
    into->matches += from->matches;
    free(from->list);
    *from = (struct verdict){0};
}

void verdict_shorten(struct verdict *verdict, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i < verdict->count; i++) {
        char *text = verdict->list[i].text;
        if (text && strncmp(text, part, len) == 0 && (text[len] == '.' || text[len] == ' ')) {
            size_t cut = len + (text[len] == '.');
            memmove(text, text + cut, strlen(text + cut) + 1);
        }
    }
}

void verdict_deinit(struct verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++)
        problem_deinit(&verdict->list[i]);
    free(verdict->list);
    *verdict = (struct verdict){0};
}

void verdict_tell(const struct verdict *verdict, struct field_errors *errors)
{
    for (size_t i = 0; i < verdict->count; i++)
        tell(&verdict->list[i], errors);
}
