#include "connectors/jdbc/postgres/pg_types.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/reader.h"
#include "connect/include/connect_error.h"
#include "connectors/jdbc/jdbc_decimal.h"
#include "connectors/jdbc/postgres/pg_numeric.h"

/* Two days of room for the zone. */
#define PG_INSTANT_MAX_US (INT64_MAX - PG_EPOCH_US - 2 * PG_DAY_US)
#define PG_INSTANT_DAYS INT64_C(106000000)
#define PG_DAY_US INT64_C(86400000000)
#define PG_EPOCH_DAYS 10957
/* What the JDBC driver makes of 'infinity' and '-infinity', in ms. */
#define PG_INFINITY_MS INT64_C(9223372036825200000)
#define PG_MINUS_INFINITY_MS INT64_C(-9223372036832400000)
/* bit(1) is a boolean, bit(2) and bit(3) numbers that look like their bits, longer ones texts. */
#define PG_BIT_NUMBER_MAX 3

enum pg_form pg_types_builtin_form(Oid type)
{
    static const struct {
        Oid type;
        enum pg_form form;
    } table[] = {
        {16, PG_FORM_BOOL},     {17, PG_FORM_BYTEA},       {18, PG_FORM_TEXT},
        {19, PG_FORM_TEXT},     {20, PG_FORM_INT8},        {21, PG_FORM_INT2},
        {23, PG_FORM_INT4},     {25, PG_FORM_TEXT},        {26, PG_FORM_OID},
        {114, PG_FORM_TEXT},    {142, PG_FORM_TEXT},       {700, PG_FORM_FLOAT4},
        {701, PG_FORM_FLOAT8},  {705, PG_FORM_TEXT},       {790, PG_FORM_MONEY},
        {1042, PG_FORM_TEXT},   {1043, PG_FORM_TEXT},      {1082, PG_FORM_DATE},
        {1083, PG_FORM_TIME},   {1114, PG_FORM_TIMESTAMP}, {1184, PG_FORM_TIMESTAMPTZ},
        {1266, PG_FORM_TIMETZ}, {1560, PG_FORM_BIT},       {1700, PG_FORM_NUMERIC},
        {2950, PG_FORM_UUID},   {3802, PG_FORM_JSONB},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].type == type) {
            return table[i].form;
        }
    }
    return PG_FORM_NONE;
}

static enum jdbc_kind pg_types_bit_kind(int length)
{
    if (length == 1) {
        return JDBC_KIND_BOOLEAN;
    }
    return length > 0 && length <= PG_BIT_NUMBER_MAX ? JDBC_KIND_INT8 : JDBC_KIND_BYTES;
}

void pg_types_map(const struct pg_column *pg, enum jdbc_numeric mapping, struct jdbc_column *column)
{
    static const enum jdbc_kind kinds[] = {[PG_FORM_BOOL] = JDBC_KIND_BOOLEAN,
                                           [PG_FORM_INT2] = JDBC_KIND_INT16,
                                           [PG_FORM_INT4] = JDBC_KIND_INT32,
                                           [PG_FORM_INT8] = JDBC_KIND_INT64,
                                           [PG_FORM_OID] = JDBC_KIND_INT64,
                                           [PG_FORM_FLOAT4] = JDBC_KIND_FLOAT32,
                                           [PG_FORM_FLOAT8] = JDBC_KIND_FLOAT64,
                                           [PG_FORM_MONEY] = JDBC_KIND_FLOAT64,
                                           [PG_FORM_TEXT] = JDBC_KIND_STRING,
                                           [PG_FORM_JSONB] = JDBC_KIND_STRING,
                                           [PG_FORM_UUID] = JDBC_KIND_STRING,
                                           [PG_FORM_BYTEA] = JDBC_KIND_BYTES,
                                           [PG_FORM_DATE] = JDBC_KIND_DATE,
                                           [PG_FORM_TIME] = JDBC_KIND_TIME,
                                           [PG_FORM_TIMETZ] = JDBC_KIND_TIME,
                                           [PG_FORM_TIMESTAMP] = JDBC_KIND_TIMESTAMP,
                                           [PG_FORM_TIMESTAMPTZ] = JDBC_KIND_TIMESTAMP};
    CHECK(pg->form != PG_FORM_NONE);
    if (pg->form == PG_FORM_NUMERIC) {
        /* typmod: precision << 16 | scale, an 11-bit signed number, + 4 */
        int bits = pg->modifier - 4;
        int scale = bits & 0x7ff;
        scale = scale >= 0x400 ? scale - 0x800 : scale;
        bool bare = pg->modifier < 4;
        jdbc_columns_map_numeric(column, mapping, bare ? 0 : bits >> 16 & 0xffff, bare ? 0 : scale);
    } else if (pg->form == PG_FORM_BIT) {
        column->kind = pg_types_bit_kind(pg->modifier);
    } else {
        column->kind = kinds[pg->form];
    }
}

