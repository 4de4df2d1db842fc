/*
 * Flatten: structs within structs (or maps within maps) become one, whose fields are named by the
 * way to them. A field below an optional struct is optional; a default of the struct becomes those
 * of its fields.
 */
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define PURPOSE "flattening"
#define DEPTH_MAX 64
#define NAME_BYTES_MAX ((size_t)1 << 16)
#define PAIRS_MAX ((size_t)65536)

struct flatten_struct {
    enum transform_side side;
    char *delimiter;
    struct transform_cache *cache;
};

static const struct connect_config_key flatten_struct_keys[] = {
    {.name = "delimiter",
     .type = CONNECT_CONFIG_STRING,
     .default_value = ".",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Delimiter to insert between field names from the input record when generating field "
            "names for the output record"},
};

static void flatten_struct_destroy(void *transform)
{
    struct flatten_struct *t = transform;
    mem_free(t->delimiter);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code flatten_struct_create(const struct connect_plugin *plugin,
                                           const struct connect_config *config,
                                           void **out_transform, struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct flatten_struct *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "Flatten");
    }
    t->side = transform_side_of_plugin(plugin);
    t->delimiter = mem_strdup(connect_config_read_text(&r, "delimiter"));
    t->cache = transform_side_create_cache();
    if (t->delimiter == NULL || t->cache == NULL) {
        flatten_struct_destroy(t);
        return err_nomem(e, "Flatten");
    }
    *out_transform = t;
    return ERR_OK;
}

/* "a.b" of "a" and "b"; prefix NULL: none. */
static const char *flatten_struct_name(const struct flatten_struct *t, struct arena *a,
                                       const char *prefix, struct bytes name)
{
    struct buf b;
    buf_init(&b, NAME_BYTES_MAX);
    if (prefix != NULL) {
        buf_printf(&b, "%s%s", prefix, t->delimiter);
    }
    buf_append(&b, name.data, name.len);
    const char *text = buf_text(&b);
    const char *copy = text != NULL ? arena_strdup(a, text) : NULL;
    buf_deinit(&b);
    return copy;
}

static enum err_code flatten_struct_unsupported(const char *type, const char *records,
                                                const char *name, struct err *e)
{
    return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_DATA_EXCEPTION,
                             "Flatten transformation does not support %s for record %s schemas "
                             "(for field %s).",
                             type, records, name);
}

static enum err_code flatten_struct_too_deep(struct err *e)
{
    return connect_error_set(e, ERR_LIMIT, CONNECT_DATA_EXCEPTION,
                             "Flatten: more than %d levels, or a name that is too long", DEPTH_MAX);
}

/* The schema that is being made. */
struct flatten_struct_build {
    const struct flatten_struct *t;
    struct connect_schema_builder *b;
    struct arena names;
    int depth;
};

/* What the way to a struct says of its fields. */
struct flatten_struct_way {
    const char *prefix;
    bool optional;
    const struct connect_struct *defaults; /* NULL: none */
};

