#include "connectors/jdbc/jdbc_columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"

#define MICROS_PER_SECOND INT64_C(1000000)

enum err_code jdbc_columns_init(struct jdbc_columns *c, size_t count, struct err *e)
{
    *c = (struct jdbc_columns){0};
    if (count > JDBC_COLUMNS_MAX) {
        return err_set(e, ERR_LIMIT, "%zu columns, more than %d", count, JDBC_COLUMNS_MAX);
    }
    c->items = mem_calloc(count + 1, sizeof *c->items);
    if (c->items == NULL) {
        return err_nomem(e, "columns");
    }
    c->count = count;
    return ERR_OK;
}

void jdbc_columns_deinit(struct jdbc_columns *c)
{
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->items[i].name);
    }
    mem_free(c->items);
    *c = (struct jdbc_columns){0};
}

int jdbc_columns_find(const struct jdbc_columns *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->items[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static enum jdbc_kind jdbc_columns_integer_kind(int32_t digits)
{
    if (digits <= 2) {
        return JDBC_KIND_INT8;
    }
    if (digits <= 4) {
        return JDBC_KIND_INT16;
    }
    return digits <= 9 ? JDBC_KIND_INT32 : JDBC_KIND_INT64;
}

void jdbc_columns_map_numeric(struct jdbc_column *column, enum jdbc_numeric mapping,
                              int32_t precision, int32_t scale)
{
    bool doubles =
        mapping == JDBC_NUMERIC_BEST_FIT || mapping == JDBC_NUMERIC_BEST_FIT_EAGER_DOUBLE;
    column->precision = precision;
    column->scale = scale;
    if (precision == 0) {
        /* No schema-stable Decimal holds every value: docs/decisions says why this. */
        column->kind = doubles ? JDBC_KIND_FLOAT64 : JDBC_KIND_STRING;
        return;
    }
    int32_t digits = scale < 0 ? precision - scale : precision;
    if (mapping != JDBC_NUMERIC_NONE && scale <= 0 && digits <= 18) {
        column->kind = jdbc_columns_integer_kind(digits);
    } else if (scale > 0 && doubles &&
               (precision <= 18 || mapping == JDBC_NUMERIC_BEST_FIT_EAGER_DOUBLE)) {
        column->kind = JDBC_KIND_FLOAT64;
    } else {
        column->kind = JDBC_KIND_DECIMAL;
    }
}

static const struct connect_schema *jdbc_columns_timestamp_schema(enum jdbc_granularity granularity,
                                                                  bool optional)
{
    switch (granularity) {
    case JDBC_GRANULARITY_CONNECT_LOGICAL:
        return connect_schema_create_timestamp(optional);
    case JDBC_GRANULARITY_NANOS_LONG:
    case JDBC_GRANULARITY_MICROS_LONG:
        return connect_schema_primitive(CONNECT_TYPE_INT64, optional);
    case JDBC_GRANULARITY_NANOS_STRING:
    case JDBC_GRANULARITY_NANOS_ISO:
    case JDBC_GRANULARITY_MICROS_STRING:
    case JDBC_GRANULARITY_MICROS_ISO:
        return connect_schema_primitive(CONNECT_TYPE_STRING, optional);
    }
    CHECK(false);
    return NULL;
}

static const struct connect_schema *jdbc_columns_schema(const struct jdbc_column *column,
                                                        enum jdbc_granularity granularity)
{
    static const enum connect_type plain[] = {
        [JDBC_KIND_INT8] = CONNECT_TYPE_INT8,       [JDBC_KIND_INT16] = CONNECT_TYPE_INT16,
        [JDBC_KIND_INT32] = CONNECT_TYPE_INT32,     [JDBC_KIND_INT64] = CONNECT_TYPE_INT64,
        [JDBC_KIND_FLOAT32] = CONNECT_TYPE_FLOAT32, [JDBC_KIND_FLOAT64] = CONNECT_TYPE_FLOAT64,
        [JDBC_KIND_BOOLEAN] = CONNECT_TYPE_BOOLEAN, [JDBC_KIND_STRING] = CONNECT_TYPE_STRING,
        [JDBC_KIND_BYTES] = CONNECT_TYPE_BYTES};
    bool optional = !column->required;
    switch (column->kind) {
    case JDBC_KIND_DECIMAL:
        return connect_schema_create_decimal_precision(column->scale, column->precision, optional);
    case JDBC_KIND_DATE:
        return connect_schema_create_date(optional);
    case JDBC_KIND_TIME:
        return connect_schema_create_time(optional);
    case JDBC_KIND_TIMESTAMP:
        return jdbc_columns_timestamp_schema(granularity, optional);
    case JDBC_KIND_INT8:
    case JDBC_KIND_INT16:
    case JDBC_KIND_INT32:
    case JDBC_KIND_INT64:
    case JDBC_KIND_FLOAT32:
    case JDBC_KIND_FLOAT64:
    case JDBC_KIND_BOOLEAN:
    case JDBC_KIND_STRING:
    case JDBC_KIND_BYTES:
        return connect_schema_primitive(plain[column->kind], optional);
    }
    CHECK(false);
    return NULL;
}

enum err_code jdbc_columns_build_schema(const struct jdbc_columns *c, const char *name,
                                        enum jdbc_granularity granularity,
                                        const struct connect_schema **out_schema, struct err *e)
{
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_set_name(b, name);
    for (size_t i = 0; i < c->count; i++) {
        connect_schema_builder_add_field_take(b, c->items[i].name,
                                              jdbc_columns_schema(&c->items[i], granularity));
    }
    return connect_schema_builder_build(b, out_schema, e);
}

int64_t jdbc_columns_micros_to_millis(int64_t micros)
{
    return micros / 1000 - (micros % 1000 < 0 ? 1 : 0);
}

static struct connect_value jdbc_columns_iso(struct arena *a, int64_t micros, bool nanos)
{
    int64_t seconds = micros / MICROS_PER_SECOND;
    int64_t rest = micros % MICROS_PER_SECOND;
    if (rest < 0) {
        rest += MICROS_PER_SECOND;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm tm = {0};
    char day[32];
    char text[64];
    if (gmtime_r(&t, &tm) == NULL || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        return connect_value_null();
    }
    int n = snprintf(text, sizeof text, "%s.%06" PRId64 "%s", day, rest, nanos ? "000" : "");
    const char *copy = arena_strndup(a, text, (size_t)n);
    return copy != NULL ? connect_value_string(copy, (size_t)n) : connect_value_null();
}

static struct connect_value jdbc_columns_number_text(struct arena *a, int64_t micros, bool nanos)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64 "%s", micros, nanos && micros != 0 ? "000" : "");
    const char *copy = arena_strndup(a, text, (size_t)n);
    return copy != NULL ? connect_value_string(copy, (size_t)n) : connect_value_null();
}

struct connect_value jdbc_columns_timestamp(struct arena *a, enum jdbc_granularity granularity,
                                            int64_t micros)
{
    int64_t nanos = 0;
    switch (granularity) {
    case JDBC_GRANULARITY_CONNECT_LOGICAL:
        return connect_value_int64(jdbc_columns_micros_to_millis(micros));
    case JDBC_GRANULARITY_MICROS_LONG:
        return connect_value_int64(micros);
    case JDBC_GRANULARITY_NANOS_LONG:
        /* Beyond 1677..2262 nanoseconds do not fit: the nearest that does. */
        if (__builtin_mul_overflow(micros, INT64_C(1000), &nanos)) {
            nanos = micros < 0 ? INT64_MIN : INT64_MAX;
        }
        return connect_value_int64(nanos);
    case JDBC_GRANULARITY_MICROS_STRING:
        return jdbc_columns_number_text(a, micros, false);
    case JDBC_GRANULARITY_NANOS_STRING:
        return jdbc_columns_number_text(a, micros, true);
    case JDBC_GRANULARITY_MICROS_ISO:
        return jdbc_columns_iso(a, micros, false);
    case JDBC_GRANULARITY_NANOS_ISO:
        return jdbc_columns_iso(a, micros, true);
    }
    CHECK(false);
    return connect_value_null();
}

enum err_code jdbc_columns_integer(const struct jdbc_column *column, int64_t v,
                                   struct connect_value *out_value, struct err *e)
{
    static const struct {
        enum connect_kind kind;
        int64_t min;
        int64_t max;
    } ranges[] = {[JDBC_KIND_INT8] = {CONNECT_INT8, INT8_MIN, INT8_MAX},
                  [JDBC_KIND_INT16] = {CONNECT_INT16, INT16_MIN, INT16_MAX},
                  [JDBC_KIND_INT32] = {CONNECT_INT32, INT32_MIN, INT32_MAX},
                  [JDBC_KIND_INT64] = {CONNECT_INT64, INT64_MIN, INT64_MAX}};
    CHECK(column->kind <= JDBC_KIND_INT64);
    if (v < ranges[column->kind].min || v > ranges[column->kind].max) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "column \"%s\" holds %" PRId64 ", which does not fit its type",
                                 column->name, v);
    }
    *out_value = connect_value_integer(ranges[column->kind].kind, v);
    return ERR_OK;
}
