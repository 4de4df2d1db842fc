#include "cli/offset_range.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/go_duration.h"
#include "common/text.h"

#define OFFSET_RANGE_TEXT_MAX 128

static bool offset_range_digits(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n > 0 && text[n] == '\0';
}

/* "YYYY-MM-DD", or RFC 3339 with an optional fraction and Z or an offset. */
static bool offset_range_date(const char *text, int64_t *out_ms)
{
    struct tm tm = {.tm_mday = 1};
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || end - text != 10) {
        return false;
    }
    int64_t ms = 0;
    long zone_s = 0;
    if (*end != '\0') {
        end = strptime(end, "T%H:%M:%S", &tm);
        if (end == NULL) {
            return false;
        }
        if (*end == '.') {
            char *fraction_end = NULL;
            ms = (int64_t)(strtod(end, &fraction_end) * 1000);
            end = fraction_end;
        }
        if (*end == 'Z') {
            end++;
        } else {
            struct tm zone = {.tm_mday = 1};
            int sign = *end == '-' ? -1 : 1;
            bool signed_zone = *end == '+' || *end == '-';
            end = signed_zone ? strptime(end + 1, "%H:%M", &zone) : NULL;
            zone_s = sign * (zone.tm_hour * 3600L + zone.tm_min * 60L);
        }
        if (end == NULL || *end != '\0') {
            return false;
        }
    }
    *out_ms = (int64_t)(timegm(&tm) - zone_s) * 1000 + ms;
    return true;
}

/* One T; base_ms is what durations count from. *out_is_date tells that it stands by itself. */
static bool offset_range_time(const char *text, int64_t base_ms, int64_t *out_ms, bool *out_is_date)
{
    *out_is_date = true;
    size_t len = strlen(text);
    if (offset_range_digits(text) && (len == 13 || len == 10 || len == 9)) {
        if (!text_parse_int64(text, out_ms)) {
            return false;
        }
        *out_ms *= len == 13 ? 1 : 1000;
        return true;
    }
    if (offset_range_date(text, out_ms)) {
        return true;
    }
    *out_is_date = false;
    int64_t duration = 0;
    bool minus = *text == '-';
    if (!go_duration_parse(text + (minus ? 1 : 0), &duration)) {
        return false;
    }
    *out_ms = minus ? base_ms - duration : base_ms + duration;
    return true;
}

/* The start before the cut and the stop behind it; either may be empty. */
static bool offset_range_times(const char *first, const char *second, int64_t now_ms,
                               struct offset_range *out)
{
    int64_t ms = 0;
    bool is_date = false;
    if (*first != '\0') {
        if (!offset_range_time(first, now_ms, &ms, &is_date)) {
            return false;
        }
        out->start = (struct offset_point){OFFSET_AT_TIME, ms};
    }
    if (strcmp(second, "end") == 0) {
        out->stop = (struct offset_point){OFFSET_FROM_END, 0};
    } else if (*second != '\0') {
        int64_t base_ms = is_date ? ms : now_ms;
        bool ignored = false;
        if (!offset_range_time(second, base_ms, &ms, &ignored)) {
            return false;
        }
        out->stop = (struct offset_point){OFFSET_AT_TIME, ms};
    }
    return *first != '\0' || *second != '\0';
}

/* Times hold colons of their own: the cut is the one that leaves a time on both sides. */
static bool offset_range_parse_times(const char *text, int64_t now_ms, struct offset_range *out)
{
    char first[OFFSET_RANGE_TEXT_MAX];
    if (offset_range_times(text, "", now_ms, out)) {
        return true;
    }
    for (const char *cut = strchr(text, ':'); cut != NULL; cut = strchr(cut + 1, ':')) {
        size_t n = (size_t)(cut - text);
        memcpy(first, text, n);
        first[n] = '\0';
        struct offset_range range = *out;
        if (offset_range_times(first, cut + 1, now_ms, &range)) {
            *out = range;
            return true;
        }
    }
    return false;
}

static bool offset_range_parse_offsets(const char *text, struct offset_range *out)
{
    char first[OFFSET_RANGE_TEXT_MAX];
    size_t n = strspn(text, "0123456789");
    memcpy(first, text, n);
    first[n] = '\0';
    const char *second = text + n;
    if (n > 0) {
        out->start.anchor = OFFSET_EXACT;
        if (!text_parse_int64(first, &out->start.value)) {
            return false;
        }
    }
    if (*second == '\0') {
        return n > 0;
    }
    if (*second != ':' && (*second != '-' || n == 0)) {
        return false;
    }
    bool open = *second == ':' && n > 0;
    second++;
    if (strcmp(second, "end") == 0) {
        out->stop = (struct offset_point){OFFSET_FROM_END, 0};
        return true;
    }
    if (*second == '\0') {
        return open;
    }
    out->stop.anchor = OFFSET_EXACT;
    return offset_range_digits(second) && text_parse_int64(second, &out->stop.value) &&
           out->stop.value >= out->start.value;
}

/* start, end, +N, -N. */
static bool offset_range_parse_word(const char *text, struct offset_range *out)
{
    if (strcmp(text, "start") == 0 || strcmp(text, "oldest") == 0) {
        return true;
    }
    if (strcmp(text, "end") == 0 || strcmp(text, "newest") == 0) {
        out->start.anchor = OFFSET_FROM_END;
        return true;
    }
    if ((text[0] == '+' || text[0] == '-') && offset_range_digits(text + 1)) {
        out->start.anchor = text[0] == '+' ? OFFSET_FROM_START : OFFSET_FROM_END;
        return text_parse_int64(text + 1, &out->start.value);
    }
    return false;
}

enum err_code offset_range_parse(const char *text, int64_t now_ms, struct offset_range *out,
                                 struct err *e)
{
    struct offset_range range = {{OFFSET_FROM_START, 0}, {OFFSET_NONE, 0}};
    bool good = strlen(text) < OFFSET_RANGE_TEXT_MAX;
    if (good && text[0] == '@') {
        good = offset_range_parse_times(text + 1, now_ms, &range);
    } else if (good) {
        good = offset_range_parse_word(text, &range) || offset_range_parse_offsets(text, &range);
    }
    if (!good) {
        return err_set(e, ERR_INVALID,
                       "--offset \"%s\": use start, end, N, +N, -N, A:B, :end, @TIME or "
                       "@TIME:TIME (times: 1700000000000, 2024-01-31, 2024-01-31T10:00:00Z, -1h)",
                       text);
    }
    *out = range;
    return ERR_OK;
}
