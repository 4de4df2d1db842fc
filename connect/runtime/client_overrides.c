#include "connect/runtime/client_overrides.h"

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
