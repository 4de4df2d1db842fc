/* SetSchemaMetadata: another name or version for the schema. */
#include <stdlib.h>

#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

struct set_schema_metadata {
    enum transform_side side;
    char *name; /* NULL: unchanged */
    bool has_version;
    int32_t version;
    struct transform_cache *cache;
};

static const struct connect_config_key set_schema_metadata_keys[] = {
    {.name = "schema.name", .type = CONNECT_CONFIG_STRING, .doc = "Schema name to set."},
    {.name = "schema.version", .type = CONNECT_CONFIG_INT, .doc = "Schema version to set."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void set_schema_metadata_destroy(void *transform)
{
    struct set_schema_metadata *t = transform;
    mem_free(t->name);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code set_schema_metadata_create(const struct connect_plugin *plugin,
                                                const struct connect_config *config,
                                                void **out_transform, struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct set_schema_metadata *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "SetSchemaMetadata");
    }
    const char *name = connect_config_read_text(&r, "schema.name");
    t->side = transform_side_of_plugin(plugin);
    t->has_version = connect_config_get(config, "schema.version") != NULL;
    t->version = (int32_t)connect_config_read_integer(&r, "schema.version");
    t->name = mem_strdup(name);
    t->cache = transform_side_create_cache();
    if (t->cache == NULL || (name != NULL && t->name == NULL)) {
        set_schema_metadata_destroy(t);
        return err_nomem(e, "SetSchemaMetadata");
    }
    if (name == NULL && !t->has_version) {
        set_schema_metadata_destroy(t);
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Neither schema name nor version configured");
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code set_schema_metadata_build(void *transform, const struct connect_schema *schema,
                                               const struct connect_schema **out_schema,
                                               struct err *e)
{
    const struct set_schema_metadata *t = transform;
    struct connect_schema_builder *b = connect_schema_builder_create_from(schema, true);
    if (t->name != NULL) {
        connect_schema_builder_set_name(b, t->name);
    }
    if (t->has_version) {
        connect_schema_builder_set_version(b, t->version);
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code set_schema_metadata_apply(void *transform, struct connect_record *record,
                                               struct connect_scope *scope, struct err *e)
{
    struct set_schema_metadata *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (*o.schema == NULL) {
        return connect_value_is_null(o.value)
                   ? ERR_OK
                   : connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                       "Schema required for [updating schema metadata]");
    }
    const struct connect_schema *updated = NULL;
    enum err_code rc = transform_side_schema(
        &(struct transform_side_maker){t->cache, t, set_schema_metadata_build}, *o.schema, scope,
        &updated, e);
    if (rc != ERR_OK) {
        return rc;
    }
    if (o.value->kind == CONNECT_STRUCT) {
        struct connect_struct *copy = connect_value_create_struct(&scope->arena, updated);
        if (copy == NULL) {
            return transform_side_full(e);
        }
        memcpy(copy->values, o.value->record->values,
               updated->field_count * sizeof copy->values[0]);
        *o.value = connect_value_struct(copy);
    }
    *o.schema = updated;
    return ERR_OK;
}

static const struct transform_ops set_schema_metadata_ops = {
    set_schema_metadata_create, set_schema_metadata_apply, set_schema_metadata_destroy};

TRANSFORM_SIDE_PLUGINS(set_schema_metadata, "SetSchemaMetadata", set_schema_metadata_keys, 3,
                       &set_schema_metadata_ops);
