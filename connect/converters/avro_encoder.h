/*
 * A Connect value in Avro binary, straight from the struct's array, for the schema that
 * avro_schema_text_write makes. Pure.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "connect/include/connect_schema.h"

/* ERR_INVALID, with a trace head, when the value does not fit the schema; memory through the
 * buffer. */
enum err_code avro_encoder_write(const struct connect_schema *schema, const struct connect_value *v,
                                 struct buf *out, struct err *e);
