#include "sandbox/timestamp.h"

#include "base/log.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum { YEAR_MIN = 1678, YEAR_MAX = 2261 }; /* what fits into nanoseconds since 1970 */

/* Exactly `count` digits; moves on behind them. */
static bool digits(const char **at, int count, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        *out = *out * 10 + ((*at)[i] - '0');
    }
    *at += count;
    return true;
}

static bool mark(const char **at, const char *any)
{
    if (!**at || !strchr(any, **at))
        return false;
    (*at)++;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int64_t month_days(int64_t year, int64_t month)
{
    static const char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : lengths[month - 1];
}

/* ".123…": nanoseconds; further digits are cut. Times with microseconds need exactly six. */
static bool fraction(const char **at, bool micros, int64_t *nanos)
{
    int64_t scale = 100000000;
    *nanos = 0;
    if (!mark(at, "."))
        return !micros;
    size_t count = strspn(*at, "0123456789");
    if (count == 0 || (micros && count != 6))
        return false;
    for (; isdigit((unsigned char)**at); (*at)++, scale /= 10)
        *nanos += (**at - '0') * scale;
    return true;
}

static bool offset(const char **at, int64_t *seconds)
{
    int64_t hours, minutes;
    bool negative = **at == '-';
    *seconds = 0;
    if (mark(at, "Zz"))
        return true;
    if (!mark(at, "+-") || !digits(at, 2, &hours) || !mark(at, ":") || !digits(at, 2, &minutes) ||
        hours > 24 || minutes > 59)
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

bool timestamp_canonical(const char *text, bool micros, char out[TIMESTAMP_TEXT_BYTES])
{
    const char *at = text;
    int64_t year, month, day, hour, minute, second, nanos, shift;
    if (!digits(&at, 4, &year) || !mark(&at, "-") || !digits(&at, 2, &month) || !mark(&at, "-") ||
        !digits(&at, 2, &day) || !mark(&at, "Tt") || !digits(&at, 2, &hour) || !mark(&at, ":") ||
        !digits(&at, 2, &minute) || !mark(&at, ":") || !digits(&at, 2, &second) ||
        !fraction(&at, micros, &nanos) || !offset(&at, &shift) || *at)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    if (year < YEAR_MIN || year > YEAR_MAX) {
        strncpy(out, text, TIMESTAMP_TEXT_BYTES - 1);
        out[TIMESTAMP_TEXT_BYTES - 1] = '\0';
        return true;
    }
    int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    log_time_rfc3339((seconds - shift) * 1000000000 + nanos, micros, out);
    return true;
}

void timestamp_problem(const char *text, bool micros, struct err *err)
{
    static const char *const parts[] = {"2006", "-", "01", "-", "02", "T",
                                        "15",   ":", "04", ":", "05"};
    const char *layout = micros ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    const char *at = text, *part = NULL;
    int64_t ignored;
    for (size_t i = 0; !part && i < sizeof(parts) / sizeof(parts[0]); i++) {
        bool number = isdigit((unsigned char)parts[i][0]);
        if (!(number ? digits(&at, (int)strlen(parts[i]), &ignored) : mark(&at, parts[i])))
            part = parts[i];
    }
    if (!part && !fraction(&at, micros, &ignored))
        part = ".000000";
    if (!part && !offset(&at, &ignored))
        part = "Z07:00";
    if (part)
        err_set(err, ERR_INVALID,
                "parsing time \"%.64s\" as \"%s\": cannot parse \"%.64s\" as \"%s\"", text, layout,
                at, part);
    else if (*at)
        err_set(err, ERR_INVALID, "parsing time \"%.64s\": extra text: \"%.64s\"", text, at);
    else
        err_set(err, ERR_INVALID, "parsing time \"%.64s\": day out of range", text);
}
