/*
 * InsertHeader: one more header with a fixed value. Its literal is read as the original's
 * SimpleHeaderConverter reads a header: null, true and false, whole numbers in the smallest type,
 * fractions, ISO 8601 dates and times; anything else is text, lists and maps too, which are the
 * same bytes when they are written.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/java_date_format.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define DAY_MS INT64_C(86400000)
#define EXACT_MAX 9007199254740992.0 /* whole numbers up to here are whole doubles */

struct insert_header {
    char *name;
    char *literal;
    const struct connect_schema *schema; /* NULL for null */
    struct connect_value value;
};

static const struct connect_config_key insert_header_keys[] = {
    {.name = "header",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The name of the header."},
    {.name = "value.literal",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The literal value that is to be set as the header value on all records."},
};

static void insert_header_destroy(void *transform)
{
    struct insert_header *t = transform;
    connect_schema_unref(t->schema);
    mem_free(t->name);
    mem_free(t->literal);
    mem_free(t);
}

static void insert_header_integer(struct insert_header *t, int64_t v)
{
    enum connect_type type = v >= INT8_MIN && v <= INT8_MAX     ? CONNECT_TYPE_INT8
                             : v >= INT16_MIN && v <= INT16_MAX ? CONNECT_TYPE_INT16
                             : v >= INT32_MIN && v <= INT32_MAX ? CONNECT_TYPE_INT32
                                                                : CONNECT_TYPE_INT64;
    t->schema = connect_schema_primitive(type, false);
    t->value = connect_value_integer(connect_value_kind_of(t->schema), v);
}

/* Digits with a sign, a point and an exponent: what strtod takes beside that (hexadecimal, "inf")
 * is no number here. */
static bool insert_header_number(struct insert_header *t)
{
    const char *text = t->literal;
    char *end = NULL;
    if (text[strspn(text, "+-.0123456789eE")] != '\0') {
        return false;
    }
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (end != text && *end == '\0') {
        if (errno == 0) {
            insert_header_integer(t, whole);
        }
        return errno == 0;
    }
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v)) {
        return false;
    }
    if (fabs(v) <= EXACT_MAX && fabs(v - nearbyint(v)) <= 0) {
        insert_header_integer(t, (int64_t)v);
    } else if (isfinite((float)v)) {
        t->schema = connect_schema_primitive(CONNECT_TYPE_FLOAT32, false);
        t->value = connect_value_float32((float)v);
    } else {
        t->schema = connect_schema_primitive(CONNECT_TYPE_FLOAT64, false);
        t->value = connect_value_float64(v);
    }
    return true;
}

static enum err_code insert_header_temporal(struct insert_header *t, bool *out_found, struct err *e)
{
    static const struct {
        size_t len;
        const char *pattern;
        const struct connect_schema *(*schema)(bool optional);
    } rows[] = {
        {10, "yyyy-MM-dd", connect_schema_create_date},
        {13, "HH:mm:ss.SSS'Z'", connect_schema_create_time},
        {24, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", connect_schema_create_timestamp},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(t->literal) != rows[i].len) {
            continue;
        }
        struct java_date_format *format = NULL;
        int64_t ms = 0;
        enum err_code rc = java_date_format_create(rows[i].pattern, &format, e);
        if (rc != ERR_OK) {
            return rc;
        }
        *out_found = java_date_format_parse(format, bytes_of_text(t->literal), 0, &ms);
        java_date_format_destroy(format);
        if (*out_found) {
            int64_t day = ms / DAY_MS - (ms % DAY_MS < 0 ? 1 : 0);
            t->schema = rows[i].schema(false);
            t->value = i == 0   ? connect_value_int32((int32_t)day)
                       : i == 1 ? connect_value_int32((int32_t)(ms - day * DAY_MS))
                                : connect_value_int64(ms);
            return t->schema != NULL ? ERR_OK : err_nomem(e, "InsertHeader");
        }
    }
    return ERR_OK;
}

static enum err_code insert_header_read(struct insert_header *t, struct err *e)
{
    bool found = false;
    char first = t->literal[0];
    if (strcmp(t->literal, "null") == 0) {
        return ERR_OK;
    }
    if (strcmp(t->literal, "true") == 0 || strcmp(t->literal, "false") == 0) {
        t->schema = connect_schema_primitive(CONNECT_TYPE_BOOLEAN, false);
        t->value = connect_value_boolean(first == 't');
        return ERR_OK;
    }
    if (first >= '0' && first <= '9') {
        enum err_code rc = insert_header_temporal(t, &found, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    if (!found && first != '\0' && strchr("+-0123456789", first) != NULL) {
        found = insert_header_number(t);
    }
    if (!found) {
        t->schema = connect_schema_primitive(CONNECT_TYPE_STRING, false);
        t->value = connect_value_text(t->literal);
    }
    return ERR_OK;
}

static enum err_code insert_header_create(const struct connect_plugin *plugin,
                                          const struct connect_config *config, void **out_transform,
                                          struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct insert_header *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "InsertHeader");
    }
    t->name = mem_strdup(connect_config_read_text(&r, "header"));
    t->literal = mem_strdup(connect_config_read_text(&r, "value.literal"));
    enum err_code rc = t->name != NULL && t->literal != NULL ? insert_header_read(t, e)
                                                             : err_nomem(e, "InsertHeader");
    if (rc != ERR_OK) {
        insert_header_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

/* The list is copied: the headers may belong to somebody who hands them out again. */
static enum err_code insert_header_apply(void *transform, struct connect_record *record,
                                         struct connect_scope *scope, struct err *e)
{
    const struct insert_header *t = transform;
    struct connect_header *headers =
        arena_alloc_array(&scope->arena, record->header_count + 1, sizeof *headers);
    if (headers == NULL) {
        return transform_side_full(e);
    }
    if (record->header_count > 0) {
        memcpy(headers, record->headers, record->header_count * sizeof *headers);
    }
    headers[record->header_count++] = (struct connect_header){t->name, t->schema, t->value};
    record->headers = headers;
    return ERR_OK;
}

static const struct transform_ops insert_header_ops = {insert_header_create, insert_header_apply,
                                                       insert_header_destroy};

const struct connect_plugin insert_header_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("InsertHeader"),
    .version = WEIR_VERSION,
    .keys = insert_header_keys,
    .key_count = sizeof insert_header_keys / sizeof insert_header_keys[0],
    .transform = &insert_header_ops,
};
