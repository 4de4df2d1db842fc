/* Texts that reach the JDBC connector from configs and from SQLite files: the first byte says
 * which. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/mem.h"
#include "connectors/jdbc/jdbc_decimal.h"
#include "connectors/jdbc/jdbc_dialect.h"
#include "connectors/jdbc/jdbc_tables.h"
#include "connectors/jdbc/jdbc_url.h"
#include "connectors/jdbc/jdbc_zone.h"
#include "connectors/jdbc/sqlite/sqlite_time.h"
#include "connectors/jdbc/sqlite/sqlite_types.h"

#define FUZZ_ARENA_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_url(const char *text)
{
    struct jdbc_url url;
    struct err e;
    char shown[64];
    jdbc_url_redact(text, shown, sizeof shown);
    CHECK(strlen(shown) < sizeof shown);
    if (jdbc_url_parse(text, &url, &e) == ERR_OK) {
        (void)jdbc_url_property(&url, "user");
        jdbc_url_deinit(&url);
    }
}

/* What is read is written such that it reads the same. */
static void fuzz_tables(const char *text)
{
    struct jdbc_table_list list = {0};
    struct jdbc_table_list again = {0};
    struct err e;
    if (jdbc_tables_read(text, &list, &e) != ERR_OK) {
        return;
    }
    struct buf b;
    buf_init(&b, FUZZ_ARENA_MAX);
    for (size_t i = 0; i < list.count; i++) {
        buf_append_text(&b, i > 0 ? "," : "");
        jdbc_tables_write(&list.items[i], &b);
    }
    const char *written = buf_text(&b);
    CHECK(jdbc_tables_read(written != NULL ? written : "", &again, &e) == ERR_OK);
    CHECK(jdbc_tables_equal(&list, &again));
    buf_deinit(&b);
    jdbc_dialect_free_tables(&list);
    jdbc_dialect_free_tables(&again);
}

/* A declared type, a zero byte, a value of any storage class. */
static void fuzz_sqlite(const char *text, size_t size)
{
    const char *value = memchr(text, '\0', size);
    size_t declared_len = value != NULL ? (size_t)(value - text) : size;
    struct bytes data =
        value != NULL ? bytes_of(value + 1, size - declared_len - 1) : bytes_of("", 0);
    struct sqlite_cell cell = {.storage = 1 + (int)(data.len > 0 ? data.data[0] % 4U : 0),
                               .data = data};
    memcpy(&cell.integer, data.data, data.len < 8 ? data.len : 8);
    memcpy(&cell.real, data.data, data.len < 8 ? data.len : 8);
    struct jdbc_column column = {.name = text == NULL ? NULL : mem_strdup("c")};
    struct jdbc_zone *zone = NULL;
    struct err e;
    struct arena a;
    arena_init(&a, FUZZ_ARENA_MAX);
    if (jdbc_zone_open("UTC", &zone, &e) == ERR_OK) {
        const struct sqlite_context ctx = {zone, JDBC_GRANULARITY_CONNECT_LOGICAL};
        for (int mapping = 0; mapping < 4; mapping++) {
            struct connect_value v;
            int64_t us = 0;
            sqlite_types_map(text, &cell, (enum jdbc_numeric)mapping, &column);
            (void)sqlite_types_may_widen(text);
            (void)sqlite_types_decode(&ctx, &column, &cell, &a, &v, &e);
            (void)sqlite_types_decode_instant(&ctx, &column, &cell, &us, &e);
        }
    }
    jdbc_zone_close(zone);
    arena_deinit(&a);
    mem_free(column.name);
}

static void fuzz_time(const char *text, size_t len)
{
    int64_t us = 0;
    bool zoned = false;
    (void)sqlite_time_parse(text, len, &us, &zoned);
    (void)sqlite_time_parse_clock(text, len, &us);
    struct jdbc_zone *zone = NULL;
    if (jdbc_zone_open(text, &zone, NULL) == ERR_OK) {
        (void)jdbc_zone_to_wall(zone, us);
        (void)jdbc_zone_to_utc(zone, us);
        jdbc_zone_close(zone);
    }
}

static void fuzz_decimal(const char *text, size_t len)
{
    struct arena a;
    struct connect_value v;
    struct err e;
    arena_init(&a, FUZZ_ARENA_MAX);
    (void)jdbc_decimal_from_text(&a, text, len, (int32_t)(len % 40), &v, &e);
    arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? mem_strndup((const char *)data + 1, size - 1) : NULL;
    if (text == NULL) {
        return 0;
    }
    switch (data[0]) {
    case 'u':
        fuzz_url(text);
        break;
    case 't':
        fuzz_tables(text);
        break;
    case 's':
        fuzz_sqlite(text, size - 1);
        break;
    case 'c':
        fuzz_time(text, strlen(text));
        break;
    case 'd':
        fuzz_decimal(text, strlen(text));
        break;
    default:
        break;
    }
    mem_free(text);
    return 0;
}
