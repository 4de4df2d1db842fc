#include "connect/converters/converters.h"

#include <stddef.h>

#include "connect/converters/avro_converter.h"
#include "connect/converters/json_converter.h"
#include "connect/converters/plain_converters.h"

static const struct connect_plugin *const all[] = {
    &avro_converter_plugin,
    &plain_converters_double,
    &plain_converters_float,
    &plain_converters_integer,
    &plain_converters_long,
    &plain_converters_short,
    &json_converter_plugin,
    &plain_converters_string,
    &plain_converters_bytes_header,
    &json_converter_header_plugin,
    &plain_converters_simple_header,
    &plain_converters_string_header,
    NULL,
};

const struct connect_plugin *const *converters_all(void)
{
    return all;
}
