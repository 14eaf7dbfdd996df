/* What every policy has: err values, log, clock, digest, random. */
#include "script/api.h"

#include "script/convert.h"
#include "script/view.h"

#include <string.h>

enum { LOG_FIELDS_MAX = 12, LOG_VALUE_MAX = 1024, SUFFIX_MAX = 64, BASE64_MAX = 4 << 20 };

int api_push_failure(lua_State *L, const struct err *err)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, err_code_name(err->code));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, err->text);
    lua_setfield(L, -2, "message");
    if (err->http_status != 0) {
        lua_pushinteger(L, err->http_status);
        lua_setfield(L, -2, "status");
    }
    if (err->reason[0] != '\0') {
        lua_pushstring(L, err->reason);
        lua_setfield(L, -2, "reason");
    }
    if (err->retry_after_ms != 0) {
        lua_pushinteger(L, err->retry_after_ms);
        lua_setfield(L, -2, "retry_after_ms");
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.err_mt);
    lua_setmetatable(L, -2);
    return 2;
}

static int err_tostring(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushliteral(L, "message");
    if (!lua_istable(L, 1) || lua_rawget(L, 1) != LUA_TSTRING)
        lua_pushliteral(L, "error");
    return 1;
}

/* [-0, +1, e] A field of the table or view at idx. */
void api_push_field(lua_State *L, int idx, const char *field)
{
    idx = lua_absindex(L, idx);
    struct jv *value = view_check(L, idx);
    if (value != NULL) {
        struct jv *member = jv_get(value, field);
        if (member == NULL || jv_type(member) == JV_NULL) {
            lua_pushnil(L);
        } else {
            lua_pushstring(L, field);
            lua_gettable(L, idx);
        }
        return;
    }
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushstring(L, field);
    lua_rawget(L, idx);
}

