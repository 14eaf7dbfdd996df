#include "cli/sandbox_kubeconfig.h"

#include "base/digest.h"
#include "base/yaml.h"

#include <string.h>

#define NAME "nemeton-sandbox"

/* [{name: NAME, <key>: <value>}] */
static struct jv *named_list(const char *key, struct jv *value)
{
    struct jv *list = jv_array(), *entry = jv_object();
    jv_set_str(entry, "name", NAME);
    jv_set(entry, key, value);
    jv_append(list, entry);
    return list;
}

void sandbox_kubeconfig_print(uint16_t port, const char *ca_pem, const char *token, struct buf *out)
{
    struct buf ca;
    struct jv *cluster = jv_object(), *user = jv_object(), *context = jv_object();
    struct jv *config = jv_object();
    buf_init(&ca, 1 << 20);
    base64_encode(ca_pem, strlen(ca_pem), &ca);
    jv_set(cluster, "server", jv_stringf("https://127.0.0.1:%u", port));
    jv_set_str(cluster, "certificate-authority-data", buf_str(&ca));
    jv_set_str(user, "token", token);
    jv_set_str(context, "cluster", NAME);
    jv_set_str(context, "user", NAME);
    jv_set_str(config, "apiVersion", "v1");
    jv_set_str(config, "kind", "Config");
    jv_set(config, "clusters", named_list("cluster", cluster));
    jv_set(config, "users", named_list("user", user));
    jv_set(config, "contexts", named_list("context", context));
    jv_set_str(config, "current-context", NAME);
    yaml_print(config, 0, out);
    jv_unref(config);
    buf_deinit(&ca);
}
