/* The `exec` part of a user: which plugin to run, and what it answers. */
#include "kube/config_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API_V1 "client.authentication.k8s.io/v1"
#define API_V1BETA1 "client.authentication.k8s.io/v1beta1"

static int words_add(const struct config_entry *entry, const char *field, char ***words,
                     size_t *count, char *word, struct err *err)
{
    if (*count == CONFIG_EXEC_WORDS_MAX) {
        free(word);
        return config_entry_err(entry, field, err, ERR_LIMIT, "more than %d entries",
                                CONFIG_EXEC_WORDS_MAX);
    }
    *words = mem_grow(*words, (*count + 2) * sizeof(**words));
    (*words)[(*count)++] = word;
    (*words)[*count] = NULL;
    return 0;
}

static int args_parse(const struct config_entry *entry, const struct jv *args, char ***words,
                      struct err *err)
{
    size_t count = 0;
    if (args && jv_type(args) != JV_NULL && !jv_is_array(args))
        return config_entry_err(entry, "exec.args", err, ERR_INVALID, "must be a list of strings");
    for (size_t i = 0; i < jv_size(args); i++) {
        const char *arg = jv_str(jv_at(args, i));
        if (!arg)
            return config_entry_err(entry, "exec.args", err, ERR_INVALID,
                                    "must be a list of strings (use quotes)");
        if (words_add(entry, "exec.args", words, &count, mem_str(arg), err) != 0)
            return -1;
    }
    return 0;
}

static int env_parse(const struct config_entry *entry, const struct jv *env, char ***words,
                     struct err *err)
{
    size_t count = 0;
    if (env && jv_type(env) != JV_NULL && !jv_is_array(env))
        return config_entry_err(entry, "exec.env", err, ERR_INVALID,
                                "must be a list of {name, value}");
    for (size_t i = 0; i < jv_size(env); i++) {
        const char *name = jv_str(jv_get(jv_at(env, i), "name"));
        const char *value = jv_str(jv_get(jv_at(env, i), "value"));
        if (!name || !*name || strchr(name, '=') || !value)
            return config_entry_err(entry, "exec.env", err, ERR_INVALID,
                                    "each entry needs a name and a value, both strings");
        if (words_add(entry, "exec.env", words, &count, mem_printf("%s=%s", name, value), err))
            return -1;
    }
    return 0;
}

static int interactive_parse(const struct config_entry *entry, const struct jv *exec,
                             struct config_exec_spec *spec, struct err *err)
{
    const char *mode;
    if (config_entry_str(entry, exec, "exec.interactiveMode", &mode, err) != 0)
        return -1;
    if (!mode && strcmp(spec->api_version, API_V1) == 0)
        return config_entry_err(entry, "exec.interactiveMode", err, ERR_INVALID,
                                "is missing; %s needs Never, IfAvailable or Always", API_V1);
    if (!mode || strcmp(mode, "IfAvailable") == 0)
        spec->interactive = INTERACTIVE_IF_AVAILABLE;
    else if (strcmp(mode, "Never") == 0)
        spec->interactive = INTERACTIVE_NEVER;
    else if (strcmp(mode, "Always") == 0)
        spec->interactive = INTERACTIVE_ALWAYS;
    else
        return config_entry_err(entry, "exec.interactiveMode", err, ERR_INVALID,
                                "`%s` is unknown; use Never, IfAvailable or Always", mode);
    return 0;
}

