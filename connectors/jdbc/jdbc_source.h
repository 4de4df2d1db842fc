/* The JDBC source connector as the worker knows it. */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin jdbc_source_plugin;
