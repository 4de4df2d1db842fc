/* MaskField: fields get the zero of their type, or a replacement. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define MASK_FIELD_PURPOSE "mask fields"

struct mask_field {
    enum transform_side side;
    struct connect_config_list fields;
    char *replacement; /* NULL: the zero of the type */
    bool replace_null;
};

static const struct connect_config_key mask_field_keys[] = {
    {.name = "fields",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .non_empty = true,
     .doc = "Names of fields to mask."},
    {.name = "replacement",
     .type = CONNECT_CONFIG_STRING,
     .non_empty = true,
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Value that takes the place of all masked fields: strings and numbers only."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void mask_field_destroy(void *transform)
{
    struct mask_field *t = transform;
    connect_config_list_deinit(&t->fields);
    mem_free(t->replacement);
    mem_free(t);
}

static enum err_code mask_field_create(const struct connect_plugin *plugin,
                                       const struct connect_config *config, void **out_transform,
                                       struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct mask_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "MaskField");
    }
    const char *replacement = connect_config_read_text(&r, "replacement");
    t->side = transform_side_of_plugin(plugin);
    t->replacement = mem_strdup(replacement);
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    enum err_code rc =
        connect_config_parse_list(connect_config_read_text(&r, "fields"), &t->fields, e);
    if (rc == ERR_OK && replacement != NULL && t->replacement == NULL) {
        rc = err_nomem(e, "MaskField");
    }
    if (rc != ERR_OK) {
        mask_field_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code mask_field_zero(const struct connect_schema *schema,
                                     const struct connect_value *v, struct connect_value *out,
                                     struct err *e)
{
    static const uint8_t zero = 0;
    switch ((enum connect_kind)v->kind) {
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        *out = connect_value_integer((enum connect_kind)v->kind, 0);
        return ERR_OK;
    case CONNECT_FLOAT32:
        *out = connect_value_float32(0);
        return ERR_OK;
    case CONNECT_FLOAT64:
        *out = connect_value_float64(0);
        return ERR_OK;
    case CONNECT_BOOLEAN:
        *out = connect_value_boolean(false);
        return ERR_OK;
    case CONNECT_STRING:
        *out = connect_value_text("");
        return ERR_OK;
    case CONNECT_DECIMAL:
        *out = connect_value_decimal(&zero, 1, v->scale);
        return ERR_OK;
    case CONNECT_ARRAY:
        *out = connect_value_array(NULL, 0);
        return ERR_OK;
    case CONNECT_MAP:
        *out = connect_value_map(NULL, 0);
        return ERR_OK;
    case CONNECT_NULL:
    case CONNECT_BYTES:
    case CONNECT_STRUCT:
        break;
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "Cannot mask value of type: %s", connect_value_class_name(v, schema));
}

static enum err_code mask_field_integer(const char *text, const struct connect_value *v,
                                        struct connect_value *out, struct err *e)
{
    static const int64_t limits[] = {[CONNECT_INT8] = INT8_MAX,
                                     [CONNECT_INT16] = INT16_MAX,
                                     [CONNECT_INT32] = INT32_MAX,
                                     [CONNECT_INT64] = INT64_MAX};
    char *end = NULL;
    errno = 0;
    int64_t n = strtoll(text, &end, 10);
    int64_t max = limits[v->kind];
    if (errno != 0 || *end != '\0' || n > max || n < -max - 1) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Unable to convert %s (%s) to number", text,
                                 connect_value_class_name(v, NULL));
    }
    *out = connect_value_integer((enum connect_kind)v->kind, n);
    return ERR_OK;
}

static enum err_code mask_field_replace(const char *text, const struct connect_schema *schema,
                                        const struct connect_value *v, struct connect_value *out,
                                        struct err *e)
{
    char *end = NULL;
    double real = 0;
    bool plain = schema == NULL || schema->logical == CONNECT_LOGICAL_NONE;
    switch (plain ? (int)v->kind : (int)CONNECT_NULL) {
    case CONNECT_STRING:
        *out = connect_value_text(text);
        return ERR_OK;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        return mask_field_integer(text, v, out, e);
    case CONNECT_FLOAT32:
    case CONNECT_FLOAT64:
        real = strtod(text, &end);
        if (end == text || *end != '\0') {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "Unable to convert %s (%s) to number", text,
                                     connect_value_class_name(v, NULL));
        }
        *out = v->kind == CONNECT_FLOAT32 ? connect_value_float32((float)real)
                                          : connect_value_float64(real);
        return ERR_OK;
    default:
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Cannot mask value of type %s with custom replacement.",
                                 connect_value_class_name(v, schema));
    }
}

static enum err_code mask_field_mask(const struct mask_field *t,
                                     const struct connect_schema *schema, struct connect_value *v,
                                     struct err *e)
{
    if (connect_value_is_null(v)) {
        return ERR_OK;
    }
    struct connect_value masked = connect_value_null();
    enum err_code rc = t->replacement == NULL
                           ? mask_field_zero(schema, v, &masked, e)
                           : mask_field_replace(t->replacement, schema, v, &masked, e);
    if (rc == ERR_OK) {
        *v = masked;
    }
    return rc;
}

static enum err_code mask_field_apply_schemaless(const struct mask_field *t,
                                                 struct transform_operand *o,
                                                 struct connect_scope *scope, struct err *e)
{
    enum err_code rc = transform_side_require_map(o, MASK_FIELD_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_value copy = transform_side_copy_map(&scope->arena, o->value, 0);
    if (connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < copy.len && rc == ERR_OK; i++) {
        for (size_t f = 0; f < t->fields.count && rc == ERR_OK; f++) {
            if (connect_value_is_text(&copy.pairs[i].key, t->fields.items[f])) {
                rc = mask_field_mask(t, NULL, &copy.pairs[i].value, e);
            }
        }
    }
    *o->value = copy;
    return rc;
}

static enum err_code mask_field_apply(void *transform, struct connect_record *record,
                                      struct connect_scope *scope, struct err *e)
{
    const struct mask_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (connect_value_is_null(o.value)) {
        return ERR_OK;
    }
    if (*o.schema == NULL) {
        return mask_field_apply_schemaless(t, &o, scope, e);
    }
    enum err_code rc = transform_side_require_struct(&o, MASK_FIELD_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    const struct connect_schema *schema = *o.schema;
    struct connect_struct *copy = connect_value_create_struct(&scope->arena, schema);
    if (copy == NULL) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < schema->field_count && rc == ERR_OK; i++) {
        copy->values[i] = transform_side_field(o.value->record, i, t->replace_null);
        if (transform_side_listed(&t->fields, schema->fields[i].name)) {
            rc = mask_field_mask(t, schema->fields[i].schema, &copy->values[i], e);
        }
    }
    *o.value = connect_value_struct(copy);
    return rc;
}

static const struct transform_ops mask_field_ops = {mask_field_create, mask_field_apply,
                                                    mask_field_destroy};

TRANSFORM_SIDE_PLUGINS(mask_field, "MaskField", mask_field_keys, 3, &mask_field_ops);
