/*
 * The worker's settings under the originals' names, as connect-distributed.sh reads them from a
 * file. Pure, but for the reading of the file.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connect/worker.h"

/* Adds the list of the configuration, then its file. */
enum err_code worker_properties_read(const struct connect_worker_config *config,
                                     struct connect_config *out, struct err *e);
/* Sets the members of the configuration that properties name. Texts are borrowed. ERR_INVALID with
 * the originals' texts. */
enum err_code worker_properties_apply(const struct connect_config *properties,
                                      struct connect_worker_config *config, struct err *e);
/* Whether worker_properties_apply knows the key. */
bool worker_properties_known(const char *key);
