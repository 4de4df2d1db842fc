#include "connect/include/connect_schema.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/model/connect_schema_internal.h"

static const char *const type_names[] = {
#define CONNECT_TYPE_NAME(name, word) #name,
    CONNECT_TYPES(CONNECT_TYPE_NAME)
#undef CONNECT_TYPE_NAME
};

static const char *const type_words[] = {
#define CONNECT_TYPE_WORD(name, word) word,
    CONNECT_TYPES(CONNECT_TYPE_WORD)
#undef CONNECT_TYPE_WORD
};

/* ref_count 0 marks these as static. */
#define PRIMITIVE(name) [CONNECT_TYPE_##name] = {.type = CONNECT_TYPE_##name}
#define PRIMITIVE_OPTIONAL(name) \
    [CONNECT_TYPE_##name] = {.type = CONNECT_TYPE_##name, .optional = true}
static const struct connect_schema required_primitives[] = {
    PRIMITIVE(INT8),    PRIMITIVE(INT16),   PRIMITIVE(INT32),  PRIMITIVE(INT64), PRIMITIVE(FLOAT32),
    PRIMITIVE(FLOAT64), PRIMITIVE(BOOLEAN), PRIMITIVE(STRING), PRIMITIVE(BYTES),
};
static const struct connect_schema optional_primitives[] = {
    PRIMITIVE_OPTIONAL(INT8),    PRIMITIVE_OPTIONAL(INT16),   PRIMITIVE_OPTIONAL(INT32),
    PRIMITIVE_OPTIONAL(INT64),   PRIMITIVE_OPTIONAL(FLOAT32), PRIMITIVE_OPTIONAL(FLOAT64),
    PRIMITIVE_OPTIONAL(BOOLEAN), PRIMITIVE_OPTIONAL(STRING),  PRIMITIVE_OPTIONAL(BYTES),
};

/* A schema is const for everyone but its reference count. */
static struct connect_schema *connect_schema_mutable(const struct connect_schema *schema)
{
    return (struct connect_schema *)(uintptr_t)schema;
}

const struct connect_schema *connect_schema_ref(const struct connect_schema *schema)
{
    if (schema != NULL && schema->ref_count != 0) {
        connect_schema_mutable(schema)->ref_count++;
    }
    return schema;
}

// Bounded: a schema's depth is bounded by what built it. NOLINTNEXTLINE(misc-no-recursion)
void connect_schema_free(struct connect_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    connect_schema_unref(schema->key_schema);
    connect_schema_unref(schema->value_schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        connect_schema_unref(schema->fields[i].schema);
    }
    arena_deinit(&schema->arena);
    mem_free(schema);
}

// NOLINTNEXTLINE(misc-no-recursion): as above
void connect_schema_unref(const struct connect_schema *schema)
{
    if (schema == NULL || schema->ref_count == 0) {
        return;
    }
    struct connect_schema *s = connect_schema_mutable(schema);
    if (--s->ref_count == 0) {
        connect_schema_free(s);
    }
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool parameters_equal(const struct connect_schema *a, const struct connect_schema *b)
{
    if (a->parameter_count != b->parameter_count) {
        return false;
    }
    for (size_t i = 0; i < a->parameter_count; i++) {
        if (!text_equal(connect_schema_find_parameter(b, a->parameters[i].key),
                        a->parameters[i].value)) {
            return false;
        }
    }
    return true;
}

// Bounded: a schema's depth is bounded by what built it. NOLINTNEXTLINE(misc-no-recursion)
bool connect_schema_equal(const struct connect_schema *a, const struct connect_schema *b)
{
    if (a == b) {
        return true;
    }
    if (a == NULL || b == NULL || a->type != b->type || a->optional != b->optional ||
        a->has_version != b->has_version || a->version != b->version ||
        a->has_default != b->has_default || a->field_count != b->field_count) {
        return false;
    }
    if (!text_equal(a->name, b->name) || !text_equal(a->doc, b->doc) || !parameters_equal(a, b)) {
        return false;
    }
    for (size_t i = 0; i < a->field_count; i++) {
        if (!text_equal(a->fields[i].name, b->fields[i].name) ||
            !connect_schema_equal(a->fields[i].schema, b->fields[i].schema)) {
            return false;
        }
    }
    return connect_schema_equal(a->key_schema, b->key_schema) &&
           connect_schema_equal(a->value_schema, b->value_schema) &&
           (!a->has_default || connect_value_equal(&a->default_value, &b->default_value));
}

const struct connect_field *connect_schema_find_field(const struct connect_schema *schema,
                                                      const char *name)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return &schema->fields[i];
        }
    }
    return NULL;
}

const char *connect_schema_find_parameter(const struct connect_schema *schema, const char *key)
{
    for (size_t i = 0; i < schema->parameter_count; i++) {
        if (strcmp(schema->parameters[i].key, key) == 0) {
            return schema->parameters[i].value;
        }
    }
    return NULL;
}

const char *connect_schema_type_name(enum connect_type type)
{
    return type_names[type];
}

const char *connect_schema_type_word(enum connect_type type)
{
    return type_words[type];
}

const struct connect_schema *connect_schema_primitive(enum connect_type type, bool optional)
{
    if (type > CONNECT_TYPE_BYTES) {
        return NULL;
    }
    return optional ? &optional_primitives[type] : &required_primitives[type];
}
