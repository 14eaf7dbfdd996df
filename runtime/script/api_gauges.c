/* ctx.gauges: the figures that a run tells of its primary, for the metrics. */
#include "script/api.h"

#include "script/convert.h"
#include "script/view.h"

#include <string.h>

enum { FIGURES_MAX = 64, LABELS_MAX = 8, LABEL_BYTES_MAX = 512 };

static bool is_label_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    return name[0] != '\0' && strchr(letters, name[0]) != NULL && strncmp(name, "__", 2) != 0 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '\0' &&
           strcmp(name, "namespace") != 0 && strcmp(name, "name") != 0;
}

RAISES static void check_labels(lua_State *L, const struct jv *labels, int index)
{
    struct jv_iter it = {0};
    size_t count = 0;
    if (labels != NULL && !jv_is_object(labels))
        luaL_error(L, "ctx.gauges: [%d].labels must be a table of strings", index);
    while (jv_next(labels, &it)) {
        size_t len = 0;
        if (++count > LABELS_MAX)
            luaL_error(L, "ctx.gauges: [%d] has more than %d labels", index, (int)LABELS_MAX);
        if (!is_label_name(it.key))
            luaL_error(L,
                       "ctx.gauges: [%d].labels.%s: a name is of a-z, 0-9 and _, and neither "
                       "`namespace` nor `name`, which are the primary's",
                       index, it.key);
        if (jv_strn(it.value, &len) == NULL || len > LABEL_BYTES_MAX)
            luaL_error(L, "ctx.gauges: [%d].labels.%s must be a string of at most %d bytes", index,
                       it.key, (int)LABEL_BYTES_MAX);
    }
}

RAISES static void check_figure(lua_State *L, const struct policy_controller *controller,
                                const struct jv *figure, int index)
{
    static const char *const known[] = {"name", "labels", "value"};
    const char *name = jv_path_str(figure, "name", NULL);
    const struct jv *value = jv_get(figure, "value");
    struct jv_iter it = {0};
    bool declared = false;
    for (size_t i = 0; name != NULL && i < controller->gauge_count; i++)
        declared = declared || strcmp(controller->gauges[i].name, name) == 0;
    if (!declared)
        luaL_error(L, "ctx.gauges: [%d].name is not among the gauges of controller '%s'", index,
                   controller->name);
    if (jv_type(value) != JV_INT && jv_type(value) != JV_REAL)
        luaL_error(L, "ctx.gauges: [%d].value must be a number", index);
    while (jv_next(figure, &it)) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(known[i], it.key) == 0;
        if (!found)
            luaL_error(L, "ctx.gauges: [%d] has the unknown field '%s'", index, it.key);
    }
    check_labels(L, jv_get(figure, "labels"), index);
}

static void on_noted(void *arg, struct jv *result, const struct err *err)
{
    (void)arg;
    (void)result;
    (void)err;
}

/* Never waits and outlives the run: until another run of the primary says something else. */
int api_ctx_gauges(lua_State *L)
{
    struct task *task = api_ctx_begin(L, "ctx.gauges");
    struct effect effect = {.verb = EFFECT_GAUGES};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (task->controller == NULL)
        return luaL_error(L, "ctx.gauges: there are no metrics here");
    struct jv *list = api_take_jv(L, 1, "ctx.gauges", CONVERT_BARE_EMPTY);
    size_t count = jv_is_array(list) ? jv_size(list) : 0;
    if (!jv_is_array(list) && jv_size(list) > 0)
        return luaL_error(L, "ctx.gauges takes a list of { name=, labels=, value= }");
    if (count > FIGURES_MAX)
        return luaL_error(L, "ctx.gauges: more than %d figures", (int)FIGURES_MAX);
    for (size_t i = 0; i < count; i++)
        check_figure(L, task->controller, jv_at(list, i), (int)i + 1);
    if (++task->effects_used > task->run.vm->limits.effects_max)
        return vm_raise_kill(L, VM_KILL_EFFECTS);
    effect.body = list;
    task->effects->ops->start(task->effects->self, &effect, on_noted, NULL);
    return 0;
}
