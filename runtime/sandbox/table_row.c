#include "base/selector.h"
#include "sandbox/table_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES_MAX = 64 << 10, HOUR_S = 3600, DAY_HOURS = 24, YEAR_HOURS = 24 * 365 };

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "+02:00", "Z"; seconds east of UTC. */
static bool zone_of(const char *text, int *out)
{
    int hours, minutes;
    char sign;
    *out = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if (sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
        return false;
    *out = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
    return true;
}

/* Two or three figures, as people read it. */
static char *human(int64_t seconds)
{
    int64_t minutes = seconds / 60, hours = seconds / HOUR_S, days = hours / DAY_HOURS;
    int64_t years = hours / YEAR_HOURS, rest = days % 365;
    if (seconds < -1)
        return mem_str("<invalid>");
    if (seconds < 0)
        return mem_str("0s");
    if (seconds < 120)
        return mem_printf("%llds", (long long)seconds);
    if (minutes < 10 && seconds % 60)
        return mem_printf("%lldm%llds", (long long)minutes, (long long)(seconds % 60));
    if (minutes < 180)
        return mem_printf("%lldm", (long long)minutes);
    if (hours < 8 && minutes % 60)
        return mem_printf("%lldh%lldm", (long long)hours, (long long)(minutes % 60));
    if (hours < 48)
        return mem_printf("%lldh", (long long)hours);
    if (hours < DAY_HOURS * 8 && hours % DAY_HOURS)
        return mem_printf("%lldd%lldh", (long long)days, (long long)(hours % DAY_HOURS));
    if (hours < YEAR_HOURS * 2)
        return mem_printf("%lldd", (long long)days);
    if (hours < YEAR_HOURS * 8 && rest)
        return mem_printf("%lldy%lldd", (long long)years, (long long)rest);
    return mem_printf("%lldy", (long long)years);
}

void cell(struct row *row, const char *text)
{
    jv_append(row->cells, jv_string(text ? text : ""));
}

void cell_or(struct row *row, const char *text, const char *instead)
{
    cell(row, text && *text ? text : instead);
}

void cell_int(struct row *row, int64_t value)
{
    jv_append(row->cells, jv_int(value));
}

void cell_take(struct row *row, char *text)
{
    cell(row, text);
    free(text);
}

void cell_name(struct row *row)
{
    cell(row, jv_path_str(row->object, "metadata", "name", NULL));
}

void cell_since(struct row *row, const char *time)
{
    if (!time || !*time)
        cell(row, "<unknown>");
    else
        cell_take(row, row_since(row, time));
}

void cell_age(struct row *row)
{
    cell_since(row, jv_path_str(row->object, "metadata", "creationTimestamp", NULL));
}

void cell_selector(struct row *row, const struct jv *object, bool none)
{
    struct buf text;
    struct err err = {0};
    struct selector *selector = selector_of_object(object, &err);
    buf_init(&text, CELL_BYTES_MAX);
    if (selector && object)
        selector_print(selector, &text);
    selector_free(selector);
    if (err.code)
        cell(row, "<invalid>");
    else
        cell_or(row, buf_str(&text), none ? "<none>" : "");
    buf_deinit(&text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void cell_labels(struct row *row, const struct jv *labels)
{
    struct buf text;
    struct jv_iter iter = {0};
    size_t count = 0;
    const char **keys = mem_alloc((jv_size(labels) + 1) * sizeof(*keys));
    while (labels && jv_next(labels, &iter))
        keys[count++] = iter.key;
    qsort(keys, count, sizeof(*keys), by_text);
    buf_init(&text, CELL_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s=%s", i ? "," : "", keys[i], row_str(labels, keys[i]));
    free(keys);
    cell_or(row, buf_str(&text), "<none>");
    buf_deinit(&text);
}

void cell_containers(struct row *row)
{
    const struct jv *list = jv_path(row->spec, "template", "spec", "containers", NULL);
    struct buf names, images;
    buf_init(&names, CELL_BYTES_MAX);
    buf_init(&images, CELL_BYTES_MAX);
    for (size_t i = 0; i < jv_size(list); i++) {
        buf_printf(&names, "%s%s", i ? "," : "", row_str(jv_at(list, i), "name"));
        buf_printf(&images, "%s%s", i ? "," : "", row_str(jv_at(list, i), "image"));
    }
    cell(row, buf_str(&names));
    cell(row, buf_str(&images));
    buf_deinit(&names);
    buf_deinit(&images);
}

int64_t row_int(const struct jv *object, const char *name)
{
    return jv_int_value(jv_get(object, name));
}

const char *row_str(const struct jv *object, const char *name)
{
    const char *text = jv_str(jv_get(object, name));
    return text ? text : "";
}

char *row_since(const struct row *row, const char *time)
{
    int64_t at;
    return row_time(time, &at) ? human(row->now_s - at) : mem_str("<invalid>");
}

bool row_time(const char *text, int64_t *out)
{
    int year, month, day, hour, minute, second, used = 0, zone;
    if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                        &second, &used) != 6)
        return false;
    text += used;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (!zone_of(text, &zone))
        return false;
    *out = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - zone;
    return true;
}

char *row_join(const struct jv *list, const char *separator)
{
    struct buf text;
    buf_init(&text, CELL_BYTES_MAX);
    for (size_t i = 0; i < jv_size(list); i++) {
        const char *item = jv_str(jv_at(list, i));
        buf_printf(&text, "%s%s", i ? separator : "", item ? item : "");
    }
    char *out = mem_str(buf_str(&text));
    buf_deinit(&text);
    return out;
}
