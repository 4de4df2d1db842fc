#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"
#include "connect/include/connect_schema.h"
#include "connect/model/connect_schema_internal.h"

#define SCHEMA_BYTES_MAX ((size_t)8 << 20)
#define FIELDS_MAX ((size_t)10000)
#define PARAMETERS_MAX ((size_t)10000)

struct connect_schema_builder {
    struct connect_schema *schema;
    struct connect_field *fields;
    size_t field_capacity;
    struct connect_parameter *parameters;
    size_t parameter_capacity;
    enum err_code failed;
    char problem[256];
};

static void builder_fail(struct connect_schema_builder *b, enum err_code code, const char *problem,
                         const char *name)
{
    if (b->failed == ERR_OK) {
        struct err e;
        b->failed = err_set(&e, code, "%s%s", problem, name);
        size_t len = strnlen(e.text, sizeof b->problem - 1);
        memcpy(b->problem, e.text, len);
        b->problem[len] = '\0';
    }
}

struct connect_schema_builder *connect_schema_builder_create(enum connect_type type)
{
    struct connect_schema_builder *b = mem_calloc(1, sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    b->schema = mem_calloc(1, sizeof *b->schema);
    if (b->schema == NULL) {
        mem_free(b);
        return NULL;
    }
    b->schema->type = type;
    b->schema->ref_count = 1;
    arena_init(&b->schema->arena, SCHEMA_BYTES_MAX);
    return b;
}

struct connect_schema_builder *
connect_schema_builder_create_from(const struct connect_schema *schema, bool with_fields)
{
    struct connect_schema_builder *b = connect_schema_builder_create(schema->type);
    if (b == NULL) {
        return NULL;
    }
    connect_schema_builder_set_optional(b, schema->optional);
    connect_schema_builder_set_name(b, schema->name);
    connect_schema_builder_set_doc(b, schema->doc);
    if (schema->has_version) {
        connect_schema_builder_set_version(b, schema->version);
    }
    for (size_t i = 0; i < schema->parameter_count; i++) {
        connect_schema_builder_set_parameter(b, schema->parameters[i].key,
                                             schema->parameters[i].value);
    }
    if (schema->key_schema != NULL) {
        connect_schema_builder_set_key_schema(b, schema->key_schema);
    }
    if (schema->value_schema != NULL) {
        connect_schema_builder_set_value_schema(b, schema->value_schema);
    }
    for (size_t i = 0; with_fields && i < schema->field_count; i++) {
        connect_schema_builder_add_field(b, schema->fields[i].name, schema->fields[i].schema);
    }
    /* A struct default belongs to the old list of fields. */
    if (schema->has_default && (with_fields || schema->type != CONNECT_TYPE_STRUCT)) {
        connect_schema_builder_set_default(b, &schema->default_value);
    }
    return b;
}

void connect_schema_builder_set_optional(struct connect_schema_builder *b, bool optional)
{
    if (b != NULL) {
        b->schema->optional = optional;
    }
}

void connect_schema_builder_set_name(struct connect_schema_builder *b, const char *name)
{
    if (b != NULL) {
        b->schema->name = name != NULL ? arena_strdup(&b->schema->arena, name) : NULL;
    }
}

void connect_schema_builder_set_version(struct connect_schema_builder *b, int32_t version)
{
    if (b != NULL) {
        b->schema->has_version = true;
        b->schema->version = version;
    }
}

void connect_schema_builder_set_doc(struct connect_schema_builder *b, const char *doc)
{
    if (b != NULL) {
        b->schema->doc = doc != NULL ? arena_strdup(&b->schema->arena, doc) : NULL;
    }
}

static bool grow(void **items, size_t *capacity, size_t count, size_t item_size)
{
    if (count < *capacity) {
        return true;
    }
    size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *bigger = mem_realloc(*items, wanted * item_size);
    if (bigger == NULL) {
        return false;
    }
    *items = bigger;
    *capacity = wanted;
    return true;
}

void connect_schema_builder_set_parameter(struct connect_schema_builder *b, const char *key,
                                          const char *value)
{
    if (b == NULL) {
        return;
    }
    struct connect_schema *s = b->schema;
    for (size_t i = 0; i < s->parameter_count; i++) {
        if (b->parameters[i].key != NULL && strcmp(b->parameters[i].key, key) == 0) {
            b->parameters[i].value = arena_strdup(&s->arena, value);
            return;
        }
    }
    void *items = b->parameters;
    if (s->parameter_count == PARAMETERS_MAX ||
        !grow(&items, &b->parameter_capacity, s->parameter_count, sizeof *b->parameters)) {
        builder_fail(b, ERR_NOMEM, "no room for schema parameter ", key);
        return;
    }
    b->parameters = items;
    b->parameters[s->parameter_count++] = (struct connect_parameter){
        .key = arena_strdup(&s->arena, key), .value = arena_strdup(&s->arena, value)};
}

void connect_schema_builder_set_default(struct connect_schema_builder *b,
                                        const struct connect_value *value)
{
    if (b != NULL) {
        b->schema->has_default = value->kind != CONNECT_NULL;
        b->schema->default_value = connect_value_copy(&b->schema->arena, value);
    }
}

void connect_schema_builder_set_key_schema(struct connect_schema_builder *b,
                                           const struct connect_schema *schema)
{
    if (b != NULL) {
        connect_schema_unref(b->schema->key_schema);
        b->schema->key_schema = connect_schema_ref(schema);
    }
}

void connect_schema_builder_set_value_schema(struct connect_schema_builder *b,
                                             const struct connect_schema *schema)
{
    if (b != NULL) {
        connect_schema_unref(b->schema->value_schema);
        b->schema->value_schema = connect_schema_ref(schema);
    }
}

void connect_schema_builder_add_field_take(struct connect_schema_builder *b, const char *name,
                                           const struct connect_schema *take_schema)
{
    if (b == NULL || take_schema == NULL) {
        connect_schema_unref(take_schema);
        if (b != NULL) {
            builder_fail(b, ERR_NOMEM, "no schema for field ", name);
        }
        return;
    }
    struct connect_schema *s = b->schema;
    for (size_t i = 0; i < s->field_count; i++) {
        if (b->fields[i].name != NULL && strcmp(b->fields[i].name, name) == 0) {
            builder_fail(b, ERR_INVALID, "Cannot create field because of field name duplication ",
                         name);
            connect_schema_unref(take_schema);
            return;
        }
    }
    void *items = b->fields;
    const char *own_name = arena_strdup(&s->arena, name);
    if (own_name == NULL || s->field_count == FIELDS_MAX ||
        !grow(&items, &b->field_capacity, s->field_count, sizeof *b->fields)) {
        builder_fail(b, ERR_NOMEM, "no room for field ", name);
        connect_schema_unref(take_schema);
        return;
    }
    b->fields = items;
    b->fields[s->field_count] = (struct connect_field){
        .name = own_name, .schema = take_schema, .index = (uint32_t)s->field_count};
    s->field_count++;
}

void connect_schema_builder_add_field(struct connect_schema_builder *b, const char *name,
                                      const struct connect_schema *schema)
{
    connect_schema_builder_add_field_take(b, name, connect_schema_ref(schema));
}

static enum connect_logical logical_of(const struct connect_schema *s)
{
    if (s->name == NULL) {
        return CONNECT_LOGICAL_NONE;
    }
    if (s->type == CONNECT_TYPE_BYTES && strcmp(s->name, CONNECT_DECIMAL_NAME) == 0) {
        return CONNECT_LOGICAL_DECIMAL;
    }
    if (s->type == CONNECT_TYPE_INT32 && strcmp(s->name, CONNECT_DATE_NAME) == 0) {
        return CONNECT_LOGICAL_DATE;
    }
    if (s->type == CONNECT_TYPE_INT32 && strcmp(s->name, CONNECT_TIME_NAME) == 0) {
        return CONNECT_LOGICAL_TIME;
    }
    if (s->type == CONNECT_TYPE_INT64 && strcmp(s->name, CONNECT_TIMESTAMP_NAME) == 0) {
        return CONNECT_LOGICAL_TIMESTAMP;
    }
    return CONNECT_LOGICAL_NONE;
}

static enum err_code decimal_scale(struct connect_schema *s, struct err *e)
{
    const char *text = connect_schema_find_parameter(s, "scale");
    char *end = NULL;
    long scale = text != NULL ? strtol(text, &end, 10) : 0;
    if (text == NULL || *text == '\0' || *end != '\0' || scale < INT16_MIN || scale > INT16_MAX) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Invalid Decimal schema: scale parameter not found.");
    }
    s->scale = (int32_t)scale;
    return ERR_OK;
}

