/* ValueToKey: a new key of some of the value's fields. */
#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define VALUE_TO_KEY_PURPOSE "copying fields from value to key"

struct value_to_key {
    struct connect_config_list fields;
    bool replace_null;
    struct transform_cache *cache;
};

static const struct connect_config_key value_to_key_keys[] = {
    {.name = "fields",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .non_empty = true,
     .doc = "Field names on the record value to extract as the record key."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void value_to_key_destroy(void *transform)
{
    struct value_to_key *t = transform;
    connect_config_list_deinit(&t->fields);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code value_to_key_create(const struct connect_plugin *plugin,
                                         const struct connect_config *config, void **out_transform,
                                         struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct value_to_key *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "ValueToKey");
    }
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->cache = transform_side_create_cache();
    enum err_code rc =
        connect_config_parse_list(connect_config_read_text(&r, "fields"), &t->fields, e);
    if (rc == ERR_OK && t->cache == NULL) {
        rc = err_nomem(e, "ValueToKey");
    }
    if (rc != ERR_OK) {
        value_to_key_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code value_to_key_build(void *transform, const struct connect_schema *schema,
                                        const struct connect_schema **out_schema, struct err *e)
{
    const struct value_to_key *t = transform;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    for (size_t i = 0; i < t->fields.count; i++) {
        const struct connect_field *f = connect_schema_find_field(schema, t->fields.items[i]);
        if (f == NULL) {
            connect_schema_builder_destroy(b);
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "Field does not exist: %s", t->fields.items[i]);
        }
        connect_schema_builder_add_field(b, f->name, f->schema);
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code value_to_key_apply_schemaless(struct value_to_key *t,
                                                   struct connect_record *record,
                                                   struct connect_scope *scope, struct err *e)
{
    const struct transform_operand o = {&record->value_schema, &record->value};
    enum err_code rc = transform_side_require_map(&o, VALUE_TO_KEY_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_pair *pairs =
        arena_alloc_array(&scope->arena, t->fields.count + 1, sizeof *pairs);
    if (pairs == NULL) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < t->fields.count; i++) {
        const struct connect_value *v = connect_value_map_get(o.value, t->fields.items[i]);
        pairs[i].key = connect_value_text(t->fields.items[i]);
        pairs[i].value = v != NULL ? *v : connect_value_null();
    }
    record->key_schema = NULL;
    record->key = connect_value_map(pairs, t->fields.count);
    return ERR_OK;
}

static enum err_code value_to_key_apply(void *transform, struct connect_record *record,
                                        struct connect_scope *scope, struct err *e)
{
    struct value_to_key *t = transform;
    if (record->value_schema == NULL) {
        return value_to_key_apply_schemaless(t, record, scope, e);
    }
    const struct transform_operand o = {&record->value_schema, &record->value};
    const struct connect_schema *schema = NULL;
    enum err_code rc = transform_side_require_struct(&o, VALUE_TO_KEY_PURPOSE, e);
    if (rc == ERR_OK) {
        rc = transform_side_schema(&(struct transform_side_maker){t->cache, t, value_to_key_build},
                                   record->value_schema, scope, &schema, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_struct *key = connect_value_create_struct(&scope->arena, schema);
    if (key == NULL) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct connect_field *f =
            connect_schema_find_field(record->value_schema, schema->fields[i].name);
        key->values[i] = transform_side_field(record->value.record, f->index, t->replace_null);
    }
    record->key_schema = schema;
    record->key = connect_value_struct(key);
    return ERR_OK;
}

static const struct transform_ops value_to_key_ops = {value_to_key_create, value_to_key_apply,
                                                      value_to_key_destroy};

const struct connect_plugin value_to_key_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("ValueToKey"),
    .version = WEIR_VERSION,
    .keys = value_to_key_keys,
    .key_count = sizeof value_to_key_keys / sizeof value_to_key_keys[0],
    .transform = &value_to_key_ops,
};
