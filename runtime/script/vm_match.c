/* Lua patterns with a bound: find, match, gmatch and gsub as the manual describes them, by a
 * backtracking matcher that counts its steps. A pattern that needs more than STEPS_MAX of them in
 * one call is an error of the policy instead of a loop that nothing can preempt. */
#include "script/vm.h"

#include <ctype.h>
#include <string.h>

enum { CAPTURES_MAX = 32, STEPS_MAX = 1000000, NESTING_MAX = 190 };
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

struct matcher {
    lua_State *L;
    const char *subject, *subject_end, *pattern_end;
    unsigned steps;
    int nesting, captures;
    struct {
        const char *start;
        ptrdiff_t len;
    } capture[CAPTURES_MAX];
};

static const char *match_here(struct matcher *m, const char *s, const char *p);

RAISES static void step(struct matcher *m)
{
    if (++m->steps <= STEPS_MAX)
        return;
    vm_note(m->L, STEPS_MAX / 4);
    luaL_error(m->L, "the pattern needs more than %d steps on this text", (int)STEPS_MAX);
}

/* The end of the single-character item at p. */
RAISES static const char *item_end(struct matcher *m, const char *p)
{
    if (p == m->pattern_end)
        luaL_error(m->L, "malformed pattern (ends early)");
    char first = *p++;
    if (first == '%') {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (p < m->pattern_end && *p == '^')
        p++;
    do {
        if (p == m->pattern_end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%') {
            if (p == m->pattern_end)
                luaL_error(m->L, "malformed pattern (missing ']')");
            p++;
        }
    } while (p == m->pattern_end || *p != ']');
    return p + 1;
}

static bool in_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !in : in;
}

