/* Base64 as JSON carries bytes: standard alphabet, padded, no line breaks. Over libcrypto. */
#pragma once

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

/* Appends a quoted JSON string. */
void base64_write_json(struct bytes data, struct buf *out);
void base64_write(struct bytes data, struct buf *out);
/* ERR_PARSE when the text is not base64. */
enum err_code base64_read(struct arena *a, struct bytes text, struct bytes *out_data,
                          struct err *e);
