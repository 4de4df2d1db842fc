#include "connect/converters/plain_converters.h"

#include <string.h>

#include "common/mem.h"
#include "common/reader.h"
#include "connect/include/connect_error.h"
#include "connect/include/transform.h"
#include "connect/model/civil_date.h"

#define STORAGE "org.apache.kafka.connect.storage."
#define CONVERTERS "org.apache.kafka.connect.converters."

/* They keep no state; the object is the plug-in itself. */
static enum err_code create(const struct connect_plugin *plugin,
                            const struct connect_config *config,
                            const struct converter_options *options, void **out_converter,
                            struct err *e)
{
    (void)options;
    const char *encoding = connect_config_get(config, "converter.encoding");
    if (encoding != NULL && strcmp(encoding, "UTF-8") != 0 && strcmp(encoding, "UTF8") != 0) {
        return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid value %s for configuration converter.encoding: only "
                                 "UTF-8 is supported",
                                 encoding);
    }
    *out_converter = (void *)(uintptr_t)plugin;
    return ERR_OK;
}

static void destroy(void *converter)
{
    (void)converter;
}

static enum err_code string_from(void *converter, const struct converter_input *in, struct buf *out,
                                 bool *out_null, struct err *e)
{
    const struct connect_schema *schema = in->schema;
    const struct connect_value *value = in->value;
    (void)converter;
    (void)e;
    *out_null = value->kind == CONNECT_NULL;
    if (!*out_null) {
        connect_value_print(value, schema, out);
    }
    return ERR_OK;
}

static struct bytes keep(struct connect_scope *scope, struct bytes data)
{
    return bytes_of(arena_dup(&scope->arena, data.data, data.len), data.len);
}

static enum err_code string_to(void *converter, const char *topic, struct bytes data,
                               struct connect_scope *scope, struct converter_result *out_result,
                               struct err *e)
{
    (void)converter;
    (void)topic;
    out_result->schema = connect_schema_primitive(CONNECT_TYPE_STRING, true);
    out_result->value = connect_value_null();
    if (!bytes_is_null(data)) {
        struct bytes copy = keep(scope, data);
        out_result->value = connect_value_string((const char *)copy.data, copy.len);
    }
    return arena_failed(&scope->arena) ? err_nomem(e, "convert text") : ERR_OK;
}

static enum err_code bytes_from(void *converter, const struct converter_input *in, struct buf *out,
                                bool *out_null, struct err *e)
{
    const struct connect_schema *schema = in->schema;
    const struct connect_value *value = in->value;
    (void)converter;
    if (schema != NULL && schema->type != CONNECT_TYPE_BYTES) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Invalid schema type for ByteArrayConverter: %s",
                                 connect_schema_type_name(schema->type));
    }
    *out_null = value->kind == CONNECT_NULL;
    if (!*out_null && value->kind != CONNECT_BYTES) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "ByteArrayConverter is not compatible with objects of type class "
                                 "%s",
                                 connect_value_class_name(value, schema));
    }
    if (!*out_null) {
        buf_append(out, value->data, value->len);
    }
    return ERR_OK;
}

static enum err_code bytes_to(void *converter, const char *topic, struct bytes data,
                              struct connect_scope *scope, struct converter_result *out_result,
                              struct err *e)
{
    (void)converter;
    (void)topic;
    out_result->schema = connect_schema_primitive(CONNECT_TYPE_BYTES, true);
    out_result->value = connect_value_null();
    if (!bytes_is_null(data)) {
        struct bytes copy = keep(scope, data);
        out_result->value = connect_value_bytes(copy.data, copy.len);
    }
    return arena_failed(&scope->arena) ? err_nomem(e, "convert bytes") : ERR_OK;
}

/* One primitive type: name of the class, type, and size on the wire. */
struct primitive {
    enum connect_type type;
    enum connect_kind kind;
    size_t size;
    const char *name;
};

static const struct primitive *primitive_of(void *converter)
{
    return ((const struct connect_plugin *)converter)->arg;
}

static uint64_t bits_of(const struct connect_value *v)
{
    uint64_t bits = 0;
    uint32_t bits32 = 0;
    switch ((enum connect_kind)v->kind) {
    case CONNECT_FLOAT32:
        memcpy(&bits32, &v->float32, sizeof bits32);
        return bits32;
    case CONNECT_FLOAT64:
        memcpy(&bits, &v->float64, sizeof bits);
        return bits;
    case CONNECT_BOOLEAN:
        return v->boolean ? 1 : 0;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        return (uint64_t)v->integer;
    case CONNECT_NULL:
    case CONNECT_STRING:
    case CONNECT_BYTES:
    case CONNECT_DECIMAL:
    case CONNECT_ARRAY:
    case CONNECT_MAP:
    case CONNECT_STRUCT:
        break;
    }
    return 0;
}

static enum err_code primitive_from(void *converter, const struct converter_input *in,
                                    struct buf *out, bool *out_null, struct err *e)
{
    const char *topic = in->topic;
    const struct connect_schema *schema = in->schema;
    const struct connect_value *value = in->value;
    const struct primitive *p = primitive_of(converter);
    *out_null = value->kind == CONNECT_NULL;
    if (*out_null) {
        return ERR_OK;
    }
    if (value->kind != p->kind) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Failed to serialize to a %s for topic %s: class %s", p->name,
                                 topic, connect_value_class_name(value, schema));
    }
    uint64_t bits = bits_of(value);
    for (size_t i = p->size; i > 0; i--) {
        buf_append_u8(out, (uint8_t)(bits >> (8 * (i - 1))));
    }
    return ERR_OK;
}

