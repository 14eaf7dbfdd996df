#include "loop/random.h"

#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Seeded numbers come from xoshiro256** (Blackman and Vigna, public domain), whose state is filled
 * by splitmix64 so that neighbouring seeds give unrelated streams. */
struct random_source {
    bool seeded;
    uint64_t state[4];
    size_t used; /* system: bytes of the pool that are spent */
    unsigned char pool[256];
};

static uint64_t rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t seeded_next(uint64_t s[4])
{
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

static void system_fill(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* a kernel without random numbers: nothing safe can be done */
        }
        at += got;
        len -= (size_t)got;
    }
}

struct random_source *random_system_new(void)
{
    struct random_source *random = mem_alloc(sizeof *random);
    random->used = sizeof random->pool;
    return random;
}

struct random_source *random_seeded_new(uint64_t seed)
{
    struct random_source *random = mem_alloc(sizeof *random);
    random->seeded = true;
    for (size_t i = 0; i < 4; i++)
        random->state[i] = splitmix_next(&seed);
    return random;
}

void random_free(struct random_source *random)
{
    free(random);
}

uint64_t random_u64(struct random_source *random)
{
    uint64_t value;
    if (random->seeded)
        return seeded_next(random->state);
    if (random->used + sizeof value > sizeof random->pool) {
        system_fill(random->pool, sizeof random->pool);
        random->used = 0;
    }
    memcpy(&value, random->pool + random->used, sizeof value);
    random->used += sizeof value;
    return value;
}

uint64_t random_below(struct random_source *random, uint64_t bound)
{
    assert(bound > 0);
    uint64_t skewed = (0 - bound) % bound; /* 2^64 mod bound: values below it would be favoured */
    for (;;) {
        uint64_t value = random_u64(random);
        if (value >= skewed)
            return value % bound;
    }
}

double random_unit(struct random_source *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

void random_bytes(struct random_source *random, void *out, size_t len)
{
    if (!random->seeded) {
        system_fill(out, len); /* keys never share a pool with anything */
        return;
    }
    unsigned char *at = out;
    while (len > 0) {
        uint64_t value = random_u64(random);
        size_t piece = len < sizeof value ? len : sizeof value;
        memcpy(at, &value, piece);
        at += piece;
        len -= piece;
    }
}

void random_uuid(struct random_source *random, char out[37])
{
    unsigned char b[16];
    random_bytes(random, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[b[i] >> 4];
        *at++ = digits[b[i] & 0x0f];
    }
    *at = '\0';
}