const char *api_field(lua_State *L, int idx, const char *field, const char *call)
{
    api_push_field(L, idx, field);
    if (lua_isnil(L, -1) || convert_is_null(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: %s must be a string, not a %s", call, field, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

lua_Integer api_field_integer(lua_State *L, int idx, const char *field, lua_Integer absent,
                              const char *call)
{
    api_push_field(L, idx, field);
    if (lua_isnil(L, -1))
        return absent;
    int is_integer;
    lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer)
        luaL_error(L, "%s: %s must be an integer", call, field);
    lua_pop(L, 1);
    return value;
}

/* [-0, +1, e] A log value: text, or JSON for tables and views. */
RAISES static const char *push_log_value(lua_State *L, int idx)
{
    bool structured = view_check(L, idx) != NULL;
    if (lua_istable(L, idx)) {
        structured = luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL;
        lua_pop(L, !structured);
    }
    struct err err;
    struct jv *value = structured ? convert_take(L, idx, "log", CONVERT_BARE_EMPTY, &err) : NULL;
    if (value == NULL)
        return vm_text(L, idx, NULL);
    char text[LOG_VALUE_MAX];
    struct buf out;
    buf_init(&out, sizeof text - 4);
    bool cut = jv_print(value, JV_PRINT_SORTED, &out) != 0 || out.failed;
    snprintf(text, sizeof text, "%s%s", buf_str(&out), cut ? "…" : "");
    buf_deinit(&out);
    jv_unref(value);
    return lua_pushstring(L, text);
}

struct log_field {
    const char *key, *value;
};

/* Reads the table at idx into fields, sorted; the texts stay on the stack. */
RAISES static size_t log_fields(lua_State *L, int idx, struct log_field *fields)
{
    size_t count = 0;
    luaL_checkstack(L, LOG_FIELDS_MAX * 3 + 8, NULL);
    lua_pushnil(L);
    while (count < LOG_FIELDS_MAX && lua_next(L, idx)) {
        int value = lua_gettop(L);
        const char *text = push_log_value(L, value);
        if (lua_type(L, value - 1) == LUA_TSTRING)
            fields[count++] = (struct log_field){lua_tostring(L, value - 1), text};
        lua_pushvalue(L, value - 1);
    }
    for (size_t i = 1; i < count; i++) {
        struct log_field field = fields[i];
        size_t at = i;
        for (; at > 0 && strcmp(fields[at - 1].key, field.key) > 0; at--)
            fields[at] = fields[at - 1];
        fields[at] = field;
    }
    return count;
}

/* Upvalue 1: the level. */
static int log_call(lua_State *L)
{
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    struct vm_run *run = vm_run_of(L);
    struct log *log = run->task != NULL ? run->task->log : run->vm->log;
    lua_settop(L, 2);
    if (!log_enabled(log, level))
        return 0;
    if (run->task != NULL && run->task->log_lines++ >= TASK_LOG_LINES_MAX) {
        if (run->task->log_lines == TASK_LOG_LINES_MAX + 1)
            log_warn(log, "the policy logs too much in one run; the rest is dropped");
        return 0;
    }
    const char *message = vm_text(L, 1, NULL);
    struct log_field f[LOG_FIELDS_MAX] = {{0}};
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        log_fields(L, 2, f);
    }
    log_write(log, level, message, f[0].key, f[0].value, f[1].key, f[1].value, f[2].key, f[2].value,
              f[3].key, f[3].value, f[4].key, f[4].value, f[5].key, f[5].value, f[6].key,
              f[6].value, f[7].key, f[7].value, f[8].key, f[8].value, f[9].key, f[9].value,
              f[10].key, f[10].value, f[11].key, f[11].value, (char *)NULL);
    return 0;
}

static int64_t wall_ns(lua_State *L)
{
    struct vm_run *run = vm_run_of(L);
    if (run->task != NULL)
        return run->task->effects->ops->wall_ns(run->task->effects->self);
    return clock_wall_ns(run->vm->clock);
}

static int clock_now(lua_State *L)
{
    lua_pushinteger(L, wall_ns(L) / 1000000000);
    return 1;
}

static int clock_now_ms(lua_State *L)
{
    lua_pushinteger(L, wall_ns(L) / 1000000);
    return 1;
}

static int clock_rfc3339(lua_State *L)
{
    char text[40];
    lua_Number seconds = luaL_optnumber(L, 1, (lua_Number)(wall_ns(L) / 1000000000));
    luaL_argcheck(L, seconds >= -9.2e9 && seconds <= 9.2e9, 1, "out of range");
    log_time_rfc3339((int64_t)seconds * 1000000000, false, text);
    lua_pushstring(L, text);
    return 1;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static int clock_parse(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    int year, month, day, hour, minute, second, used = 0, zone_hour = 0, zone_minute = 0;
    bool ok = sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                     &second, &used) == 6 &&
              used >= 19;
    const char *rest = text + used;
    if (ok && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    int sign = *rest == '-' ? -1 : 1;
    if (ok && (*rest == '+' || *rest == '-')) {
        used = 0;
        ok = sscanf(rest + 1, "%2d:%2d%n", &zone_hour, &zone_minute, &used) == 2 && used == 5 &&
             rest[6] == '\0';
    } else {
        ok = ok && (strcmp(rest, "Z") == 0 || strcmp(rest, "z") == 0);
    }
    ok = ok && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour >= 0 && hour <= 23 &&
         minute >= 0 && minute <= 59 && second >= 0 && second <= 60;
    if (!ok) {
        struct err err;
        err_set(&err, ERR_PARSE, "'%.40s' is not a time such as 2026-01-31T10:20:30Z", text);
        return api_push_failure(L, &err);
    }
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    lua_pushinteger(L, seconds - sign * (zone_hour * 3600 + zone_minute * 60));
    return 1;
}

static int digest_sha256_call(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char hex[DIGEST_SHA256_HEX];
    vm_charge(L, len / 8);
    digest_sha256_hex(text, len, hex);
    lua_pushstring(L, hex);
    return 1;
}

RAISES static int push_base64(lua_State *L, const void *data, size_t len)
{
    struct vm_box *box;
    struct buf *out = api_push_buf(L, BASE64_MAX, &box);
    if (base64_encode(data, len, out) != 0 || out->failed)
        return luaL_error(L, "digest.base64: the text would be over %d bytes", (int)BASE64_MAX);
    lua_pushlstring(L, buf_str(out), out->len);
    vm_box_release(box);
    return 1;
}

static int digest_sha1_base64_call(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char sum[DIGEST_SHA1_BYTES];
    vm_charge(L, len / 8);
    digest_sha1(text, len, sum);
    return push_base64(L, sum, sizeof sum);
}

static int digest_fnv1_32_call(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_charge(L, len / 8);
    lua_pushinteger(L, digest_fnv1_32(text, len));
    return 1;
}

static int digest_base64_call(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_charge(L, len / 8);
    return push_base64(L, text, len);
}

static int digest_base64_decode_call(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_charge(L, len / 8);
    struct vm_box *box;
    struct buf *out = api_push_buf(L, BASE64_MAX, &box);
    struct err err;
    if (base64_decode(text, len, out, &err) != 0)
        return api_push_failure(L, &err);
    lua_pushlstring(L, buf_str(out), out->len);
    vm_box_release(box);
    return 1;
}

static int random_int_call(lua_State *L)
{
    lua_Integer low = luaL_checkinteger(L, 1), high = luaL_checkinteger(L, 2);
    luaL_argcheck(L, low <= high, 2, "the interval is empty");
    uint64_t span = (uint64_t)high - (uint64_t)low;
    luaL_argcheck(L, span != UINT64_MAX, 2, "the interval is too large");
    uint64_t drawn = random_below(vm_of(L)->random, span + 1);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + drawn));
    return 1;
}