static char *one_line(const char *text)
{
    char *line = mem_str(text);
    for (char *p = line; p && *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    return line;
}

int config_exec_parse(const struct config_entry *entry, const struct jv *exec,
                      struct config_spec *spec, struct err *err)
{
    const char *version, *command, *hint;
    if (!jv_is_object(exec))
        return config_entry_err(entry, "exec", err, ERR_INVALID, "must be a map of fields");
    if (config_entry_str(entry, exec, "exec.apiVersion", &version, err) != 0 ||
        config_entry_str(entry, exec, "exec.command", &command, err) != 0 ||
        config_entry_str(entry, exec, "exec.installHint", &hint, err) != 0)
        return -1;
    if (!command)
        return config_entry_err(entry, "exec.command", err, ERR_INVALID,
                                "is missing; name the program that prints credentials");
    if (!version || (strcmp(version, API_V1) != 0 && strcmp(version, API_V1BETA1) != 0))
        return config_entry_err(entry, "exec.apiVersion", err, ERR_INVALID,
                                "`%s` is not supported; use %s or %s", version ? version : "",
                                API_V1, API_V1BETA1);
    struct config_exec_spec *out = mem_alloc(sizeof(*out));
    spec->exec = out;
    out->api_version = mem_str(version);
    out->install_hint = one_line(hint);
    bool is_relative = strchr(command, '/') && command[0] != '/';
    out->command = is_relative ? config_entry_path(entry, command) : mem_str(command);
    if (interactive_parse(entry, exec, out, err) != 0 ||
        config_entry_bool(entry, exec, "exec.provideClusterInfo", &out->provide_cluster_info,
                          err) != 0 ||
        args_parse(entry, jv_get(exec, "args"), &out->args, err) != 0)
        return -1;
    return env_parse(entry, jv_get(exec, "env"), &out->env, err);
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool digits(const char *text, size_t count, int *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

int config_time_parse(const char *text, int64_t *wall_ns)
{
    struct tm tm = {0};
    int year, month, hours = 0, minutes = 0;
    if (strnlen(text, 20) < 20 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' ||
        !digits(text, 4, &year) || !digits(text + 5, 2, &month) ||
        !digits(text + 8, 2, &tm.tm_mday) || !digits(text + 11, 2, &tm.tm_hour) ||
        !digits(text + 14, 2, &tm.tm_min) || !digits(text + 17, 2, &tm.tm_sec))
        return -1;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 60 || year > 2200)
        return -1;
    const char *p = text + 19;
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9')
            return -1;
        p += strspn(p, "0123456789");
    }
    int64_t offset_s = 0;
    if (*p == '+' || *p == '-') {
        if (strlen(p) != 6 || p[3] != ':' || !digits(p + 1, 2, &hours) ||
            !digits(p + 4, 2, &minutes) || hours > 23 || minutes > 59)
            return -1;
        offset_s = (hours * 3600 + minutes * 60) * (*p == '+' ? 1 : -1);
    } else if ((*p != 'Z' && *p != 'z') || p[1] != '\0') {
        return -1;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *wall_ns = ((int64_t)timegm(&tm) - offset_s) * 1000000000;
    return 0;
}

static char *status_str(const struct jv *status, const char *field)
{
    const char *text = jv_str(jv_get(status, field));
    return text && *text ? mem_str(text) : NULL;
}

static int status_parse(const struct jv *status, struct config_exec_answer *answer, struct err *err)
{
    answer->token = status_str(status, "token");
    answer->cert = status_str(status, "clientCertificateData");
    answer->key = status_str(status, "clientKeyData");
    answer->expires_wall_ns = INT64_MAX;
    if (!answer->token && !answer->cert && !answer->key)
        return err_set(err, ERR_INVALID, "status holds neither a token nor a client certificate");
    if (!answer->cert != !answer->key)
        return err_set(err, ERR_INVALID,
                       "status must hold both clientCertificateData and clientKeyData, or none");
    if (answer->token && !config_header_value_ok(answer->token))
        return err_set(err, ERR_INVALID, "status.token holds a line break");
    const struct jv *expires = jv_get(status, "expirationTimestamp");
    if (expires && jv_type(expires) != JV_NULL &&
        (!jv_str(expires) || config_time_parse(jv_str(expires), &answer->expires_wall_ns) != 0))
        return err_set(err, ERR_INVALID,
                       "status.expirationTimestamp is not a time such as 2026-01-31T10:20:30Z");
    return 0;
}

int config_exec_answer_parse(const char *output, size_t len, const char *api_version,
                             struct config_exec_answer *answer, struct err *err)
{
    *answer = (struct config_exec_answer){0};
    struct jv *root = NULL;
    /* The parser's text could repeat a piece of a token; it is not shown. */
    if (jv_parse(output, len, &root, NULL) != 0)
        return err_set(err, ERR_PARSE, "its output is not JSON; an ExecCredential is expected");
    const char *kind = jv_str(jv_get(root, "kind"));
    const char *version = jv_str(jv_get(root, "apiVersion"));
    int result;
    if (!kind || strcmp(kind, "ExecCredential") != 0)
        result = err_set(err, ERR_INVALID, "its output is not an ExecCredential");
    else if (!version || strcmp(version, api_version) != 0)
        result = err_set(err, ERR_INVALID, "it answered with apiVersion `%s`; configured is `%s`",
                         version ? version : "", api_version);
    else
        result = status_parse(jv_get(root, "status"), answer, err);
    jv_unref(root);
    if (result != 0)
        config_exec_answer_deinit(answer);
    return result;
}

void config_exec_answer_deinit(struct config_exec_answer *answer)
{
    free(answer->token);
    free(answer->cert);
    free(answer->key);
    *answer = (struct config_exec_answer){0};
}
