#include "script/vm_match.h"

#include <ctype.h>
#include <string.h>

enum { STEPS_MAX = 1000000, NESTING_MAX = 190, FILTER_LEN_MIN = 256 };
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

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
    if (m->captures >= MATCHER_CAPTURES_MAX)
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
    ptrdiff_t len = m->capture[i].len;
    if (len == CAPTURE_POSITION)
        return NULL;
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

/* Which bytes can begin a match? Worked out once for long texts, when the pattern begins with an item
 * that must match something. */
RAISES static void filter_prepare(struct matcher *m)
{
    const char *p = m->pattern;
    while (p < m->pattern_end && *p == '(')
        p++;
    bool special = p < m->pattern_end && *p == '%' && p + 1 < m->pattern_end &&
                   (p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1]));
    if (p == m->pattern_end || *p == ')' || *p == '$' || special)
        return;
    const char *end = item_end(m, p);
    if (*p == '.' || (end < m->pattern_end && strchr("*?-", *end) != NULL))
        return;
    for (int c = 0; c < 256; c++) {
        m->begins[c] = *p == '%'   ? in_class(c, (unsigned char)p[1])
                       : *p == '[' ? in_set(c, p, end - 1)
                                   : (unsigned char)*p == c;
    }
    m->filtered = true;
}

void matcher_init(struct matcher *m, lua_State *L, int subject, int pattern)
{
    size_t len, pattern_len;
    *m = (struct matcher){.L = L};
    m->subject = lua_tolstring(L, subject, &len);
    m->subject_end = m->subject + len;
    m->pattern = lua_tolstring(L, pattern, &pattern_len);
    m->pattern_end = m->pattern + pattern_len;
}

const char *matcher_next(struct matcher *m, const char *at, bool anchored, const char **end)
{
    if (!anchored && !m->filtered && m->subject_end - at >= FILTER_LEN_MIN)
        filter_prepare(m);
    for (;; at++) {
        if (m->filtered) {
            const char *from = at;
            while (at < m->subject_end && !m->begins[(unsigned char)*at])
                at++;
            m->steps += (unsigned)((at - from) / 8);
            if (at == m->subject_end)
                return NULL;
        }
        m->captures = 0;
        m->nesting = 0;
        *end = match_here(m, at, m->pattern);
        if (*end != NULL)
            return at;
        if (anchored || at == m->subject_end)
            return NULL;
    }
}

void matcher_push(struct matcher *m, int i, const char *s, const char *e)
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

int matcher_push_all(struct matcher *m, const char *s, const char *e)
{
    int count = m->captures == 0 && s != NULL ? 1 : m->captures;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        matcher_push(m, i, s, e);
    return count;
}
