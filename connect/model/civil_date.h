/* Days since 1970-01-01 to the proleptic Gregorian calendar. Pure. */
#pragma once

#include <stdint.h>

struct civil_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

struct civil_date civil_date_from_days(int64_t days);
