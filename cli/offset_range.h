/*
 * What `-o` of `topic consume` says: where to start and where to stop, one expression for every
 * partition.
 *
 *     start oldest   end newest   N   N:   +N (after the start)   -N (before the end)
 *     :end   :N   A:B   A-B   A:end          B is not read any more
 *     @T   @T:   @:T   @T1:T2   @T1:end
 *
 * T is 13 digits (milliseconds), 9 or 10 digits (seconds), YYYY-MM-DD, an RFC 3339 time, or a
 * duration ("-1h30m" ago; a second time that is a duration counts from the first when that is a
 * date, else from now). Pure.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

enum offset_anchor {
    OFFSET_FROM_START, /* value records after the log start */
    OFFSET_FROM_END,   /* value records before the log end */
    OFFSET_EXACT,      /* offset value */
    OFFSET_AT_TIME,    /* first record at or after value ms; the end when there is none */
    OFFSET_NONE,       /* only as a stop: never */
};

struct offset_point {
    enum offset_anchor anchor;
    int64_t value;
};

struct offset_range {
    struct offset_point start;
    struct offset_point stop;
};

/* ERR_INVALID names what was not understood. */
enum err_code offset_range_parse(const char *text, int64_t now_ms, struct offset_range *out,
                                 struct err *e) ERR_MUST_CHECK;
