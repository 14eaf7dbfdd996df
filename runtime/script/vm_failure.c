/* How a run ended, in words for people: kills, errors, and where. */
#include "script/vm.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    MIB = 1 << 20,
    TEXT_BYTES_MAX = 600, /* leaves room for the place */
    FRAMES_MAX = 64,
    FRAMES_SHOWN = 16,
    SOURCE_TAIL = LUA_IDSIZE - (int)sizeof "...", /* what Lua keeps of a long name */
};

const char *vm_kill_text(const struct vm_run *run, struct err *err)
{
    const struct policy_limits *limits = &run->vm->limits;
    switch (run->killed) {
    case VM_ALIVE:
        err_set(err, ERR_INTERNAL, "the run was not killed");
        break;
    case VM_KILL_CPU:
        if (clock_is_virtual(run->vm->clock))
            err_set(err, ERR_LIMIT, "killed: it ran more than %llu instructions",
                    (unsigned long long)run->instructions_max);
        else
            err_set(err, ERR_LIMIT,
                    "killed: it used more than %lld ms of CPU, or %d ms in one table.sort or "
                    "string.gsub",
                    (long long)(run->cpu_ns_max / 1000000), (int)VM_STRETCH_MS);
        break;
    case VM_KILL_MEMORY:
        err_set(err, ERR_LIMIT, "killed: the policies used more than %zu MiB of memory",
                limits->memory_bytes_max / MIB);
        break;
    case VM_KILL_WALL:
        err_set(err, ERR_TIMEOUT, "killed: it was not done after %lld s",
                (long long)(limits->run_wall_ms / 1000));
        break;
    case VM_KILL_EFFECTS:
        err_set(err, ERR_LIMIT, "killed: it asked for more than %zu effects", limits->effects_max);
        break;
    case VM_KILL_CANCEL:
        err_set(err, ERR_CANCELED, "the run was cancelled");
        break;
    }
    return err->text;
}

/* What Lua writes as "...key things.order.lua" is written in full. */
static void add_expanded(const struct vm *vm, const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len;) {
        const char *source = NULL;
        if (vm->source_of != NULL && len - i >= 3 + (size_t)SOURCE_TAIL &&
            memcmp(text + i, "...", 3) == 0)
            source = vm->source_of(vm->source_arg, text + i + 3, SOURCE_TAIL);
        if (source != NULL)
            buf_add_str(out, source);
        else
            buf_add_char(out, text[i]);
        i += source != NULL ? 3 + (size_t)SOURCE_TAIL : 1;
    }
}

void vm_err_text(const struct vm *vm, struct err *err, enum err_code code, const char *text)
{
    struct buf full, visible;
    if (err == NULL)
        return;
    buf_init(&full, 4 * ERR_TEXT_BYTES);
    buf_init(&visible, 4 * ERR_TEXT_BYTES);
    add_expanded(vm, text, strnlen(text, 2 * ERR_TEXT_BYTES), &full);
    utf8_add_visible(&visible, buf_str(&full), full.len);
    size_t len = utf8_cut(buf_str(&visible), visible.len, TEXT_BYTES_MAX);
    err_set(err, code, "%.*s%s", (int)len, buf_str(&visible), len < visible.len ? "…" : "");
    buf_deinit(&full);
    buf_deinit(&visible);
}

/* "…things.lua:12: …": raised again by somebody who caught it, perhaps. */
static bool has_place(const char *text)
{
    const char *end = strstr(text, ": "), *at = end;
    while (at != NULL && at > text && isdigit((unsigned char)at[-1]))
        at--;
    return at != NULL && at < end && at - text > 5 && memcmp(at - 5, ".lua:", 5) == 0;
}

/* "policies/m.lua:3": the innermost place in a policy. False when there is none, or when the text begins
 * with one of those that led there. */
static bool find_place(const struct vm_run *run, const char *text, char *place, size_t size)
{
    lua_Debug frame;
    place[0] = '\0';
    if (has_place(text))
        return false;
    if (run->killed_in != NULL && run->killed_in[0] == '@' && run->killed_line > 0)
        snprintf(place, size, "%.120s:%d", run->killed_in + 1, run->killed_line);
    for (int level = 0; level < FRAMES_MAX && lua_getstack(run->L, level, &frame); level++) {
        if (lua_getinfo(run->L, "Sl", &frame) == 0 || frame.currentline <= 0 ||
            frame.source[0] != '@')
            continue;
        size_t len = strlen(frame.source + 1);
        if (strncmp(text, frame.source + 1, len) == 0 && text[len] == ':' &&
            isdigit((unsigned char)text[len + 1]))
            return false;
        if (place[0] == '\0')
            snprintf(place, size, "%.120s:%d", frame.source + 1, frame.currentline);
    }
    return place[0] != '\0';
}

struct describe_call {
    struct vm_run *run;
    struct err *err;
    struct buf *trace;
    bool expected;
};

