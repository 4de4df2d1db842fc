/* HoistField: the whole key or value becomes the one field of a struct, or of a map. */
#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

struct hoist_field {
    enum transform_side side;
    char *field;
    struct transform_cache *cache;
};

static const struct connect_config_key hoist_field_keys[] = {
    {.name = "field",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field name for the single field that will be created in the resulting Struct or "
            "Map."},
};

static void hoist_field_destroy(void *transform)
{
    struct hoist_field *t = transform;
    mem_free(t->field);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code hoist_field_create(const struct connect_plugin *plugin,
                                        const struct connect_config *config, void **out_transform,
                                        struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct hoist_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "HoistField");
    }
    t->side = transform_side_of_plugin(plugin);
    t->field = mem_strdup(connect_config_read_text(&r, "field"));
    t->cache = transform_side_create_cache();
    if (t->field == NULL || t->cache == NULL) {
        hoist_field_destroy(t);
        return err_nomem(e, "HoistField");
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code hoist_field_build(void *transform, const struct connect_schema *schema,
                                       const struct connect_schema **out_schema, struct err *e)
{
    const struct hoist_field *t = transform;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field(b, t->field, schema);
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code hoist_field_apply(void *transform, struct connect_record *record,
                                       struct connect_scope *scope, struct err *e)
{
    struct hoist_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (*o.schema == NULL) {
        struct connect_pair *pair = arena_alloc(&scope->arena, sizeof *pair);
        if (pair == NULL) {
            return transform_side_full(e);
        }
        *pair = (struct connect_pair){connect_value_text(t->field), *o.value};
        *o.value = connect_value_map(pair, 1);
        return ERR_OK;
    }
    const struct connect_schema *schema = NULL;
    enum err_code rc =
        transform_side_schema(&(struct transform_side_maker){t->cache, t, hoist_field_build},
                              *o.schema, scope, &schema, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_struct *s = connect_value_create_struct(&scope->arena, schema);
    if (s == NULL) {
        return transform_side_full(e);
    }
    s->values[0] = *o.value;
    *o.schema = schema;
    *o.value = connect_value_struct(s);
    return ERR_OK;
}

static const struct transform_ops hoist_field_ops = {hoist_field_create, hoist_field_apply,
                                                     hoist_field_destroy};

TRANSFORM_SIDE_PLUGINS(hoist_field, "HoistField", hoist_field_keys, 1, &hoist_field_ops);
