#include "kube/apply_quantity.h"

#include <string.h>

enum { DIGITS_MAX = 18, EXPONENT_MAX = 10000 };

/* digits · 2^twos · 5^fives, with digits divisible by neither: one form for each value. */
struct quantity {
    bool negative;
    int64_t digits;
    int twos, fives;
};

static int read_number(const char **at, struct quantity *quantity)
{
    bool point = false, any = false;
    int count = 0;

    if (**at == '+' || **at == '-')
        quantity->negative = *(*at)++ == '-';
    for (;; (*at)++) {
        char c = **at;

        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        any = true;
        if (quantity->digits > 0 || c != '0')
            count++;
        if (count > DIGITS_MAX)
            return -1;
        quantity->digits = quantity->digits * 10 + (c - '0');
        if (point) {
            quantity->twos--;
            quantity->fives--;
        }
    }
    return any ? 0 : -1;
}

static int read_exponent(const char *at, int *exponent)
{
    bool negative = *at == '-';

    if (*at == '+' || *at == '-')
        at++;
    if (*at == '\0')
        return -1;
    for (*exponent = 0; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || *exponent > EXPONENT_MAX)
            return -1;
        *exponent = *exponent * 10 + (*at - '0');
    }
    if (negative)
        *exponent = -*exponent;
    return 0;
}

static int read_suffix(const char *at, struct quantity *quantity)
{
    static const char binary[] = "KMGTPE", decimal[] = "numkMGTPE";
    static const int powers[] = {-9, -6, -3, 3, 6, 9, 12, 15, 18};
    const char *found;
    int exponent;

    if (*at == '\0')
        return 0;
    if (at[1] == 'i' && at[2] == '\0' && (found = strchr(binary, *at)) != NULL) {
        quantity->twos += 10 * ((int)(found - binary) + 1);
        return 0;
    }
    if (at[1] == '\0' && (found = strchr(decimal, *at)) != NULL)
        exponent = powers[found - decimal];
    else if ((*at != 'e' && *at != 'E') || read_exponent(at + 1, &exponent) != 0)
        return -1;
    quantity->twos += exponent;
    quantity->fives += exponent;
    return 0;
}

static int read_quantity(const struct jv *value, struct quantity *quantity)
{
    enum jv_type type = jv_type(value);
    struct buf number;
    const char *text = jv_str(value), *at;
    int result;

    memset(quantity, 0, sizeof(*quantity));
    buf_init(&number, 64);
    if (type == JV_INT || type == JV_REAL) {
        jv_print(value, 0, &number);
        text = buf_str(&number);
    }
    at = text;
    result =
        text != NULL && read_number(&at, quantity) == 0 && read_suffix(at, quantity) == 0 ? 0 : -1;
    buf_deinit(&number);
    if (quantity->digits == 0)
        *quantity = (struct quantity){0};
    for (; quantity->digits != 0 && quantity->digits % 2 == 0; quantity->twos++)
        quantity->digits /= 2;
    for (; quantity->digits != 0 && quantity->digits % 5 == 0; quantity->fives++)
        quantity->digits /= 5;
    return result;
}

bool quantity_equal(const struct jv *a, const struct jv *b)
{
    struct quantity x, y;

    return read_quantity(a, &x) == 0 && read_quantity(b, &y) == 0 && x.negative == y.negative &&
           x.digits == y.digits && x.twos == y.twos && x.fives == y.fives;
}
