/* The converters that come with the worker. */
#pragma once

#include "connect/include/connect_plugin.h"

/* NULL-terminated. */
const struct connect_plugin *const *converters_all(void);
