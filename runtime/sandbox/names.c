#include "sandbox/meta.h"

#include <ctype.h>
#include <string.h>

#define SUBDOMAIN_TEXT                                                                             \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_TEXT                                                                                 \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "   \
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "     \
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SERVICE_TEXT                                                                               \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "   \
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "           \
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_VALUE_TEXT                                                                           \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "             \
    "'my_value',  or '12345', regex used for validation is "                                       \
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define QUALIFIED_TEXT                                                                             \
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "  \
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "     \
    "for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(const char *name, size_t len)
{
    if (len == 0 || !is_lower_alnum(name[0]) || !is_lower_alnum(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_lower_alnum(name[i]) && name[i] != '-')
            return false;
    return true;
}

static bool is_subdomain(const char *name, size_t len)
{
    const char *end = name + len;
    for (;;) {
        const char *dot = memchr(name, '.', (size_t)(end - name));
        if (!is_label(name, (size_t)((dot ? dot : end) - name)))
            return false;
        if (!dot)
            return true;
        name = dot + 1;
    }
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_word(const char *text, size_t len)
{
    if (len == 0 || !isalnum((unsigned char)text[0]) || !isalnum((unsigned char)text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    return true;
}

const char *name_check_subdomain(const char *name)
{
    size_t len = strlen(name);
    if (len > 253)
        return "must be no more than 253 characters";
    return is_subdomain(name, len) ? NULL : SUBDOMAIN_TEXT;
}

const char *name_check_label(const char *name)
{
    size_t len = strlen(name);
    if (len > 63)
        return "must be no more than 63 characters";
    return is_label(name, len) ? NULL : LABEL_TEXT;
}

const char *name_check_service(const char *name)
{
    size_t len = strlen(name);
    if (len > 63)
        return "must be no more than 63 characters";
    return is_label(name, len) && islower((unsigned char)*name) ? NULL : SERVICE_TEXT;
}

const char *name_check_path_segment(const char *name)
{
    if (strcmp(name, ".") == 0)
        return "may not be '.'";
    if (strcmp(name, "..") == 0)
        return "may not be '..'";
    if (strchr(name, '/'))
        return "may not contain '/'";
    return strchr(name, '%') ? "may not contain '%'" : NULL;
}

const char *name_check_label_value(const char *value)
{
    size_t len = strlen(value);
    if (len > 63)
        return "must be no more than 63 bytes";
    return len == 0 || is_word(value, len) ? NULL : LABEL_VALUE_TEXT;
}

const char *name_check_qualified(const char *name)
{
    const char *slash = strchr(name, '/');
    if (slash && slash == name)
        return "prefix part must be non-empty";
    if (slash && !is_subdomain(name, (size_t)(slash - name)))
        return "prefix part " SUBDOMAIN_TEXT;
    const char *part = slash ? slash + 1 : name;
    size_t len = strlen(part);
    if (len == 0)
        return "name part must be non-empty";
    if (len > 63)
        return "name part must be no more than 63 bytes";
    return is_word(part, len) ? NULL : QUALIFIED_TEXT;
}
