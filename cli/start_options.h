/* The settings of `weir start`: one table for flags, environment, file, --help and
 * docs/configuration.md. */
#pragma once

#include <stddef.h>

#include "common/conf.h"

const struct conf_option *start_options(size_t *out_count);