/* The field's schema, or one like it that may be null and has the default of its parent. */
static enum err_code flatten_struct_leaf(struct flatten_struct_build *build, const char *name,
                                         const struct connect_schema *schema, bool optional,
                                         const struct connect_value *value, struct err *e)
{
    bool has_default = !schema->has_default && !connect_value_is_null(value);
    if (optional == schema->optional && !has_default) {
        connect_schema_builder_add_field(build->b, name, schema);
        return ERR_OK;
    }
    const struct connect_schema *changed = NULL;
    struct connect_schema_builder *b = connect_schema_builder_create_from(schema, true);
    connect_schema_builder_set_optional(b, optional);
    if (has_default) {
        connect_schema_builder_set_default(b, value);
    }
    enum err_code code = connect_schema_builder_build(b, &changed, e);
    if (code == ERR_OK) {
        connect_schema_builder_add_field_take(build->b, name, changed);
    }
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): the depth is counted. */
static enum err_code flatten_struct_add_fields(struct flatten_struct_build *build,
                                               const struct connect_schema *schema,
                                               const struct flatten_struct_way *way, struct err *e)
{
    enum err_code code = build->depth++ < DEPTH_MAX ? ERR_OK : flatten_struct_too_deep(e);
    for (size_t i = 0; code == ERR_OK && i < schema->field_count; i++) {
        const struct connect_field *field = &schema->fields[i];
        const char *name =
            flatten_struct_name(build->t, &build->names, way->prefix, bytes_of_text(field->name));
        if (name == NULL) {
            code = flatten_struct_too_deep(e);
            break;
        }
        bool optional = way->optional || field->schema->optional;
        struct connect_value value = field->schema->has_default ? field->schema->default_value
                                     : way->defaults != NULL
                                         ? *connect_value_struct_get(way->defaults, i)
                                         : connect_value_null();
        if (field->schema->type == CONNECT_TYPE_STRUCT) {
            const struct flatten_struct_way below = {
                .prefix = name,
                .optional = optional,
                .defaults = value.kind == CONNECT_STRUCT ? value.record : NULL,
            };
            code = flatten_struct_add_fields(build, field->schema, &below, e);
        } else if (field->schema->type == CONNECT_TYPE_MAP) {
            code = flatten_struct_unsupported("MAP", "with", name, e);
        } else {
            code = flatten_struct_leaf(build, name, field->schema, optional, &value, e);
        }
    }
    build->depth--;
    return code;
}

static enum err_code flatten_struct_build(void *transform, const struct connect_schema *schema,
                                          const struct connect_schema **out_schema, struct err *e)
{
    struct flatten_struct_build build = {.t = transform, .b = transform_side_rebuild(schema)};
    const struct flatten_struct_way way = {
        .optional = schema->optional,
        .defaults = schema->has_default && schema->default_value.kind == CONNECT_STRUCT
                        ? schema->default_value.record
                        : NULL,
    };
    arena_init(&build.names, NAME_BYTES_MAX * 16);
    connect_schema_builder_set_optional(build.b, false);
    enum err_code code = flatten_struct_add_fields(&build, schema, &way, e);
    if (code == ERR_OK) {
        code = connect_schema_builder_build(build.b, out_schema, e);
    } else {
        connect_schema_builder_destroy(build.b);
    }
    arena_deinit(&build.names);
    return code;
}

/* Fields in the order in which the schema was made. from NULL: a struct that is null.
 * NOLINTNEXTLINE(misc-no-recursion): no deeper than the schema. */
static size_t flatten_struct_fill(const struct connect_schema *schema,
                                  const struct connect_struct *from, struct connect_struct *to,
                                  size_t at)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct connect_schema *field = schema->fields[i].schema;
        struct connect_value v =
            from != NULL ? *connect_value_struct_get(from, i) : connect_value_null();
        if (field->type == CONNECT_TYPE_STRUCT) {
            at = flatten_struct_fill(field, v.kind == CONNECT_STRUCT ? v.record : NULL, to, at);
        } else {
            CHECK(at < to->schema->field_count);
            to->values[at++] = v;
        }
    }
    return at;
}

/* The map that is being made. */
struct flatten_struct_pairs {
    const struct flatten_struct *t;
    struct arena *arena;
    struct connect_pair *pairs;
    size_t count;
    size_t capacity;
    int depth;
};

/* NOLINTNEXTLINE(misc-no-recursion): the depth is counted. */
static size_t flatten_struct_count(const struct connect_value *map, int depth)
{
    size_t count = 0;
    for (uint32_t i = 0; depth < DEPTH_MAX && i < map->len; i++) {
        const struct connect_value *v = &map->pairs[i].value;
        count += v->kind == CONNECT_MAP ? flatten_struct_count(v, depth + 1) : 1;
    }
    return count;
}

