#include "connect/runtime/client_overrides.h"

#include <string.h>

static const char *const policies[] = {"All", "None", "Principal"};

enum err_code client_overrides_parse_policy(const char *text, enum client_overrides_policy *out,
                                            struct err *e)
{
    static const char suffix[] = "ConnectorClientConfigOverridePolicy";
    const char *dot = strrchr(text, '.');
    const char *name = dot != NULL ? dot + 1 : text;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        size_t len = strlen(policies[i]);
        if (strncmp(name, policies[i], len) == 0 &&
            (name[len] == '\0' || strcmp(name + len, suffix) == 0)) {
            *out = (enum client_overrides_policy)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID,
                   "Invalid value %s for configuration connector.client.config.override.policy: "
                   "All, None and Principal are known",
                   text);
}

enum err_code client_overrides_check(enum client_overrides_policy policy, const char *key,
                                     struct err *e)
{
    bool principal = strcmp(key, "sasl.jaas.config") == 0 || strcmp(key, "sasl.mechanism") == 0 ||
                     strcmp(key, "security.protocol") == 0;
    if (policy == CLIENT_OVERRIDES_ALL || (policy == CLIENT_OVERRIDES_PRINCIPAL && principal)) {
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID,
                   "The '%s' policy does not allow '%s' to be overridden in the connector "
                   "configuration.",
                   policies[policy], key);
}

enum err_code client_overrides_apply(struct client_config *client,
                                     const struct connect_config *connector, const char *prefix,
                                     struct err *e)
{
    struct connect_config overrides;
    connect_config_init(&overrides);
    enum err_code code = connect_config_merge_prefix(&overrides, connector, prefix, e);
    for (size_t i = 0; code == ERR_OK && i < overrides.count; i++) {
        if (overrides.entries[i].value != NULL) {
            code =
                client_config_set(client, overrides.entries[i].key, overrides.entries[i].value, e);
        }
    }
    connect_config_deinit(&overrides);
    return code;
}
