/*
 * Patterns of java.text.SimpleDateFormat in UTC and English, for printing and reading instants in
 * milliseconds, lenient as the original is: "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'". Letters y M L d D E u a
 * H k K h m s S z Z X; the others (eras and weeks) are refused. S is a number of milliseconds,
 * however many letters there are. The calendar is Gregorian at all times.
 *
 * Pure. One owner, who may share it with readers.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

struct java_date_format;

/* ERR_INVALID with the originals' texts. */
enum err_code java_date_format_create(const char *pattern, struct java_date_format **out_format,
                                      struct err *e);
void java_date_format_destroy(struct java_date_format *f);
const char *java_date_format_pattern(const struct java_date_format *f);
void java_date_format_print(const struct java_date_format *f, int64_t ms, struct buf *out);
/* Reads the beginning of the text; what follows does not matter. now_ms: two-digit years are those
 * from 80 years before it to 20 after. False when it does not match. */
bool java_date_format_parse(const struct java_date_format *f, struct bytes text, int64_t now_ms,
                            int64_t *out_ms);
