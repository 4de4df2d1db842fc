#include "connect/transforms/java_date_format.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/model/civil_date.h"

#define ITEMS_MAX ((size_t)64)
#define LETTER_COUNT_MAX 64
#define DIGITS_MAX ((size_t)9)
#define DAY_MS INT64_C(86400000)
#define DAYS_MAX INT64_C(60000000000) /* what 64 bits of milliseconds hold, and hours beside */

/* A run of one letter, or a literal text. */
struct item {
    char letter; /* 0: literal */
    int count;
    const char *text; /* literal, in the owner's copy */
    size_t len;
};

struct java_date_format {
    char *pattern;
    char *literals; /* with quotes resolved */
    struct item items[ITEMS_MAX];
    size_t count;
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static enum err_code add_letters(struct java_date_format *f, const char *at, size_t count,
                                 struct err *e)
{
    static const char known[] = "yMLdDEuaHkKhmsSzZX";
    if (strchr("GYwWF", *at) != NULL) {
        return err_set(e, ERR_UNSUPPORTED, "Pattern character '%c' is not supported", *at);
    }
    if (strchr(known, *at) == NULL) {
        return err_set(e, ERR_INVALID, "Illegal pattern character '%c'", *at);
    }
    if (count > LETTER_COUNT_MAX || (*at == 'X' && count > 3)) {
        return err_set(e, ERR_INVALID, "invalid ISO 8601 format: length=%zu", count);
    }
    f->items[f->count++] = (struct item){.letter = *at == 'L' ? 'M' : *at, .count = (int)count};
    return ERR_OK;
}

/* Reads the literal from `at` on, quoted or not, to its end; NULL when a quote is not closed. */
static const char *add_literal(struct java_date_format *f, const char *at, char **out)
{
    char *start = *out;
    bool quoted = false;
    for (; *at != '\0' && (quoted || !is_letter(*at)); at++) {
        if (*at == '\'' && at[1] == '\'') {
            *(*out)++ = *at++;
        } else if (*at == '\'') {
            quoted = !quoted;
        } else {
            *(*out)++ = *at;
        }
    }
    f->items[f->count++] = (struct item){.text = start, .len = (size_t)(*out - start)};
    return quoted ? NULL : at;
}

static enum err_code compile(struct java_date_format *f, struct err *e)
{
    char *out = f->literals;
    const char *at = f->pattern;
    while (*at != '\0') {
        if (f->count == ITEMS_MAX) {
            return err_set(e, ERR_LIMIT, "the pattern has more than %zu parts", ITEMS_MAX);
        }
        if (is_letter(*at)) {
            size_t run = 1;
            while (at[run] == *at) {
                run++;
            }
            enum err_code code = add_letters(f, at, run, e);
            if (code != ERR_OK) {
                return code;
            }
            at += run;
        } else if ((at = add_literal(f, at, &out)) == NULL) {
            return err_set(e, ERR_INVALID, "Unterminated quote");
        }
    }
    return ERR_OK;
}

enum err_code java_date_format_create(const char *pattern, struct java_date_format **out_format,
                                      struct err *e)
{
    struct java_date_format *f = mem_calloc(1, sizeof *f);
    if (f == NULL) {
        return err_nomem(e, "date format");
    }
    f->pattern = mem_strdup(pattern);
    f->literals = mem_strdup(pattern); /* never longer than that */
    enum err_code code =
        f->pattern != NULL && f->literals != NULL ? compile(f, e) : err_nomem(e, "date format");
    if (code != ERR_OK) {
        java_date_format_destroy(f);
        return code;
    }
    *out_format = f;
    return ERR_OK;
}

void java_date_format_destroy(struct java_date_format *f)
{
    if (f != NULL) {
        mem_free(f->pattern);
        mem_free(f->literals);
        mem_free(f);
    }
}

const char *java_date_format_pattern(const struct java_date_format *f)
{
    return f->pattern;
}

/* What the letters stand for. */
struct fields {
    struct civil_date date;
    int64_t days;
    int day_of_year;
    int weekday; /* 0 = Monday */
    int hour;
    int minute;
    int second;
    int millisecond;
};

static struct fields split(int64_t ms)
{
    int left = (int)(ms % DAY_MS);
    left += left < 0 ? (int)DAY_MS : 0;
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0 ? 1 : 0);
    struct fields f = {
        .date = civil_date_from_days(day),
        .days = day,
        .weekday = (int)(((day + 3) % 7 + 7) % 7),
        .hour = left / 3600000,
        .minute = left / 60000 % 60,
        .second = left / 1000 % 60,
        .millisecond = left % 1000,
    };
    const struct civil_date first = {.year = f.date.year, .month = 1, .day = 1};
    f.day_of_year = (int)(day - civil_date_to_days(&first)) + 1;
    return f;
}

