/* Each file of tests/attacks is a policy that means harm. It must end as its first lines say, in
 * bounded time, in the real world (slices of time) and in a simulated one (instructions), while
 * another run in the same Lua state goes on, and leave the state usable. "-- cpu_ms: N" gives a
 * policy more than the 120 ms that end one without an end early: for what must come to its end;
 * "-- turn_ms: N" bounds the longest turn of the loop more tightly. */
#include "unit/script_fake.h"

#include <dirent.h>
#include <time.h>

/* In CPU time, so that a busy machine does not matter; with room for sanitizers. */
enum { FILES_MAX = 256, TEXT_MAX = 16384, TOTAL_MS_MAX = 15000, TURN_MS_MAX = 1500, CPU_MS = 120 };

static const char bystander[] =
    "local M = {}\n"
    "function M.run(ctx)\n"
    "  for i = 1, 10 do\n"
    "    local t = {}\n"
    "    for k = 1, 100 do t['k' .. k] = { k } end\n"
    "    local answer = ctx.apply{ apiVersion='v1', kind='Pod', metadata={name='p'..i}, spec=t }\n"
    "    assert(answer.spec.k7[1] == 7)\n"
    "    ctx.sleep(2)\n"
    "  end\n"
    "end\n"
    "return M\n";

struct attack {
    char name[128], expected[64], text[128];
    char *source;
    int cpu_ms, turn_ms;
};
static struct attack attacks[FILES_MAX];
static size_t attack_count;

static int64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_attack(struct attack *attack, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/attacks/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    attack->source = calloc(1, TEXT_MAX);
    size_t len = fread(attack->source, 1, TEXT_MAX - 1, file);
    assert_true(len < TEXT_MAX - 1);
    fclose(file);
    snprintf(attack->name, sizeof attack->name, "%s", name);
    assert_int_equal(sscanf(attack->source, "-- outcome: %63[^\n]", attack->expected), 1);
    const char *text = strstr(attack->source, "\n-- text: ");
    if (text != NULL)
        sscanf(text, "\n-- text: %127[^\n]", attack->text);
    const char *cpu = strstr(attack->source, "\n-- cpu_ms: ");
    const char *turn = strstr(attack->source, "\n-- turn_ms: ");
    attack->turn_ms = turn != NULL ? atoi(turn + strlen("\n-- turn_ms: ")) : TURN_MS_MAX;
    attack->cpu_ms = cpu != NULL ? atoi(cpu + strlen("\n-- cpu_ms: ")) : CPU_MS;
}

static int attack_compare(const void *a, const void *b)
{
    return strcmp(((const struct attack *)a)->name, ((const struct attack *)b)->name);
}

static int read_attacks(void **state)
{
    (void)state;
    DIR *dir = opendir("tests/attacks");
    if (dir == NULL)
        return -1;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL && attack_count < FILES_MAX) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0)
            read_attack(&attacks[attack_count++], entry->d_name);
    }
    closedir(dir);
    qsort(attacks, attack_count, sizeof attacks[0], attack_compare);
    return attack_count > 50 ? 0 : -1;
}

static int free_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < attack_count; i++)
        free(attacks[i].source);
    return 0;
}

struct end {
    int ended;
    struct task_result result;
};
static void on_end(void *arg, const struct task_result *result)
{
    struct end *end = arg;
    end->ended++;
    end->result = *result;
}

/* Turns until both have ended; gives the CPU time of the longest turn. */
static int64_t run_both(struct loop *loop, const struct end *ends)
{
    int64_t longest = 0;
    while (ends[0].ended == 0 || ends[1].ended == 0) {
        int64_t began = cpu_ms();
        loop_turn(loop, -1);
        longest = cpu_ms() - began > longest ? cpu_ms() - began : longest;
    }
    return longest;
}

static int run_attack(struct fake *fake, const struct attack *attack, const char *world)
{
    struct err err = {0};
    struct policy *policy =
        fake_policy(fake, &err, "attack", attack->source, "bystander", bystander, NULL);
    if (policy == NULL) {
        print_error("%s (%s): does not load: %s\n", attack->name, world, err.text);
        return 1;
    }
    int failed = 0;
    struct end ends[2] = {{0}};
    int64_t started = cpu_ms();
    task_start_function(policy, "bystander", "run", &fake->effects, fake->log, on_end, &ends[1]);
    task_start_function(policy, "attack", "run", &fake->effects, fake->log, on_end, &ends[0]);
    int64_t longest = run_both(fake->loop, ends), took = cpu_ms() - started;
    const char *outcome = task_outcome_name(ends[0].result.outcome);
    if (ends[0].ended != 1 || strstr(attack->expected, outcome) == NULL ||
        strstr(ends[0].result.err.text, attack->text) == NULL) {
        print_error("%s (%s): %s: %s\n", attack->name, world, outcome, ends[0].result.err.text);
        failed++;
    }
    if (ends[1].result.outcome != TASK_DONE) {
        print_error("%s (%s): the bystander: %s: %s\n", attack->name, world,
                    task_outcome_name(ends[1].result.outcome), ends[1].result.err.text);
        failed++;
    }
    if (took > TOTAL_MS_MAX || (world[0] == 'r' && longest > attack->turn_ms)) {
        print_error("%s (%s): took %lld ms, longest turn %lld ms\n", attack->name, world,
                    (long long)took, (long long)longest);
        failed++;
    }
    if (getenv("ATTACKS_VERBOSE") != NULL)
        print_message("%-60s %-8s %5lld ms, longest turn %4lld ms, %s\n", attack->name, outcome,
                      (long long)took, (long long)longest, ends[0].result.err.text);
    /* The state goes on working, and what was hoarded is free. */
    ends[1].ended = 0;
    task_start_function(policy, "bystander", "run", &fake->effects, fake->log, on_end, &ends[1]);
    run_both(fake->loop, ends);
    for (int i = 0; i < 50; i++)
        policy_collect(policy);
    if (ends[1].result.outcome != TASK_DONE || policy_stats(policy).memory_bytes > 8 << 20) {
        print_error("%s (%s): afterwards: %s, %zu bytes\n", attack->name, world,
                    ends[1].result.err.text, policy_stats(policy).memory_bytes);
        failed++;
    }
    policy_unref(policy);
    return failed;
}

static void attacks_end_in(const char *world)
{
    const char *only = getenv("ATTACK");
    int failed = 0;
    for (size_t i = 0; i < attack_count; i++) {
        if (only != NULL && strstr(attacks[i].name, only) == NULL)
            continue;
        struct fake fake;
        fake_init(&fake, world[0] == 'r' ? clock_real_new() : clock_virtual_new(0));
        fake.env.limits.run_cpu_ms = attacks[i].cpu_ms;
        fake.env.limits.run_wall_ms = world[0] == 'r' ? 10000 + 4 * attacks[i].cpu_ms : 0;
        fake.env.limits.run_instructions = 5000000;
        failed += run_attack(&fake, &attacks[i], world);
        loop_turn(fake.loop, 0); /* events nobody waits for */
        fake_deinit(&fake);
    }
    assert_int_equal(failed, 0);
}

static void attacks_end_in_the_real_world(void **state)
{
    (void)state;
    attacks_end_in("real");
}

static void attacks_end_in_a_simulated_world(void **state)
{
    (void)state;
    attacks_end_in("simulated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attacks_end_in_the_real_world),
        cmocka_unit_test(attacks_end_in_a_simulated_world),
    };
    return cmocka_run_group_tests(tests, read_attacks, free_attacks);
}
