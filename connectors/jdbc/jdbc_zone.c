#include "connectors/jdbc/jdbc_zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/reader.h"

#define JDBC_ZONE_DIRECTORY "/usr/share/zoneinfo"
#define JDBC_ZONE_FILE_MAX ((size_t)1 << 20)
#define JDBC_ZONE_MICROS INT64_C(1000000)

struct jdbc_zone {
    size_t count;
    int64_t *from_utc; /* ascending; [i] on, offset_s[i + 1] holds */
    int32_t *offset_s; /* count + 1 */
};

static struct jdbc_zone *jdbc_zone_create(size_t count)
{
    struct jdbc_zone *z = mem_calloc(1, sizeof *z);
    if (z == NULL) {
        return NULL;
    }
    z->count = count;
    z->from_utc = mem_calloc(count + 1, sizeof *z->from_utc);
    z->offset_s = mem_calloc(count + 1, sizeof *z->offset_s);
    if (z->from_utc == NULL || z->offset_s == NULL) {
        jdbc_zone_close(z);
        return NULL;
    }
    return z;
}

void jdbc_zone_close(struct jdbc_zone *zone)
{
    if (zone != NULL) {
        mem_free(zone->from_utc);
        mem_free(zone->offset_s);
        mem_free(zone);
    }
}

/* "+2", "+02", "+0200", "-02:30": seconds. */
static bool jdbc_zone_parse_offset(const char *text, int32_t *out_s)
{
    if (text[0] != '+' && text[0] != '-') {
        return false;
    }
    char digits[5] = "";
    size_t n = 0;
    size_t hour_digits = 0;
    for (const char *p = text + 1; *p != '\0'; p++) {
        if (*p == ':' && hour_digits == 0 && n > 0) {
            hour_digits = n;
        } else if (*p >= '0' && *p <= '9' && n < 4) {
            digits[n++] = *p;
        } else {
            return false;
        }
    }
    if (n == 0) {
        return false;
    }
    if (hour_digits == 0) {
        hour_digits = n <= 2 ? n : n - 2;
    }
    int value[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        int *v = &value[i < hour_digits ? 0 : 1];
        *v = *v * 10 + (digits[i] - '0');
    }
    int32_t s = value[0] * 3600 + value[1] * 60;
    *out_s = text[0] == '-' ? -s : s;
    return value[0] <= 18 && value[1] < 60;
}

/* Zones that need no file. */
static bool jdbc_zone_fixed(const char *name, int32_t *out_s)
{
    if (strcasecmp(name, "UTC") == 0 || strcasecmp(name, "GMT") == 0 || strcmp(name, "Z") == 0) {
        *out_s = 0;
        return true;
    }
    if (strncasecmp(name, "UTC", 3) == 0 || strncasecmp(name, "GMT", 3) == 0) {
        name += 3;
    }
    return jdbc_zone_parse_offset(name, out_s);
}

struct jdbc_zone_head {
    uint8_t version;
    uint32_t isut;
    uint32_t isstd;
    uint32_t leap;
    uint32_t times;
    uint32_t types;
    uint32_t chars;
};

static struct jdbc_zone_head jdbc_zone_read_head(struct reader *r)
{
    struct bytes magic = reader_bytes(r, 4);
    if (magic.len != 4 || memcmp(magic.data, "TZif", 4) != 0) {
        reader_fail(r);
    }
    struct jdbc_zone_head h = {.version = reader_u8(r)};
    reader_skip(r, 15);
    h.isut = reader_be32(r);
    h.isstd = reader_be32(r);
    h.leap = reader_be32(r);
    h.times = reader_be32(r);
    h.types = reader_be32(r);
    h.chars = reader_be32(r);
    if (h.times > 10000 || h.types == 0 || h.types > 256 || h.chars > 10000 || h.leap > 10000 ||
        h.isut > 256 || h.isstd > 256) {
        reader_fail(r);
    }
    return h;
}

