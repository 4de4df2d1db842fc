/* All single message transforms and predicates, as the worker lists them; NULL-terminated. */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin *const transforms_plugins[];
