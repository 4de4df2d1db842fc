/* ExtractField: one field takes the place of the whole key or value. */
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define EXTRACT_FIELD_PURPOSE "field extraction"
#define EXTRACT_FIELD_DEPTH_MAX 32

struct extract_field {
    enum transform_side side;
    char *field; /* as configured, for messages */
    char *steps; /* its names, each NUL-terminated */
    size_t step_count;
    bool replace_null;
};

static const char *const extract_field_syntaxes[] = {"V1", "V2", NULL};

static const struct connect_config_key extract_field_keys[] = {
    {.name = "field",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Field name to extract."},
    {.name = "field.syntax.version",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "V1",
     .any_case = true,
     .valid = extract_field_syntaxes,
     .doc = "V2: dots lead into nested objects; a name with dots goes in backticks."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether fields that are null take the default of their schema."},
};

static void extract_field_destroy(void *transform)
{
    struct extract_field *t = transform;
    mem_free(t->field);
    mem_free(t->steps);
    mem_free(t);
}

/* "a.b", "`a.b`.c": splits in place. */
static enum err_code extract_field_split(struct extract_field *t, struct err *e)
{
    CHECK(t->field != NULL && t->steps != NULL);
    char *out = t->steps;
    const char *at = t->field;
    t->step_count = 0;
    while (t->step_count < EXTRACT_FIELD_DEPTH_MAX) {
        bool quoted = *at == '`';
        const char *end = quoted ? strchr(at + 1, '`') : strchrnul(at, '.');
        if (end == NULL || (quoted && end[1] != '.' && end[1] != '\0')) {
            break;
        }
        at += quoted ? 1 : 0;
        memmove(out, at, (size_t)(end - at));
        out += end - at;
        *out++ = '\0';
        t->step_count++;
        at = quoted ? end + 1 : end;
        if (*at == '\0') {
            return ERR_OK;
        }
        at++;
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                             "Incomplete backtick pair in path: [%s]", t->field);
}

static enum err_code extract_field_create(const struct connect_plugin *plugin,
                                          const struct connect_config *config, void **out_transform,
                                          struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    const char *field = connect_config_read_text(&r, "field");
    struct extract_field *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "ExtractField");
    }
    t->side = transform_side_of_plugin(plugin);
    t->field = mem_strdup(field);
    t->steps = mem_strdup(field);
    t->step_count = 1;
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    enum err_code rc = t->field != NULL && t->steps != NULL ? ERR_OK : err_nomem(e, "ExtractField");
    if (rc == ERR_OK &&
        strcasecmp(connect_config_read_text(&r, "field.syntax.version"), "V2") == 0) {
        rc = extract_field_split(t, e);
    }
    if (rc != ERR_OK) {
        extract_field_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code extract_field_with_schema(const struct extract_field *t,
                                               struct transform_operand *o, struct err *e)
{
    const struct connect_schema *schema = *o->schema;
    struct connect_value value = *o->value;
    const char *step = t->steps;
    for (size_t i = 0; i < t->step_count; i++, step += strlen(step) + 1) {
        const struct transform_operand at = {&schema, &value};
        if (!connect_value_is_null(&value)) {
            enum err_code rc = transform_side_require_struct(&at, EXTRACT_FIELD_PURPOSE, e);
            if (rc != ERR_OK) {
                return rc;
            }
        }
        const struct connect_field *f =
            schema->type == CONNECT_TYPE_STRUCT ? connect_schema_find_field(schema, step) : NULL;
        if (f == NULL) {
            return connect_error_set(e, ERR_INVALID, "java.lang.IllegalArgumentException",
                                     "Unknown field: %s", t->field);
        }
        if (!connect_value_is_null(&value)) {
            value = transform_side_field(value.record, f->index, t->replace_null);
        }
        schema = f->schema;
    }
    *o->schema = schema;
    *o->value = value;
    return ERR_OK;
}

static enum err_code extract_field_apply(void *transform, struct connect_record *record,
                                         struct connect_scope *scope, struct err *e)
{
    const struct extract_field *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (*o.schema != NULL) {
        (void)connect_scope_keep_schema(scope, *o.schema); /* the field's schema is part of it */
        return extract_field_with_schema(t, &o, e);
    }
    const char *step = t->steps;
    for (size_t i = 0; i < t->step_count; i++, step += strlen(step) + 1) {
        if (connect_value_is_null(o.value)) {
            return ERR_OK;
        }
        enum err_code rc = transform_side_require_map(&o, EXTRACT_FIELD_PURPOSE, e);
        if (rc != ERR_OK) {
            return rc;
        }
        const struct connect_value *v = connect_value_map_get(o.value, step);
        *o.value = v != NULL ? *v : connect_value_null();
    }
    return ERR_OK;
}

static const struct transform_ops extract_field_ops = {extract_field_create, extract_field_apply,
                                                       extract_field_destroy};

TRANSFORM_SIDE_PLUGINS(extract_field, "ExtractField", extract_field_keys, 3, &extract_field_ops);
