/* Schemaless values to and from JSON: offsets, and records without a schema. */
#include <inttypes.h>
#include <math.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/json.h"
#include "connect/include/connect_error.h"
#include "connect/include/connect_schema.h"
#include "connect/include/connect_value.h"
#include "connect/model/base64.h"

/* JSON has no NaN: the originals quote it. */
static void write_float(const struct connect_value *v, struct buf *out)
{
    double wide = v->kind == CONNECT_FLOAT32 ? (double)v->float32 : v->float64;
    const char *quote = isfinite(wide) ? "" : "\"";
    buf_append_text(out, quote);
    if (v->kind == CONNECT_FLOAT32) {
        json_write_float(out, v->float32);
    } else {
        json_write_double(out, v->float64);
    }
    buf_append_text(out, quote);
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by the value's maker
static void write_key(const struct connect_value *key, struct buf *out)
{
    if (key->kind == CONNECT_STRING) {
        json_write_text(out, (const char *)key->data, key->len);
        return;
    }
    struct buf text;
    buf_init(&text, out->limit_bytes);
    connect_value_print(key, NULL, &text);
    json_write_text(out, (const char *)text.data, text.len);
    buf_deinit(&text);
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by the value's maker
static void write_container(const struct connect_value *v, struct buf *out)
{
    bool array = v->kind == CONNECT_ARRAY;
    bool record = v->kind == CONNECT_STRUCT;
    size_t count = record ? v->record->schema->field_count : v->len;
    buf_append_char(out, array ? '[' : '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_append_char(out, ',');
        }
        if (record) {
            buf_append_char(out, '"');
            buf_append_text(out, v->record->schema->fields[i].name);
            buf_append_text(out, "\":");
            connect_value_write_json(connect_value_struct_get(v->record, i), out);
        } else if (array) {
            connect_value_write_json(&v->items[i], out);
        } else {
            write_key(&v->pairs[i].key, out);
            buf_append_char(out, ':');
            connect_value_write_json(&v->pairs[i].value, out);
        }
    }
    buf_append_char(out, array ? ']' : '}');
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by the value's maker
void connect_value_write_json(const struct connect_value *v, struct buf *out)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_NULL:
        buf_append_text(out, "null");
        return;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        buf_printf(out, "%" PRId64, v->integer);
        return;
    case CONNECT_FLOAT32:
    case CONNECT_FLOAT64:
        write_float(v, out);
        return;
    case CONNECT_BOOLEAN:
        buf_append_text(out, v->boolean ? "true" : "false");
        return;
    case CONNECT_STRING:
        json_write_text(out, (const char *)v->data, v->len);
        return;
    case CONNECT_BYTES:
        base64_write_json(connect_value_data(v), out);
        return;
    case CONNECT_DECIMAL:
        connect_value_print_decimal(v, out);
        return;
    case CONNECT_ARRAY:
    case CONNECT_MAP:
    case CONNECT_STRUCT:
        write_container(v, out);
        return;
    }
}

static struct connect_value text_of(struct arena *a, const char *text, size_t len)
{
    const char *copy = arena_strndup(a, text, len);
    return copy != NULL ? connect_value_string(copy, len) : connect_value_null();
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static struct connect_value value_of(struct arena *a, const json_t *json)
{
    struct connect_value v = connect_value_null();
    switch (json_typeof(json)) {
    case JSON_NULL:
        return v;
    case JSON_TRUE:
    case JSON_FALSE:
        return connect_value_boolean(json_is_true(json));
    case JSON_INTEGER:
        return connect_value_int64(json_integer_value(json));
    case JSON_REAL:
        return connect_value_float64(json_real_value(json));
    case JSON_STRING:
        return text_of(a, json_string_value(json), json_string_length(json));
    case JSON_ARRAY: {
        size_t count = json_array_size(json);
        v = connect_value_array(arena_alloc_array(a, count, sizeof *v.items), count);
        for (size_t i = 0; v.items != NULL && i < count; i++) {
            v.items[i] = value_of(a, json_array_get(json, i));
        }
        return v;
    }
    case JSON_OBJECT: {
        size_t count = json_object_size(json);
        v = connect_value_map(arena_alloc_array(a, count, sizeof *v.pairs), count);
        size_t i = 0;
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach((json_t *)(uintptr_t)json, key, member)
        {
            if (v.pairs == NULL) {
                break;
            }
            v.pairs[i].key = text_of(a, key, strlen(key));
            v.pairs[i].value = value_of(a, member);
            i++;
        }
        return v;
    }
    }
    return v;
}

enum err_code connect_value_parse_json(struct arena *a, const char *json, size_t len,
                                       struct connect_value *out_value, struct err *e)
{
    const struct json_limits limits = {.any_root = true};
    json_t *root = NULL;
    enum err_code code = json_decode(bytes_of(json, len), &limits, &root, e);
    if (code != ERR_OK) {
        return code;
    }
    struct connect_value v = value_of(a, root);
    json_decref(root);
    if (arena_failed(a)) {
        return err_nomem(e, "read JSON value");
    }
    *out_value = v;
    return ERR_OK;
}
