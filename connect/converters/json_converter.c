#include "connect/converters/json_converter.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/mem.h"
#include "connect/converters/json_reader.h"
#include "connect/include/connect_error.h"
#include "connect/include/transform.h"
#include "connect/model/base64.h"

#define SCHEMA_BYTES_MAX ((size_t)16 << 20)
#define CACHE_ENTRIES ((size_t)64)

struct json_converter {
    bool schemas;
    bool decimal_numeric;
    bool replace_null;
    struct transform_cache *texts; /* schema -> its JSON text */
};

struct schema_text {
    char *text;
    size_t len;
};

static void text_free(void *value)
{
    struct schema_text *t = value;
    mem_free(t->text);
    mem_free(t);
}

static void write_plain_text(const char *text, struct buf *out)
{
    json_write_text(out, text, strlen(text));
}

struct writer {
    struct buf *out;
    bool decimal_numeric;
    bool replace_null;
};

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_value(const struct writer *w, const struct connect_schema *schema,
                        const struct connect_value *v);

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_schema(const struct connect_schema *s, const char *field, bool decimal_numeric,
                         struct buf *out)
{
    buf_printf(out, "{\"type\":\"%s\"", connect_schema_type_word(s->type));
    if (s->type == CONNECT_TYPE_ARRAY) {
        buf_append_text(out, ",\"items\":");
        write_schema(s->value_schema, NULL, decimal_numeric, out);
    } else if (s->type == CONNECT_TYPE_MAP) {
        buf_append_text(out, ",\"keys\":");
        write_schema(s->key_schema, NULL, decimal_numeric, out);
        buf_append_text(out, ",\"values\":");
        write_schema(s->value_schema, NULL, decimal_numeric, out);
    } else if (s->type == CONNECT_TYPE_STRUCT) {
        buf_append_text(out, ",\"fields\":[");
        for (size_t i = 0; i < s->field_count; i++) {
            buf_append_text(out, i > 0 ? "," : "");
            write_schema(s->fields[i].schema, s->fields[i].name, decimal_numeric, out);
        }
        buf_append_char(out, ']');
    }
    buf_printf(out, ",\"optional\":%s", s->optional ? "true" : "false");
    if (s->name != NULL) {
        buf_append_text(out, ",\"name\":");
        write_plain_text(s->name, out);
    }
    if (s->has_version) {
        buf_printf(out, ",\"version\":%" PRId32, s->version);
    }
    if (s->doc != NULL) {
        buf_append_text(out, ",\"doc\":");
        write_plain_text(s->doc, out);
    }
    for (size_t i = 0; i < s->parameter_count; i++) {
        buf_append_text(out, i == 0 ? ",\"parameters\":{" : ",");
        write_plain_text(s->parameters[i].key, out);
        buf_append_char(out, ':');
        write_plain_text(s->parameters[i].value, out);
    }
    buf_append_text(out, s->parameter_count > 0 ? "}" : "");
    if (s->has_default) {
        const struct writer w = {out, decimal_numeric, true};
        buf_append_text(out, ",\"default\":");
        write_value(&w, s, &s->default_value);
    }
    if (field != NULL) {
        buf_append_text(out, ",\"field\":");
        write_plain_text(field, out);
    }
    buf_append_char(out, '}');
}