/* p at '[', last at its ']'. */
static bool in_set(int c, const char *p, const char *last)
{
    bool wanted = true;
    if (p[1] == '^') {
        wanted = false;
        p++;
    }
    while (++p < last) {
        if (*p == '%') {
            p++;
            if (in_class(c, (unsigned char)*p))
                return wanted;
        } else if (p[1] == '-' && p + 2 < last) {
            if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
                return wanted;
            p += 2;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

RAISES static bool item_matches(struct matcher *m, const char *s, const char *p, const char *end)
{
    step(m);
    if (s >= m->subject_end)
        return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case '%':
        return in_class(c, (unsigned char)p[1]);
    case '[':
        return in_set(c, p, end - 1);
    default:
        return (unsigned char)*p == c;
    }
}

static const char *match_balance(struct matcher *m, const char *s, const char *p)
{
    if (p + 1 >= m->pattern_end)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->subject_end || *s != p[0])
        return NULL;
    int open = 1;
    while (++s < m->subject_end) {
        step(m);
        if (*s == p[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

static const char *match_longest(struct matcher *m, const char *s, const char *p, const char *end)
{
    ptrdiff_t count = 0;
    while (item_matches(m, s + count, p, end))
        count++;
    for (; count >= 0; count--) {
        const char *rest = match_here(m, s + count, end + 1);
        if (rest != NULL)
            return rest;
    }
    return NULL;
}

static const char *match_shortest(struct matcher *m, const char *s, const char *p, const char *end)
{
    for (;;) {
        const char *rest = match_here(m, s, end + 1);
        if (rest != NULL)
            return rest;
        if (!item_matches(m, s, p, end))
            return NULL;
        s++;
    }
}

static const char *capture_begin(struct matcher *m, const char *s, const char *p, ptrdiff_t kind)
{
    if (m->captures >= CAPTURES_MAX)
        luaL_error(m->L, "too many captures");
    m->capture[m->captures].start = s;
    m->capture[m->captures].len = kind;
    m->captures++;
    const char *rest = match_here(m, s, p);
    if (rest == NULL)
        m->captures--;
    return rest;
}

static const char *capture_end(struct matcher *m, const char *s, const char *p)
{
    int i = m->captures - 1;
    while (i >= 0 && m->capture[i].len != CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->capture[i].len = s - m->capture[i].start;
    const char *rest = match_here(m, s, p);
    if (rest == NULL)
        m->capture[i].len = CAPTURE_OPEN;
    return rest;
}

static const char *match_back(struct matcher *m, const char *s, char digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->captures || m->capture[i].len == CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    ptrdiff_t len = m->capture[i].len < 0 ? 0 : m->capture[i].len;
    m->steps += (unsigned)(len / 16);
    if (m->subject_end - s < len || memcmp(m->capture[i].start, s, (size_t)len) != 0)
        return NULL;
    return s + len;
}

static bool at_frontier(struct matcher *m, const char *s, const char *set, const char *set_end)
{
    int before = s == m->subject ? '\0' : (unsigned char)s[-1];
    int after = s == m->subject_end ? '\0' : (unsigned char)*s;
    return !in_set(before, set, set_end - 1) && in_set(after, set, set_end - 1);
}

/* One item with what may follow it: sets *s and *p to where matching goes on and returns true, or
 * leaves the answer in *rest. */
static bool match_item(struct matcher *m, const char **s, const char **p, const char **rest)
{
    const char *end = item_end(m, *p);
    char suffix = end < m->pattern_end ? *end : '\0';
    switch (suffix) {
    case '?':
        if (item_matches(m, *s, *p, end)) {
            *rest = match_here(m, *s + 1, end + 1);
            if (*rest != NULL)
                return false;
        }
        *p = end + 1;
        return true;
    case '+':
        *rest = item_matches(m, *s, *p, end) ? match_longest(m, *s + 1, *p, end) : NULL;
        return false;
    case '*':
        *rest = match_longest(m, *s, *p, end);
        return false;
    case '-':
        *rest = match_shortest(m, *s, *p, end);
        return false;
    default:
        *rest = NULL;
        if (!item_matches(m, *s, *p, end))
            return false;
        ++*s;
        *p = end;
        return true;
    }
}

/* %b, %f and back references; true when matching goes on at *s, *p. */
static bool match_special(struct matcher *m, const char **s, const char **p, bool *special)
{
    *special = false;
    if (**p != '%' || *p + 1 >= m->pattern_end)
        return true;
    char what = (*p)[1];
    const char *next = NULL, *after = *p + 2;
    if (what == 'b') {
        next = match_balance(m, *s, *p + 2);
        after = *p + 4;
    } else if (what == 'f') {
        if (after >= m->pattern_end || *after != '[')
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        const char *set = after;
        after = item_end(m, set);
        next = at_frontier(m, *s, set, after) ? *s : NULL;
    } else if (isdigit((unsigned char)what)) {
        next = match_back(m, *s, what);
    } else {
        return true;
    }
    *special = true;
    *s = next;
    *p = after;
    return next != NULL;
}

static const char *match_here(struct matcher *m, const char *s, const char *p)
{
    if (++m->nesting > NESTING_MAX)
        luaL_error(m->L, "pattern too complex");
    const char *rest = NULL;
    for (;;) {
        step(m);
        bool special;
        if (p == m->pattern_end) {
            rest = s;
            break;
        }
        if (*p == '(') {
            bool position = p + 1 < m->pattern_end && p[1] == ')';
            rest = position ? capture_begin(m, s, p + 2, CAPTURE_POSITION)
                            : capture_begin(m, s, p + 1, CAPTURE_OPEN);
            break;
        }
        if (*p == ')') {
            rest = capture_end(m, s, p + 1);
            break;
        }
        if (*p == '$' && p + 1 == m->pattern_end) {
            rest = s == m->subject_end ? s : NULL;
            break;
        }
        if (!match_special(m, &s, &p, &special))
            break;
        if (!special && !match_item(m, &s, &p, &rest))
            break;
    }
    m->nesting--;
    return rest;
}

static const char *match_start(struct matcher *m, const char *s, const char *p)
{
    m->captures = 0;
    m->nesting = 0;
    return match_here(m, s, p);
}

RAISES static void push_capture(struct matcher *m, int i, const char *s, const char *e)
{
    if (i >= m->captures) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, s, (size_t)(e - s));
    } else if (m->capture[i].len == CAPTURE_POSITION) {
        lua_pushinteger(m->L, m->capture[i].start - m->subject + 1);
    } else if (m->capture[i].len == CAPTURE_OPEN) {
        luaL_error(m->L, "unfinished capture");
    } else {
        lua_pushlstring(m->L, m->capture[i].start, (size_t)m->capture[i].len);
    }
}

/* Whole match when there are no captures and s is given. */
RAISES static int push_captures(struct matcher *m, const char *s, const char *e)
{
    int count = m->captures == 0 && s != NULL ? 1 : m->captures;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        push_capture(m, i, s, e);
    return count;
}

static size_t start_position(lua_Integer init, size_t len)
{
    if (init > 0)
        return (size_t)init - 1;
    size_t back = (size_t)0 - (size_t)init;
    return init == 0 || back > len ? 0 : len - back;
}

RAISES static int find_or_match(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *p = luaL_checklstring(L, 2, &pattern_len);
    size_t start = start_position(luaL_optinteger(L, 3, 1), len);
    if (start > len) {
        lua_pushnil(L);
        return 1;
    }
    bool plain = find && (lua_toboolean(L, 4) || strpbrk(p, "^$*+?.([%-") == NULL);
    if (plain && strlen(p) == pattern_len) {
        vm_charge(L, (len - start) / 64);
        const char *hit = memmem(s + start, len - start, p, pattern_len);
        if (hit == NULL) {
            lua_pushnil(L);
            return 1;
        }
        lua_pushinteger(L, hit - s + 1);
        lua_pushinteger(L, hit - s + (lua_Integer)pattern_len);
        return 2;
    }
    bool anchored = pattern_len > 0 && *p == '^';
    struct matcher m = {
        .L = L, .subject = s, .subject_end = s + len, .pattern_end = p + pattern_len};
    for (const char *at = s + start; at <= m.subject_end; at++) {
        const char *end = match_start(&m, at, p + anchored);
        if (end != NULL) {
            vm_charge(L, m.steps / 4);
            if (!find)
                return push_captures(&m, at, end);
            lua_pushinteger(L, at - s + 1);
            lua_pushinteger(L, end - s);
            return 2 + push_captures(&m, NULL, NULL);
        }
        if (anchored)
            break;
    }
    vm_charge(L, m.steps / 4);
    lua_pushnil(L);
    return 1;
}

int vm_find(lua_State *L)
{
    return find_or_match(L, true);
}

int vm_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, where to go on, end of the last match (both from 0; -1 for none). */
static int gmatch_next(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *p = lua_tolstring(L, lua_upvalueindex(2), &pattern_len);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct matcher m = {
        .L = L, .subject = s, .subject_end = s + len, .pattern_end = p + pattern_len};
    for (const char *at = s + lua_tointeger(L, lua_upvalueindex(3)); at <= m.subject_end; at++) {
        const char *end = match_start(&m, at, p);
        if (end == NULL || end - s == last)
            continue;
        vm_charge(L, m.steps / 4);
        lua_pushinteger(L, end - s);
        lua_pushvalue(L, -1);
        lua_replace(L, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(&m, at, end);
    }
    vm_charge(L, m.steps / 4);
    return 0;
}

int vm_gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t start = start_position(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(start > len ? len + 1 : start));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

RAISES static void add_template(struct matcher *m, luaL_Buffer *out, const char *s, const char *e)
{
    lua_State *L = m->L;
    size_t len;
    const char *text = lua_tolstring(L, 3, &len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
            continue;
        }
        i++;
        if (i < len && text[i] == '%') {
            luaL_addchar(out, '%');
        } else if (i < len && text[i] == '0') {
            luaL_addlstring(out, s, (size_t)(e - s));
        } else if (i < len && isdigit((unsigned char)text[i])) {
            push_capture(m, text[i] - '1', s, e);
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

RAISES static bool add_replacement(struct matcher *m, luaL_Buffer *out, const char *s,
                                   const char *e)
{
    lua_State *L = m->L;
    int count;
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        count = push_captures(m, s, e);
        lua_call(L, count, 1);
        break;
    case LUA_TTABLE:
        push_capture(m, 0, s, e);
        lua_gettable(L, 3);
        break;
    default:
        add_template(m, out, s, e);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, s, (size_t)(e - s));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

int vm_gsub(lua_State *L)
{
    size_t len, pattern_len;
    const char *s = luaL_checklstring(L, 1, &len);
    const char *p = luaL_checklstring(L, 2, &pattern_len);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)len + 1), count = 0;
    bool anchored = pattern_len > 0 && *p == '^', changed = false;
    struct matcher m = {
        .L = L, .subject = s, .subject_end = s + len, .pattern_end = p + pattern_len};
    const char *at = s, *last = NULL;
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    while (count < max) {
        const char *end = match_start(&m, at, p + anchored);
        if (end != NULL && end != last) {
            count++;
            changed |= add_replacement(&m, &out, at, end);
            at = last = end;
        } else if (at < m.subject_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    vm_charge(L, m.steps / 4);
    if (!changed) {
        lua_pushvalue(L, 1);
    } else {
        luaL_addlstring(&out, at, (size_t)(m.subject_end - at));
        luaL_pushresult(&out);
    }
    lua_pushinteger(L, count);
    return 2;
}
