#include "connect/converters/avro_encoder.h"

#include "connect/converters/avro_schema_text.h"
#include "connect/include/connect_error.h"
#include "serde/avro_codec.h"

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static enum err_code write_value(const struct connect_schema *s, const struct connect_value *v,
                                 const char *field, struct buf *out, struct err *e);

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static enum err_code write_struct(const struct connect_schema *s, const struct connect_struct *r,
                                  struct buf *out, struct err *e)
{
    if (r->schema != s && !connect_schema_equal(r->schema, s)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Mismatching schema for struct %s",
                                 s->name != NULL ? s->name : "");
    }
    for (size_t i = 0; i < s->field_count; i++) {
        enum err_code code =
            write_value(s->fields[i].schema, &r->values[i], s->fields[i].name, out, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static enum err_code write_collection(const struct connect_schema *s, const struct connect_value *v,
                                      const char *field, struct buf *out, struct err *e)
{
    enum err_code code = ERR_OK;
    if (v->len > 0) {
        avro_codec_put_count(out, v->len);
    }
    for (uint32_t i = 0; code == ERR_OK && i < v->len; i++) {
        if (v->kind == CONNECT_ARRAY) {
            code = write_value(s->value_schema, &v->items[i], field, out, e);
            continue;
        }
        const struct connect_value *key = &v->pairs[i].key;
        if (avro_schema_text_plain_map(s) && key->kind == CONNECT_STRING) {
            avro_codec_put_bytes(out, connect_value_data(key));
        } else {
            code = write_value(s->key_schema, key, field, out, e);
        }
        if (code == ERR_OK) {
            code = write_value(s->value_schema, &v->pairs[i].value, field, out, e);
        }
    }
    avro_codec_put_count(out, 0);
    return code;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static enum err_code write_present(const struct connect_schema *s, const struct connect_value *v,
                                   const char *field, struct buf *out, struct err *e)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        avro_codec_put_long(out, v->integer);
        return ERR_OK;
    case CONNECT_FLOAT32:
        avro_codec_put_float(out, v->float32);
        return ERR_OK;
    case CONNECT_FLOAT64:
        avro_codec_put_double(out, v->float64);
        return ERR_OK;
    case CONNECT_BOOLEAN:
        avro_codec_put_boolean(out, v->boolean);
        return ERR_OK;
    case CONNECT_STRING:
    case CONNECT_BYTES:
    case CONNECT_DECIMAL:
        avro_codec_put_bytes(out, connect_value_data(v));
        return ERR_OK;
    case CONNECT_ARRAY:
    case CONNECT_MAP:
        return write_collection(s, v, field, out, e);
    case CONNECT_STRUCT:
        return write_struct(s, v->record, out, e);
    case CONNECT_NULL:
        break;
    }
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static enum err_code write_value(const struct connect_schema *s, const struct connect_value *v,
                                 const char *field, struct buf *out, struct err *e)
{
    /* As Struct.get: a null becomes the default when there is one. */
    if (v->kind == CONNECT_NULL && s->has_default) {
        v = &s->default_value;
    }
    if (v->kind == CONNECT_NULL) {
        if (!s->optional) {
            return connect_value_check(v, s, field, e);
        }
        avro_codec_put_index(out, 0); /* no default: null is the first branch */
        return ERR_OK;
    }
    if (v->kind != connect_value_kind_of(s)) {
        return connect_value_check(v, s, field, e);
    }
    if (s->optional) {
        avro_codec_put_index(out, s->has_default ? 0 : 1);
    }
    return write_present(s, v, field, out, e);
}

enum err_code avro_encoder_write(const struct connect_schema *schema, const struct connect_value *v,
                                 struct buf *out, struct err *e)
{
    return write_value(schema, v, NULL, out, e);
}
