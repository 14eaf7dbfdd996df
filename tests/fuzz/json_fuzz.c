/* Whatever parses must print, read back as an equal value, and print the same again. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jv *value = NULL, *again = NULL, *copy;
    struct err err = {0};
    struct buf first, second;
    unsigned flags = size % 4;

    if (jv_parse((const char *)data, size, &value, &err) != 0) {
        if (err.code == ERR_NONE || err.text[0] == '\0')
            abort();
        return 0;
    }
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    if (jv_print(value, flags, &first) != 0 ||
        jv_parse(buf_str(&first), first.len, &again, &err) != 0 || !jv_equal(value, again) ||
        jv_print(again, flags, &second) != 0 || first.len != second.len)
        abort();
    copy = jv_dup(value);
    if (!jv_equal(value, copy))
        abort();
    jv_unref(value);
    jv_unref(again);
    jv_unref(copy);
    buf_deinit(&first);
    buf_deinit(&second);
    return 0;
}
