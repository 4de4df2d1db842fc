#include "connect/transforms/cast_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connect/include/connect_error.h"
#include "connect/model/civil_date.h"

#define CAST_VALUE_TEXT_MAX ((size_t)64 << 20)
#define CAST_VALUE_DAY_MS INT64_C(86400000)

bool cast_value_parse_type(const char *word, enum connect_type *out_type)
{
    static const struct {
        const char *word;
        enum connect_type type;
    } table[] = {{"int8", CONNECT_TYPE_INT8},       {"int16", CONNECT_TYPE_INT16},
                 {"int32", CONNECT_TYPE_INT32},     {"int64", CONNECT_TYPE_INT64},
                 {"float32", CONNECT_TYPE_FLOAT32}, {"float64", CONNECT_TYPE_FLOAT64},
                 {"boolean", CONNECT_TYPE_BOOLEAN}, {"string", CONNECT_TYPE_STRING}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcasecmp(table[i].word, word) == 0) {
            *out_type = table[i].type;
            return true;
        }
    }
    return false;
}

/* A number, with its integer form exact when it has one. */
struct cast_value_number {
    bool is_integer;
    int64_t integer;
    double real;
};

static enum err_code cast_value_range(const struct connect_value *v, struct err *e)
{
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "Value (%.*s) was out of range for requested data type",
                             (int)(v->len < 200 ? v->len : 200), (const char *)v->data);
}

static double cast_value_decimal_to_double(const struct connect_value *v)
{
    struct buf b;
    buf_init(&b, CAST_VALUE_TEXT_MAX);
    connect_value_print_decimal(v, &b);
    const char *text = buf_text(&b);
    double real = text != NULL ? strtod(text, NULL) : 0;
    buf_deinit(&b);
    return real;
}

static enum err_code cast_value_parse_text(const struct connect_value *v, enum connect_type type,
                                           struct cast_value_number *out, struct err *e)
{
    char text[64];
    if (v->len == 0 || v->len >= sizeof text) {
        return cast_value_range(v, e);
    }
    memcpy(text, v->data, v->len);
    text[v->len] = '\0';
    char *end = NULL;
    errno = 0;
    if (type == CONNECT_TYPE_FLOAT32 || type == CONNECT_TYPE_FLOAT64) {
        *out = (struct cast_value_number){.real = strtod(text, &end)};
        return *end == '\0' ? ERR_OK : cast_value_range(v, e);
    }
    static const int64_t limits[] = {[CONNECT_TYPE_INT8] = INT8_MAX,
                                     [CONNECT_TYPE_INT16] = INT16_MAX,
                                     [CONNECT_TYPE_INT32] = INT32_MAX,
                                     [CONNECT_TYPE_INT64] = INT64_MAX};
    int64_t n = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] == ' ' || n > limits[type] || n < -limits[type] - 1) {
        return cast_value_range(v, e);
    }
    *out = (struct cast_value_number){true, n, (double)n};
    return ERR_OK;
}

static enum err_code cast_value_to_number(const struct connect_value *v,
                                          const struct connect_schema *schema,
                                          enum connect_type type, struct cast_value_number *out,
                                          struct err *e)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        *out = (struct cast_value_number){true, v->integer, (double)v->integer};
        return ERR_OK;
    case CONNECT_BOOLEAN:
        *out = (struct cast_value_number){true, v->boolean ? 1 : 0, v->boolean ? 1 : 0};
        return ERR_OK;
    case CONNECT_FLOAT32:
        *out = (struct cast_value_number){.real = (double)v->float32};
        return ERR_OK;
    case CONNECT_FLOAT64:
        *out = (struct cast_value_number){.real = v->float64};
        return ERR_OK;
    case CONNECT_DECIMAL:
        *out = (struct cast_value_number){.real = cast_value_decimal_to_double(v)};
        return ERR_OK;
    case CONNECT_STRING:
        return cast_value_parse_text(v, type, out, e);
    case CONNECT_NULL:
    case CONNECT_BYTES:
    case CONNECT_ARRAY:
    case CONNECT_MAP:
    case CONNECT_STRUCT:
        break;
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "Unexpected value in Cast transformation: a %s",
                             connect_value_class_name(v, schema));
}

/* Java's (long) of a double: toward zero, held at the ends, NaN is 0. */
static int64_t cast_value_saturate(double v, double max)
{
    if (isnan(v)) {
        return 0;
    }
    if (v >= max) {
        return max > 3e9 ? INT64_MAX : (int64_t)max;
    }
    if (v <= -max - 1) {
        return max > 3e9 ? INT64_MIN : -(int64_t)max - 1;
    }
    return (int64_t)v;
}