static enum err_code builder_finish(struct connect_schema_builder *b, struct err *e)
{
    struct connect_schema *s = b->schema;
    if (b->failed != ERR_OK) {
        return connect_error_set(e, b->failed,
                                 "org.apache.kafka.connect.errors.SchemaBuilderException", "%s",
                                 b->problem);
    }
    bool lacks_value =
        (s->type == CONNECT_TYPE_ARRAY || s->type == CONNECT_TYPE_MAP) && s->value_schema == NULL;
    bool lacks_key = s->type == CONNECT_TYPE_MAP && s->key_schema == NULL;
    if (lacks_value || lacks_key) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "%s schema without the schema of its elements",
                                 connect_schema_type_name(s->type));
    }
    s->parameters = arena_dup(&s->arena, b->parameters, s->parameter_count * sizeof *b->parameters);
    s->fields = arena_dup(&s->arena, b->fields, s->field_count * sizeof *b->fields);
    s->logical = logical_of(s);
    if (arena_failed(&s->arena)) {
        return err_nomem(e, "build schema");
    }
    if (s->logical == CONNECT_LOGICAL_DECIMAL && decimal_scale(s, e) != ERR_OK) {
        return ERR_INVALID;
    }
    return s->has_default ? connect_value_check(&s->default_value, s, NULL, e) : ERR_OK;
}

