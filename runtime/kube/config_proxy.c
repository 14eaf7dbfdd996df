/* URLs, and which proxy the environment asks for: the rules of Go's HTTP library, which every other
 * Kubernetes client follows, plus address ranges in NO_PROXY. */
#include "kube/config_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *lower(const char *text, size_t len)
{
    char *out = mem_strn(text, len);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return out;
}

static bool port_ok(const char *text, size_t len)
{
    unsigned value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    return value > 0 && value < 65536;
}

static int authority_split(const char *text, size_t len, struct config_url *url, struct err *err)
{
    const char *at = memrchr(text, '@', len);
    if (at) {
        url->has_user = true;
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    const char *host = text, *host_end, *end = text + len;
    if (len > 0 && *text == '[') {
        host = text + 1;
        host_end = memchr(text, ']', len);
        if (!host_end)
            return err_set(err, ERR_INVALID, "the address lacks its closing bracket");
        text = host_end + 1;
    } else {
        host_end = memchr(text, ':', len);
        if (!host_end)
            host_end = end;
        text = host_end;
    }
    if (host_end == host)
        return err_set(err, ERR_INVALID, "names no host");
    if (text < end) {
        if (*text != ':' || !port_ok(text + 1, (size_t)(end - text - 1)))
            return err_set(err, ERR_INVALID, "the port is not a number from 1 to 65535");
        url->port = mem_strn(text + 1, (size_t)(end - text - 1));
    }
    url->host = lower(host, (size_t)(host_end - host));
    return 0;
}

int config_url_split(const char *text, struct config_url *url, struct err *err)
{
    *url = (struct config_url){0};
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p <= 0x20 || *p == 0x7f || *p == '"' || *p == '<' || *p == '>' || *p == '\\')
            return err_set(err, ERR_INVALID,
                           "is not a URL: it holds a space or a character that "
                           "must not stand in one");
    const char *sep = strstr(text, "://");
    if (!sep || sep == text)
        return err_set(err, ERR_INVALID, "is not a URL: it must begin with https:// or http://");
    const char *rest = sep + 3;
    size_t len = strcspn(rest, "/?#");
    if (authority_split(rest, len, url, err) != 0) {
        config_url_deinit(url);
        return -1;
    }
    url->scheme = lower(text, (size_t)(sep - text));
    if (!url->port)
        url->port = mem_str("");
    url->has_path = rest[len] == '/' && rest[len + 1] != '\0';
    url->has_query = strpbrk(rest + len, "?#") != NULL;
    return 0;
}

void config_url_deinit(struct config_url *url)
{
    free(url->scheme);
    free(url->host);
    free(url->port);
    *url = (struct config_url){0};
}

int config_proxy_check(const char *text, char **out, struct err *err)
{
    struct config_url url;
    if (config_url_split(text, &url, err) != 0)
        return -1;
    int result = 0;
    if (strcmp(url.scheme, "http") == 0 || strcmp(url.scheme, "https") == 0)
        *out = mem_str(text);
    else if (strcmp(url.scheme, "socks5") == 0 || strcmp(url.scheme, "socks5h") == 0)
        /* Names are resolved by the proxy, as in every other Kubernetes client. */
        *out = mem_printf("socks5h://%s", strstr(text, "://") + 3);
    else
        result = err_set(err, ERR_INVALID,
                         "scheme `%s` is not supported; use http, https or socks5", url.scheme);
    config_url_deinit(&url);
    return result;
}

const char *config_env(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; env && env[i]; i++)
        if (strncmp(env[i], name, len) == 0 && env[i][len] == '=')
            return env[i][len + 1] ? env[i] + len + 1 : NULL;
    return NULL;
}

/* IPv4 as IPv4-mapped IPv6, so that there is one form to compare. */
static bool address_parse(const char *text, unsigned char out[16], bool *v4)
{
    *v4 = inet_pton(AF_INET, text, out + 12) == 1;
    if (!*v4)
        return inet_pton(AF_INET6, text, out) == 1;
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    return true;
}

static bool is_loopback(const unsigned char address[16])
{
    static const unsigned char v6[16] = {[15] = 1};
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, v6, 16) == 0 || (memcmp(address, mapped, 12) == 0 && address[12] == 127);
}

