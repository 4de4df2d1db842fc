#include "connect/include/connect_value.h"

#include "common/check.h"
#include "connect/include/connect_error.h"
#include "connect/include/connect_schema.h"

bool connect_value_is_text(const struct connect_value *v, const char *text)
{
    return v->kind == CONNECT_STRING && v->len == strlen(text) &&
           memcmp(v->data, text, v->len) == 0;
}

struct connect_struct *connect_value_create_struct(struct arena *a,
                                                   const struct connect_schema *schema)
{
    CHECK(schema->type == CONNECT_TYPE_STRUCT);
    struct connect_struct *s =
        arena_alloc(a, sizeof *s + schema->field_count * sizeof s->values[0]);
    if (s != NULL) {
        s->schema = schema;
    }
    return s;
}

const struct connect_value *connect_value_struct_get(const struct connect_struct *s, size_t index)
{
    CHECK(index < s->schema->field_count);
    const struct connect_value *v = &s->values[index];
    const struct connect_schema *schema = s->schema->fields[index].schema;
    return v->kind == CONNECT_NULL && schema->has_default ? &schema->default_value : v;
}

const struct connect_value *connect_value_map_get(const struct connect_value *map, const char *key)
{
    if (map->kind != CONNECT_MAP) {
        return NULL;
    }
    for (uint32_t i = 0; i < map->len; i++) {
        if (connect_value_is_text(&map->pairs[i].key, key)) {
            return &map->pairs[i].value;
        }
    }
    return NULL;
}

/* The recursion of the next functions follows values whose depth their makers bound: JSON by its
 * reader's limit, rows by their schema. */

// NOLINTNEXTLINE(misc-no-recursion)
static void copy_children(struct arena *a, const struct connect_value *v,
                          struct connect_value *copy)
{
    if (v->kind == CONNECT_ARRAY) {
        copy->items = arena_alloc_array(a, v->len, sizeof *v->items);
        for (uint32_t i = 0; copy->items != NULL && i < v->len; i++) {
            copy->items[i] = connect_value_copy(a, &v->items[i]);
        }
    } else if (v->kind == CONNECT_MAP) {
        copy->pairs = arena_alloc_array(a, v->len, sizeof *v->pairs);
        for (uint32_t i = 0; copy->pairs != NULL && i < v->len; i++) {
            copy->pairs[i].key = connect_value_copy(a, &v->pairs[i].key);
            copy->pairs[i].value = connect_value_copy(a, &v->pairs[i].value);
        }
    } else if (v->kind == CONNECT_STRUCT) {
        copy->record = connect_value_create_struct(a, v->record->schema);
        for (size_t i = 0; copy->record != NULL && i < v->record->schema->field_count; i++) {
            copy->record->values[i] = connect_value_copy(a, &v->record->values[i]);
        }
    }
}

// NOLINTNEXTLINE(misc-no-recursion)
struct connect_value connect_value_copy(struct arena *a, const struct connect_value *v)
{
    struct connect_value copy = *v;
    if (v->kind == CONNECT_STRING || v->kind == CONNECT_BYTES || v->kind == CONNECT_DECIMAL) {
        copy.data = arena_dup(a, v->data, v->len);
    } else {
        copy_children(a, v, &copy);
    }
    return arena_failed(a) ? connect_value_null() : copy;
}

// NOLINTNEXTLINE(misc-no-recursion)
static bool children_equal(const struct connect_value *a, const struct connect_value *b)
{
    if (a->kind == CONNECT_STRUCT) {
        if (!connect_schema_equal(a->record->schema, b->record->schema)) {
            return false;
        }
        for (size_t i = 0; i < a->record->schema->field_count; i++) {
            if (!connect_value_equal(&a->record->values[i], &b->record->values[i])) {
                return false;
            }
        }
        return true;
    }
    if (a->len != b->len) {
        return false;
    }
    for (uint32_t i = 0; i < a->len; i++) {
        bool same = a->kind == CONNECT_ARRAY
                        ? connect_value_equal(&a->items[i], &b->items[i])
                        : connect_value_equal(&a->pairs[i].key, &b->pairs[i].key) &&
                              connect_value_equal(&a->pairs[i].value, &b->pairs[i].value);
        if (!same) {
            return false;
        }
    }
    return true;
}

