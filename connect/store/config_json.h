/* Configs to and from JSON objects of texts. */
#pragma once

#include <jansson.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

/* A flat object: texts stay, numbers and booleans become texts as JSON writes them, null stays
 * null. ERR_PARSE for arrays and objects. Adds to the config. */
enum err_code config_json_read(const json_t *object, struct connect_config *out_config,
                               struct err *e);
/* Appends {"k":"v",...} in the config's order. */
void config_json_write(const struct connect_config *config, struct buf *out);
