#include "connectors/jdbc/sqlite/sqlite_types.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "connect/include/connect_error.h"
#include "connectors/jdbc/jdbc_decimal.h"
#include "connectors/jdbc/sqlite/sqlite_time.h"

#define SQLITE_DAY_US INT64_C(86400000000)

static const struct {
    const char *name;
    enum jdbc_kind kind;
} sqlite_types_table[] = {
    {"INTEGER", JDBC_KIND_INT32},
    {"INT", JDBC_KIND_INT64},
    {"BIGINT", JDBC_KIND_INT64},
    {"INT8", JDBC_KIND_INT64},
    {"TINYINT", JDBC_KIND_INT16},
    {"SMALLINT", JDBC_KIND_INT32},
    {"MEDIUMINT", JDBC_KIND_INT32},
    {"REAL", JDBC_KIND_FLOAT32},
    {"FLOAT", JDBC_KIND_FLOAT64},
    {"DOUBLE", JDBC_KIND_FLOAT64},
    {"DOUBLE PRECISION", JDBC_KIND_FLOAT64},
    {"MONEY", JDBC_KIND_FLOAT64},
    {"BOOLEAN", JDBC_KIND_BOOLEAN},
    {"BOOL", JDBC_KIND_BOOLEAN},
    {"DATE", JDBC_KIND_DATE},
    {"DATETIME", JDBC_KIND_TIMESTAMP},
    {"TIMESTAMP", JDBC_KIND_TIMESTAMP},
    {"TIMESTAMPTZ", JDBC_KIND_TIMESTAMP},
    {"TIMESTAMP WITH TIME ZONE", JDBC_KIND_TIMESTAMP},
    {"TIMESTAMP WITHOUT TIME ZONE", JDBC_KIND_TIMESTAMP},
    {"TIME", JDBC_KIND_TIME},
    {"BLOB", JDBC_KIND_BYTES},
    {"BINARY", JDBC_KIND_BYTES},
    {"VARBINARY", JDBC_KIND_BYTES},
    {"BYTEA", JDBC_KIND_BYTES},
    {"UUID", JDBC_KIND_STRING},
    {"JSON", JDBC_KIND_STRING},
    {"JSONB", JDBC_KIND_STRING},
};

bool sqlite_types_may_widen(const char *declared)
{
    return declared != NULL && strcasecmp(declared, "INTEGER") == 0;
}

/* "DECIMAL(10, 2)": the name without what is in parentheses, and the two numbers. */
static void sqlite_types_split(const char *declared, char *out_name, size_t size,
                               int *out_precision, int *out_scale)
{
    size_t len = strcspn(declared, "(");
    const char *arguments = declared[len] == '(' ? declared + len + 1 : "";
    while (len > 0 && declared[len - 1] == ' ') {
        len--;
    }
    (void)snprintf(out_name, size, "%.*s", (int)len, declared);
    char *end = NULL;
    long precision = strtol(arguments, &end, 10);
    long scale = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    bool sane = precision > 0 && precision <= 1000 && scale >= 0 && scale <= precision;
    *out_precision = sane ? (int)precision : 0;
    *out_scale = sane ? (int)scale : 0;
}

static enum jdbc_kind sqlite_types_by_storage(const struct sqlite_cell *first)
{
    switch (first->storage) {
    case SQLITE_INTEGER:
        return JDBC_KIND_INT64;
    case SQLITE_FLOAT:
        return JDBC_KIND_FLOAT64;
    case SQLITE_BLOB:
        return JDBC_KIND_BYTES;
    default:
        return JDBC_KIND_STRING;
    }
}

/* Names outside of the table: by SQLite's rules of affinity. */
static enum jdbc_kind sqlite_types_by_affinity(const char *name, const struct sqlite_cell *first)
{
    static const struct {
        const char *part;
        enum jdbc_kind kind;
    } rules[] = {{"INT", JDBC_KIND_INT64},    {"CHAR", JDBC_KIND_STRING},
                 {"CLOB", JDBC_KIND_STRING},  {"TEXT", JDBC_KIND_STRING},
                 {"BLOB", JDBC_KIND_BYTES},   {"REAL", JDBC_KIND_FLOAT64},
                 {"FLOA", JDBC_KIND_FLOAT64}, {"DOUB", JDBC_KIND_FLOAT64}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcasestr(name, rules[i].part) != NULL) {
            return rules[i].kind;
        }
    }
    return sqlite_types_by_storage(first);
}

