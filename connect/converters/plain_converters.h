/* Converters without a schema format: text, bytes, and one for each primitive type. */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin plain_converters_string;
extern const struct connect_plugin plain_converters_bytes;
extern const struct connect_plugin plain_converters_boolean;
extern const struct connect_plugin plain_converters_short;
extern const struct connect_plugin plain_converters_integer;
extern const struct connect_plugin plain_converters_long;
extern const struct connect_plugin plain_converters_float;
extern const struct connect_plugin plain_converters_double;
extern const struct connect_plugin plain_converters_string_header;
extern const struct connect_plugin plain_converters_bytes_header;
extern const struct connect_plugin plain_converters_simple_header;
