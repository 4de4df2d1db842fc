#include "connect/converters/json_reader.h"

#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "connect/include/connect_error.h"
#include "connect/model/base64.h"

static enum err_code bad(struct err *e, const char *what)
{
    return connect_error_set(e, ERR_PARSE, CONNECT_DATA_EXCEPTION, "%s", what);
}

static bool type_parse(const char *word, enum connect_type *out)
{
    static const char *const words[] = {
#define WORD(name, text) text,
        CONNECT_TYPES(WORD)
#undef WORD
    };
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum connect_type)i;
            return true;
        }
    }
    return false;
}

static enum err_code read_value(const struct connect_schema *schema, const json_t *json,
                                struct arena *a, struct connect_value *out, struct err *e);

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_schema(const json_t *json, const struct connect_schema **out,
                                 struct err *e);

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_fields(const json_t *fields, struct connect_schema_builder *b,
                                 struct err *e)
{
    if (!json_is_array(fields)) {
        return bad(e, "Struct schema's \"fields\" argument is not an array.");
    }
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "field"));
        const struct connect_schema *schema = NULL;
        if (name == NULL) {
            return bad(e, "Struct schema's field name not specified properly");
        }
        enum err_code code = read_schema(field, &schema, e);
        if (code != ERR_OK) {
            return code;
        }
        connect_schema_builder_add_field_take(b, name, schema);
    }
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_children(enum connect_type type, const json_t *json,
                                   struct connect_schema_builder *b, struct err *e)
{
    const struct connect_schema *child = NULL;
    enum err_code code = ERR_OK;
    if (type == CONNECT_TYPE_STRUCT) {
        return read_fields(json_object_get(json, "fields"), b, e);
    }
    if (type == CONNECT_TYPE_MAP) {
        code = read_schema(json_object_get(json, "keys"), &child, e);
        if (code != ERR_OK) {
            return code;
        }
        connect_schema_builder_set_key_schema(b, child);
        connect_schema_unref(child);
    }
    if (type == CONNECT_TYPE_MAP || type == CONNECT_TYPE_ARRAY) {
        code = read_schema(json_object_get(json, type == CONNECT_TYPE_MAP ? "values" : "items"),
                           &child, e);
        if (code == ERR_OK) {
            connect_schema_builder_set_value_schema(b, child);
            connect_schema_unref(child);
        }
    }
    return code;
}

static void read_attributes(const json_t *json, struct connect_schema_builder *b)
{
    connect_schema_builder_set_optional(b, json_is_true(json_object_get(json, "optional")));
    connect_schema_builder_set_name(b, json_string_value(json_object_get(json, "name")));
    connect_schema_builder_set_doc(b, json_string_value(json_object_get(json, "doc")));
    const json_t *version = json_object_get(json, "version");
    if (json_is_integer(version)) {
        connect_schema_builder_set_version(b, (int32_t)json_integer_value(version));
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(json, "parameters"), key, value)
    {
        if (json_is_string(value)) {
            connect_schema_builder_set_parameter(b, key, json_string_value(value));
        }
    }
}