void json_converter_write_schema(const struct connect_schema *schema, bool decimal_numeric,
                                 struct buf *out)
{
    write_schema(schema, NULL, decimal_numeric, out);
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_struct(const struct writer *w, const struct connect_struct *s)
{
    const struct connect_schema *schema = s->schema;
    buf_append_char(w->out, '{');
    for (size_t i = 0; i < schema->field_count; i++) {
        buf_append_text(w->out, i > 0 ? "," : "");
        write_plain_text(schema->fields[i].name, w->out);
        buf_append_char(w->out, ':');
        const struct connect_value *v =
            w->replace_null ? connect_value_struct_get(s, i) : &s->values[i];
        write_value(w, schema->fields[i].schema, v);
    }
    buf_append_char(w->out, '}');
}

/* Maps whose keys are all texts are objects, others arrays of pairs; with a schema its key type
 * decides. */
static bool is_object(const struct connect_schema *schema, const struct connect_value *v)
{
    if (schema != NULL && schema->key_schema != NULL) {
        return schema->key_schema->type == CONNECT_TYPE_STRING;
    }
    for (uint32_t i = 0; i < v->len; i++) {
        if (v->pairs[i].key.kind != CONNECT_STRING) {
            return false;
        }
    }
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the value
static void write_map(const struct writer *w, const struct connect_schema *schema,
                      const struct connect_value *v)
{
    const struct connect_schema *key = schema != NULL ? schema->key_schema : NULL;
    const struct connect_schema *value = schema != NULL ? schema->value_schema : NULL;
    bool object = is_object(schema, v);
    buf_append_char(w->out, object ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        buf_append_text(w->out, i > 0 ? "," : "");
        buf_append_text(w->out, object ? "" : "[");
        write_value(w, key, &v->pairs[i].key);
        buf_append_char(w->out, object ? ':' : ',');
        write_value(w, value, &v->pairs[i].value);
        buf_append_text(w->out, object ? "" : "]");
    }
    buf_append_char(w->out, object ? '}' : ']');
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the value
static void write_array(const struct writer *w, const struct connect_schema *schema,
                        const struct connect_value *v)
{
    buf_append_char(w->out, '[');
    for (uint32_t i = 0; i < v->len; i++) {
        buf_append_text(w->out, i > 0 ? "," : "");
        write_value(w, schema != NULL ? schema->value_schema : NULL, &v->items[i]);
    }
    buf_append_char(w->out, ']');
}

static void write_decimal(const struct writer *w, const struct connect_value *v)
{
    if (w->decimal_numeric) {
        connect_value_print_decimal(v, w->out);
    } else {
        base64_write_json(connect_value_data(v), w->out);
    }
}

static void write_float(const struct writer *w, const struct connect_value *v)
{
    bool single = v->kind == CONNECT_FLOAT32;
    const char *quote = isfinite(single ? (double)v->float32 : v->float64) ? "" : "\"";
    buf_append_text(w->out, quote);
    if (single) {
        json_write_float(w->out, v->float32);
    } else {
        json_write_double(w->out, v->float64);
    }
    buf_append_text(w->out, quote);
}

/* As buf_printf("%lld"), which is the hot path's most expensive call. */
static void write_integer(struct buf *out, int64_t v)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left > 0);
    if (v < 0) {
        digits[--at] = '-';
    }
    buf_append(out, digits + at, sizeof digits - at);
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void write_value(const struct writer *w, const struct connect_schema *schema,
                        const struct connect_value *v)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_NULL:
        if (w->replace_null && schema != NULL && schema->has_default) {
            write_value(w, schema, &schema->default_value);
        } else {
            buf_append_text(w->out, "null");
        }
        return;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        write_integer(w->out, v->integer);
        return;
    case CONNECT_FLOAT32:
    case CONNECT_FLOAT64:
        write_float(w, v);
        return;
    case CONNECT_BOOLEAN:
        buf_append_text(w->out, v->boolean ? "true" : "false");
        return;
    case CONNECT_STRING:
        json_write_text(w->out, (const char *)v->data, v->len);
        return;
    case CONNECT_BYTES:
        base64_write_json(connect_value_data(v), w->out);
        return;
    case CONNECT_DECIMAL:
        write_decimal(w, v);
        return;
    case CONNECT_ARRAY:
        write_array(w, schema, v);
        return;
    case CONNECT_MAP:
        write_map(w, schema, v);
        return;
    case CONNECT_STRUCT:
        write_struct(w, v->record);
        return;
    }
}

static enum err_code schema_text(struct json_converter *c, const struct connect_schema *schema,
                                 const struct schema_text **out_text, struct err *e)
{
    struct schema_text *t = transform_cache_get(c->texts, schema);
    if (t != NULL) {
        *out_text = t;
        return ERR_OK;
    }
    struct buf text;
    buf_init(&text, SCHEMA_BYTES_MAX);
    json_converter_write_schema(schema, c->decimal_numeric, &text);
    t = mem_calloc(1, sizeof *t);
    size_t len = text.len;
    char *taken = buf_take_text(&text);
    buf_deinit(&text);
    if (t == NULL || taken == NULL) {
        mem_free(t);
        mem_free(taken);
        return err_nomem(e, "write JSON schema");
    }
    t->text = taken;
    t->len = len;
    transform_cache_put(c->texts, schema, t);
    *out_text = t;
    return ERR_OK;
}