static void print_name(const char *name, int count, struct buf *out)
{
    buf_printf(out, "%.*s", count >= 4 ? (int)strlen(name) : 3, name);
}

/* Of the letters that print a number. */
static int64_t number_of(const struct item *item, const struct fields *f)
{
    int64_t year = f->date.year > 0 ? f->date.year : 1 - f->date.year; /* of its era */
    int half = f->hour % 12;
    switch (item->letter) {
    case 'y':
        return item->count == 2 ? year % 100 : year;
    case 'M':
        return f->date.month;
    case 'd':
        return f->date.day;
    case 'D':
        return f->day_of_year;
    case 'u':
        return f->weekday + 1;
    case 'H':
        return f->hour;
    case 'k':
        return f->hour == 0 ? 24 : f->hour;
    case 'K':
        return half;
    case 'h':
        return half == 0 ? 12 : half;
    case 'm':
        return f->minute;
    case 's':
        return f->second;
    default:
        return f->millisecond;
    }
}

static void print_item(const struct item *item, const struct fields *f, struct buf *out)
{
    switch (item->letter) {
    case 'E':
        print_name(days[f->weekday], item->count, out);
        break;
    case 'a':
        buf_append_text(out, f->hour < 12 ? "AM" : "PM");
        break;
    case 'z':
        buf_append_text(out, item->count >= 4 ? "Coordinated Universal Time" : "UTC");
        break;
    case 'Z':
        buf_append_text(out, "+0000");
        break;
    case 'X':
        buf_append_char(out, 'Z');
        break;
    default:
        if (item->letter == 'M' && item->count >= 3) {
            print_name(months[f->date.month - 1], item->count, out);
        } else {
            buf_printf(out, "%0*" PRId64, item->count, number_of(item, f));
        }
        break;
    }
}

void java_date_format_print(const struct java_date_format *f, int64_t ms, struct buf *out)
{
    struct fields fields = split(ms);
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].letter == '\0') {
            buf_append(out, f->items[i].text, f->items[i].len);
        } else {
            print_item(&f->items[i], &fields, out);
        }
    }
}

/* What has been read, and where. */
struct parse {
    const char *at;
    const char *end;
    struct fields fields;
    bool has_day_of_year; /* read after the day of the month, or without one */
    bool pm;
    bool half_day;   /* the hour is one of twelve */
    int64_t zone_ms; /* to take off */
    int64_t now_ms;
};

