#include "script/task_internal.h"

#include <stdlib.h>

static void op_free(struct op *op)
{
    for (size_t i = 0; i < op->count; i++) {
        jv_unref(op->items[i].body);
        jv_unref(op->items[i].result);
    }
    for (size_t i = 0; i < op->whole_count; i++)
        free(op->whole[i]);
    free(op->items);
    *op = (struct op){0};
}

void op_begin(struct task *task, enum effect_verb verb, size_t count)
{
    op_free(&task->op);
    task->op.verb = verb;
    task->op.items = mem_alloc((count > 0 ? count : 1) * sizeof task->op.items[0]);
    task->op.count = count;
    for (size_t i = 0; i < count; i++)
        task->op.items[i].task = task;
}

bool op_is_done(const struct op *op)
{
    return op->started == op->count && op->in_flight == 0;
}

static void item_start(struct op_item *item, const struct effect *effect);

static void item_start_apply(struct task *task)
{
    struct op *op = &task->op;
    struct op_item *item = &op->items[op->started];
    struct effect effect = {.verb = op->verb,
                            .body = item->body,
                            .whole = (const char *const *)op->whole,
                            .whole_count = op->whole_count};
    if (item->merge)
        effect = (struct effect){.verb = EFFECT_PATCH, .patch_type = "merge", .body = item->body};
    effect_target_of(&effect, item->body);
    item_start(item, &effect);
}

static void on_effect(void *arg, struct jv *result, const struct err *err)
{
    struct op_item *item = arg;
    struct task *task = item->task;
    item->call = NULL;
    item->done = true;
    if (err != NULL) {
        item->failed = true;
        item->err = *err;
    } else if (result != NULL) {
        item->result = jv_ref(result);
    }
    task->op.in_flight--;
    if (task->op.started < task->op.count)
        item_start_apply(task);
    if (op_is_done(&task->op))
        task_wake(task);
}

static void item_start(struct op_item *item, const struct effect *effect)
{
    struct task *task = item->task;
    task->op.started++;
    task->op.in_flight++;
    item->call = task->effects->ops->start(task->effects->self, effect, on_effect, item);
}

RAISES static void count_effects(lua_State *L, struct task *task, size_t count)
{
    if (!lua_isyieldable(L))
        luaL_error(L, "nothing can be waited for inside a table.sort comparator, a string.gsub "
                      "function or a __tostring");
    task->effects_used += count;
    if (task->effects_used > task->run.vm->limits.effects_max)
        vm_raise_kill(L, VM_KILL_EFFECTS);
}

void op_start(lua_State *L, struct task *task, const struct effect *effect)
{
    count_effects(L, task, 1);
    struct effect copy = *effect;
    copy.body = task->op.items[0].body;
    item_start(&task->op.items[0], &copy);
}

void op_start_all(lua_State *L, struct task *task)
{
    count_effects(L, task, task->op.count);
    while (task->op.started < task->op.count && task->op.in_flight < OP_IN_FLIGHT_MAX)
        item_start_apply(task);
}

void op_cancel(struct task *task)
{
    for (size_t i = 0; i < task->op.count; i++) {
        struct op_item *item = &task->op.items[i];
        if (item->call != NULL)
            task->effects->ops->cancel(task->effects->self, item->call);
        item->call = NULL;
    }
    op_free(&task->op);
}

void effect_target_of(struct effect *effect, const struct jv *body)
{
    effect->api_version = jv_path_str(body, "apiVersion", NULL);
    effect->kind = jv_path_str(body, "kind", NULL);
    effect->namespace = jv_path_str(body, "metadata", "namespace", NULL);
    effect->name = jv_path_str(body, "metadata", "name", NULL);
    if (effect->namespace == NULL)
        effect->namespace = "";
}
