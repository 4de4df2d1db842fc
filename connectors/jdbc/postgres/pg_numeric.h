/* The binary form of NUMERIC: base-10000 digits with a weight. Pure. */
#pragma once

#include <stddef.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"

/* "-12.50", "NaN", "Infinity", "-Infinity": as the server prints it. The text is in the arena and
 * NUL-terminated. */
enum err_code pg_numeric_to_text(struct arena *a, struct bytes cell, const char **out_text,
                                 size_t *out_len, struct err *e);