static bool is_digit(const struct parse *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

/* At most `width` digits; at least one. */
static bool read_number(struct parse *p, size_t width, int *out, size_t *out_digits)
{
    const char *start = p->at;
    int64_t v = 0;
    while (is_digit(p) && (size_t)(p->at - start) < width) {
        if ((size_t)(p->at - start) == DIGITS_MAX) {
            return false;
        }
        v = v * 10 + (*p->at++ - '0');
    }
    *out = (int)v;
    *out_digits = (size_t)(p->at - start);
    return *out_digits > 0;
}

/* The longest of the names that stands here, in full or by its first three letters. */
static bool read_name(struct parse *p, const char *const *names, int count, int *out_index)
{
    size_t left = (size_t)(p->end - p->at);
    size_t best = 0;
    for (int i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        if (len > best && len <= left && strncasecmp(p->at, names[i], len) == 0) {
            best = len;
            *out_index = i;
        } else if (best < 3 && left >= 3 && strncasecmp(p->at, names[i], 3) == 0) {
            best = 3;
            *out_index = i;
        }
    }
    p->at += best;
    return best > 0;
}

static bool read_two(struct parse *p, int max, int *out)
{
    size_t digits = 0;
    return read_number(p, 2, out, &digits) && digits == 2 && *out <= max;
}

/* +hh, +hhmm, +hh:mm; `colon` says whether the last form is the one. */
static bool read_offset(struct parse *p, bool minutes, bool colon)
{
    int hour = 0;
    int minute = 0;
    if (p->at == p->end || (*p->at != '+' && *p->at != '-')) {
        return false;
    }
    int sign = *p->at++ == '-' ? -1 : 1;
    if (!read_two(p, 23, &hour)) {
        return false;
    }
    if (minutes && colon) {
        if (p->at == p->end || *p->at++ != ':') {
            return false;
        }
    }
    if (minutes && !read_two(p, 59, &minute)) {
        return false;
    }
    p->zone_ms = sign * (hour * INT64_C(3600000) + minute * INT64_C(60000));
    return true;
}

static bool read_zone(struct parse *p, const struct item *item)
{
    if (item->letter == 'X') {
        if (p->at < p->end && *p->at == 'Z') {
            p->at++;
            return true;
        }
        return read_offset(p, item->count > 1, item->count == 3);
    }
    static const char *const names[] = {"UTC", "GMT"};
    int index = 0;
    if (!read_name(p, names, 2, &index)) {
        return read_offset(p, true, false);
    }
    bool more = index == 1 && p->at < p->end && (*p->at == '+' || *p->at == '-');
    return !more || read_offset(p, true, true);
}

/* Two digits for "yy" are a year near now. */
static int64_t near_year(const struct parse *p, int two_digits)
{
    int64_t first = split(p->now_ms).date.year - 80;
    int64_t year = first - first % 100 + two_digits;
    return year < first ? year + 100 : year;
}

static bool read_numeric(struct parse *p, const struct item *item, size_t width)
{
    struct fields *f = &p->fields;
    int v = 0;
    size_t digits = 0;
    if (!read_number(p, width, &v, &digits)) {
        return false;
    }
    switch (item->letter) {
    case 'y':
        f->date.year = item->count <= 2 && digits == 2 ? near_year(p, v) : v;
        break;
    case 'M':
        f->date.month = v;
        break;
    case 'd':
        f->date.day = v;
        p->has_day_of_year = false;
        break;
    case 'D':
        f->day_of_year = v;
        p->has_day_of_year = true;
        break;
    case 'H':
    case 'k':
        f->hour = item->letter == 'k' && v == 24 ? 0 : v;
        p->half_day = false;
        break;
    case 'K':
    case 'h':
        f->hour = item->letter == 'h' && v == 12 ? 0 : v;
        p->half_day = true;
        break;
    case 'm':
        f->minute = v;
        break;
    case 's':
        f->second = v;
        break;
    case 'S':
        f->millisecond = v;
        break;
    default: /* a day of the week says nothing beside a date */
        break;
    }
    return true;
}

static bool numeric(const struct item *item)
{
    return item->letter != '\0' && strchr("EazZX", item->letter) == NULL &&
           !(item->letter == 'M' && item->count >= 3);
}

/* next: what follows in the pattern; digits of adjacent numbers are divided by the letters. */
static bool read_item(struct parse *p, const struct item *item, const struct item *next)
{
    static const char *const halves[] = {"AM", "PM"};
    int index = 0;
    if (item->letter == '\0') {
        bool same =
            (size_t)(p->end - p->at) >= item->len && memcmp(p->at, item->text, item->len) == 0;
        p->at += same ? item->len : 0;
        return same;
    }
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
    }
    switch (item->letter) {
    case 'E':
        return read_name(p, days, 7, &index);
    case 'a':
        if (p->end - p->at < 2 ||
            (strncasecmp(p->at, halves[0], 2) != 0 && strncasecmp(p->at, halves[1], 2) != 0)) {
            return false;
        }
        p->pm = strncasecmp(p->at, halves[1], 2) == 0;
        p->at += 2;
        return true;
    case 'z':
    case 'Z':
    case 'X':
        return read_zone(p, item);
    default:
        break;
    }
    if (item->letter == 'M' && item->count >= 3) {
        bool found = read_name(p, months, 12, &index);
        p->fields.date.month = index + 1;
        return found;
    }
    bool divided = next != NULL && numeric(next);
    return read_numeric(p, item, divided ? (size_t)item->count : SIZE_MAX);
}

bool java_date_format_parse(const struct java_date_format *f, struct bytes text, int64_t now_ms,
                            int64_t *out_ms)
{
    struct parse p = {
        .at = (const char *)text.data,
        .end = (const char *)text.data + text.len,
        .fields = {.date = {.year = 1970, .month = 1, .day = 1}},
        .now_ms = now_ms,
    };
    for (size_t i = 0; i < f->count; i++) {
        if (!read_item(&p, &f->items[i], i + 1 < f->count ? &f->items[i + 1] : NULL)) {
            return false;
        }
    }
    if (p.has_day_of_year) {
        p.fields.date.month = 1;
        p.fields.date.day = p.fields.day_of_year;
    }
    int64_t hours = p.fields.hour + (p.half_day && p.pm ? 12 : 0);
    int64_t day = civil_date_to_days(&p.fields.date);
    if (day < -DAYS_MAX || day > DAYS_MAX) {
        return false;
    }
    *out_ms = day * DAY_MS + hours * 3600000 + p.fields.minute * INT64_C(60000) +
              p.fields.second * INT64_C(1000) + p.fields.millisecond - p.zone_ms;
    return true;
}
