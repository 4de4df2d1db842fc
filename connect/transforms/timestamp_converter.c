/* TimestampConverter: a field, or the whole key or value, from one form of an instant to another.
 */
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"
#include "connect/transforms/java_date_format.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define PURPOSE "converting timestamp formats"
#define DAY_MS INT64_C(86400000)
#define TEXT_BYTES_MAX ((size_t)4096)

enum timestamp_converter_type {
    TIMESTAMP_CONVERTER_STRING,
    TIMESTAMP_CONVERTER_UNIX,
    TIMESTAMP_CONVERTER_DATE,
    TIMESTAMP_CONVERTER_TIME,
    TIMESTAMP_CONVERTER_TIMESTAMP,
};

static const char *const timestamp_converter_types[] = {"string", "unix",      "Date",
                                                        "Time",   "Timestamp", NULL};
static const char *const timestamp_converter_precisions[] = {"nanoseconds", "microseconds",
                                                             "milliseconds", "seconds", NULL};

struct timestamp_converter {
    enum transform_side side;
    char *field; /* "": the whole */
    enum timestamp_converter_type target;
    struct java_date_format *format; /* NULL: none given */
    int64_t per_ms;                  /* units of "unix" in a millisecond; 0: seconds */
    bool replace_null;
    struct transform_cache *cache;
};

static const struct connect_config_key timestamp_converter_keys[] = {
    {.name = "field",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The field containing the timestamp, or empty if the entire value is a timestamp"},
    {.name = "target.type",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .valid = timestamp_converter_types,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "The desired timestamp representation: string, unix, Date, Time, or Timestamp"},
    {.name = "format",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "A SimpleDateFormat-compatible format for the timestamp, in UTC. Used to generate the "
            "output when type=string or used to parse the input if the input is a string."},
    {.name = "unix.precision",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "milliseconds",
     .valid = timestamp_converter_precisions,
     .importance = CONNECT_CONFIG_LOW,
     .doc = "The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or "
            "nanoseconds. Used to generate the output when type=unix or used to parse the input if "
            "the input is a Long. What is finer than a millisecond is lost."},
    {.name = "replace.null.with.default",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether to replace fields that have a default value and that are null to the default "
            "value. When set to true, the default value is used, otherwise null is used."},
};

static void timestamp_converter_destroy(void *transform)
{
    struct timestamp_converter *t = transform;
    mem_free(t->field);
    java_date_format_destroy(t->format);
    transform_cache_destroy(t->cache);
    mem_free(t);
}

static enum err_code timestamp_converter_read_format(struct timestamp_converter *t,
                                                     const char *pattern, struct err *e)
{
    bool blank = pattern[strspn(pattern, " \t")] == '\0';
    if (blank && t->target == TIMESTAMP_CONVERTER_STRING) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "TimestampConverter requires format option to be specified when "
                                 "using string timestamps");
    }
    if (blank) {
        return ERR_OK;
    }
    enum err_code rc = java_date_format_create(pattern, &t->format, e);
    if (rc == ERR_OK || rc == ERR_NOMEM) {
        return rc;
    }
    return connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION,
                              "TimestampConverter requires a SimpleDateFormat-compatible pattern "
                              "for string timestamps: %s",
                              pattern);
}

static size_t timestamp_converter_index(const char *const *words, const char *word)
{
    size_t i = 0;
    while (strcmp(words[i], word) != 0) {
        i++;
        CHECK(words[i] != NULL);
    }
    return i;
}

static enum err_code timestamp_converter_create(const struct connect_plugin *plugin,
                                                const struct connect_config *config,
                                                void **out_transform, struct err *e)
{
    static const int64_t per_ms[] = {1000000, 1000, 1, 0};
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct timestamp_converter *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "TimestampConverter");
    }
    t->side = transform_side_of_plugin(plugin);
    t->replace_null = connect_config_read_boolean(&r, "replace.null.with.default");
    t->target = (enum timestamp_converter_type)timestamp_converter_index(
        timestamp_converter_types, connect_config_read_text(&r, "target.type"));
    t->per_ms = per_ms[timestamp_converter_index(timestamp_converter_precisions,
                                                 connect_config_read_text(&r, "unix.precision"))];
    t->field = mem_strdup(connect_config_read_text(&r, "field"));
    t->cache = transform_side_create_cache();
    enum err_code rc =
        t->field != NULL && t->cache != NULL ? ERR_OK : err_nomem(e, "TimestampConverter");
    if (rc == ERR_OK) {
        rc = timestamp_converter_read_format(t, connect_config_read_text(&r, "format"), e);
    }
    if (rc != ERR_OK) {
        timestamp_converter_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code timestamp_converter_type_of(const struct connect_schema *schema,
                                                 enum timestamp_converter_type *out, struct err *e)
{
    static const enum timestamp_converter_type of_logical[] = {
        [CONNECT_LOGICAL_DATE] = TIMESTAMP_CONVERTER_DATE,
        [CONNECT_LOGICAL_TIME] = TIMESTAMP_CONVERTER_TIME,
        [CONNECT_LOGICAL_TIMESTAMP] = TIMESTAMP_CONVERTER_TIMESTAMP,
    };
    if (schema->logical != CONNECT_LOGICAL_NONE && schema->logical != CONNECT_LOGICAL_DECIMAL) {
        *out = of_logical[schema->logical];
    } else if (schema->type == CONNECT_TYPE_STRING) {
        *out = TIMESTAMP_CONVERTER_STRING;
    } else if (schema->type == CONNECT_TYPE_INT64) {
        *out = TIMESTAMP_CONVERTER_UNIX;
    } else {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "Schema Schema{%s} does not correspond to a known timestamp type "
                                 "format",
                                 schema->name != NULL ? schema->name
                                                      : connect_schema_type_name(schema->type));
    }
    return ERR_OK;
}