static bool range_matches(const char *entry, const unsigned char address[16], bool *is_range)
{
    const char *slash = strchr(entry, '/');
    unsigned char net[16];
    bool v4;
    *is_range = false;
    if (!slash)
        return false;
    char *base = mem_strn(entry, (size_t)(slash - entry));
    bool ok = address_parse(base, net, &v4);
    free(base);
    char *end;
    long bits = strtol(slash + 1, &end, 10);
    if (!ok || end == slash + 1 || *end || bits < 0 || bits > (v4 ? 32 : 128))
        return false;
    *is_range = true;
    if (!address)
        return false;
    size_t total = (size_t)bits + (v4 ? 96 : 0);
    if (memcmp(net, address, total / 8) != 0)
        return false;
    unsigned mask = (0xff00u >> (total % 8)) & 0xffu;
    return total % 8 == 0 || ((net[total / 8] ^ address[total / 8]) & mask) == 0;
}

static bool domain_matches(const char *pattern, const char *host)
{
    if (strncmp(pattern, "*.", 2) == 0)
        pattern++;
    bool exact = *pattern != '.';
    size_t host_len = strlen(host), len = strlen(pattern);
    if (exact && strcmp(host, pattern) == 0)
        return true;
    if (host_len < len || strcmp(host + host_len - len, pattern) != 0)
        return false;
    return exact ? host_len > len && host[host_len - len - 1] == '.' : true;
}

/* One entry of NO_PROXY, lower case, not empty. */
static bool entry_matches(char *entry, const char *host, const unsigned char *address,
                          const char *port)
{
    bool is_range, v4;
    unsigned char own[16];
    if (strcmp(entry, "*") == 0)
        return true;
    if (range_matches(entry, address, &is_range))
        return true;
    if (is_range)
        return false;
    if (!address_parse(entry, own, &v4)) {
        char *colon = strrchr(entry, ':');
        if (colon && port_ok(colon + 1, strlen(colon + 1))) {
            if (strcmp(colon + 1, port) != 0)
                return false;
            *colon = '\0';
        }
        size_t len = strlen(entry);
        if (len > 1 && entry[0] == '[' && entry[len - 1] == ']') {
            entry[len - 1] = '\0';
            entry++;
        }
    }
    if (address_parse(entry, own, &v4))
        return address && memcmp(own, address, 16) == 0;
    return *entry && !address && domain_matches(entry, host);
}

static bool is_excluded(const char *no_proxy, const struct config_url *server)
{
    unsigned char bytes[16];
    bool v4;
    const unsigned char *address = address_parse(server->host, bytes, &v4) ? bytes : NULL;
    const char *port = *server->port                          ? server->port
                       : strcmp(server->scheme, "https") == 0 ? "443"
                                                              : "80";
    if (strcmp(server->host, "localhost") == 0 || (address && is_loopback(address)))
        return true;
    bool excluded = false;
    while (no_proxy && *no_proxy && !excluded) {
        size_t len = strcspn(no_proxy, ",");
        const char *start = no_proxy, *end = no_proxy + len;
        while (start < end && isspace((unsigned char)*start))
            start++;
        while (end > start && isspace((unsigned char)end[-1]))
            end--;
        if (end > start) {
            char *entry = lower(start, (size_t)(end - start));
            excluded = entry_matches(entry, server->host, address, port);
            free(entry);
        }
        no_proxy += len + (no_proxy[len] == ',');
    }
    return excluded;
}

int config_proxy_from_env(const char *server, const char *const *env, char **out, struct err *err)
{
    struct config_url url;
    *out = NULL;
    if (config_url_split(server, &url, err) != 0)
        return -1;
    bool tls = strcmp(url.scheme, "https") == 0;
    const char *name = tls ? "HTTPS_PROXY" : "HTTP_PROXY";
    const char *proxy = config_env(env, name);
    if (!proxy) {
        name = tls ? "https_proxy" : "http_proxy";
        proxy = config_env(env, name);
    }
    const char *no_proxy = config_env(env, "NO_PROXY");
    if (!no_proxy)
        no_proxy = config_env(env, "no_proxy");
    int result = 0;
    if (proxy && !is_excluded(no_proxy, &url)) {
        char *full = strstr(proxy, "://") ? mem_str(proxy) : mem_printf("http://%s", proxy);
        result = config_proxy_check(full, out, err);
        if (result != 0)
            err_wrap(err, "environment variable %s", name);
        free(full);
    }
    config_url_deinit(&url);
    return result;
}

int kube_proxy_from_env(const char *url, const char *const *env, char **out, struct err *err)
{
    *out = NULL;
    return env != NULL ? config_proxy_from_env(url, env, out, err) : 0;
}