static enum err_code from_connect(void *converter, const struct converter_input *in,
                                  struct buf *out, bool *out_null, struct err *e)
{
    const struct connect_schema *schema = in->schema;
    const struct connect_value *value = in->value;
    struct json_converter *c = converter;
    const struct writer w = {out, c->decimal_numeric, c->replace_null};
    if (value->kind == CONNECT_NULL && schema == NULL) {
        *out_null = true;
        return ERR_OK;
    }
    if (schema != NULL && connect_value_check(value, schema, NULL, e) != ERR_OK) {
        if (value->kind == CONNECT_NULL) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "Conversion error: null value for field that is required and "
                                     "has no default value");
        }
        return ERR_INVALID;
    }
    if (!c->schemas) {
        write_value(&w, schema, value);
        return ERR_OK;
    }
    if (schema == NULL) {
        buf_append_text(out, "{\"schema\":null");
    } else {
        const struct schema_text *t = NULL;
        enum err_code code = schema_text(c, schema, &t, e);
        if (code != ERR_OK) {
            return code;
        }
        CHECK(t != NULL);
        buf_append_text(out, "{\"schema\":");
        buf_append(out, t->text, t->len);
    }
    buf_append_text(out, ",\"payload\":");
    write_value(&w, schema, value);
    buf_append_char(out, '}');
    return ERR_OK;
}

static enum err_code to_connect(void *converter, const char *topic, struct bytes data,
                                struct connect_scope *scope, struct converter_result *out_result,
                                struct err *e)
{
    (void)topic;
    const struct json_converter *c = converter;
    const struct json_reader_options options = {.schemas = c->schemas,
                                                .replace_null = c->replace_null};
    return json_reader_read(&options, data, scope, &out_result->schema, &out_result->value, e);
}

static const char *const decimal_formats[] = {"BASE64", "NUMERIC", NULL};
static const struct connect_config_key keys[] = {
    {.name = "schemas.enable",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Include schemas within each of the serialized values and keys.",
     .group = "Schemas",
     .order = 1,
     .display_name = "Enable Schemas"},
    {.name = "schemas.cache.size",
     .type = CONNECT_CONFIG_INT,
     .default_value = "1000",
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The maximum number of schemas that can be cached in this converter instance.",
     .group = "Schemas",
     .order = 2,
     .display_name = "Schema Cache Size"},
    {.name = "decimal.format",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "BASE64",
     .valid = decimal_formats,
     .any_case = true,
     .importance = CONNECT_CONFIG_LOW,
     .doc = "How decimals are written: BASE64 of the unscaled value, or NUMERIC.",
     .group = "Serialization",
     .order = 3,
     .display_name = "Decimal Format"},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Whether null fields with a default are written as that default.",
     .group = "Serialization",
     .order = 4,
     .display_name = "Replace null with default"},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static enum err_code create(const struct connect_plugin *plugin,
                            const struct connect_config *config,
                            const struct converter_options *options, void **out_converter,
                            struct err *e)
{
    (void)plugin;
    (void)options;
    const struct connect_config_reader r = {config, keys, KEY_COUNT};
    struct json_converter *c = mem_calloc(1, sizeof *c);
    if (c != NULL) {
        c->texts = transform_cache_create(CACHE_ENTRIES, text_free);
    }
    if (c == NULL || c->texts == NULL) {
        mem_free(c);
        return err_nomem(e, "create JsonConverter");
    }
    c->schemas = connect_config_read_boolean(&r, "schemas.enable");
    c->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    const char *format = connect_config_read_text(&r, "decimal.format");
    c->decimal_numeric = format[0] == 'N' || format[0] == 'n';
    *out_converter = c;
    return ERR_OK;
}

static void destroy(void *converter)
{
    struct json_converter *c = converter;
    transform_cache_destroy(c->texts);
    mem_free(c);
}

static const struct converter_ops ops = {create, from_connect, to_connect, destroy};

const struct connect_plugin json_converter_plugin = {
    .type = CONNECT_PLUGIN_CONVERTER,
    .class_name = "org.apache.kafka.connect.json.JsonConverter",
    .version = WEIR_VERSION,
    .keys = keys,
    .key_count = KEY_COUNT,
    .converter = &ops,
};
const struct connect_plugin json_converter_header_plugin = {
    .type = CONNECT_PLUGIN_HEADER_CONVERTER,
    .class_name = "org.apache.kafka.connect.json.JsonConverter",
    .version = WEIR_VERSION,
    .keys = keys,
    .key_count = KEY_COUNT,
    .converter = &ops,
};
