/* The files that travel inside the binary: policies/ (without tests) and crd/. Lent, for ever. */
#ifndef NEMETON_CLI_EMBED_H
#define NEMETON_CLI_EMBED_H

#include <stddef.h>

struct embed_file {
    const char *path; /* "policies/lib/names.lua", relative to the source tree, sorted */
    const char *data; /* NUL-terminated */
    size_t len;
};
extern const struct embed_file embed_files[]; /* embed_file_count of them */
extern const size_t embed_file_count;

#endif
