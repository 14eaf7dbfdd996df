#include "sandbox/quantity.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 18, NANO_DIGITS = 9 };
enum quantity_format { DECIMAL_SI, DECIMAL_EXPONENT, BINARY_SI };

struct quantity {
    __int128 nano;
    enum quantity_format format;
    bool huge; /* does not fit */
};

static const char decimal_suffixes[][2] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
static const char binary_suffixes[] = "KMGTPE";

static __int128 power(int base, int exponent)
{
    __int128 result = 1;
    while (exponent-- > 0)
        result *= base;
    return result;
}

/* The suffix as a power of ten or of 1024. */
static bool parse_suffix(const char *text, enum quantity_format *format, int *exponent)
{
    for (int i = 0; i < (int)sizeof(decimal_suffixes) / 2; i++) {
        if (strcmp(text, decimal_suffixes[i]) == 0) {
            *format = DECIMAL_SI;
            *exponent = (i - 3) * 3;
            return true;
        }
    }
    const char *binary = *text ? strchr(binary_suffixes, *text) : NULL;
    if (binary && strcmp(text + 1, "i") == 0) {
        *format = BINARY_SI;
        *exponent = (int)(binary - binary_suffixes) + 1;
        return true;
    }
    if (*text != 'e' && *text != 'E')
        return false;
    char *end;
    long number = strtol(text + 1, &end, 10);
    *format = DECIMAL_EXPONENT;
    *exponent = (int)number;
    return end != text + 1 && !*end && number >= -40 && number <= 40;
}

static bool parse(const char *text, struct quantity *out)
{
    const char *at = text;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    __int128 digits = 0;
    int count = 0, fraction = 0, exponent = 0;
    bool point = false, any = false;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        count += digits || *at != '0';
        fraction += point;
        if (count <= DIGITS_MAX)
            digits = digits * 10 + (*at - '0');
    }
    *out = (struct quantity){0};
    if (!any || !parse_suffix(at, &out->format, &exponent))
        return false;
    int scale = NANO_DIGITS - fraction + (out->format == BINARY_SI ? 0 : exponent);
    if (out->format == BINARY_SI)
        digits *= power(1024, exponent);
    /* These alone have a maximum. */
    if (out->format == BINARY_SI && count <= DIGITS_MAX && fraction <= DIGITS_MAX &&
        digits > INT64_MAX * power(10, fraction)) {
        digits = INT64_MAX;
        exponent = fraction = 0;
        scale = NANO_DIGITS;
    }
    out->huge = count > DIGITS_MAX || scale > 27 || (out->format == BINARY_SI && exponent > 5);
    if (out->huge)
        return true;
    if (scale >= 0) {
        digits *= power(10, scale);
    } else {
        __int128 divisor = power(10, -scale < 37 ? -scale : 37);
        digits = (digits + divisor - 1) / divisor;
    }
    out->nano = negative ? -digits : digits;
    return true;
}

static void print(__int128 number, const char *suffix, char out[QUANTITY_TEXT_BYTES])
{
    char digits[48];
    size_t at = sizeof(digits) - 1;
    bool negative = number < 0;
    digits[at] = '\0';
    if (negative)
        number = -number;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number);
    snprintf(out, QUANTITY_TEXT_BYTES, "%s%s%s", negative ? "-" : "", digits + at, suffix);
}

static void print_decimal(__int128 nano, bool exponents, char out[QUANTITY_TEXT_BYTES])
{
    char suffix[8] = "";
    int step = 0;
    while (step < 9 && nano % 1000 == 0) {
        nano /= 1000;
        step++;
    }
    if (!exponents)
        suffix[0] = decimal_suffixes[step][0];
    else if (step != 3)
        snprintf(suffix, sizeof(suffix), "e%d", (step - 3) * 3);
    print(nano, suffix, out);
}

bool quantity_parse(const char *text, __int128 *nano)
{
    struct quantity quantity;
    if (!parse(text, &quantity))
        return false;
    *nano = quantity.huge ? power(10, 36) : quantity.nano;
    return true;
}

bool quantity_canonical(const char *text, char out[QUANTITY_TEXT_BYTES])
{
    struct quantity quantity;
    if (strlen(text) >= QUANTITY_TEXT_BYTES || !parse(text, &quantity))
        return false;
    __int128 one = power(10, NANO_DIGITS), value = quantity.nano;
    if (quantity.huge) {
        snprintf(out, QUANTITY_TEXT_BYTES, "%s", text);
    } else if (value == 0) {
        snprintf(out, QUANTITY_TEXT_BYTES, "0");
    } else if (quantity.format != BINARY_SI || value % one != 0 ||
               (value > -1024 * one && value < 1024 * one)) {
        print_decimal(value, quantity.format == DECIMAL_EXPONENT, out);
    } else {
        char suffix[3] = "";
        value /= one;
        for (int step = 0; step < 6 && value % 1024 == 0; step++) {
            value /= 1024;
            suffix[0] = binary_suffixes[step];
            suffix[1] = 'i';
        }
        print(value, suffix, out);
    }
    return true;
}