/* NaN equals NaN here, as Double.equals has it: defaults are compared with this. */
static bool bits_equal(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

// NOLINTNEXTLINE(misc-no-recursion)
bool connect_value_equal(const struct connect_value *a, const struct connect_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch ((enum connect_kind)a->kind) {
    case CONNECT_NULL:
        return true;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        return a->integer == b->integer;
    case CONNECT_FLOAT32:
        return bits_equal(&a->float32, &b->float32, sizeof a->float32);
    case CONNECT_FLOAT64:
        return bits_equal(&a->float64, &b->float64, sizeof a->float64);
    case CONNECT_BOOLEAN:
        return a->boolean == b->boolean;
    case CONNECT_STRING:
    case CONNECT_BYTES:
        return bytes_equal(connect_value_data(a), connect_value_data(b));
    case CONNECT_DECIMAL:
        return a->scale == b->scale && bytes_equal(connect_value_data(a), connect_value_data(b));
    case CONNECT_ARRAY:
    case CONNECT_MAP:
    case CONNECT_STRUCT:
        return children_equal(a, b);
    }
    return false;
}

enum connect_kind connect_value_kind_of(const struct connect_schema *schema)
{
    static const uint8_t kinds[] = {
        [CONNECT_TYPE_INT8] = CONNECT_INT8,       [CONNECT_TYPE_INT16] = CONNECT_INT16,
        [CONNECT_TYPE_INT32] = CONNECT_INT32,     [CONNECT_TYPE_INT64] = CONNECT_INT64,
        [CONNECT_TYPE_FLOAT32] = CONNECT_FLOAT32, [CONNECT_TYPE_FLOAT64] = CONNECT_FLOAT64,
        [CONNECT_TYPE_BOOLEAN] = CONNECT_BOOLEAN, [CONNECT_TYPE_STRING] = CONNECT_STRING,
        [CONNECT_TYPE_BYTES] = CONNECT_BYTES,     [CONNECT_TYPE_ARRAY] = CONNECT_ARRAY,
        [CONNECT_TYPE_MAP] = CONNECT_MAP,         [CONNECT_TYPE_STRUCT] = CONNECT_STRUCT,
    };
    if (schema->logical == CONNECT_LOGICAL_DECIMAL) {
        return CONNECT_DECIMAL;
    }
    return (enum connect_kind)kinds[schema->type];
}

const char *connect_value_class_name(const struct connect_value *v,
                                     const struct connect_schema *schema)
{
    static const char *const names[] = {
        [CONNECT_NULL] = "null",
        [CONNECT_INT8] = "java.lang.Byte",
        [CONNECT_INT16] = "java.lang.Short",
        [CONNECT_INT32] = "java.lang.Integer",
        [CONNECT_INT64] = "java.lang.Long",
        [CONNECT_FLOAT32] = "java.lang.Float",
        [CONNECT_FLOAT64] = "java.lang.Double",
        [CONNECT_BOOLEAN] = "java.lang.Boolean",
        [CONNECT_STRING] = "java.lang.String",
        [CONNECT_BYTES] = "java.nio.HeapByteBuffer",
        [CONNECT_DECIMAL] = "java.math.BigDecimal",
        [CONNECT_ARRAY] = "java.util.ArrayList",
        [CONNECT_MAP] = "java.util.HashMap",
        [CONNECT_STRUCT] = "org.apache.kafka.connect.data.Struct",
    };
    if (schema != NULL && schema->logical > CONNECT_LOGICAL_DECIMAL && v->kind != CONNECT_NULL) {
        return "java.util.Date";
    }
    return names[v->kind];
}

// NOLINTNEXTLINE(misc-no-recursion)
static enum err_code check_children(const struct connect_value *v,
                                    const struct connect_schema *schema, const char *field,
                                    struct err *e)
{
    if (v->kind == CONNECT_STRUCT) {
        if (!connect_schema_equal(v->record->schema, schema)) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "Struct schemas do not match.");
        }
        for (size_t i = 0; i < schema->field_count; i++) {
            if (connect_value_check(connect_value_struct_get(v->record, i),
                                    schema->fields[i].schema, schema->fields[i].name,
                                    e) != ERR_OK) {
                return ERR_INVALID;
            }
        }
    }
    for (uint32_t i = 0; v->kind == CONNECT_ARRAY && i < v->len; i++) {
        if (connect_value_check(&v->items[i], schema->value_schema, field, e) != ERR_OK) {
            return ERR_INVALID;
        }
    }
    for (uint32_t i = 0; v->kind == CONNECT_MAP && i < v->len; i++) {
        if (connect_value_check(&v->pairs[i].key, schema->key_schema, field, e) != ERR_OK ||
            connect_value_check(&v->pairs[i].value, schema->value_schema, field, e) != ERR_OK) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

// NOLINTNEXTLINE(misc-no-recursion)
enum err_code connect_value_check(const struct connect_value *v,
                                  const struct connect_schema *schema, const char *field,
                                  struct err *e)
{
    if (v->kind == CONNECT_NULL) {
        if (schema->optional || schema->has_default) {
            return ERR_OK;
        }
        if (field == NULL) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "Invalid value: null used for required field: null, schema "
                                     "type: %s",
                                     connect_schema_type_name(schema->type));
        }
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Invalid value: null used for required field: \"%s\", schema "
                                 "type: %s",
                                 field, connect_schema_type_name(schema->type));
    }
    if (v->kind != connect_value_kind_of(schema)) {
        return connect_error_set(
            e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
            "Invalid Java object for schema \"%s\" with type %s: class %s%s%s%s",
            schema->name != NULL ? schema->name : "null", connect_schema_type_name(schema->type),
            connect_value_class_name(v, NULL), field != NULL ? " for field: \"" : "",
            field != NULL ? field : "", field != NULL ? "\"" : "");
    }
    return check_children(v, schema, field, e);
}