static enum err_code timestamp_converter_infer(const struct connect_value *v,
                                               enum timestamp_converter_type *out, struct err *e)
{
    if (v->kind == CONNECT_STRING || v->kind == CONNECT_INT64) {
        *out = v->kind == CONNECT_STRING ? TIMESTAMP_CONVERTER_STRING : TIMESTAMP_CONVERTER_UNIX;
        return ERR_OK;
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                             "TimestampConverter does not support class %s objects as timestamps",
                             connect_value_class_name(v, NULL));
}

/* TimeUnit.toMicros and its like stay at the ends. */
static int64_t timestamp_converter_multiply(int64_t v, int64_t factor)
{
    int64_t out = 0;
    if (__builtin_mul_overflow(v, factor, &out)) {
        return v < 0 ? INT64_MIN : INT64_MAX;
    }
    return out;
}

static enum err_code timestamp_converter_to_ms(const struct timestamp_converter *t,
                                               const struct connect_value *v,
                                               enum timestamp_converter_type type, int64_t *out_ms,
                                               struct err *e)
{
    if (type == TIMESTAMP_CONVERTER_STRING) {
        if (t->format == NULL) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "TimestampConverter requires format option to be specified "
                                     "when using string timestamps");
        }
        if (!java_date_format_parse(t->format, connect_value_data(v), clock_wall_ms(clock_system()),
                                    out_ms)) {
            return connect_error_set(
                e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                "Could not parse timestamp: value (%.*s) does not match pattern (%s)",
                (int)(v->len < 200 ? v->len : 200), (const char *)v->data,
                java_date_format_pattern(t->format));
        }
    } else if (type == TIMESTAMP_CONVERTER_UNIX) {
        *out_ms = t->per_ms == 0 ? timestamp_converter_multiply(v->integer, 1000)
                                 : v->integer / t->per_ms;
    } else {
        *out_ms = type == TIMESTAMP_CONVERTER_DATE ? v->integer * DAY_MS : v->integer;
    }
    return ERR_OK;
}

static enum err_code timestamp_converter_from_ms(const struct timestamp_converter *t, int64_t ms,
                                                 struct arena *a, struct connect_value *out,
                                                 struct err *e)
{
    int64_t left = ms % DAY_MS + (ms % DAY_MS < 0 ? DAY_MS : 0);
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0 ? 1 : 0);
    if (t->target == TIMESTAMP_CONVERTER_STRING) {
        struct buf b;
        buf_init(&b, TEXT_BYTES_MAX);
        java_date_format_print(t->format, ms, &b);
        const char *text = buf_text(&b);
        const char *copy = text != NULL ? arena_strdup(a, text) : NULL;
        buf_deinit(&b);
        if (copy == NULL) {
            return transform_side_full(e);
        }
        *out = connect_value_text(copy);
    } else if (t->target == TIMESTAMP_CONVERTER_UNIX) {
        *out = connect_value_int64(t->per_ms == 0 ? ms / 1000
                                                  : timestamp_converter_multiply(ms, t->per_ms));
    } else if (t->target == TIMESTAMP_CONVERTER_DATE) {
        if (day < INT32_MIN || day > INT32_MAX) {
            return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                     "TimestampConverter: the instant is no Date");
        }
        *out = connect_value_int32((int32_t)day);
    } else if (t->target == TIMESTAMP_CONVERTER_TIME) {
        *out = connect_value_int32((int32_t)left);
    } else {
        *out = connect_value_int64(ms);
    }
    return ERR_OK;
}

/* schema NULL: the type is that of the value. A null stays null. */
static enum err_code timestamp_converter_convert(const struct timestamp_converter *t,
                                                 const struct connect_schema *schema,
                                                 struct connect_value v, struct arena *a,
                                                 struct connect_value *out, struct err *e)
{
    enum timestamp_converter_type type = TIMESTAMP_CONVERTER_STRING;
    int64_t ms = 0;
    *out = v;
    enum err_code rc = schema != NULL ? timestamp_converter_type_of(schema, &type, e) : ERR_OK;
    if (rc != ERR_OK || connect_value_is_null(&v)) {
        return rc;
    }
    rc = schema == NULL ? timestamp_converter_infer(&v, &type, e) : ERR_OK;
    rc = rc == ERR_OK ? timestamp_converter_to_ms(t, &v, type, &ms, e) : rc;
    return rc == ERR_OK ? timestamp_converter_from_ms(t, ms, a, out, e) : rc;
}

