/* Encoding and decoding give back what went in; decoding anything else ends with an error. */
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text, back;
    struct err err = {0};

    buf_init(&text, 4 << 20);
    buf_init(&back, 4 << 20);
    base64_encode(data, size, &text);
    if (base64_decode(buf_str(&text), text.len, &back, &err) != 0 || back.len != size ||
        memcmp(buf_str(&back), data, size) != 0)
        abort();
    buf_clear(&back);
    if (base64_decode((const char *)data, size, &back, &err) != 0 && err.code != ERR_PARSE)
        abort();
    buf_deinit(&text);
    buf_deinit(&back);
    return 0;
}
