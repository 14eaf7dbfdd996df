#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdlib.h>
#include <string.h>

struct digest {
    EVP_MD_CTX *context;
};

static void to_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

void digest_sha256_hex(const void *data, size_t len, char out[DIGEST_SHA256_HEX])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];

    SHA256(data, len, bytes);
    to_hex(bytes, sizeof(bytes), out);
}

void digest_sha1(const void *data, size_t len, unsigned char out[DIGEST_SHA1_BYTES])
{
    SHA1(data, len, out);
}

uint32_t digest_fnv1_32(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < len; i++)
        hash = (hash * 16777619U) ^ bytes[i];
    return hash;
}

uint64_t digest_fnv1a_64(const void *data, size_t len, uint64_t basis)
{
    const unsigned char *bytes = data;
    uint64_t hash = basis != 0 ? basis : 14695981039346656037ULL;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 1099511628211ULL;
    return hash;
}

int base64_encode(const void *data, size_t len, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = data;
    char text[256];
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t word = (uint32_t)bytes[i] << 16;
        if (have > 1)
            word |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2)
            word |= bytes[i + 2];
        text[n++] = alphabet[word >> 18];
        text[n++] = alphabet[(word >> 12) & 63];
        text[n++] = '=';
        text[n++] = '=';
        if (have > 1)
            text[n - 2] = alphabet[(word >> 6) & 63];
        if (have > 2)
            text[n - 1] = alphabet[word & 63];
        if (n == sizeof(text)) {
            buf_add(out, text, n);
            n = 0;
        }
    }
    return buf_add(out, text, n);
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* The group of `digits` characters held in `word` as bytes. */
static int flush_group(struct buf *out, uint32_t word, unsigned digits)
{
    char bytes[3];

    word <<= 6 * (4 - digits);
    bytes[0] = (char)(word >> 16);
    bytes[1] = (char)(word >> 8 & 255);
    bytes[2] = (char)(word & 255);
    return buf_add(out, bytes, digits - 1);
}

int base64_decode(const char *text, size_t len, struct buf *out, struct err *err)
{
    uint32_t word = 0;
    unsigned digits = 0, padding = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        int value;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=' && digits >= 2 && digits + padding < 4) {
            padding++;
            continue;
        }
        value = digit_value(c);
        if (value < 0 || padding > 0)
            return err_set(err, ERR_PARSE, "base64: character %zu does not belong there", i + 1);
        word = word << 6 | (uint32_t)value;
        if (++digits < 4)
            continue;
        flush_group(out, word, digits);
        word = 0;
        digits = 0;
    }
    if (digits + padding != 0 && digits + padding != 4)
        return err_set(err, ERR_PARSE, "base64: ends in the middle of a group (padding missing?)");
    if (digits > 0)
        flush_group(out, word, digits);
    return out->failed ? err_set(err, ERR_TOO_LARGE, "base64: more than %zu bytes", out->bytes_max)
                       : 0;
}

struct digest *digest_sha256_new(void)
{
    struct digest *digest = mem_alloc(sizeof(*digest));

    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
        abort(); /* only without memory */
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    EVP_DigestUpdate(digest->context, data, len);
}

void digest_finish_hex(struct digest *digest, char out[DIGEST_SHA256_HEX])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    unsigned int len = 0;

    EVP_DigestFinal_ex(digest->context, bytes, &len);
    to_hex(bytes, sizeof(bytes), out);
    EVP_MD_CTX_free(digest->context);
    free(digest);
}
