#include "script/lint.h"

#include "script/api.h"

#include <stdlib.h>
#include <string.h>

/* Lua compiles, lua_dump writes what it made, and that is read here: of each function the
 * instructions that look into the upvalue _ENV, their constants, and their lines. The format is
 * that of Lua 5.4's ldump.c; what does not fit it is left alone. */
enum {
    OP_GETTABUP = 11,
    OP_SETTABUP = 15,
    HEADER_BYTES = 31 + 1, /* with the number of upvalues */
    VARIANT_FLOAT = 0x13,
    VARIANT_INT = 0x03,
    VARIANT_SHORT = 0x04,
    VARIANT_LONG = 0x14,
    LINE_IS_ABSOLUTE = -128,
    FUNCTION_DEPTH_MAX = 200,
};

struct lint {
    struct vm *vm;
    struct buf dump;
};

struct text {
    const char *data; /* not terminated; NULL: none */
    size_t len;
};
struct reader {
    struct lint *lint;
    const unsigned char *at, *end;
    bool bad;
    lint_fn fn;
    void *arg;
};

static unsigned read_byte(struct reader *r)
{
    if (r->at >= r->end) {
        r->bad = true;
        return 0;
    }
    return *r->at++;
}

static const unsigned char *read_bytes(struct reader *r, size_t size)
{
    const unsigned char *from = r->at;
    if ((size_t)(r->end - r->at) < size) {
        r->bad = true;
        return NULL;
    }
    r->at += size;
    return from;
}

static size_t read_size(struct reader *r)
{
    size_t value = 0;
    unsigned byte;
    do {
        byte = read_byte(r);
        value = (value << 7) | (byte & 0x7F);
    } while ((byte & 0x80) == 0 && !r->bad);
    return value;
}

static struct text read_text(struct reader *r)
{
    size_t size = read_size(r);
    struct text text = {NULL, 0};
    if (size == 0 || r->bad)
        return text;
    text.data = (const char *)read_bytes(r, size - 1);
    text.len = size - 1;
    return text;
}

/* The strings among the constants, by index; the rest is empty. Yours. */
static struct text *read_constants(struct reader *r, size_t *count)
{
    *count = read_size(r);
    if (r->bad || *count > (size_t)(r->end - r->at)) {
        r->bad = true;
        *count = 0;
    }
    struct text *texts = mem_alloc((*count + 1) * sizeof(*texts));
    for (size_t i = 0; i < *count && !r->bad; i++) {
        switch (read_byte(r)) {
        case VARIANT_FLOAT:
        case VARIANT_INT:
            read_bytes(r, 8);
            break;
        case VARIANT_SHORT:
        case VARIANT_LONG:
            texts[i] = read_text(r);
            break;
        default: /* nil, false, true */
            break;
        }
    }
    return texts;
}

struct function {
    const unsigned char *code;
    size_t code_count;
    struct text *constants;
    size_t constant_count;
    int first_line;
    const unsigned char *lines; /* a signed difference an instruction */
    size_t line_count;
    const unsigned char *absolute; /* where it is too far for one */
    size_t absolute_count;
    long env; /* the upvalue that is _ENV; -1: none */
};

static bool is_known(struct reader *r, const struct text *name)
{
    struct lua_State *L = r->lint->vm->L;
    if (name->len == 7 && memcmp(name->data, "require", 7) == 0)
        return true;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_keys.globals);
    lua_pushnil(L);
    bool known = false;
    while (!known && lua_next(L, -2)) {
        size_t len = 0;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
        known = key != NULL && len == name->len && memcmp(key, name->data, len) == 0;
        lua_pop(L, 1);
    }
    lua_settop(L, 0);
    return known;
}

static void report(struct reader *r, const struct function *f, unsigned constant, int line,
                   bool is_set)
{
    const struct text *name = constant < f->constant_count ? &f->constants[constant] : NULL;
    if (name == NULL || name->data == NULL || (!is_set && is_known(r, name)))
        return;
    char *word = mem_strn(name->data, name->len);
    r->fn(r->arg, line, word, is_set);
    free(word);
}

static void look(struct reader *r, const struct function *f)
{
    struct reader absolute = {.at = f->absolute, .end = r->end};
    int line = f->first_line;
    for (size_t i = 0; i < f->code_count && f->env >= 0; i++) {
        const unsigned char *bytes = f->code + i * 4;
        unsigned op = bytes[0] & 0x7F, a = (bytes[0] >> 7) | ((bytes[1] & 0x7Fu) << 1);
        unsigned b = bytes[2], c = bytes[3];
        int step = i < f->line_count ? (signed char)f->lines[i] : 0;
        if (step == LINE_IS_ABSOLUTE) {
            read_size(&absolute); /* which instruction: the next one of these */
            line = (int)read_size(&absolute);
        } else {
            line += step;
        }
        if (op == OP_GETTABUP && b == (unsigned long)f->env)
            report(r, f, c, line, false);
        else if (op == OP_SETTABUP && a == (unsigned long)f->env)
            report(r, f, b, line, true);
    }
}

