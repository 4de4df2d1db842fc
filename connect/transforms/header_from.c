/* HeaderFrom: fields of the key or value become headers, as copies or moved. */
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

struct header_from {
    enum transform_side side;
    struct connect_config_list fields;
    struct connect_config_list headers; /* as many */
    bool move;
    bool replace_null;
    struct transform_cache *cache; /* schemas without the fields that move */
};

static const char *const header_from_operations[] = {"move", "copy", NULL};

static enum err_code header_from_check_list(const struct connect_config *config, const char *name,
                                            const char *value, struct err *e)
{
    (void)config;
    return value[strspn(value, " ,\t")] != '\0'
               ? ERR_OK
               : connect_config_invalid(e, name, "[]", "Empty list");
}

static const struct connect_config_key header_from_keys[] = {
    {.name = "fields",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .check = header_from_check_list,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Field names in the record whose values are to be copied or moved to headers."},
    {.name = "headers",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .check = header_from_check_list,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Header names, in the same order as the field names listed in the fields configuration "
            "property."},
    {.name = "operation",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .valid = header_from_operations,
     .importance = CONNECT_CONFIG_HIGH,
     .doc =
         "Either move if the fields are to be moved to the headers (removed from the key/value), "
         "or copy if the fields are to be copied to the headers (retained in the key/value)."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether to replace fields that have a default value and that are null to the default "
            "value. When set to true, the default value is used, otherwise null is used."},
};

static void header_from_destroy(void *transform)
{
    struct header_from *t = transform;
    connect_config_list_deinit(&t->fields);
    connect_config_list_deinit(&t->headers);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code header_from_create(const struct connect_plugin *plugin,
                                        const struct connect_config *config, void **out_transform,
                                        struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct header_from *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "HeaderFrom");
    }
    t->side = transform_side_of_plugin(plugin);
    t->move = strcmp(connect_config_read_text(&r, "operation"), "move") == 0;
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->cache = transform_side_create_cache();
    enum err_code rc = t->cache != NULL ? ERR_OK : err_nomem(e, "HeaderFrom");
    if (rc == ERR_OK) {
        rc = connect_config_parse_list(connect_config_read_text(&r, "fields"), &t->fields, e);
    }
    if (rc == ERR_OK) {
        rc = connect_config_parse_list(connect_config_read_text(&r, "headers"), &t->headers, e);
    }
    if (rc == ERR_OK && t->fields.count != t->headers.count) {
        rc = connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                               "'fields' config must have the same number of elements as "
                               "'headers' config.");
    }
    if (rc != ERR_OK) {
        header_from_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code header_from_build(void *transform, const struct connect_schema *schema,
                                       const struct connect_schema **out_schema, struct err *e)
{
    const struct header_from *t = transform;
    struct connect_schema_builder *b = transform_side_rebuild(schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!transform_side_listed(&t->fields, schema->fields[i].name)) {
            connect_schema_builder_add_field(b, schema->fields[i].name, schema->fields[i].schema);
        }
    }
    return connect_schema_builder_build(b, out_schema, e);
}

/* The record's headers, copied, with room for those to come. */
static struct connect_header *header_from_headers(const struct header_from *t,
                                                  const struct connect_record *record,
                                                  struct arena *a)
{
    struct connect_header *headers =
        arena_alloc_array(a, record->header_count + t->fields.count, sizeof *headers);
    if (headers != NULL && record->header_count > 0) {
        memcpy(headers, record->headers, record->header_count * sizeof *headers);
    }
    return headers;
}

/* Without the fields that have moved. */
static enum err_code header_from_cut(struct header_from *t, struct transform_operand *o,
                                     struct connect_scope *scope, struct err *e)
{
    const struct connect_schema *schema = NULL;
    enum err_code rc =
        transform_side_schema(&(struct transform_side_maker){t->cache, t, header_from_build},
                              *o->schema, scope, &schema, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_struct *cut = connect_value_create_struct(&scope->arena, schema);
    if (cut == NULL) {
        return transform_side_full(e);
    }
    size_t at = 0;
    for (size_t i = 0; i < (*o->schema)->field_count; i++) {
        if (!transform_side_listed(&t->fields, (*o->schema)->fields[i].name)) {
            cut->values[at++] = transform_side_field(o->value->record, i, t->replace_null);
        }
    }
    *o->schema = schema;
    *o->value = connect_value_struct(cut);
    return ERR_OK;
}

static enum err_code header_from_apply_struct(struct header_from *t, struct transform_operand *o,
                                              struct connect_record *record,
                                              struct connect_scope *scope, struct err *e)
{
    struct connect_header *headers = header_from_headers(t, record, &scope->arena);
    if (headers == NULL) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < t->fields.count; i++) {
        const struct connect_field *f = connect_schema_find_field(*o->schema, t->fields.items[i]);
        if (f == NULL) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION, "Unknown field: %s",
                                     t->fields.items[i]);
        }
        headers[record->header_count + i] = (struct connect_header){
            t->headers.items[i], connect_scope_keep_schema(scope, f->schema),
            transform_side_field(o->value->record, f->index, t->replace_null)};
    }
    enum err_code rc = t->move ? header_from_cut(t, o, scope, e) : ERR_OK;
    if (rc == ERR_OK) {
        record->headers = headers;
        record->header_count += t->fields.count;
    }
    return rc;
}

static enum err_code header_from_apply_map(const struct header_from *t, struct transform_operand *o,
                                           struct connect_record *record,
                                           struct connect_scope *scope, struct err *e)
{
    struct connect_header *headers = header_from_headers(t, record, &scope->arena);
    struct connect_value copy = transform_side_copy_map(&scope->arena, o->value, 0);
    if (headers == NULL || connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < t->fields.count; i++) {
        const struct connect_value *v = connect_value_map_get(o->value, t->fields.items[i]);
        headers[record->header_count++] = (struct connect_header){
            t->headers.items[i], NULL, v != NULL ? *v : connect_value_null()};
    }
    record->headers = headers;
    if (!t->move) {
        return ERR_OK;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < copy.len; i++) {
        bool moved = false;
        for (size_t k = 0; k < t->fields.count; k++) {
            moved = moved || connect_value_is_text(&copy.pairs[i].key, t->fields.items[k]);
        }
        if (!moved) {
            copy.pairs[kept++] = copy.pairs[i];
        }
    }
    copy.len = kept;
    *o->value = copy;
    return ERR_OK;
}

static enum err_code header_from_apply(void *transform, struct connect_record *record,
                                       struct connect_scope *scope, struct err *e)
{
    struct header_from *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    const char *purpose = t->move ? "header move" : "header copy";
    enum err_code rc = *o.schema == NULL ? transform_side_require_map(&o, purpose, e)
                                         : transform_side_require_struct(&o, purpose, e);
    if (rc != ERR_OK) {
        return rc;
    }
    return *o.schema == NULL ? header_from_apply_map(t, &o, record, scope, e)
                             : header_from_apply_struct(t, &o, record, scope, e);
}

static const struct transform_ops header_from_ops = {header_from_create, header_from_apply,
                                                     header_from_destroy};

TRANSFORM_SIDE_PLUGINS(header_from, "HeaderFrom", header_from_keys,
                       sizeof header_from_keys / sizeof header_from_keys[0], &header_from_ops);
