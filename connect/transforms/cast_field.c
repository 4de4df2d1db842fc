/* Cast: fields, or the whole key or value, become another primitive type. */
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/transforms/cast_value.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define CAST_FIELD_PURPOSE "cast types"
#define CAST_FIELD_ARENA_MAX ((size_t)1 << 20)

struct cast_field_rule {
    char *field; /* NULL: the whole value */
    enum connect_type type;
};

struct cast_field {
    enum transform_side side;
    struct cast_field_rule *rules;
    size_t rule_count;
    bool replace_null;
    struct transform_cache *cache;
};

static const struct connect_config_key cast_field_keys[] = {
    {.name = "spec",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .non_empty = true,
     .doc = "Fields and the types to cast them to, field1:type,field2:type, or one type for the "
            "whole value: int8, int16, int32, int64, float32, float64, boolean, string."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void cast_field_destroy(void *transform)
{
    struct cast_field *t = transform;
    for (size_t i = 0; i < t->rule_count; i++) {
        mem_free(t->rules[i].field);
    }
    mem_free(t->rules);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code cast_field_read_rule(struct cast_field *t, const char *text, size_t total,
                                          struct err *e)
{
    CHECK(t->rules != NULL);
    struct cast_field_rule *rule = &t->rules[t->rule_count];
    const char *colon = strchr(text, ':');
    const char *word = colon != NULL ? colon + 1 : text;
    if ((colon != NULL && strchr(word, ':') != NULL)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid rename mapping: %s", text);
    }
    if (colon == NULL && total > 1) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Cast transformations that specify a type to cast the entire "
                                 "value to may only specify a single type in their spec");
    }
    word += strspn(word, " ");
    if (!cast_value_parse_type(word, &rule->type)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid type found in casting spec: %s", word);
    }
    if (colon != NULL) {
        rule->field = mem_strndup(text, (size_t)(colon - text));
        if (rule->field == NULL) {
            return err_nomem(e, "Cast");
        }
    }
    t->rule_count++;
    return ERR_OK;
}

static enum err_code cast_field_create(const struct connect_plugin *plugin,
                                       const struct connect_config *config, void **out_transform,
                                       struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct connect_config_list spec = {0};
    struct cast_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "Cast");
    }
    t->side = transform_side_of_plugin(plugin);
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->cache = transform_side_create_cache();
    enum err_code rc = connect_config_parse_list(connect_config_read_text(&r, "spec"), &spec, e);
    t->rules = mem_calloc(spec.count + 1, sizeof *t->rules);
    if (rc == ERR_OK && (t->rules == NULL || t->cache == NULL)) {
        rc = err_nomem(e, "Cast");
    }
    for (size_t i = 0; i < spec.count && rc == ERR_OK; i++) {
        rc = cast_field_read_rule(t, spec.items[i], spec.count, e);
    }
    connect_config_list_deinit(&spec);
    if (rc != ERR_OK) {
        cast_field_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

/* NULL: the field stays as it is. */
static const struct cast_field_rule *cast_field_find(const struct cast_field *t, const char *field)
{
    for (size_t i = 0; i < t->rule_count; i++) {
        const char *name = t->rules[i].field;
        if (field == NULL ? name == NULL : name != NULL && strcmp(name, field) == 0) {
            return &t->rules[i];
        }
    }
    return NULL;
}

/* The plain schema of the target type; optionality stays, and a default is cast along. */
static enum err_code cast_field_schema(const struct connect_schema *from, enum connect_type type,
                                       const struct connect_schema **out_schema, struct err *e)
{
    if (!from->has_default) {
        *out_schema = connect_schema_primitive(type, from->optional);
        return ERR_OK;
    }
    struct arena a;
    arena_init(&a, CAST_FIELD_ARENA_MAX);
    struct connect_value v = connect_value_null();
    enum err_code rc = cast_value_cast(&from->default_value, from, type, &a, &v, e);
    if (rc == ERR_OK) {
        struct connect_schema_builder *b = connect_schema_builder_create(type);
        connect_schema_builder_set_optional(b, from->optional);
        connect_schema_builder_set_default(b, &v);
        rc = connect_schema_builder_build(b, out_schema, e);
    }
    arena_deinit(&a);
    return rc;
}

static enum err_code cast_field_build(void *transform, const struct connect_schema *schema,
                                      const struct connect_schema **out_schema, struct err *e)
{
    const struct cast_field *t = transform;
    const struct cast_field_rule *whole = cast_field_find(t, NULL);
    if (whole != NULL) {
        return cast_field_schema(schema, whole->type, out_schema, e);
    }
    struct connect_schema_builder *b = transform_side_rebuild(schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct connect_field *f = &schema->fields[i];
        const struct cast_field_rule *rule = cast_field_find(t, f->name);
        if (rule == NULL) {
            connect_schema_builder_add_field(b, f->name, f->schema);
            continue;
        }
        const struct connect_schema *cast = NULL;
        enum err_code rc = cast_field_schema(f->schema, rule->type, &cast, e);
        if (rc != ERR_OK) {
            connect_schema_builder_destroy(b);
            return rc;
        }
        connect_schema_builder_add_field_take(b, f->name, cast);
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code cast_field_apply_struct(const struct cast_field *t,
                                             struct transform_operand *o,
                                             const struct connect_schema *schema,
                                             struct connect_scope *scope, struct err *e)
{
    const struct connect_schema *from = *o->schema;
    struct connect_struct *copy = connect_value_create_struct(&scope->arena, schema);
    if (copy == NULL) {
        return transform_side_full(e);
    }
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < from->field_count && rc == ERR_OK; i++) {
        struct connect_value v = transform_side_field(o->value->record, i, t->replace_null);
        const struct cast_field_rule *rule = cast_field_find(t, from->fields[i].name);
        copy->values[i] = v;
        if (rule != NULL) {
            rc = cast_value_cast(&v, from->fields[i].schema, rule->type, &scope->arena,
                                 &copy->values[i], e);
        }
    }
    *o->schema = schema;
    *o->value = connect_value_struct(copy);
    return rc;
}

static enum err_code cast_field_apply_map(const struct cast_field *t, struct transform_operand *o,
                                          struct connect_scope *scope, struct err *e)
{
    enum err_code rc = transform_side_require_map(o, CAST_FIELD_PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_value copy = transform_side_copy_map(&scope->arena, o->value, 0);
    if (connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    for (size_t i = 0; i < copy.len && rc == ERR_OK; i++) {
        for (size_t k = 0; k < t->rule_count && rc == ERR_OK; k++) {
            if (connect_value_is_text(&copy.pairs[i].key, t->rules[k].field)) {
                struct connect_value v = copy.pairs[i].value;
                rc = cast_value_cast(&v, NULL, t->rules[k].type, &scope->arena,
                                     &copy.pairs[i].value, e);
            }
        }
    }
    *o->value = copy;
    return rc;
}

static enum err_code cast_field_apply(void *transform, struct connect_record *record,
                                      struct connect_scope *scope, struct err *e)
{
    struct cast_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (connect_value_is_null(o.value)) {
        return ERR_OK;
    }
    const struct cast_field_rule *whole = cast_field_find(t, NULL);
    if (*o.schema == NULL) {
        struct connect_value v = *o.value;
        return whole != NULL ? cast_value_cast(&v, NULL, whole->type, &scope->arena, o.value, e)
                             : cast_field_apply_map(t, &o, scope, e);
    }
    enum err_code rc =
        whole == NULL ? transform_side_require_struct(&o, CAST_FIELD_PURPOSE, e) : ERR_OK;
    const struct connect_schema *schema = NULL;
    rc = rc == ERR_OK
             ? transform_side_schema(&(struct transform_side_maker){t->cache, t, cast_field_build},
                                     *o.schema, scope, &schema, e)
             : rc;
    if (rc != ERR_OK) {
        return rc;
    }
    if (whole == NULL) {
        return cast_field_apply_struct(t, &o, schema, scope, e);
    }
    struct connect_value v = *o.value;
    rc = cast_value_cast(&v, *o.schema, whole->type, &scope->arena, o.value, e);
    *o.schema = schema;
    return rc;
}

static const struct transform_ops cast_field_ops = {cast_field_create, cast_field_apply,
                                                    cast_field_destroy};

TRANSFORM_SIDE_PLUGINS(cast_field, "Cast", cast_field_keys, 2, &cast_field_ops);