/* The alphabet of Kubernetes' generated names: no vowels, no digits that look like letters. */
static int random_suffix_call(lua_State *L)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    char text[SUFFIX_MAX];
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 1 && count <= SUFFIX_MAX, 1, "1 to 64");
    for (lua_Integer i = 0; i < count; i++)
        text[i] = alphabet[random_below(vm_of(L)->random, sizeof alphabet - 1)];
    lua_pushlstring(L, text, (size_t)count);
    return 1;
}

RAISES static void open_log(lua_State *L)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}};
    lua_createtable(L, 0, 4);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        lua_pushinteger(L, levels[i].level);
        lua_pushcclosure(L, log_call, 1);
        lua_setfield(L, -2, levels[i].name);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.globals);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, vm_print, 1);
    lua_setfield(L, -2, "print");
    lua_pop(L, 1);
    vm_add_library(L, "log");
}

void api_core_open(lua_State *L)
{
    static const luaL_Reg clock[] = {{"now", clock_now},
                                     {"now_ms", clock_now_ms},
                                     {"rfc3339", clock_rfc3339},
                                     {"parse", clock_parse},
                                     {NULL, NULL}};
    static const luaL_Reg digest[] = {{"sha256", digest_sha256_call},
                                      {"sha1_base64", digest_sha1_base64_call},
                                      {"fnv1_32", digest_fnv1_32_call},
                                      {"base64", digest_base64_call},
                                      {"base64_decode", digest_base64_decode_call},
                                      {NULL, NULL}};
    static const luaL_Reg random[] = {
        {"int", random_int_call}, {"suffix", random_suffix_call}, {NULL, NULL}};
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, err_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "err");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    vm_of(L)->err_mt = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &vm_keys.err_mt);
    open_log(L);
    luaL_newlib(L, clock);
    vm_add_library(L, "clock");
    luaL_newlib(L, digest);
    vm_add_library(L, "digest");
    luaL_newlib(L, random);
    vm_add_library(L, "random");
}

void api_open(lua_State *L)
{
    api_core_open(L);
    api_json_open(L);
    api_text_open(L);
    api_ctx_open(L);
    api_kube_open(L);
    lua_settop(L, 0);
}