void sqlite_types_map(const char *declared, const struct sqlite_cell *first,
                      enum jdbc_numeric mapping, struct jdbc_column *column)
{
    if (declared == NULL || declared[0] == '\0') {
        column->kind = sqlite_types_by_storage(first);
        return;
    }
    char name[128];
    int precision = 0;
    int scale = 0;
    sqlite_types_split(declared, name, sizeof name, &precision, &scale);
    if (strcasecmp(name, "DECIMAL") == 0 || strcasecmp(name, "NUMERIC") == 0) {
        jdbc_columns_map_numeric(column, mapping, precision, scale);
        return;
    }
    for (size_t i = 0; i < sizeof sqlite_types_table / sizeof sqlite_types_table[0]; i++) {
        if (strcasecmp(sqlite_types_table[i].name, name) == 0) {
            column->kind = sqlite_types_table[i].kind;
            return;
        }
    }
    column->kind = sqlite_types_by_affinity(name, first);
}

/* The value as text, in a scratch buffer unless it is text already. */
static struct bytes sqlite_types_text(const struct sqlite_cell *cell, char *scratch, size_t size)
{
    if (cell->storage == SQLITE_INTEGER) {
        return bytes_of(scratch, (size_t)snprintf(scratch, size, "%" PRId64, cell->integer));
    }
    if (cell->storage == SQLITE_FLOAT) {
        /* Fifteen digits, as SQLite itself prints it, when they are enough. */
        int n = snprintf(scratch, size, "%.15g", cell->real);
        double back = strtod(scratch, NULL);
        if (fabs(back - cell->real) > 0) {
            n = snprintf(scratch, size, "%.17g", cell->real);
        }
        return bytes_of(scratch, (size_t)n);
    }
    return cell->data;
}

static enum err_code sqlite_types_misfit(const struct jdbc_column *column,
                                         const struct sqlite_cell *cell, struct err *e)
{
    static const char *const names[] = {[SQLITE_INTEGER] = "an integer",
                                        [SQLITE_FLOAT] = "a real",
                                        [SQLITE_TEXT] = "a text",
                                        [SQLITE_BLOB] = "a blob"};
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "column \"%s\" holds %s that is no value of its declared type",
                             column->name, names[cell->storage]);
}

static bool sqlite_types_number(const struct sqlite_cell *cell, double *out)
{
    if (cell->storage == SQLITE_INTEGER) {
        *out = (double)cell->integer;
        return true;
    }
    if (cell->storage == SQLITE_FLOAT) {
        *out = cell->real;
        return true;
    }
    char text[64];
    if (cell->storage != SQLITE_TEXT || cell->data.len == 0 || cell->data.len >= sizeof text) {
        return false;
    }
    memcpy(text, cell->data.data, cell->data.len);
    text[cell->data.len] = '\0';
    char *end = NULL;
    *out = strtod(text, &end);
    return *end == '\0';
}

static bool sqlite_types_integer(const struct sqlite_cell *cell, int64_t *out)
{
    if (cell->storage == SQLITE_INTEGER) {
        *out = cell->integer;
        return true;
    }
    double v = 0;
    if (!sqlite_types_number(cell, &v) || !(fabs(v) <= 9007199254740992.0) ||
        fabs(v - trunc(v)) > 0) {
        return false;
    }
    *out = (int64_t)v;
    return true;
}

