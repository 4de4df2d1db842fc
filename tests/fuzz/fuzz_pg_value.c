/*
 * Binary values as a Postgres server sends them, each read as every form: the bytes are whatever a
 * broken or hostile server sends.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "connect/include/connect_value.h"
#include "connectors/jdbc/jdbc_columns.h"
#include "connectors/jdbc/postgres/pg_numeric.h"
#include "connectors/jdbc/postgres/pg_types.h"

#define FUZZ_ARENA_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_form(struct arena *a, const struct jdbc_zone *zone, enum pg_form form,
                      struct bytes cell)
{
    static const int modifiers[] = {-1, 1, 4, 8, (10 << 16 | 2) + 4, (3 << 16 | 0x7fe) + 4};
    bool varies = form == PG_FORM_NUMERIC || form == PG_FORM_BIT;
    for (size_t m = 0; m < (varies ? sizeof modifiers / sizeof modifiers[0] : 1); m++) {
        for (int mapping = 0; mapping < (varies ? 4 : 1); mapping++) {
            const struct pg_column pg = {.modifier = modifiers[m], .form = form};
            struct jdbc_column column = {.name = (char[]){"c"}};
            const struct pg_context ctx = {zone, JDBC_GRANULARITY_NANOS_ISO, 100, a};
            struct connect_value v;
            struct err e;
            int64_t number = 0;
            pg_types_map(&pg, (enum jdbc_numeric)mapping, &column);
            if (pg_types_decode(&ctx, &pg, &column, cell, &v, &e) == ERR_OK) {
                CHECK(v.kind != CONNECT_NULL);
            }
            (void)pg_types_decode_id(&pg, cell, &number, &e);
            (void)pg_types_decode_instant(&ctx, &pg, cell, &number, &e);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jdbc_zone *zone;
    struct err e;
    CHECK(zone != NULL || jdbc_zone_open("UTC", &zone, &e) == ERR_OK);
    struct arena a;
    arena_init(&a, FUZZ_ARENA_MAX);
    for (int form = PG_FORM_BOOL; form <= PG_FORM_TIMESTAMPTZ; form++) {
        fuzz_form(&a, zone, (enum pg_form)form, bytes_of(data, size));
        arena_reset(&a);
    }
    arena_deinit(&a);
    return 0;
}
