#include "connectors/jdbc/sqlite/sqlite_time.h"

#define SQLITE_TIME_SECOND_US INT64_C(1000000)
#define SQLITE_TIME_DAY_US (86400 * SQLITE_TIME_SECOND_US)

struct sqlite_time_text {
    const char *at;
    const char *end;
};

static bool sqlite_time_number(struct sqlite_time_text *t, int digits, int *out)
{
    int v = 0;
    if (t->end - t->at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++) {
        char c = *t->at++;
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (c - '0');
    }
    *out = v;
    return true;
}

static bool sqlite_time_accept(struct sqlite_time_text *t, char c)
{
    if (t->at < t->end && *t->at == c) {
        t->at++;
        return true;
    }
    return false;
}

/* Days since 1970 of a civil date (proleptic Gregorian). */
static int64_t sqlite_time_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool sqlite_time_clock(struct sqlite_time_text *t, int64_t *out_us)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!sqlite_time_number(t, 2, &hour) || !sqlite_time_accept(t, ':') ||
        !sqlite_time_number(t, 2, &minute) || hour > 24 || minute > 59) {
        return false;
    }
    int64_t fraction_us = 0;
    if (sqlite_time_accept(t, ':')) {
        if (!sqlite_time_number(t, 2, &second) || second > 60) {
            return false;
        }
        if (sqlite_time_accept(t, '.')) {
            int64_t unit = SQLITE_TIME_SECOND_US / 10;
            for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++, unit /= 10) {
                fraction_us += unit * (*t->at - '0');
            }
        }
    }
    *out_us = (hour * 3600 + minute * 60 + second) * SQLITE_TIME_SECOND_US + fraction_us;
    return true;
}

/* "Z", "+02:00", "-0230": seconds east; false when malformed. Nothing: *out_zoned stays false. */
static bool sqlite_time_zone(struct sqlite_time_text *t, int *out_east_s, bool *out_zoned)
{
    while (sqlite_time_accept(t, ' ')) {
    }
    if (t->at == t->end) {
        return true;
    }
    *out_zoned = true;
    if (sqlite_time_accept(t, 'Z') || sqlite_time_accept(t, 'z')) {
        return true;
    }
    int sign = sqlite_time_accept(t, '-') ? -1 : 1;
    if (sign > 0 && !sqlite_time_accept(t, '+')) {
        return false;
    }
    int hours = 0;
    int minutes = 0;
    if (!sqlite_time_number(t, 2, &hours)) {
        return false;
    }
    (void)sqlite_time_accept(t, ':');
    if (t->at < t->end && !sqlite_time_number(t, 2, &minutes)) {
        return false;
    }
    *out_east_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool sqlite_time_parse(const char *text, size_t len, int64_t *out_us, bool *out_zoned)
{
    struct sqlite_time_text t = {text, text + len};
    int year = 0;
    int month = 0;
    int day = 0;
    if (!sqlite_time_number(&t, 4, &year) || !sqlite_time_accept(&t, '-') ||
        !sqlite_time_number(&t, 2, &month) || !sqlite_time_accept(&t, '-') ||
        !sqlite_time_number(&t, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31) {
        return false;
    }
    int64_t clock_us = 0;
    int east_s = 0;
    *out_zoned = false;
    if (sqlite_time_accept(&t, 'T') || sqlite_time_accept(&t, ' ')) {
        if (!sqlite_time_clock(&t, &clock_us) || !sqlite_time_zone(&t, &east_s, out_zoned)) {
            return false;
        }
    }
    *out_us = sqlite_time_days(year, month, day) * SQLITE_TIME_DAY_US + clock_us -
              east_s * SQLITE_TIME_SECOND_US;
    return t.at == t.end;
}

bool sqlite_time_parse_clock(const char *text, size_t len, int64_t *out_us)
{
    struct sqlite_time_text t = {text, text + len};
    return sqlite_time_clock(&t, out_us) && t.at == t.end;
}
