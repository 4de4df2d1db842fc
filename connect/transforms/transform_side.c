#include "connect/transforms/transform_side.h"

#include <string.h>

#define TRANSFORM_SIDE_CACHE 16

const enum transform_side transform_side_key = TRANSFORM_SIDE_KEY;
const enum transform_side transform_side_value = TRANSFORM_SIDE_VALUE;

enum transform_side transform_side_of_plugin(const struct connect_plugin *plugin)
{
    const enum transform_side *side = plugin->arg;
    return *side;
}

struct transform_operand transform_side_of(enum transform_side side, struct connect_record *record)
{
    return side == TRANSFORM_SIDE_KEY
               ? (struct transform_operand){&record->key_schema, &record->key}
               : (struct transform_operand){&record->value_schema, &record->value};
}

enum err_code transform_side_require_struct(const struct transform_operand *o, const char *purpose,
                                            struct err *e)
{
    if (o->value->kind == CONNECT_STRUCT) {
        return ERR_OK;
    }
    return connect_error_set(
        e, ERR_INVALID, CONNECT_DATA_EXCEPTION, "Only Struct objects supported for [%s], found: %s",
        purpose,
        connect_value_is_null(o->value) ? "null" : connect_value_class_name(o->value, *o->schema));
}

enum err_code transform_side_require_map(const struct transform_operand *o, const char *purpose,
                                         struct err *e)
{
    if (o->value->kind == CONNECT_MAP) {
        return ERR_OK;
    }
    return connect_error_set(
        e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
        "Only Map objects supported in absence of schema for [%s], found: %s", purpose,
        connect_value_is_null(o->value) ? "null" : connect_value_class_name(o->value, NULL));
}

struct connect_value transform_side_field(const struct connect_struct *s, size_t index,
                                          bool replace_null)
{
    return replace_null ? *connect_value_struct_get(s, index) : s->values[index];
}

bool transform_side_listed(const struct connect_config_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum err_code transform_side_full(struct err *e)
{
    return err_set(e, ERR_LIMIT, "the records of one batch are too large");
}

static void transform_side_free_schema(void *schema)
{
    connect_schema_unref(schema);
}

struct transform_cache *transform_side_create_cache(void)
{
    return transform_cache_create(TRANSFORM_SIDE_CACHE, transform_side_free_schema);
}

enum err_code transform_side_schema(const struct transform_side_maker *maker,
                                    const struct connect_schema *schema,
                                    struct connect_scope *scope,
                                    const struct connect_schema **out_schema, struct err *e)
{
    const struct connect_schema *found = transform_cache_get(maker->cache, schema);
    if (found == NULL) {
        enum err_code rc = maker->build(maker->transform, schema, &found, e);
        if (rc != ERR_OK) {
            return connect_error_name(e);
        }
        /* Kept first: the cache may give its reference back at once when memory is short. */
        *out_schema = connect_scope_keep_schema(scope, found);
        void *owned = (void *)(uintptr_t)found;
        transform_cache_put(maker->cache, schema, owned);
        return ERR_OK;
    }
    *out_schema = connect_scope_keep_schema(scope, found);
    return ERR_OK;
}

struct connect_value transform_side_copy_map(struct arena *a, const struct connect_value *map,
                                             size_t extra)
{
    struct connect_pair *pairs = arena_alloc_array(a, map->len + extra + 1, sizeof *pairs);
    if (pairs == NULL) {
        return connect_value_null();
    }
    if (map->len > 0) {
        memcpy(pairs, map->pairs, map->len * sizeof *pairs);
    }
    return connect_value_map(pairs, map->len);
}

struct connect_schema_builder *transform_side_rebuild(const struct connect_schema *schema)
{
    return connect_schema_builder_create_from(schema, false);
}
