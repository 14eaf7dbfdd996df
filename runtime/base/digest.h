/* Hashes and encodings of bytes. Nothing here allocates unless it says so. */
#ifndef NEMETON_BASE_DIGEST_H
#define NEMETON_BASE_DIGEST_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

enum { DIGEST_SHA256_HEX = 65, DIGEST_SHA1_BYTES = 20 };

void digest_sha256_hex(const void *data, size_t len, char out[DIGEST_SHA256_HEX]);
void digest_sha1(const void *data, size_t len, unsigned char out[DIGEST_SHA1_BYTES]);
uint32_t digest_fnv1_32(const void *data, size_t len);
uint64_t digest_fnv1a_64(const void *data, size_t len,
                         uint64_t basis); /* basis 0: the standard one */

int base64_encode(const void *data, size_t len, struct buf *out);
/* Strict standard alphabet with padding; white space is skipped. */
int base64_decode(const char *text, size_t len, struct buf *out, struct err *err);

/* A digest fed piece by piece. */
struct digest;
struct digest *digest_sha256_new(void);
void digest_add(struct digest *digest, const void *data, size_t len);
void digest_finish_hex(struct digest *digest, char out[DIGEST_SHA256_HEX]); /* and frees it */

#endif
