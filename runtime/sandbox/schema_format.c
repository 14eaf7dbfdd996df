#include "sandbox/schema_internal.h"

#include "base/digest.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_BYTES_MAX = 255, LABEL_BYTES_MAX = 63 };

static bool is_date_of(const char *text, size_t len)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, used = 0;
    if (len != 10 || sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool is_date(const char *text)
{
    return is_date_of(text, strlen(text));
}

static bool is_zone(const char *text)
{
    int hours, minutes, used = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    return (*text == '+' || *text == '-') &&
           sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 && !text[1 + used];
}

static bool is_date_time(const char *text)
{
    int hour, minute, second, used = 0;
    if (strlen(text) < 11 || !is_date_of(text, 10) || !strchr("Tt", text[10])) {
        if (strlen(text) < 11 || !is_date_of(text, strcspn(text, "Tt")))
            return false;
    }
    text += 11;
    if (sscanf(text, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 || used != 8)
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    text += used;
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    return is_zone(text);
}

/* "1h30m", "300ms", "2 days" */
static bool is_duration(const char *text)
{
    static const char *const units[] = {
        "ns",      "us",     "µs",      "ms",    "s",      "m",           "h",           "d",
        "w",       "day",    "days",    "week",  "weeks",  "hour",        "hours",       "minute",
        "minutes", "second", "seconds", "milli", "millis", "millisecond", "milliseconds"};
    bool any = false;
    text += *text == '-' || *text == '+';
    if (strcmp(text, "0") == 0)
        return true;
    while (*text) {
        size_t digits = strspn(text, "0123456789.");
        if (digits == 0)
            return false;
        text += digits;
        text += strspn(text, " ");
        size_t len = strcspn(text, "0123456789. ");
        bool known = false;
        for (size_t i = 0; !known && i < sizeof(units) / sizeof(units[0]); i++)
            known = strlen(units[i]) == len && strncmp(units[i], text, len) == 0;
        if (!known)
            return false;
        any = true;
        text += len;
        text += strspn(text, " ");
    }
    return any;
}

static bool is_ipv4(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_ipv6(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_cidr(const char *text)
{
    const char *slash = strchr(text, '/');
    if (!slash || !isdigit((unsigned char)slash[1]))
        return false;
    char *end, *address = mem_strn(text, (size_t)(slash - text));
    long bits = strtol(slash + 1, &end, 10);
    bool fits = !*end && ((is_ipv4(address) && bits <= 32) || (is_ipv6(address) && bits <= 128));
    free(address);
    return fits;
}

static bool is_hex_run(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

static bool is_mac(const char *text)
{
    char separator = text[0] && text[1] ? text[2] : '\0';
    size_t len = strlen(text);
    if ((separator != ':' && separator != '-') || (len != 17 && len != 23 && len != 59))
        return false;
    for (size_t i = 0; i < len; i += 3)
        if (!is_hex_run(text + i, 2) || (text[i + 2] && text[i + 2] != separator))
            return false;
    return true;
}

/* Dashes may be left out. version '\0': any. */
static bool is_uuid_of(const char *text, char version)
{
    static const size_t parts[] = {8, 4, 4, 4, 12};
    for (size_t i = 0; i < 5; i++) {
        if (strnlen(text, parts[i]) < parts[i] || !is_hex_run(text, parts[i]))
            return false;
        if (i == 2 && version && text[0] != version)
            return false;
        if (i == 3 && (version == '4' || version == '5') && !strchr("89abAB", text[0]))
            return false;
        text += parts[i];
        if (i < 4 && *text == '-')
            text++;
    }
    return !*text;
}

static bool is_uuid(const char *text)
{
    return is_uuid_of(text, '\0');
}

static bool is_uuid3(const char *text)
{
    return is_uuid_of(text, '3');
}

static bool is_uuid4(const char *text)
{
    return is_uuid_of(text, '4');
}

static bool is_uuid5(const char *text)
{
    return is_uuid_of(text, '5');
}

static bool is_label(const char *text, size_t len)
{
    if (len == 0 || len > LABEL_BYTES_MAX || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && !(text[i] & 0x80))
            return false;
    return true;
}

static bool is_hostname(const char *text)
{
    if (!*text || strlen(text) > HOST_BYTES_MAX)
        return false;
    for (;;) {
        size_t len = strcspn(text, ".");
        if (!is_label(text, len))
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

static bool is_email(const char *text)
{
    const char *at = strrchr(text, '@');
    return at && at > text && !strpbrk(text, " \t\r\n") && is_hostname(at + 1);
}

/* An absolute URI or an absolute path. */
static bool is_uri(const char *text)
{
    const char *colon = strchr(text, ':');
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
    if (*text == '/')
        return true;
    if (!colon || !isalpha((unsigned char)*text))
        return false;
    for (const char *c = text; c < colon; c++)
        if (!isalnum((unsigned char)*c) && !strchr("+-.", *c))
            return false;
    return colon[1] != '\0';
}

static bool is_base64(const char *text)
{
    struct buf out;
    size_t len = strlen(text);
    if (len == 0 || len % 4)
        return false;
    buf_init(&out, len + 1);
    bool fits = base64_decode(text, len, &out, NULL) == 0;
    buf_deinit(&out);
    return fits;
}

static bool is_anything(const char *text)
{
    (void)text;
    return true;
}

static bool is_hex_color(const char *text)
{
    text += *text == '#';
    size_t len = strlen(text);
    return (len == 3 || len == 6) && is_hex_run(text, len);
}

static bool is_short_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (isupper((unsigned char)*c) || (*c & 0x80))
            return false;
    return is_label(text, strlen(text));
}

static bool is_long_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (isupper((unsigned char)*c) || (*c & 0x80))
            return false;
    return strlen(text) <= 253 && is_hostname(text);
}

schema_format_fn schema_format(const char *name)
{
    static const struct {
        const char *name;
        schema_format_fn fits;
    } formats[] = {
        {"date", is_date},
        {"datetime", is_date_time},
        {"duration", is_duration},
        {"ipv4", is_ipv4},
        {"ipv6", is_ipv6},
        {"cidr", is_cidr},
        {"mac", is_mac},
        {"uuid", is_uuid},
        {"uuid3", is_uuid3},
        {"uuid4", is_uuid4},
        {"uuid5", is_uuid5},
        {"hostname", is_hostname},
        {"email", is_email},
        {"uri", is_uri},
        {"byte", is_base64},
        {"password", is_anything},
        {"hexcolor", is_hex_color},
        {"k8sshortname", is_short_name},
        {"k8slongname", is_long_name},
    };
    char plain[32];
    size_t len = 0;
    for (; *name; name++)
        if (*name != '-' && len + 1 < sizeof(plain))
            plain[len++] = *name;
    plain[len] = '\0';
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(plain, formats[i].name) == 0)
            return formats[i].fits;
    return NULL;
}
