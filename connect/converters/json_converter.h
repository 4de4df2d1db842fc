/*
 * org.apache.kafka.connect.json.JsonConverter: the envelope {"schema":S,"payload":P}, or P alone.
 * The schema's text is made once for each schema and copied from then on.
 */
#pragma once

#include "common/buf.h"
#include "connect/include/connect_plugin.h"
#include "connect/include/connect_schema.h"

extern const struct connect_plugin json_converter_plugin;
extern const struct connect_plugin json_converter_header_plugin;

/* The S of the envelope, without the member "field". Errors through the buffer. */
void json_converter_write_schema(const struct connect_schema *schema, bool decimal_numeric,
                                 struct buf *out);