static void read_function(struct reader *r, int depth);

static void read_debug(struct reader *r, struct function *f)
{
    f->line_count = read_size(r);
    f->lines = read_bytes(r, f->line_count);
    f->absolute_count = read_size(r);
    f->absolute = r->at;
    for (size_t i = 0; i < f->absolute_count && !r->bad; i++) {
        read_size(r);
        read_size(r);
    }
    size_t locals = read_size(r);
    for (size_t i = 0; i < locals && !r->bad; i++) {
        read_text(r);
        read_size(r);
        read_size(r);
    }
    size_t upvalues = read_size(r);
    for (size_t i = 0; i < upvalues && !r->bad; i++) {
        struct text name = read_text(r);
        if (name.len == 4 && memcmp(name.data, "_ENV", 4) == 0)
            f->env = (long)i;
    }
}

static void read_function(struct reader *r, int depth)
{
    struct function f = {.env = -1};
    if (depth > FUNCTION_DEPTH_MAX) {
        r->bad = true;
        return;
    }
    read_text(r); /* source */
    f.first_line = (int)read_size(r);
    read_size(r);     /* last line */
    read_bytes(r, 3); /* parameters, varargs, stack */
    f.code_count = read_size(r);
    f.code = f.code_count <= (size_t)(r->end - r->at) ? read_bytes(r, f.code_count * 4) : NULL;
    r->bad = r->bad || f.code == NULL;
    f.constants = read_constants(r, &f.constant_count);
    size_t upvalues = read_size(r);
    for (size_t i = 0; i < upvalues && !r->bad; i++)
        read_bytes(r, 3);
    size_t inner = read_size(r);
    for (size_t i = 0; i < inner && !r->bad; i++)
        read_function(r, depth + 1);
    if (!r->bad)
        read_debug(r, &f);
    if (!r->bad)
        look(r, &f);
    free(f.constants);
}

static int write_dump(lua_State *L, const void *data, size_t size, void *arg)
{
    (void)L;
    return buf_add(arg, data, size);
}

static int protected_open(lua_State *L)
{
    vm_open(L);
    api_open(L);
    return 0;
}

struct compile {
    struct lint *lint;
    const struct policy_file *file;
};

static int protected_compile(lua_State *L)
{
    struct compile *compile = lua_touserdata(L, 1);
    const struct policy_file *file = compile->file;
    if (memchr(file->text, '\0', file->len) != NULL)
        return luaL_error(L, "%s: binary data, not the text of a Lua module", file->source);
    lua_pushfstring(L, "@%s", file->source);
    if (luaL_loadbufferx(L, file->text, file->len, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    lua_dump(L, write_dump, &compile->lint->dump, 0);
    return 0;
}

struct lint *lint_new(const struct policy_env *env, struct err *err)
{
    struct lint *lint = mem_alloc(sizeof(*lint));
    buf_init(&lint->dump, 8 * POLICY_BYTES_MAX);
    lint->vm = vm_new(env, err);
    if (lint->vm != NULL && vm_protect(lint->vm, protected_open, NULL, err) == 0)
        return lint;
    lint_free(lint);
    return NULL;
}

void lint_free(struct lint *lint)
{
    if (lint == NULL)
        return;
    if (lint->vm != NULL)
        vm_free(lint->vm);
    buf_deinit(&lint->dump);
    free(lint);
}

int lint_file(struct lint *lint, const struct policy_file *file, lint_fn fn, void *arg,
              struct err *err)
{
    struct compile compile = {lint, file};
    buf_clear(&lint->dump);
    if (vm_protect(lint->vm, protected_compile, &compile, err) != 0)
        return -1;
    lua_gc(lint->vm->L, LUA_GCCOLLECT);
    const unsigned char *bytes = (const unsigned char *)buf_str(&lint->dump);
    if (lint->dump.failed || lint->dump.len < HEADER_BYTES || bytes[4] != 0x54)
        return 0;
    struct reader reader = {.lint = lint,
                            .at = bytes + HEADER_BYTES,
                            .end = bytes + lint->dump.len,
                            .fn = fn,
                            .arg = arg};
    read_function(&reader, 0);
    return 0;
}
