/* ReplaceField: leaves fields out and gives others new names. */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define REPLACE_FIELD_PURPOSE "field replacement"

struct replace_field {
    enum transform_side side;
    struct connect_config_list include;
    struct connect_config_list exclude;
    struct connect_config_list old_names;
    struct connect_config_list new_names;
    bool replace_null;
    struct transform_cache *cache;
};

static const struct connect_config_key replace_field_keys[] = {
    {.name = "exclude",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Fields to exclude. This takes precedence over the fields to include."},
    {.name = "include",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Fields to include. If specified, only these fields are used."},
    {.name = "renames",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field rename mappings: old:new,..."},
    {.name = "blacklist",
     .type = CONNECT_CONFIG_LIST,
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Deprecated. Use exclude instead."},
    {.name = "whitelist",
     .type = CONNECT_CONFIG_LIST,
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Deprecated. Use include instead."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void replace_field_destroy(void *transform)
{
    struct replace_field *t = transform;
    connect_config_list_deinit(&t->include);
    connect_config_list_deinit(&t->exclude);
    connect_config_list_deinit(&t->old_names);
    connect_config_list_deinit(&t->new_names);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

/* "a:b,c:d" into two lists of equal length: old_names keeps "a", new_names "b". */
static enum err_code replace_field_read_renames(struct replace_field *t, const char *text,
                                                struct err *e)
{
    enum err_code rc = connect_config_parse_list(text, &t->old_names, e);
    rc = rc == ERR_OK ? connect_config_parse_list(text, &t->new_names, e) : rc;
    for (size_t i = 0; i < t->old_names.count && rc == ERR_OK; i++) {
        char *colon = strchr(t->old_names.items[i], ':');
        if (colon == NULL || strchr(colon + 1, ':') != NULL) {
            char reason[256];
            (void)snprintf(reason, sizeof reason, "Invalid rename mapping: %s",
                           t->old_names.items[i]);
            (void)connect_config_invalid(e, "renames", text, reason);
            return connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION, "%s", "renames");
        }
        *colon = '\0';
        char *renamed = t->new_names.items[i];
        const char *target = strchr(renamed, ':') + 1;
        memmove(renamed, target, strlen(target) + 1);
    }
    return rc;
}

static const char *replace_field_either(const struct connect_config_reader *r, const char *name,
                                        const char *legacy)
{
    const char *old = connect_config_read_text(r, legacy);
    return old != NULL ? old : connect_config_read_text(r, name);
}

static enum err_code replace_field_create(const struct connect_plugin *plugin,
                                          const struct connect_config *config, void **out_transform,
                                          struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct replace_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "ReplaceField");
    }
    t->side = transform_side_of_plugin(plugin);
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->cache = transform_side_create_cache();
    enum err_code rc = t->cache != NULL ? ERR_OK : err_nomem(e, "ReplaceField");
    rc = rc == ERR_OK ? connect_config_parse_list(replace_field_either(&r, "include", "whitelist"),
                                                  &t->include, e)
                      : rc;
    rc = rc == ERR_OK ? connect_config_parse_list(replace_field_either(&r, "exclude", "blacklist"),
                                                  &t->exclude, e)
                      : rc;
    rc = rc == ERR_OK ? replace_field_read_renames(t, connect_config_read_text(&r, "renames"), e)
                      : rc;
    if (rc != ERR_OK) {
        replace_field_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static bool replace_field_keeps(const struct replace_field *t, const char *name)
{
    return !transform_side_listed(&t->exclude, name) &&
           (t->include.count == 0 || transform_side_listed(&t->include, name));
}

static const char *replace_field_renamed(const struct replace_field *t, const char *name)
{
    for (size_t i = 0; i < t->old_names.count; i++) {
        if (strcmp(t->old_names.items[i], name) == 0) {
            return t->new_names.items[i];
        }
    }
    return name;
}

static enum err_code replace_field_build(void *transform, const struct connect_schema *schema,
                                         const struct connect_schema **out_schema, struct err *e)
{
    const struct replace_field *t = transform;
    struct connect_schema_builder *b = transform_side_rebuild(schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct connect_field *f = &schema->fields[i];
        if (replace_field_keeps(t, f->name)) {
            connect_schema_builder_add_field(b, replace_field_renamed(t, f->name), f->schema);
        }
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code replace_field_apply_schemaless(const struct replace_field *t,
                                                    struct transform_operand *o,
                                                    struct connect_scope *scope, struct err *e)
{
    enum err_code rc = transform_side_require_map(o, REPLACE_FIELD_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_value copy = transform_side_copy_map(&scope->arena, o->value, 0);
    if (connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    size_t kept = 0;
    for (size_t i = 0; i < copy.len; i++) {
        struct connect_pair pair = copy.pairs[i];
        char *name = arena_strndup(&scope->arena, (const char *)pair.key.data, pair.key.len);
        if (name == NULL) {
            return transform_side_full(e);
        }
        if (replace_field_keeps(t, name)) {
            pair.key = connect_value_text(replace_field_renamed(t, name));
            copy.pairs[kept++] = pair;
        }
    }
    copy.len = (uint32_t)kept;
    *o->value = copy;
    return ERR_OK;
}

static enum err_code replace_field_apply(void *transform, struct connect_record *record,
                                         struct connect_scope *scope, struct err *e)
{
    struct replace_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (connect_value_is_null(o.value)) {
        return ERR_OK;
    }
    if (*o.schema == NULL) {
        return replace_field_apply_schemaless(t, &o, scope, e);
    }
    const struct connect_schema *from = *o.schema;
    const struct connect_schema *schema = NULL;
    enum err_code rc = transform_side_require_struct(&o, REPLACE_FIELD_PURPOSE, e);
    if (rc == ERR_OK) {
        rc = transform_side_schema(&(struct transform_side_maker){t->cache, t, replace_field_build},
                                   from, scope, &schema, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_struct *copy = connect_value_create_struct(&scope->arena, schema);
    if (copy == NULL) {
        return transform_side_full(e);
    }
    size_t n = 0;
    for (size_t i = 0; i < from->field_count; i++) {
        if (replace_field_keeps(t, from->fields[i].name)) {
            copy->values[n++] = transform_side_field(o.value->record, i, t->replace_null);
        }
    }
    *o.schema = schema;
    *o.value = connect_value_struct(copy);
    return ERR_OK;
}

static const struct transform_ops replace_field_ops = {replace_field_create, replace_field_apply,
                                                       replace_field_destroy};

TRANSFORM_SIDE_PLUGINS(replace_field, "ReplaceField", replace_field_keys, 6, &replace_field_ops);
