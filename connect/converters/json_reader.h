/* JSON bytes to schema and value: JsonConverter's way back. */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"
#include "connect/include/connect_record.h"

struct json_reader_options {
    bool schemas;
    bool replace_null;
};

/* Without schemas: integers INT64, fractions FLOAT64, objects MAP, and no schema. The schema is
 * kept by the scope. */
enum err_code json_reader_read(const struct json_reader_options *options, struct bytes data,
                               struct connect_scope *scope,
                               const struct connect_schema **out_schema,
                               struct connect_value *out_value, struct err *e);
