/*
 * Whether data written with one Avro schema can be read with another, and the findings in the words
 * of the original registry. Pure. The rules are Avro's schema resolution; locations are JSON
 * pointers into the reader's schema.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/err.h"

struct avro_schema;

enum compatibility_level {
    COMPATIBILITY_NONE,
    COMPATIBILITY_BACKWARD, /* the new schema reads data of the old */
    COMPATIBILITY_BACKWARD_TRANSITIVE,
    COMPATIBILITY_FORWARD, /* the old schema reads data of the new */
    COMPATIBILITY_FORWARD_TRANSITIVE,
    COMPATIBILITY_FULL,
    COMPATIBILITY_FULL_TRANSITIVE,
};

/* "BACKWARD"; static. */
const char *compatibility_level_name(enum compatibility_level level);
/* Any case; ERR_INVALID with the registry's text. */
enum err_code compatibility_level_parse(const char *text, enum compatibility_level *out_level,
                                        struct err *e);
bool compatibility_level_is_transitive(enum compatibility_level level);

struct compatibility_old {
    const struct avro_schema *schema; /* NULL: a schema of another type */
    int version;
};

/*
 * Checks a new schema against old ones, newest first: against the first only, unless the level is
 * transitive; stops at the first that fails. Appends the findings (texts) to the array messages;
 * none appended = compatible. ERR_LIMIT when the schemas are too entangled, ERR_NOMEM.
 */
enum err_code compatibility_check(enum compatibility_level level,
                                  const struct avro_schema *new_schema,
                                  const struct compatibility_old *olds, size_t old_count,
                                  json_t *messages, struct err *e);