/* A name that is there already gets the new value. */
static void flatten_struct_put(struct flatten_struct_pairs *p, const char *name,
                               struct connect_value value)
{
    size_t at = 0;
    while (at < p->count && !connect_value_is_text(&p->pairs[at].key, name)) {
        at++;
    }
    CHECK(at < p->capacity);
    p->pairs[at] = (struct connect_pair){connect_value_text(name), value};
    p->count += at == p->count ? 1 : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): the depth is counted. */
static enum err_code flatten_struct_add_pairs(struct flatten_struct_pairs *p,
                                              const struct connect_value *map, const char *prefix,
                                              struct err *e)
{
    enum err_code code = p->depth++ < DEPTH_MAX ? ERR_OK : flatten_struct_too_deep(e);
    for (uint32_t i = 0; code == ERR_OK && i < map->len; i++) {
        const struct connect_pair *pair = &map->pairs[i];
        const char *name =
            pair->key.kind == CONNECT_STRING
                ? flatten_struct_name(p->t, p->arena, prefix, connect_value_data(&pair->key))
                : NULL;
        if (name == NULL) {
            code = flatten_struct_too_deep(e);
        } else if (pair->value.kind == CONNECT_MAP) {
            code = flatten_struct_add_pairs(p, &pair->value, name, e);
        } else if (pair->value.kind == CONNECT_STRUCT) {
            code = flatten_struct_unsupported("class org.apache.kafka.connect.data.Struct",
                                              "without", name, e);
        } else {
            flatten_struct_put(p, name, pair->value);
        }
    }
    p->depth--;
    return code;
}

static enum err_code flatten_struct_apply_map(const struct flatten_struct *t,
                                              struct transform_operand *o,
                                              struct connect_scope *scope, struct err *e)
{
    enum err_code code = transform_side_require_map(o, PURPOSE, e);
    if (code != ERR_OK) {
        return code;
    }
    struct flatten_struct_pairs p = {.t = t, .arena = &scope->arena};
    p.capacity = flatten_struct_count(o->value, 0);
    if (p.capacity > PAIRS_MAX) {
        return connect_error_set(e, ERR_LIMIT, CONNECT_DATA_EXCEPTION,
                                 "Flatten: more than %zu fields", PAIRS_MAX);
    }
    p.pairs = arena_alloc_array(&scope->arena, p.capacity + 1, sizeof *p.pairs);
    if (p.pairs == NULL) {
        return transform_side_full(e);
    }
    code = flatten_struct_add_pairs(&p, o->value, NULL, e);
    if (code == ERR_OK) {
        *o->value = connect_value_map(p.pairs, p.count);
    }
    return code;
}

static enum err_code flatten_struct_apply(void *transform, struct connect_record *record,
                                          struct connect_scope *scope, struct err *e)
{
    struct flatten_struct *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (connect_value_is_null(o.value)) {
        return ERR_OK;
    }
    if (*o.schema == NULL) {
        return flatten_struct_apply_map(t, &o, scope, e);
    }
    const struct connect_schema *schema = NULL;
    enum err_code code = transform_side_require_struct(&o, PURPOSE, e);
    if (code == ERR_OK) {
        code =
            transform_side_schema(&(struct transform_side_maker){t->cache, t, flatten_struct_build},
                                  *o.schema, scope, &schema, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct connect_struct *flat = connect_value_create_struct(&scope->arena, schema);
    if (flat == NULL) {
        return transform_side_full(e);
    }
    (void)flatten_struct_fill(*o.schema, o.value->record, flat, 0);
    *o.schema = schema;
    *o.value = connect_value_struct(flat);
    return ERR_OK;
}

static const struct transform_ops flatten_struct_ops = {flatten_struct_create, flatten_struct_apply,
                                                        flatten_struct_destroy};

TRANSFORM_SIDE_PLUGINS(flatten_struct, "Flatten", flatten_struct_keys, 1, &flatten_struct_ops);
