#include "standin.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *blank(const char *at)
{
    while (isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

/* Behind the string that begins here; NULL when it does not end. */
static const char *skip_string(const char *at)
{
    for (at++; *at; at++) {
        if (*at == '\\' && at[1]) {
            at++;
        } else if (*at == '"') {
            return at + 1;
        }
    }
    return NULL;
}

/* Behind the value that begins here; NULL when it does not end. */
static const char *skip_value(const char *at)
{
    int depth = 0;
    while (*at) {
        if (*at == '"') {
            at = skip_string(at);
            if (!at) {
                return NULL;
            }
        } else if (strchr("[{", *at)) {
            depth++;
            at++;
        } else if (strchr("]}", *at)) {
            if (depth == 0) {
                return at;
            }
            depth--;
            at++;
        } else if (*at == ',' && depth == 0) {
            return at;
        } else {
            at++;
        }
    }
    return NULL;
}

/* *at: the object at first, then where the last call left it. */
bool json_next(const char **at, struct json_member *member)
{
    const char *p = blank(*at);
    if (*p != '{' && *p != ',') {
        return false;
    }
    p = blank(p + 1);
    if (*p != '"') {
        return false;
    }
    const char *end = skip_string(p);
    if (!end) {
        return false;
    }
    member->key = p + 1;
    member->key_length = (size_t)(end - p - 2);
    p = blank(end);
    if (*p != ':') {
        return false;
    }
    p = blank(p + 1);
    end = skip_value(p);
    if (!end) {
        return false;
    }
    *at = end;
    while (end > p && isspace((unsigned char)end[-1])) {
        end--;
    }
    member->value = p;
    member->value_length = (size_t)(end - p);
    return true;
}

static bool find(const char *object, const char *key, size_t length, struct json_member *member)
{
    while (json_next(&object, member)) {
        if (member->key_length == length && memcmp(member->key, key, length) == 0) {
            return true;
        }
    }
    return false;
}

bool json_text(const char *object, const char *key, char *out, size_t size)
{
    struct json_member member;
    if (!find(object, key, strlen(key), &member)) {
        return false;
    }
    if (member.value_length > 1 && *member.value == '"') {
        member.value++;
        member.value_length -= 2;
    }
    snprintf(out, size, "%.*s", (int)member.value_length, member.value);
    return true;
}

char *json_merge(const char *object, const char *changes)
{
    if (*blank(object) != '{' || *blank(changes) != '{') {
        return NULL;
    }
    size_t size = strlen(object) + strlen(changes) + 4, length = 1;
    char *out = malloc(size);
    if (!out) {
        return NULL;
    }
    out[0] = '{';
    const char *sources[] = {object, changes};
    for (int i = 0; i < 2; i++) {
        struct json_member member, newer;
        for (const char *at = sources[i]; json_next(&at, &member);) {
            if (i == 0 && find(changes, member.key, member.key_length, &newer)) {
                continue;
            }
            length += (size_t)snprintf(out + length, size - length, "%s\"%.*s\":%.*s",
                                       length > 1 ? "," : "", (int)member.key_length, member.key,
                                       (int)member.value_length, member.value);
        }
    }
    snprintf(out + length, size - length, "}");
    return out;
}