static enum err_code pg_types_malformed(const struct jdbc_column *column, struct bytes cell,
                                        struct err *e)
{
    return connect_error_set(e, ERR_CORRUPT, CONNECT_DATA_EXCEPTION,
                             "column \"%s\": the server sent %zu bytes that are no value of its "
                             "type",
                             column->name, cell.len);
}

static uint64_t pg_types_be(struct bytes cell)
{
    uint64_t v = 0;
    for (size_t i = 0; i < cell.len; i++) {
        v = v << 8 | cell.data[i];
    }
    return v;
}

static enum err_code pg_types_copy(struct arena *a, struct bytes cell, enum connect_kind kind,
                                   struct connect_value *out_value, struct err *e)
{
    const uint8_t *copy = arena_dup(a, cell.data, cell.len);
    if (copy == NULL) {
        return err_set(e, ERR_LIMIT, "the rows of one batch are too large: lower batch.max.rows");
    }
    *out_value = kind == CONNECT_STRING ? connect_value_string((const char *)copy, cell.len)
                                        : connect_value_bytes(copy, cell.len);
    return ERR_OK;
}

static enum err_code pg_types_decode_uuid(struct bytes cell, struct arena *a,
                                          struct connect_value *out_value, struct err *e)
{
    static const char hex[] = "0123456789abcdef";
    char text[36];
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[n++] = '-';
        }
        text[n++] = hex[cell.data[i] >> 4];
        text[n++] = hex[cell.data[i] & 15];
    }
    return pg_types_copy(a, bytes_of(text, sizeof text), CONNECT_STRING, out_value, e);
}

/* int32 length in bits, then the bits. */
static enum err_code pg_types_decode_bit(const struct jdbc_column *column, struct bytes cell,
                                         struct arena *a, struct connect_value *out_value,
                                         struct err *e)
{
    struct reader r;
    reader_init(&r, cell);
    uint32_t count = reader_be32(&r);
    struct bytes bits = reader_bytes(&r, ((size_t)count + 7) / 8);
    char *text = reader_failed(&r) ? NULL : arena_alloc(a, (size_t)count + 1);
    if (text == NULL) {
        return pg_types_malformed(column, cell, e);
    }
    int64_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool set = (bits.data[i / 8] >> (7 - i % 8) & 1) != 0;
        text[i] = set ? '1' : '0';
        number = i < PG_BIT_NUMBER_MAX ? number * 10 + (set ? 1 : 0) : 0;
    }
    if (column->kind == JDBC_KIND_BOOLEAN) {
        *out_value = connect_value_boolean(number != 0);
    } else if (column->kind == JDBC_KIND_INT8) {
        *out_value = connect_value_integer(CONNECT_INT8, number);
    } else {
        *out_value = connect_value_bytes(text, count);
    }
    return ERR_OK;
}

static enum err_code pg_types_decode_numeric(const struct jdbc_column *column, struct bytes cell,
                                             struct arena *a, struct connect_value *out_value,
                                             struct err *e)
{
    const char *text = NULL;
    size_t len = 0;
    enum err_code rc = pg_numeric_to_text(a, cell, &text, &len, e);
    if (rc != ERR_OK) {
        return err_wrap(e, "column \"%s\"", column->name);
    }
    if (column->kind == JDBC_KIND_STRING) {
        *out_value = connect_value_string(text, len);
    } else if (column->kind == JDBC_KIND_FLOAT64) {
        *out_value = connect_value_float64(strtod(text, NULL));
    } else if (column->kind == JDBC_KIND_DECIMAL) {
        rc = jdbc_decimal_from_text(a, text, len, column->scale, out_value, e);
    } else {
        char *end = NULL;
        int64_t v = strtoll(text, &end, 10);
        if (*end != '\0') {
            rc = err_set(e, ERR_INVALID, "%s is no integer", text);
        } else {
            return jdbc_columns_integer(column, v, out_value, e);
        }
    }
    return rc == ERR_OK
               ? ERR_OK
               : connect_error_wrap(e, CONNECT_DATA_EXCEPTION, "column \"%s\"", column->name);
}

