/*
 * JSON as Go's encoding/json writes it, because scripts that read rpk's output read these bytes: &
 * < > and U+2028/2029 escaped, each byte of invalid UTF-8 as \ufffd, control characters as \u00XX
 * but \t \n \r \b \f.
 */
#pragma once

#include <jansson.h>

#include "common/buf.h"
#include "common/bytes.h"

/* A quoted string of any bytes. */
void go_json_text(struct bytes text, struct buf *out);
/* A value on one line, members in order. */
void go_json_value(const json_t *value, struct buf *out);