/* A reference for the caller. */
static const struct connect_schema *timestamp_converter_schema(const struct timestamp_converter *t,
                                                               bool optional)
{
    switch (t->target) {
    case TIMESTAMP_CONVERTER_DATE:
        return connect_schema_create_date(optional);
    case TIMESTAMP_CONVERTER_TIME:
        return connect_schema_create_time(optional);
    case TIMESTAMP_CONVERTER_TIMESTAMP:
        return connect_schema_create_timestamp(optional);
    case TIMESTAMP_CONVERTER_STRING:
    case TIMESTAMP_CONVERTER_UNIX:
        break;
    }
    return connect_schema_ref(connect_schema_primitive(
        t->target == TIMESTAMP_CONVERTER_STRING ? CONNECT_TYPE_STRING : CONNECT_TYPE_INT64,
        optional));
}

static enum err_code timestamp_converter_build(void *transform, const struct connect_schema *schema,
                                               const struct connect_schema **out_schema,
                                               struct err *e)
{
    const struct timestamp_converter *t = transform;
    if (t->field[0] == '\0') {
        *out_schema = timestamp_converter_schema(t, schema->optional);
        return *out_schema != NULL ? ERR_OK : err_nomem(e, "TimestampConverter");
    }
    struct connect_schema_builder *b = transform_side_rebuild(schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct connect_field *f = &schema->fields[i];
        if (strcmp(f->name, t->field) == 0) {
            connect_schema_builder_add_field_take(
                b, f->name, timestamp_converter_schema(t, f->schema->optional));
        } else {
            connect_schema_builder_add_field(b, f->name, f->schema);
        }
    }
    return connect_schema_builder_build(b, out_schema, e);
}

static enum err_code timestamp_converter_apply_struct(const struct timestamp_converter *t,
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
    for (size_t i = 0; rc == ERR_OK && i < from->field_count; i++) {
        struct connect_value v = transform_side_field(o->value->record, i, t->replace_null);
        copy->values[i] = v;
        if (strcmp(from->fields[i].name, t->field) == 0) {
            rc = timestamp_converter_convert(t, from->fields[i].schema, v, &scope->arena,
                                             &copy->values[i], e);
        }
    }
    *o->schema = schema;
    *o->value = connect_value_struct(copy);
    return rc;
}

static enum err_code timestamp_converter_apply_map(const struct timestamp_converter *t,
                                                   struct transform_operand *o,
                                                   struct connect_scope *scope, struct err *e)
{
    if (connect_value_is_null(o->value)) {
        return ERR_OK;
    }
    if (t->field[0] == '\0') {
        return timestamp_converter_convert(t, NULL, *o->value, &scope->arena, o->value, e);
    }
    enum err_code rc = transform_side_require_map(o, PURPOSE, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct connect_value copy = transform_side_copy_map(&scope->arena, o->value, 1);
    if (connect_value_is_null(&copy)) {
        return transform_side_full(e);
    }
    uint32_t at = 0;
    while (at < copy.len && !connect_value_is_text(&copy.pairs[at].key, t->field)) {
        at++;
    }
    if (at == copy.len) {
        copy.pairs[copy.len++] =
            (struct connect_pair){connect_value_text(t->field), connect_value_null()};
    }
    rc = timestamp_converter_convert(t, NULL, copy.pairs[at].value, &scope->arena,
                                     &copy.pairs[at].value, e);
    *o->value = copy;
    return rc;
}

static enum err_code timestamp_converter_apply(void *transform, struct connect_record *record,
                                               struct connect_scope *scope, struct err *e)
{
    struct timestamp_converter *t = transform;
    struct transform_operand o = transform_side_of(t->side, record);
    if (*o.schema == NULL) {
        return timestamp_converter_apply_map(t, &o, scope, e);
    }
    bool whole = t->field[0] == '\0';
    const struct connect_schema *schema = NULL;
    enum err_code rc = whole || connect_value_is_null(o.value)
                           ? ERR_OK
                           : transform_side_require_struct(&o, PURPOSE, e);
    if (rc == ERR_OK) {
        rc = transform_side_schema(
            &(struct transform_side_maker){t->cache, t, timestamp_converter_build}, *o.schema,
            scope, &schema, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    if (!whole && !connect_value_is_null(o.value)) {
        return timestamp_converter_apply_struct(t, &o, schema, scope, e);
    }
    if (whole) {
        rc = timestamp_converter_convert(t, *o.schema, *o.value, &scope->arena, o.value, e);
    }
    *o.schema = schema;
    return rc;
}

static const struct transform_ops timestamp_converter_ops = {
    timestamp_converter_create, timestamp_converter_apply, timestamp_converter_destroy};

TRANSFORM_SIDE_PLUGINS(timestamp_converter, "TimestampConverter", timestamp_converter_keys,
                       sizeof timestamp_converter_keys / sizeof timestamp_converter_keys[0],
                       &timestamp_converter_ops);
