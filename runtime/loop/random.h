/* The random door. Nobody else draws numbers: getrandom(2) outside, a seed in simulations. */
#ifndef NEMETON_LOOP_RANDOM_H
#define NEMETON_LOOP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_source;

struct random_source *random_system_new(void);
struct random_source *random_seeded_new(uint64_t seed);
void random_free(struct random_source *random);

uint64_t random_u64(struct random_source *random);
uint64_t random_below(struct random_source *random, uint64_t bound); /* [0, bound); bound > 0 */
double random_unit(struct random_source *random);                    /* [0, 1) */
void random_bytes(struct random_source *random, void *out, size_t len);
void random_uuid(struct random_source *random, char out[37]); /* version 4, lower case */

#endif