/* The default is written in the type that it belongs to, so that type is built first. */
// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code with_default(const struct connect_schema *plain, const json_t *json,
                                  const struct connect_schema **out, struct err *e)
{
    struct arena a;
    struct connect_value value = connect_value_null();
    arena_init(&a, (size_t)1 << 20);
    enum err_code code = read_value(plain, json, &a, &value, e);
    if (code == ERR_OK) {
        struct connect_schema_builder *b = connect_schema_builder_create_from(plain, true);
        connect_schema_builder_set_default(b, &value);
        code = connect_schema_builder_build(b, out, e);
    }
    arena_deinit(&a);
    return code;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_schema(const json_t *json, const struct connect_schema **out,
                                 struct err *e)
{
    enum connect_type type = CONNECT_TYPE_STRING;
    if (!json_is_object(json)) {
        return bad(e, "Schema must contain 'type' field");
    }
    if (!type_parse(json_string_value(json_object_get(json, "type")), &type)) {
        return bad(e, "Unknown schema type");
    }
    struct connect_schema_builder *b = connect_schema_builder_create(type);
    if (b == NULL) {
        return err_nomem(e, "read schema");
    }
    read_attributes(json, b);
    enum err_code code = read_children(type, json, b, e);
    if (code != ERR_OK) {
        connect_schema_builder_destroy(b);
        return code;
    }
    const struct connect_schema *schema = NULL;
    code = connect_schema_builder_build(b, &schema, e);
    const json_t *value = json_object_get(json, "default");
    if (code == ERR_OK && value != NULL && !json_is_null(value)) {
        const struct connect_schema *plain = schema;
        code = with_default(plain, value, &schema, e);
        connect_schema_unref(plain);
    }
    if (code == ERR_OK) {
        *out = schema;
    }
    return code;
}

static enum err_code read_text(const json_t *json, struct arena *a, struct connect_value *out,
                               struct err *e)
{
    if (!json_is_string(json)) {
        return bad(e, "Invalid type for string field");
    }
    size_t len = json_string_length(json);
    const char *copy = arena_strndup(a, json_string_value(json), len);
    if (copy == NULL) {
        return err_nomem(e, "read text");
    }
    *out = connect_value_string(copy, len);
    return ERR_OK;
}

static enum err_code read_bytes(const struct connect_schema *schema, const json_t *json,
                                struct arena *a, struct connect_value *out, struct err *e)
{
    struct bytes data = bytes_null();
    if (!json_is_string(json)) {
        return bad(e, "Invalid type for bytes field: base64 text expected");
    }
    enum err_code code =
        base64_read(a, bytes_of(json_string_value(json), json_string_length(json)), &data, e);
    if (code != ERR_OK) {
        return code;
    }
    *out = schema->logical == CONNECT_LOGICAL_DECIMAL
               ? connect_value_decimal(data.data, data.len, (int16_t)schema->scale)
               : connect_value_bytes(data.data, data.len);
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_array(const struct connect_schema *schema, const json_t *json,
                                struct arena *a, struct connect_value *out, struct err *e)
{
    size_t count = json_array_size(json);
    struct connect_value *items = arena_alloc_array(a, count, sizeof *items);
    if (!json_is_array(json)) {
        return bad(e, "Invalid type for array field");
    }
    if (items == NULL) {
        return err_nomem(e, "read array");
    }
    for (size_t i = 0; i < count; i++) {
        enum err_code code =
            read_value(schema->value_schema, json_array_get(json, i), a, &items[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    *out = connect_value_array(items, count);
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_map(const struct connect_schema *schema, const json_t *json,
                              struct arena *a, struct connect_value *out, struct err *e)
{
    bool object = json_is_object(json);
    if (!object && !json_is_array(json)) {
        return bad(e, "Invalid type for map field");
    }
    size_t count = object ? json_object_size(json) : json_array_size(json);
    struct connect_pair *pairs = arena_alloc_array(a, count, sizeof *pairs);
    if (pairs == NULL) {
        return err_nomem(e, "read map");
    }
    enum err_code code = ERR_OK;
    if (object) {
        size_t i = 0;
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach((json_t *)(uintptr_t)json, key, value)
        {
            const char *copy = arena_strdup(a, key);
            if (copy == NULL) {
                return err_nomem(e, "read map");
            }
            pairs[i].key = connect_value_text(copy);
            code = read_value(schema->value_schema, value, a, &pairs[i++].value, e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    for (size_t i = 0; !object && i < count; i++) {
        const json_t *pair = json_array_get(json, i);
        if (json_array_size(pair) != 2) {
            return bad(e, "Found invalid map entry instead of array tuple");
        }
        code = read_value(schema->key_schema, json_array_get(pair, 0), a, &pairs[i].key, e);
        if (code == ERR_OK) {
            code = read_value(schema->value_schema, json_array_get(pair, 1), a, &pairs[i].value, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    *out = connect_value_map(pairs, count);
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_struct(const struct connect_schema *schema, const json_t *json,
                                 struct arena *a, struct connect_value *out, struct err *e)
{
    if (!json_is_object(json)) {
        return bad(e, "Structs should be encoded as JSON objects");
    }
    struct connect_struct *s = connect_value_create_struct(a, schema);
    if (s == NULL) {
        return err_nomem(e, "read struct");
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const json_t *field = json_object_get(json, schema->fields[i].name);
        enum err_code code = read_value(schema->fields[i].schema, field, a, &s->values[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    *out = connect_value_struct(s);
    return ERR_OK;
}

static enum err_code read_number(const struct connect_schema *schema, const json_t *json,
                                 struct connect_value *out, struct err *e)
{
    if (!json_is_number(json)) {
        return bad(e, "Invalid type for number field");
    }
    if (schema->type == CONNECT_TYPE_FLOAT32) {
        *out = connect_value_float32((float)json_number_value(json));
    } else if (schema->type == CONNECT_TYPE_FLOAT64) {
        *out = connect_value_float64(json_number_value(json));
    } else {
        *out = connect_value_integer(connect_value_kind_of(schema),
                                     json_is_integer(json) ? json_integer_value(json)
                                                           : (int64_t)json_real_value(json));
    }
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by json_decode
static enum err_code read_value(const struct connect_schema *schema, const json_t *json,
                                struct arena *a, struct connect_value *out, struct err *e)
{
    if (json == NULL || json_is_null(json)) {
        if (!schema->optional && !schema->has_default) {
            return bad(e, "Invalid null value for required field");
        }
        *out = schema->has_default ? schema->default_value : connect_value_null();
        return ERR_OK;
    }
    switch (schema->type) {
    case CONNECT_TYPE_INT8:
    case CONNECT_TYPE_INT16:
    case CONNECT_TYPE_INT32:
    case CONNECT_TYPE_INT64:
    case CONNECT_TYPE_FLOAT32:
    case CONNECT_TYPE_FLOAT64:
        return read_number(schema, json, out, e);
    case CONNECT_TYPE_BOOLEAN:
        *out = connect_value_boolean(json_is_true(json));
        return json_is_boolean(json) ? ERR_OK : bad(e, "Invalid type for boolean field");
    case CONNECT_TYPE_STRING:
        return read_text(json, a, out, e);
    case CONNECT_TYPE_BYTES:
        return read_bytes(schema, json, a, out, e);
    case CONNECT_TYPE_ARRAY:
        return read_array(schema, json, a, out, e);
    case CONNECT_TYPE_MAP:
        return read_map(schema, json, a, out, e);
    case CONNECT_TYPE_STRUCT:
        return read_struct(schema, json, a, out, e);
    }
    return ERR_OK;
}

static enum err_code read_envelope(const json_t *json, struct connect_scope *scope,
                                   const struct connect_schema **out_schema,
                                   struct connect_value *out_value, struct err *e)
{
    const json_t *schema = json_object_get(json, "schema");
    const json_t *payload = json_object_get(json, "payload");
    if (!json_is_object(json) || json_object_size(json) != 2 || schema == NULL || payload == NULL) {
        return bad(e, "JsonConverter with schemas.enable requires \"schema\" and \"payload\" "
                      "fields and may not contain additional fields. If you are trying to "
                      "deserialize plain JSON data, set schemas.enable=false in your converter "
                      "configuration.");
    }
    if (json_is_null(schema)) {
        struct buf text;
        buf_init(&text, (size_t)16 << 20);
        json_write(&text, payload);
        enum err_code code = connect_value_parse_json(&scope->arena, (const char *)text.data,
                                                      text.len, out_value, e);
        buf_deinit(&text);
        *out_schema = NULL;
        return code;
    }
    const struct connect_schema *built = NULL;
    enum err_code code = read_schema(schema, &built, e);
    if (code == ERR_OK) {
        CHECK(built != NULL);
        code = read_value(built, payload, &scope->arena, out_value, e);
        *out_schema = connect_scope_keep_schema(scope, built);
        connect_schema_unref(built);
    }
    return code;
}

enum err_code json_reader_read(const struct json_reader_options *options, struct bytes data,
                               struct connect_scope *scope,
                               const struct connect_schema **out_schema,
                               struct connect_value *out_value, struct err *e)
{
    *out_schema = NULL;
    *out_value = connect_value_null();
    if (bytes_is_null(data)) {
        return ERR_OK;
    }
    const struct json_limits limits = {.any_root = true};
    json_t *json = NULL;
    enum err_code code = json_decode(data, &limits, &json, e);
    if (code != ERR_OK) {
        (void)connect_error_wrap(e, CONNECT_SERIALIZATION_EXCEPTION, "%s", "");
        return connect_error_wrap(e, CONNECT_DATA_EXCEPTION,
                                  "Converting byte[] to Kafka Connect data failed due to "
                                  "serialization error: ");
    }
    if (options->schemas) {
        code = read_envelope(json, scope, out_schema, out_value, e);
    } else {
        code = connect_value_parse_json(&scope->arena, (const char *)data.data, data.len, out_value,
                                        e);
    }
    json_decref(json);
    return code;
}
