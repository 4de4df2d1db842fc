/* producer.override.* and admin.override.*: client settings of one connector. */
#pragma once

#include "client/client_config.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

/* Sets what the connector has behind the prefix ("producer.override.") over the client's settings.
 */
enum err_code client_overrides_apply(struct client_config *client,
                                     const struct connect_config *connector, const char *prefix,
                                     struct err *e);