static enum err_code pg_types_decode_date(const struct jdbc_column *column, struct bytes cell,
                                          struct connect_value *out_value, struct err *e)
{
    int32_t days = (int32_t)(uint32_t)pg_types_be(cell);
    if (days == INT32_MAX || days == INT32_MIN) {
        return connect_error_set(
            e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
            "column \"%s\" holds an infinite date, which Connect's Date cannot "
            "carry: exclude it, or cast it to text in a query",
            column->name);
    }
    if (days > INT32_MAX - PG_EPOCH_DAYS) {
        return pg_types_malformed(column, cell, e);
    }
    *out_value = connect_value_int32(days + PG_EPOCH_DAYS);
    return ERR_OK;
}

static struct connect_value pg_types_decode_time(struct bytes cell, bool zoned)
{
    int64_t us = (int64_t)pg_types_be(bytes_of(cell.data, 8));
    if (zoned) {
        /* Seconds west of Greenwich follow. */
        int32_t west_s = (int32_t)(uint32_t)pg_types_be(bytes_of(cell.data + 8, 4));
        us = (us % PG_DAY_US + west_s * INT64_C(1000000)) % PG_DAY_US;
        us = us < 0 ? us + PG_DAY_US : us;
    }
    int32_t ms = (int32_t)(us / 1000);
    return connect_value_int32(ms == 86400000 ? 0 : ms); /* 24:00 is a time in Postgres */
}

/* An instant, unless it is infinite: then *out_us is INT64_MAX or MIN. */
static int64_t pg_types_instant(const struct pg_context *ctx, enum pg_form form, struct bytes cell)
{
    int64_t us = (int64_t)pg_types_be(cell);
    if (us == INT64_MAX || us == INT64_MIN) {
        return us;
    }
    /* The last thirty years that Postgres knows, from 294247 on, do not fit a count from 1970. */
    if (us > PG_INSTANT_MAX_US) {
        us = PG_INSTANT_MAX_US;
    }
    us += PG_EPOCH_US;
    return form == PG_FORM_TIMESTAMP ? jdbc_zone_to_utc(ctx->zone, us) : us;
}

static struct connect_value pg_types_decode_timestamp(const struct pg_context *ctx,
                                                      enum pg_form form, struct bytes cell,
                                                      struct arena *a)
{
    int64_t us = pg_types_instant(ctx, form, cell);
    if ((us == INT64_MAX || us == INT64_MIN) &&
        ctx->granularity == JDBC_GRANULARITY_CONNECT_LOGICAL) {
        return connect_value_int64(us > 0 ? PG_INFINITY_MS : PG_MINUS_INFINITY_MS);
    }
    return jdbc_columns_timestamp(a, ctx->granularity, us);
}

static size_t pg_types_width(enum pg_form form)
{
    static const uint8_t widths[] = {
        [PG_FORM_BOOL] = 1,      [PG_FORM_INT2] = 2,       [PG_FORM_INT4] = 4,
        [PG_FORM_INT8] = 8,      [PG_FORM_OID] = 4,        [PG_FORM_FLOAT4] = 4,
        [PG_FORM_FLOAT8] = 8,    [PG_FORM_MONEY] = 8,      [PG_FORM_UUID] = 16,
        [PG_FORM_DATE] = 4,      [PG_FORM_TIME] = 8,       [PG_FORM_TIMETZ] = 12,
        [PG_FORM_TIMESTAMP] = 8, [PG_FORM_TIMESTAMPTZ] = 8};
    return widths[form];
}

static bool pg_types_is_variable(enum pg_form form)
{
    return form == PG_FORM_TEXT || form == PG_FORM_JSONB || form == PG_FORM_BYTEA ||
           form == PG_FORM_BIT || form == PG_FORM_NUMERIC;
}

/* The forms of a fixed width that need neither arena nor context. */
static struct connect_value pg_types_decode_number(const struct pg_context *ctx, enum pg_form form,
                                                   struct bytes cell)
{
    uint64_t v = pg_types_be(cell);
    uint32_t v32 = (uint32_t)v;
    float float32 = 0;
    double float64 = 0;
    switch ((int)form) {
    case PG_FORM_BOOL:
        return connect_value_boolean(v != 0);
    case PG_FORM_INT2:
        return connect_value_integer(CONNECT_INT16, (int16_t)(uint16_t)v);
    case PG_FORM_INT4:
        return connect_value_int32((int32_t)v32);
    case PG_FORM_INT8:
    case PG_FORM_OID:
        return connect_value_int64((int64_t)v);
    case PG_FORM_FLOAT4:
        memcpy(&float32, &v32, sizeof float32);
        return connect_value_float32(float32);
    case PG_FORM_FLOAT8:
        memcpy(&float64, &v, sizeof float64);
        return connect_value_float64(float64);
    case PG_FORM_MONEY:
        return connect_value_float64((double)(int64_t)v / ctx->money_unit);
    default:
        CHECK(false);
        return connect_value_null();
    }
}