/* [-0, +0, m] The error object of idx is looked at raw: a hostile __tostring is never called. */
/* [-0, +0, m] What a server said besides, as api_push_failure put it there. */
static void describe_answer(lua_State *L, int idx, struct err *err)
{
    lua_pushliteral(L, "status");
    lua_rawget(L, idx);
    lua_pushliteral(L, "retry_after_ms");
    lua_rawget(L, idx);
    lua_pushliteral(L, "reason");
    lua_rawget(L, idx);
    lua_Integer status = lua_isinteger(L, -3) ? lua_tointeger(L, -3) : 0;
    lua_Integer after_ms = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (err != NULL && status >= 100 && status <= 599)
        err->http_status = (int)status;
    if (err != NULL && after_ms > 0)
        err->retry_after_ms = after_ms;
    if (err != NULL && lua_type(L, -1) == LUA_TSTRING)
        snprintf(err->reason, sizeof(err->reason), "%s", lua_tostring(L, -1));
    lua_pop(L, 3);
}

void vm_error_describe(lua_State *L, int idx, struct err *err)
{
    idx = lua_absindex(L, idx);
    if (lua_type(L, idx) == LUA_TSTRING) {
        vm_err_text(vm_of(L), err, ERR_SCRIPT, lua_tostring(L, idx));
        return;
    }
    if (!lua_istable(L, idx)) {
        err_set(err, ERR_SCRIPT, "raised a value of type %s", luaL_typename(L, idx));
        return;
    }
    lua_pushliteral(L, "message");
    lua_rawget(L, idx);
    lua_pushliteral(L, "code");
    lua_rawget(L, idx);
    enum err_code code = ERR_SCRIPT;
    if (lua_type(L, -1) == LUA_TSTRING) {
        for (enum err_code c = ERR_USAGE; c <= ERR_INTERNAL; c++) {
            if (strcmp(err_code_name(c), lua_tostring(L, -1)) == 0)
                code = c;
        }
    }
    if (lua_type(L, -2) == LUA_TSTRING)
        vm_err_text(vm_of(L), err, code, lua_tostring(L, -2));
    else
        err_set(err, code, "raised a table without a message");
    lua_pop(L, 2);
    describe_answer(L, idx, err);
}

/* Lua's traceback without its headline and without frames that say nothing. */
static void trace_print(const char *text, struct buf *out)
{
    static const char headline[] = "stack traceback:", nothing[] = "[C]: in ?";
    while (*text != '\0') {
        text += *text == '\n';
        text += strspn(text, "\t");
        size_t len = strcspn(text, "\n");
        bool skip = (len == sizeof headline - 1 && strncmp(text, headline, len) == 0) ||
                    (len == sizeof nothing - 1 && strncmp(text, nothing, len) == 0);
        if (!skip) {
            buf_add_str(out, out->len > 0 ? "\n" : "");
            buf_add(out, text, len);
        }
        text += len;
    }
}

/* Lua's own traceback looks for the last frame of all, which takes longer than a slice on a stack that
 * ran away: then the innermost frames have to do. */
static void trace_deep(lua_State *L, struct buf *out)
{
    lua_Debug frame;
    for (int level = 0; level < FRAMES_SHOWN && lua_getstack(L, level, &frame); level++) {
        if (lua_getinfo(L, "Sln", &frame) == 0 || frame.currentline <= 0)
            continue;
        buf_printf(out, "%s%s:%d: in %s", out->len > 0 ? "\n" : "", frame.short_src,
                   frame.currentline, frame.name != NULL ? frame.name : "a function");
    }
    buf_add_str(out, "\n...");
}

static int protected_describe(lua_State *L)
{
    struct describe_call *call = lua_touserdata(L, 1);
    lua_State *from = call->run->L;
    if (call->err != NULL && call->run->killed == VM_ALIVE) {
        lua_xmove(from, L, 1);
        vm_error_describe(L, -1, call->err);
        if (lua_getmetatable(L, -1)) {
            call->expected = lua_topointer(L, -1) == call->run->vm->err_mt;
            lua_pop(L, 1);
        }
    }
    lua_Debug frame;
    if (call->trace != NULL && lua_getstack(from, FRAMES_MAX, &frame)) {
        trace_deep(from, call->trace);
    } else if (call->trace != NULL) {
        luaL_traceback(L, from, NULL, 0);
        trace_print(lua_tostring(L, -1), call->trace);
    }
    return 0;
}

bool vm_run_failure(struct vm_run *run, struct err *err, struct buf *trace)
{
    if (run->killed != VM_ALIVE && err != NULL)
        vm_kill_text(run, err);
    struct describe_call call = {run, err, trace, false};
    struct err ignored;
    if (vm_protect(run->vm, protected_describe, &call, &ignored) != 0 && run->killed == VM_ALIVE)
        err_set(err, ERR_LIMIT, "the policies' memory is used up");
    char place[160];
    if (err != NULL && !call.expected && run->killed != VM_KILL_CANCEL &&
        find_place(run, err->text, place, sizeof place)) {
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, " (at %s)", place);
    }
    return call.expected;
}