static struct connect_value primitive_value(const struct primitive *p, uint64_t bits)
{
    uint32_t bits32 = (uint32_t)bits;
    float f32 = 0;
    double f64 = 0;
    if (p->kind == CONNECT_FLOAT32) {
        memcpy(&f32, &bits32, sizeof f32);
        return connect_value_float32(f32);
    }
    if (p->kind == CONNECT_FLOAT64) {
        memcpy(&f64, &bits, sizeof f64);
        return connect_value_float64(f64);
    }
    if (p->kind == CONNECT_BOOLEAN) {
        return connect_value_boolean(bits != 0);
    }
    int64_t v = p->size == 8   ? (int64_t)bits
                : p->size == 4 ? (int64_t)(int32_t)bits32
                               : (int64_t)(int16_t)(uint16_t)bits;
    return connect_value_integer(p->kind, v);
}

static enum err_code primitive_to(void *converter, const char *topic, struct bytes data,
                                  struct connect_scope *scope, struct converter_result *out_result,
                                  struct err *e)
{
    (void)scope;
    const struct primitive *p = primitive_of(converter);
    out_result->schema = connect_schema_primitive(p->type, true);
    out_result->value = connect_value_null();
    if (bytes_is_null(data)) {
        return ERR_OK;
    }
    if (data.len != p->size) {
        return connect_error_set(e, ERR_PARSE, CONNECT_DATA_EXCEPTION,
                                 "Failed to deserialize %s for topic %s: size of data is not %zu",
                                 p->name, topic, p->size);
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < data.len; i++) {
        bits = bits << 8 | data.data[i];
    }
    out_result->value = primitive_value(p, bits);
    return ERR_OK;
}

/* SimpleHeaderConverter: texts as they are, containers as JSON, dates and times as ISO 8601. What
 * Java infers when it reads is the sink's side. */
static enum err_code header_from(void *converter, const struct converter_input *in, struct buf *out,
                                 bool *out_null, struct err *e)
{
    const struct connect_value *value = in->value;
    enum connect_logical logical = in->schema != NULL ? in->schema->logical : CONNECT_LOGICAL_NONE;
    bool container = value->kind == CONNECT_ARRAY || value->kind == CONNECT_MAP;
    bool temporal = logical == CONNECT_LOGICAL_DATE || logical == CONNECT_LOGICAL_TIME ||
                    logical == CONNECT_LOGICAL_TIMESTAMP;
    if (connect_value_is_null(value) || (!container && !temporal)) {
        return string_from(converter, in, out, out_null, e);
    }
    *out_null = false;
    if (container) {
        connect_value_write_json(value, out);
    } else {
        civil_date_print_instant(
            logical == CONNECT_LOGICAL_DATE ? value->integer * 86400000 : value->integer, out);
    }
    return ERR_OK;
}

static const struct converter_ops string_ops = {create, string_from, string_to, destroy};
static const struct converter_ops bytes_ops = {create, bytes_from, bytes_to, destroy};
static const struct converter_ops primitive_ops = {create, primitive_from, primitive_to, destroy};
static const struct converter_ops header_ops = {create, header_from, string_to, destroy};

static const struct connect_config_key string_keys[] = {
    {.name = "converter.encoding",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "UTF-8",
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The name of the character set: UTF-8."},
};

#define PLUGIN(variable, kind, class, operations, argument)          \
    const struct connect_plugin variable = {.type = (kind),          \
                                            .class_name = (class),   \
                                            .version = WEIR_VERSION, \
                                            .arg = (argument),       \
                                            .converter = (operations)}

#define PRIMITIVE(variable, class, connect_name, bytes_on_wire)                             \
    static const struct primitive variable##_type = {                                       \
        CONNECT_TYPE_##connect_name, CONNECT_##connect_name, bytes_on_wire, #connect_name}; \
    PLUGIN(variable, CONNECT_PLUGIN_CONVERTER, CONVERTERS class, &primitive_ops, &variable##_type)

const struct connect_plugin plain_converters_string = {
    .type = CONNECT_PLUGIN_CONVERTER,
    .class_name = STORAGE "StringConverter",
    .version = WEIR_VERSION,
    .keys = string_keys,
    .key_count = 1,
    .converter = &string_ops,
};
const struct connect_plugin plain_converters_string_header = {
    .type = CONNECT_PLUGIN_HEADER_CONVERTER,
    .class_name = STORAGE "StringConverter",
    .version = WEIR_VERSION,
    .keys = string_keys,
    .key_count = 1,
    .converter = &string_ops,
};
PLUGIN(plain_converters_bytes, CONNECT_PLUGIN_CONVERTER, CONVERTERS "ByteArrayConverter",
       &bytes_ops, NULL);
PLUGIN(plain_converters_bytes_header, CONNECT_PLUGIN_HEADER_CONVERTER,
       CONVERTERS "ByteArrayConverter", &bytes_ops, NULL);
PLUGIN(plain_converters_simple_header, CONNECT_PLUGIN_HEADER_CONVERTER,
       STORAGE "SimpleHeaderConverter", &header_ops, NULL);
PRIMITIVE(plain_converters_boolean, "BooleanConverter", BOOLEAN, 1);
PRIMITIVE(plain_converters_short, "ShortConverter", INT16, 2);
PRIMITIVE(plain_converters_integer, "IntegerConverter", INT32, 4);
PRIMITIVE(plain_converters_long, "LongConverter", INT64, 8);
PRIMITIVE(plain_converters_float, "FloatConverter", FLOAT32, 4);
PRIMITIVE(plain_converters_double, "DoubleConverter", FLOAT64, 8);
