/* The death of an operator at each of its writes.
 *
 * A write is a request that changes something: to the API server (leases and events aside, dry runs
 * are none) or to a Druid. The run without a crash counts them. At those that were asked for it
 * makes a copy of this process (fork), in which the operator dies there: once before the server has
 * seen the request, once after it was carried out while its answer is lost. The copy starts the
 * operator again as a Deployment would, and goes on to the end of the scenario, beside the run
 * without a crash; what the world has become at last must be the same in both.
 */
#ifndef NEMETON_TESTS_CRASH_H
#define NEMETON_TESTS_CRASH_H

#include "base/err.h"
#include "loop/exchange.h"

#include <stdbool.h>
#include <stdint.h>

struct crash;
struct crash_options {
    uint64_t every;    /* at every so-manieth write; 0: none, 1: all */
    uint64_t offset;   /* the first of them, below every */
    uint64_t at;       /* instead of every: at this one only, counted from 1 */
    bool quiet_parent; /* what the run without a crash says from then on is not shown */
};

struct crash *crash_new(const struct crash_options *options);
void crash_free(struct crash *crash);

enum crash_now {
    CRASH_NOT,        /* go on */
    CRASH_UNSEEN,     /* the server never sees the request */
    CRASH_UNANSWERED, /* it is carried out */
};
/* Asked for each request of an operator; to_api: else to a pod. Returns in the copies, too. */
enum crash_now crash_ask(struct crash *crash, const struct exchange *exchange, bool to_api);
uint64_t crash_writes(const struct crash *crash); /* so far */
uint64_t crash_deaths(const struct crash *crash);
/* This is a copy, in which an operator has died. */
bool crash_has_happened(const struct crash *crash);

/* The end of a run: result and err of the scenario, end_state as end_state_text gave it (or NULL). In a
 * copy it does not return. Else it waits for the copies, prints what is wrong with them, and adds them
 * to the counts. */
void crash_end(struct crash *crash, const char *name, int result, const struct err *err,
               const char *end_state, int *passed, int *failed);

#endif
