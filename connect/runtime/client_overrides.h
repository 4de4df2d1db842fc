/* producer.override.* and admin.override.*: client settings of one connector. */
#pragma once

#include "client/client_config.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

/* What a connector may set of its clients (connector.client.config.override.policy). */
enum client_overrides_policy {
    CLIENT_OVERRIDES_ALL,
    CLIENT_OVERRIDES_NONE,
    CLIENT_OVERRIDES_PRINCIPAL, /* who it logs in as, and how */
};

/* "None", or the original's class NoneConnectorClientConfigOverridePolicy. */
enum err_code client_overrides_parse_policy(const char *text, enum client_overrides_policy *out,
                                            struct err *e);
/* ERR_INVALID with the original's text. key: without the prefix. */
enum err_code client_overrides_check(enum client_overrides_policy policy, const char *key,
                                     struct err *e);

/* Sets what the connector has behind the prefix ("producer.override.") over the client's settings.
 */
enum err_code client_overrides_apply(struct client_config *client,
                                     const struct connect_config *connector, const char *prefix,
                                     struct err *e);