static enum err_code pg_types_decode_variable(const struct pg_column *pg,
                                              const struct jdbc_column *column, struct bytes cell,
                                              struct arena *a, struct connect_value *out_value,
                                              struct err *e)
{
    switch ((int)pg->form) {
    case PG_FORM_TEXT:
        return pg_types_copy(a, cell, CONNECT_STRING, out_value, e);
    case PG_FORM_JSONB:
        if (cell.len < 1 || cell.data[0] != 1) {
            return pg_types_malformed(column, cell, e);
        }
        return pg_types_copy(a, bytes_of(cell.data + 1, cell.len - 1), CONNECT_STRING, out_value,
                             e);
    case PG_FORM_BYTEA:
        return pg_types_copy(a, cell, CONNECT_BYTES, out_value, e);
    case PG_FORM_BIT:
        return pg_types_decode_bit(column, cell, a, out_value, e);
    default:
        return pg_types_decode_numeric(column, cell, a, out_value, e);
    }
}

enum err_code pg_types_decode(const struct pg_context *ctx, const struct pg_column *pg,
                              const struct jdbc_column *column, struct bytes cell,
                              struct connect_value *out_value, struct err *e)
{
    struct arena *a = ctx->arena;
    if (pg_types_is_variable(pg->form)) {
        return pg_types_decode_variable(pg, column, cell, a, out_value, e);
    }
    if (cell.len != pg_types_width(pg->form)) {
        return pg_types_malformed(column, cell, e);
    }
    switch ((int)pg->form) {
    case PG_FORM_UUID:
        return pg_types_decode_uuid(cell, a, out_value, e);
    case PG_FORM_DATE:
        return pg_types_decode_date(column, cell, out_value, e);
    case PG_FORM_TIME:
    case PG_FORM_TIMETZ:
        *out_value = pg_types_decode_time(cell, pg->form == PG_FORM_TIMETZ);
        return ERR_OK;
    case PG_FORM_TIMESTAMP:
    case PG_FORM_TIMESTAMPTZ:
        *out_value = pg_types_decode_timestamp(ctx, pg->form, cell, a);
        return ERR_OK;
    default:
        *out_value = pg_types_decode_number(ctx, pg->form, cell);
        return ERR_OK;
    }
}

enum err_code pg_types_decode_id(const struct pg_column *pg, struct bytes cell, int64_t *out_id,
                                 struct err *e)
{
    if (bytes_is_null(cell)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "the incrementing column is null");
    }
    switch ((int)pg->form) {
    case PG_FORM_INT2:
        *out_id = (int16_t)(uint16_t)pg_types_be(cell);
        return ERR_OK;
    case PG_FORM_INT4:
        *out_id = (int32_t)(uint32_t)pg_types_be(cell);
        return ERR_OK;
    case PG_FORM_INT8:
    case PG_FORM_OID:
        *out_id = (int64_t)pg_types_be(cell);
        return ERR_OK;
    default:
        break;
    }
    struct arena a;
    arena_init(&a, (size_t)1 << 20);
    const char *text = NULL;
    size_t len = 0;
    enum err_code rc = pg_numeric_to_text(&a, cell, &text, &len, e);
    if (rc == ERR_OK) {
        char *end = NULL;
        int64_t v = strtoll(text, &end, 10);
        if (*end != '\0' || v == INT64_MAX) {
            rc = connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                   "the incrementing column holds %.40s, which is no 64-bit "
                                   "integer",
                                   text);
        } else {
            *out_id = v;
        }
    }
    arena_deinit(&a);
    return rc;
}

enum err_code pg_types_decode_instant(const struct pg_context *ctx, const struct pg_column *pg,
                                      struct bytes cell, int64_t *out_us, struct err *e)
{
    if (pg->form == PG_FORM_DATE && cell.len == 4) {
        int64_t days = (int32_t)(uint32_t)pg_types_be(cell) + INT64_C(10957);
        /* Dates reach further than microseconds do. */
        days = days > PG_INSTANT_DAYS ? PG_INSTANT_DAYS : days;
        days = days < -PG_INSTANT_DAYS ? -PG_INSTANT_DAYS : days;
        *out_us = jdbc_zone_to_utc(ctx->zone, days * PG_DAY_US);
        return ERR_OK;
    }
    if (cell.len != 8 || (pg->form != PG_FORM_TIMESTAMP && pg->form != PG_FORM_TIMESTAMPTZ)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "the timestamp column holds no timestamp");
    }
    *out_us = pg_types_instant(ctx, pg->form, cell);
    return ERR_OK;
}
