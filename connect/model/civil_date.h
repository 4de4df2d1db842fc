/* Days since 1970-01-01 and the proleptic Gregorian calendar. Pure. */
#pragma once

#include <stdint.h>

#include "common/buf.h"

struct civil_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

struct civil_date civil_date_from_days(int64_t days);
/* The other way. A month that is not 1 to 12 and a day that the month has not count on into the
 * years and months around, as a lenient calendar does. */
int64_t civil_date_to_days(const struct civil_date *date);

/* Milliseconds since 1970 UTC as the originals print java.util.Date in texts: a time of day within
 * the first day, a date alone at midnight, otherwise both. */
void civil_date_print_instant(int64_t ms, struct buf *out);
