/* InsertField: adds where a record comes from, when, or a fixed text. */
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define INSERT_FIELD_PURPOSE "field insertion"

/* In the order in which they are added. */
enum insert_field_what {
    INSERT_FIELD_TOPIC,
    INSERT_FIELD_PARTITION,
    INSERT_FIELD_OFFSET,
    INSERT_FIELD_TIMESTAMP,
    INSERT_FIELD_STATIC,
    INSERT_FIELD_COUNT,
};

static const char *const insert_field_names[] = {"topic.field", "partition.field", "offset.field",
                                                 "timestamp.field", "static.field"};

struct insert_field {
    enum transform_side side;
    char *names[INSERT_FIELD_COUNT]; /* NULL: not wanted */
    bool required[INSERT_FIELD_COUNT];
    char *text;
    bool replace_null;
    struct transform_cache *cache;
};

static const struct connect_config_key insert_field_keys[] = {
    {.name = "topic.field",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field for the topic. Suffix ! makes any of these required, ? optional (default)."},
    {.name = "partition.field",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field for the partition."},
    {.name = "offset.field",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field for the offset: sink connectors only."},
    {.name = "timestamp.field",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field for the record's timestamp."},
    {.name = "static.field",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field for static.value."},
    {.name = "static.value",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "What static.field gets."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void insert_field_destroy(void *transform)
{
    struct insert_field *t = transform;
    for (size_t i = 0; i < INSERT_FIELD_COUNT; i++) {
        mem_free(t->names[i]);
    }
    mem_free(t->text);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code insert_field_read(struct insert_field *t,
                                       const struct connect_config_reader *r, struct err *e)
{
    bool any = false;
    for (size_t i = 0; i < INSERT_FIELD_COUNT; i++) {
        const char *name = connect_config_read_text(r, insert_field_names[i]);
        if (name == NULL) {
            continue;
        }
        size_t len = strlen(name);
        t->required[i] = len > 0 && name[len - 1] == '!';
        len -= len > 0 && (name[len - 1] == '!' || name[len - 1] == '?') ? 1 : 0;
        t->names[i] = mem_strndup(name, len);
        if (t->names[i] == NULL) {
            return err_nomem(e, "InsertField");
        }
        any = true;
    }
    if (!any) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "No field insertion configured");
    }
    const char *text = connect_config_read_text(r, "static.value");
    if (t->names[INSERT_FIELD_STATIC] != NULL && text == NULL) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid value null for configuration static.value: No value "
                                 "specified for static field: %s",
                                 t->names[INSERT_FIELD_STATIC]);
    }
    t->text = mem_strdup(text);
    return text != NULL && t->text == NULL ? err_nomem(e, "InsertField") : ERR_OK;
}

static enum err_code insert_field_create(const struct connect_plugin *plugin,
                                         const struct connect_config *config, void **out_transform,
                                         struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct insert_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "InsertField");
    }
    t->side = transform_side_of_plugin(plugin);
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->cache = transform_side_create_cache();
    enum err_code rc = t->cache != NULL ? insert_field_read(t, &r, e) : err_nomem(e, "InsertField");
    if (rc != ERR_OK) {
        insert_field_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static const struct connect_schema *insert_field_schema(enum insert_field_what what, bool optional)
{
    switch (what) {
    case INSERT_FIELD_PARTITION:
        return connect_schema_primitive(CONNECT_TYPE_INT32, optional);
    case INSERT_FIELD_OFFSET:
        return connect_schema_primitive(CONNECT_TYPE_INT64, optional);
    case INSERT_FIELD_TIMESTAMP:
        return connect_schema_create_timestamp(optional);
    case INSERT_FIELD_TOPIC:
    case INSERT_FIELD_STATIC:
    case INSERT_FIELD_COUNT:
        break;
    }
    return connect_schema_primitive(CONNECT_TYPE_STRING, optional);
}

static enum err_code insert_field_build(void *transform, const struct connect_schema *schema,
                                        const struct connect_schema **out_schema, struct err *e)
{
    const struct insert_field *t = transform;
    struct connect_schema_builder *b = connect_schema_builder_create_from(schema, true);
    for (size_t i = 0; i < INSERT_FIELD_COUNT; i++) {
        if (t->names[i] != NULL) {
            connect_schema_builder_add_field_take(
                b, t->names[i], insert_field_schema((enum insert_field_what)i, !t->required[i]));
        }
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static struct connect_value insert_field_value(const struct insert_field *t,
                                               const struct connect_record *record,
                                               enum insert_field_what what)
{
    switch (what) {
    case INSERT_FIELD_TOPIC:
        return connect_value_text(record->topic);
    case INSERT_FIELD_PARTITION:
        return record->partition == CONNECT_PARTITION_NONE ? connect_value_null()
                                                           : connect_value_int32(record->partition);
    case INSERT_FIELD_TIMESTAMP:
        return record->timestamp_ms == CONNECT_TIMESTAMP_NONE
                   ? connect_value_null()
                   : connect_value_int64(record->timestamp_ms);
    case INSERT_FIELD_STATIC:
        return connect_value_text(t->text);
    case INSERT_FIELD_OFFSET: /* source records have none */
    case INSERT_FIELD_COUNT:
        break;
    }
    return connect_value_null();
}

/* A pair of that name is replaced in its place, as a Java map does. */
static void insert_field_put(struct connect_value *map, const char *name, struct connect_value v)
{
    for (size_t i = 0; i < map->len; i++) {
        if (connect_value_is_text(&map->pairs[i].key, name)) {
            map->pairs[i].value = v;
            return;
        }
    }
    map->pairs[map->len].key = connect_value_text(name);
    map->pairs[map->len].value = v;
    map->len++;
}

static enum err_code insert_field_apply_schemaless(const struct insert_field *t,
                                                   const struct connect_record *record,
                                                   struct transform_operand *o,
                                                   struct connect_scope *scope, struct err *e)
{
    enum err_code rc = transform_side_require_map(o, INSERT_FIELD_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_value copy =
        transform_side_copy_map(&scope->arena, o->value, INSERT_FIELD_COUNT);
    if (connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < INSERT_FIELD_COUNT; i++) {
        if (t->names[i] != NULL) {
            insert_field_put(&copy, t->names[i],
                             insert_field_value(t, record, (enum insert_field_what)i));
        }
    }
    *o->value = copy;
    return ERR_OK;
}

static enum err_code insert_field_apply(void *transform, struct connect_record *record,
                                        struct connect_scope *scope, struct err *e)
{
    struct insert_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (connect_value_is_null(o.value)) {
        return ERR_OK;
    }
    if (*o.schema == NULL) {
        return insert_field_apply_schemaless(t, record, &o, scope, e);
    }
    const struct connect_schema *schema = NULL;
    enum err_code rc = transform_side_require_struct(&o, INSERT_FIELD_PURPOSE, e);
    if (rc == ERR_OK) {
        rc = transform_side_schema(&(struct transform_side_maker){t->cache, t, insert_field_build},
                                   *o.schema, scope, &schema, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_struct *copy = connect_value_create_struct(&scope->arena, schema);
    if (copy == NULL) {
        return transform_side_full(e);
    }
    size_t n = (*o.schema)->field_count;
    for (size_t i = 0; i < n; i++) {
        copy->values[i] = transform_side_field(o.value->record, i, t->replace_null);
    }
    for (size_t i = 0; i < INSERT_FIELD_COUNT; i++) {
        if (t->names[i] != NULL) {
            copy->values[n++] = insert_field_value(t, record, (enum insert_field_what)i);
        }
    }
    *o.schema = schema;
    *o.value = connect_value_struct(copy);
    return ERR_OK;
}

static const struct transform_ops insert_field_ops = {insert_field_create, insert_field_apply,
                                                      insert_field_destroy};

TRANSFORM_SIDE_PLUGINS(insert_field, "InsertField", insert_field_keys, 7, &insert_field_ops);
