/* A record as rpk prints it by default: JSON with Go's escapes. */
#pragma once

#include <stdbool.h>

#include "cli/record_format.h"
#include "common/buf.h"

struct record_json_style {
    bool pretty;    /* two-space indent, else one line */
    bool meta_only; /* the size of the value instead of the value */
};

/* Appends the record and a newline. */
void record_json_write(const struct record_view *r, const struct record_json_style *style,
                       struct buf *out);