static void builder_free(struct connect_schema_builder *b)
{
    /* Until the copy into the arena, the fields' references are here. */
    if (b->schema != NULL) {
        b->schema->fields = b->fields;
        connect_schema_free(b->schema);
    }
    mem_free(b->fields);
    mem_free(b->parameters);
    mem_free(b);
}

void connect_schema_builder_destroy(struct connect_schema_builder *b)
{
    if (b != NULL) {
        builder_free(b);
    }
}

enum err_code connect_schema_builder_build(struct connect_schema_builder *take_b,
                                           const struct connect_schema **out_schema, struct err *e)
{
    if (take_b == NULL) {
        return err_nomem(e, "build schema");
    }
    enum err_code code = builder_finish(take_b, e);
    if (code == ERR_OK) {
        *out_schema = take_b->schema;
        take_b->schema = NULL;
    }
    builder_free(take_b);
    return code;
}

static const struct connect_schema *build_logical(const char *name, bool optional,
                                                  struct connect_schema_builder *b)
{
    const struct connect_schema *schema = NULL;
    connect_schema_builder_set_name(b, name);
    connect_schema_builder_set_version(b, 1);
    connect_schema_builder_set_optional(b, optional);
    return connect_schema_builder_build(b, &schema, NULL) == ERR_OK ? schema : NULL;
}

const struct connect_schema *connect_schema_create_decimal(int32_t scale, bool optional)
{
    return connect_schema_create_decimal_precision(scale, 0, optional);
}

const struct connect_schema *
connect_schema_create_decimal_precision(int32_t scale, int32_t precision, bool optional)
{
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_BYTES);
    char text[16];
    (void)snprintf(text, sizeof text, "%" PRId32, scale);
    connect_schema_builder_set_parameter(b, "scale", text);
    if (precision > 0) {
        (void)snprintf(text, sizeof text, "%" PRId32, precision);
        connect_schema_builder_set_parameter(b, "connect.decimal.precision", text);
    }
    return build_logical(CONNECT_DECIMAL_NAME, optional, b);
}

const struct connect_schema *connect_schema_create_date(bool optional)
{
    return build_logical(CONNECT_DATE_NAME, optional,
                         connect_schema_builder_create(CONNECT_TYPE_INT32));
}

const struct connect_schema *connect_schema_create_time(bool optional)
{
    return build_logical(CONNECT_TIME_NAME, optional,
                         connect_schema_builder_create(CONNECT_TYPE_INT32));
}

const struct connect_schema *connect_schema_create_timestamp(bool optional)
{
    return build_logical(CONNECT_TIMESTAMP_NAME, optional,
                         connect_schema_builder_create(CONNECT_TYPE_INT64));
}