/* RFC 8536: the block of 64-bit times that follows the one of 32-bit times. */
static struct jdbc_zone *jdbc_zone_parse(struct bytes file)
{
    struct reader r;
    reader_init(&r, file);
    struct jdbc_zone_head h = jdbc_zone_read_head(&r);
    if (reader_failed(&r) || h.version < '2') {
        return NULL;
    }
    reader_skip(&r, (size_t)h.times * 5 + (size_t)h.types * 6 + h.chars + (size_t)h.leap * 8 +
                        h.isstd + h.isut);
    h = jdbc_zone_read_head(&r);
    struct jdbc_zone *z = reader_failed(&r) ? NULL : jdbc_zone_create(h.times);
    if (z == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < h.times; i++) {
        z->from_utc[i] = (int64_t)reader_be64(&r);
    }
    struct bytes index = reader_bytes(&r, h.times);
    struct bytes types = reader_bytes(&r, (size_t)h.types * 6);
    if (reader_failed(&r)) {
        jdbc_zone_close(z);
        return NULL;
    }
    for (size_t i = 0; i <= h.times; i++) {
        size_t type = i == 0 ? 0 : index.data[i - 1];
        struct reader t;
        reader_init(&t, bytes_of(types.data, types.len));
        reader_skip(&t, type * 6);
        z->offset_s[i] = (int32_t)reader_be32(&t);
        if (reader_failed(&t)) {
            jdbc_zone_close(z);
            return NULL;
        }
    }
    return z;
}

static struct jdbc_zone *jdbc_zone_load(const char *path)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return NULL;
    }
    uint8_t *data = mem_alloc(JDBC_ZONE_FILE_MAX);
    struct jdbc_zone *z = NULL;
    if (data != NULL) {
        size_t n = fread(data, 1, JDBC_ZONE_FILE_MAX, f);
        z = jdbc_zone_parse(bytes_of(data, n));
        mem_free(data);
    }
    (void)fclose(f);
    return z;
}

enum err_code jdbc_zone_open(const char *name, struct jdbc_zone **out_zone, struct err *e)
{
    int32_t offset_s = 0;
    struct jdbc_zone *z = NULL;
    if (jdbc_zone_fixed(name, &offset_s)) {
        z = jdbc_zone_create(0);
        if (z == NULL) {
            return err_nomem(e, "time zone");
        }
        z->offset_s[0] = offset_s;
    } else if (strstr(name, "..") == NULL && name[0] != '/' && name[0] != '\0') {
        char path[256];
        int n = snprintf(path, sizeof path, "%s/%s", JDBC_ZONE_DIRECTORY, name);
        z = n > 0 && (size_t)n < sizeof path ? jdbc_zone_load(path) : NULL;
    }
    if (z == NULL) {
        return err_set(e, ERR_NOT_FOUND,
                       "Invalid value %s for configuration db.timezone: Invalid time zone "
                       "identifier",
                       name);
    }
    *out_zone = z;
    return ERR_OK;
}

/* How many changes lie at or before the time. */
static size_t jdbc_zone_find(const struct jdbc_zone *z, int64_t utc_s)
{
    size_t low = 0;
    size_t high = z->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (z->from_utc[mid] <= utc_s) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static int64_t jdbc_zone_seconds(int64_t us)
{
    return us >= 0 ? us / JDBC_ZONE_MICROS : -((-us + JDBC_ZONE_MICROS - 1) / JDBC_ZONE_MICROS);
}

int64_t jdbc_zone_to_wall(const struct jdbc_zone *zone, int64_t utc_us)
{
    size_t i = jdbc_zone_find(zone, jdbc_zone_seconds(utc_us));
    return utc_us + zone->offset_s[i] * JDBC_ZONE_MICROS;
}

int64_t jdbc_zone_to_utc(const struct jdbc_zone *zone, int64_t wall_us)
{
    int64_t wall_s = jdbc_zone_seconds(wall_us);
    /* No offset exceeds a day: the right period is one of those around. */
    size_t at = jdbc_zone_find(zone, wall_s - 86400);
    for (; at < zone->count; at++) {
        /* The period ends, by its own clock, at from_utc[at] + its offset. */
        if (wall_s < zone->from_utc[at] + zone->offset_s[at]) {
            break;
        }
        int32_t step = zone->offset_s[at + 1] - zone->offset_s[at];
        if (step > 0 && wall_s < zone->from_utc[at] + zone->offset_s[at + 1]) {
            break; /* skipped hour: by the clock before the change */
        }
    }
    return wall_us - zone->offset_s[at] * JDBC_ZONE_MICROS;
}