static bool sqlite_types_boolean(const struct sqlite_cell *cell, bool *out)
{
    int64_t v = 0;
    if (sqlite_types_integer(cell, &v)) {
        *out = v != 0;
        return true;
    }
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"t", true},  {"yes", true}, {"on", true},
                 {"false", false}, {"f", false}, {"no", false}, {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0] && cell->storage == SQLITE_TEXT; i++) {
        if (strlen(words[i].word) == cell->data.len &&
            strncasecmp(words[i].word, (const char *)cell->data.data, cell->data.len) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

enum err_code sqlite_types_decode_instant(const struct sqlite_context *ctx,
                                          const struct jdbc_column *column,
                                          const struct sqlite_cell *cell, int64_t *out_us,
                                          struct err *e)
{
    bool zoned = false;
    int64_t us = 0;
    const int64_t limit_ms = INT64_MAX / 1000 - SQLITE_DAY_US / 500; /* room for the zone */
    if (cell->storage == SQLITE_INTEGER && cell->integer < limit_ms && cell->integer > -limit_ms) {
        *out_us = cell->integer * 1000;
        return ERR_OK;
    }
    if (cell->storage != SQLITE_TEXT ||
        !sqlite_time_parse((const char *)cell->data.data, cell->data.len, &us, &zoned)) {
        return sqlite_types_misfit(column, cell, e);
    }
    *out_us = zoned ? us : jdbc_zone_to_utc(ctx->zone, us);
    return ERR_OK;
}

static enum err_code sqlite_types_decode_date(const struct sqlite_context *ctx,
                                              const struct jdbc_column *column,
                                              const struct sqlite_cell *cell,
                                              struct connect_value *out_value, struct err *e)
{
    int64_t us = 0;
    enum err_code rc = sqlite_types_decode_instant(ctx, column, cell, &us, e);
    if (rc != ERR_OK) {
        return rc;
    }
    us = jdbc_zone_to_wall(ctx->zone, us); /* the day as it was written */
    int64_t days = us >= 0 ? us / SQLITE_DAY_US : -((-us + SQLITE_DAY_US - 1) / SQLITE_DAY_US);
    *out_value = connect_value_int32((int32_t)days);
    return ERR_OK;
}

static enum err_code sqlite_types_decode_time(const struct jdbc_column *column,
                                              const struct sqlite_cell *cell,
                                              struct connect_value *out_value, struct err *e)
{
    int64_t us = 0;
    bool ok = cell->storage == SQLITE_TEXT
                  ? sqlite_time_parse_clock((const char *)cell->data.data, cell->data.len, &us)
                  : cell->storage == SQLITE_INTEGER;
    if (!ok) {
        return sqlite_types_misfit(column, cell, e);
    }
    int64_t ms = cell->storage == SQLITE_INTEGER ? cell->integer : us / 1000;
    *out_value = connect_value_int32((int32_t)(((ms % 86400000) + 86400000) % 86400000));
    return ERR_OK;
}

static enum err_code sqlite_types_copy(const struct jdbc_column *column,
                                       const struct sqlite_cell *cell, struct arena *a,
                                       struct connect_value *out_value, struct err *e)
{
    char scratch[64];
    struct bytes text = sqlite_types_text(cell, scratch, sizeof scratch);
    const uint8_t *copy = arena_dup(a, text.data, text.len);
    if (copy == NULL) {
        return err_set(e, ERR_LIMIT, "the rows of one batch are too large: lower batch.max.rows");
    }
    *out_value = column->kind == JDBC_KIND_STRING
                     ? connect_value_string((const char *)copy, text.len)
                     : connect_value_bytes(copy, text.len);
    return ERR_OK;
}

static enum err_code sqlite_types_decode_number(const struct jdbc_column *column,
                                                const struct sqlite_cell *cell, struct arena *a,
                                                struct connect_value *out_value, struct err *e)
{
    int64_t integer = 0;
    double real = 0;
    bool truth = false;
    if (column->kind <= JDBC_KIND_INT64) {
        return sqlite_types_integer(cell, &integer)
                   ? jdbc_columns_integer(column, integer, out_value, e)
                   : sqlite_types_misfit(column, cell, e);
    }
    if (column->kind == JDBC_KIND_BOOLEAN) {
        if (!sqlite_types_boolean(cell, &truth)) {
            return sqlite_types_misfit(column, cell, e);
        }
        *out_value = connect_value_boolean(truth);
        return ERR_OK;
    }
    if (column->kind == JDBC_KIND_DECIMAL) {
        char scratch[64];
        struct bytes text = sqlite_types_text(cell, scratch, sizeof scratch);
        return jdbc_decimal_from_text(a, (const char *)text.data, text.len, column->scale,
                                      out_value, e) == ERR_OK
                   ? ERR_OK
                   : sqlite_types_misfit(column, cell, e);
    }
    if (!sqlite_types_number(cell, &real)) {
        return sqlite_types_misfit(column, cell, e);
    }
    *out_value = column->kind == JDBC_KIND_FLOAT32 ? connect_value_float32((float)real)
                                                   : connect_value_float64(real);
    return ERR_OK;
}

enum err_code sqlite_types_decode(const struct sqlite_context *ctx,
                                  const struct jdbc_column *column, const struct sqlite_cell *cell,
                                  struct arena *a, struct connect_value *out_value, struct err *e)
{
    CHECK(cell->storage != SQLITE_NULL);
    int64_t us = 0;
    enum err_code rc = ERR_OK;
    switch (column->kind) {
    case JDBC_KIND_STRING:
    case JDBC_KIND_BYTES:
        return sqlite_types_copy(column, cell, a, out_value, e);
    case JDBC_KIND_DATE:
        return sqlite_types_decode_date(ctx, column, cell, out_value, e);
    case JDBC_KIND_TIME:
        return sqlite_types_decode_time(column, cell, out_value, e);
    case JDBC_KIND_TIMESTAMP:
        rc = sqlite_types_decode_instant(ctx, column, cell, &us, e);
        if (rc == ERR_OK) {
            *out_value = jdbc_columns_timestamp(a, ctx->granularity, us);
        }
        return rc;
    case JDBC_KIND_INT8:
    case JDBC_KIND_INT16:
    case JDBC_KIND_INT32:
    case JDBC_KIND_INT64:
    case JDBC_KIND_FLOAT32:
    case JDBC_KIND_FLOAT64:
    case JDBC_KIND_BOOLEAN:
    case JDBC_KIND_DECIMAL:
        break;
    }
    return sqlite_types_decode_number(column, cell, a, out_value, e);
}
