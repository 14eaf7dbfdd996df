/* What policy*.c and task.c share: internal to script/. */
#ifndef NEMETON_SCRIPT_POLICY_INTERNAL_H
#define NEMETON_SCRIPT_POLICY_INTERNAL_H

#include "script/vm.h"

enum module_state { MODULE_COMPILED, MODULE_LOADING, MODULE_LOADED };

struct module {
    char *name, *source;
    size_t layer;
    enum module_state state;
    int chunk_ref, value_ref;
    bool is_test;
};
struct layer {
    struct policy *policy;
    char *name;
    size_t index;
    struct module *modules; /* sorted by name */
    size_t count;
    int env_ref;
};
/* Loading and testing hold up the loop: in all, each may use so many times the budget of one run. */
enum { POLICY_LOAD_RUNS = 8, POLICY_TEST_RUNS = 12 };

struct policy {
    unsigned refs;
    double runs_used; /* budgets of a run that loading or testing has used so far */
    struct vm *vm;
    char version[DIGEST_SHA256_HEX];
    struct layer *layers;
    size_t layer_count;
    struct policy_controller *controllers;
    size_t controller_count;
    size_t tasks;
};

struct vm *policy_vm(struct policy *policy);
void policy_task_began(struct policy *policy);
void policy_task_ended(struct policy *policy);

/* The module as seen from `above` layers (exclusive bound), or NULL. */
struct module *policy_find(struct policy *policy, size_t above, const char *name);
/* Pushes module.function; raises when there is none. */
RAISES void policy_push_function(lua_State *L, struct policy *policy, const char *module,
                                 const char *function);
/* require, for code of the layer in upvalue 1. */
int policy_require(lua_State *L);
/* Pushes the table of the struct module it is given, and runs its chunk when that was not done. */
int policy_push_module(lua_State *L);

struct module_run {
    struct vm_run run;
    struct module *module; /* NULL: none is under way */
};
/* Runs the module (once) in a run of its own, for a slice: 1 done, 0 there is more to do, -1. */
int policy_module_step(struct policy *policy, struct module_run *running, struct module *module,
                       struct err *err);
void policy_module_abandon(struct module_run *running);
int policy_module_compare(const void *a, const void *b);
/* Adds what the run used to runs_used; true when that passes max. */
bool policy_used_up(struct policy *policy, const struct vm_run *run, int max);
/* The error of a load or a pure call, with the Lua stack after it when that helps. */
int policy_run_error(struct vm_run *run, struct err *err);

int policy_read_contract(struct policy *policy, struct err *err); /* policy_contract.c */
void policy_controllers_free(struct policy *policy);

#endif
