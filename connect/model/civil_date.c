#include "connect/model/civil_date.h"

#include <inttypes.h>

#define DAY_MS INT64_C(86400000)

/* Counts from 0000-03-01, so that the leap day is the last of its year; an era is 400 years. */
struct civil_date civil_date_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct civil_date date = {
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .month = (int)(month < 10 ? month + 3 : month - 9),
    };
    date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
    return date;
}

int64_t civil_date_to_days(const struct civil_date *date)
{
    int64_t months = date->year * 12 + (date->month - 1);
    int64_t year = (months >= 0 ? months : months - 11) / 12;
    int64_t month = months - year * 12 + 1;
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_date_print_instant(int64_t ms, struct buf *out)
{
    int64_t days = ms / DAY_MS - (ms % DAY_MS < 0 ? 1 : 0);
    int64_t left = ms % DAY_MS + (ms % DAY_MS < 0 ? DAY_MS : 0);
    struct civil_date date = civil_date_from_days(days);
    if (ms >= DAY_MS) {
        buf_printf(out, "%04" PRId64 "-%02d-%02d", date.year, date.month, date.day);
    }
    if (ms >= DAY_MS && left == 0) {
        return;
    }
    buf_printf(out, "%s%02d:%02d:%02d.%03dZ", ms >= DAY_MS ? "T" : "", (int)(left / 3600000),
               (int)(left / 60000 % 60), (int)(left / 1000 % 60), (int)(left % 1000));
}
