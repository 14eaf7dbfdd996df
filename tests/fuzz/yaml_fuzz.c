/* Whatever parses must print and read back as an equal value; positions must exist. */
#include "base/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct jv *value)
{
    struct buf out;
    struct err err = {0};
    struct yaml_docs *again;

    buf_init(&out, 4 << 20);
    if (yaml_print(value, JV_PRINT_SORTED, &out) == 0) { /* aliases may expand to more */
        again = yaml_parse(buf_str(&out), out.len, &err);
        if (again == NULL || yaml_docs_count(again) != 1 ||
            !jv_equal(value, yaml_docs_get(again, 0)))
            abort();
        yaml_docs_free(again);
    }
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct yaml_docs *docs = yaml_parse((const char *)data, size, &err);
    int line = 0, column = 0;

    if (docs == NULL) {
        if (err.code == ERR_NONE || err.text[0] == '\0')
            abort();
        return 0;
    }
    for (size_t i = 0; i < yaml_docs_count(docs); i++) {
        check(yaml_docs_get(docs, i));
        if (yaml_docs_where(docs, i, "a.b[1][\"c.d\"]", &line, &column) != 0 || line < 1 ||
            column < 1)
            abort();
    }
    yaml_docs_free(docs);
    return 0;
}