/* Narrowing keeps the low bits, as Number.byteValue and its like do. */
static struct connect_value cast_value_narrow(const struct cast_value_number *n,
                                              enum connect_type type)
{
    int64_t wide = n->is_integer ? n->integer
                   : type == CONNECT_TYPE_INT64
                       ? cast_value_saturate(n->real, 9223372036854775807.0)
                       : cast_value_saturate(n->real, 2147483647.0);
    switch ((int)type) {
    case CONNECT_TYPE_INT8:
        return connect_value_integer(CONNECT_INT8, (int8_t)(uint8_t)wide);
    case CONNECT_TYPE_INT16:
        return connect_value_integer(CONNECT_INT16, (int16_t)(uint16_t)wide);
    case CONNECT_TYPE_INT32:
        return connect_value_int32((int32_t)(uint32_t)wide);
    case CONNECT_TYPE_INT64:
        return connect_value_int64(wide);
    case CONNECT_TYPE_FLOAT32:
        return connect_value_float32(n->is_integer ? (float)n->integer : (float)n->real);
    default:
        return connect_value_float64(n->is_integer ? (double)n->integer : n->real);
    }
}

static enum err_code cast_value_to_boolean(const struct connect_value *v,
                                           const struct connect_schema *schema,
                                           struct connect_value *out_value, struct err *e)
{
    if (v->kind == CONNECT_STRING) {
        *out_value = connect_value_boolean(v->len == 4 &&
                                           strncasecmp((const char *)v->data, "true", 4) == 0);
        return ERR_OK;
    }
    struct cast_value_number n = {0};
    enum err_code rc = cast_value_to_number(v, schema, CONNECT_TYPE_INT64, &n, e);
    if (rc == ERR_OK) {
        /* Number.longValue() != 0 */
        *out_value = connect_value_boolean(
            (n.is_integer ? n.integer : cast_value_saturate(n.real, 9223372036854775807.0)) != 0);
    }
    return rc;
}

static void cast_value_print_base64(const struct connect_value *v, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < v->len; i += 3) {
        uint32_t left = v->len - (uint32_t)i;
        uint32_t group = (uint32_t)v->data[i] << 16 |
                         (left > 1 ? (uint32_t)v->data[i + 1] << 8 : 0) |
                         (left > 2 ? v->data[i + 2] : 0);
        buf_append_char(out, digits[group >> 18 & 63]);
        buf_append_char(out, digits[group >> 12 & 63]);
        buf_append_char(out, left > 1 ? digits[group >> 6 & 63] : '=');
        buf_append_char(out, left > 2 ? digits[group & 63] : '=');
    }
}

static enum err_code cast_value_to_text(const struct connect_value *v,
                                        const struct connect_schema *schema, struct arena *a,
                                        struct connect_value *out_value, struct err *e)
{
    enum connect_logical logical = schema != NULL ? schema->logical : CONNECT_LOGICAL_NONE;
    struct buf b;
    buf_init(&b, CAST_VALUE_TEXT_MAX);
    if (logical == CONNECT_LOGICAL_DATE) {
        civil_date_print_instant(v->integer * CAST_VALUE_DAY_MS, &b);
    } else if (logical == CONNECT_LOGICAL_TIME || logical == CONNECT_LOGICAL_TIMESTAMP) {
        civil_date_print_instant(v->integer, &b);
    } else if (v->kind == CONNECT_BYTES) {
        cast_value_print_base64(v, &b);
    } else if (v->kind == CONNECT_ARRAY || v->kind == CONNECT_MAP || v->kind == CONNECT_STRUCT) {
        buf_deinit(&b);
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Cast transformation does not support casting from %s",
                                 schema != NULL ? connect_schema_type_name(schema->type)
                                                : connect_value_class_name(v, NULL));
    } else {
        connect_value_print(v, NULL, &b);
    }
    const void *copy =
        buf_failed(&b) ? NULL : arena_dup(a, b.data != NULL ? b.data : (const void *)"", b.len);
    size_t len = b.len;
    buf_deinit(&b);
    if (copy == NULL) {
        return err_set(e, ERR_LIMIT, "the records of one batch are too large");
    }
    *out_value = connect_value_string(copy, len);
    return ERR_OK;
}

enum err_code cast_value_cast(const struct connect_value *v, const struct connect_schema *schema,
                              enum connect_type type, struct arena *a,
                              struct connect_value *out_value, struct err *e)
{
    if (connect_value_is_null(v)) {
        *out_value = *v;
        return ERR_OK;
    }
    if (type == CONNECT_TYPE_STRING) {
        return cast_value_to_text(v, schema, a, out_value, e);
    }
    if (type == CONNECT_TYPE_BOOLEAN) {
        return cast_value_to_boolean(v, schema, out_value, e);
    }
    struct cast_value_number n = {0};
    enum err_code rc = cast_value_to_number(v, schema, type, &n, e);
    if (rc == ERR_OK) {
        *out_value = cast_value_narrow(&n, type);
    }
    return rc;
}
