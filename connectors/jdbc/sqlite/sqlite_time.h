/* Dates and times as SQLite keeps them in text. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2022-07-09", "2022-07-09 21:33:14", "...T21:33:14.064+02:00", "...Z". Microseconds since 1970 of
 * the clock reading; *out_zoned: the text names its zone, and the result is UTC. */
bool sqlite_time_parse(const char *text, size_t len, int64_t *out_us, bool *out_zoned);
/* "21:33", "21:33:14.064": microseconds since midnight. */
bool sqlite_time_parse_clock(const char *text, size_t len, int64_t *out_us);
