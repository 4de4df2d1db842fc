/*
 * The Avro schema of a Connect schema, as text, byte for byte what the originals register:
 * registries compare texts, and a schema that differs in the order of its attributes gets a new id.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "connect/include/connect_schema.h"

struct avro_schema_text_options {
    bool meta_data;     /* connect.* attributes */
    bool scrub_invalid; /* bad characters in names become _ */
};

/* ERR_INVALID, with a trace head, for names that Avro does not allow. */
enum err_code avro_schema_text_write(const struct connect_schema *schema,
                                     const struct avro_schema_text_options *options,
                                     struct buf *out, struct err *e);
/* The full name of the record at the top, NULL when it is none: for subject names. Lives as long as
 * the schema. */
const char *avro_schema_text_record_name(const struct connect_schema *schema);
/* Whether a MAP is an Avro map; otherwise it is an array of entries. */
bool avro_schema_text_plain_map(const struct connect_schema *schema);
