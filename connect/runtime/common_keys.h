/* The keys that every source connector has, and those of every transform: tables. */
#pragma once

#include <stddef.h>

#include "connect/include/connect_config.h"

const struct connect_config_key *common_keys_source(size_t *out_count);
const struct connect_config_key *common_keys_transform(size_t *out_count);
const struct connect_config_key *common_keys_predicate(size_t *out_count);
