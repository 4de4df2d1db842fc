#include "streams/value/serde_avro.h"

#include <inttypes.h>
#include <string.h>

#include "common/mem.h"
#include "serde/avro_codec.h"
#include "serde/avro_schema.h"
#include "serde/confluent_frame.h"
#include "streams/topology/builder.h"

struct weir_avro_schema {
    struct avro_schema *schema;
    const struct serde_shape *shape;
};

struct topology_schema {
    struct topology_schema *next;
    struct weir_avro_schema made;
};

void serde_avro_free_schemas(struct topology_schema *schemas)
{
    while (schemas != NULL) {
        struct topology_schema *next = schemas->next;
        avro_schema_unref(schemas->made.schema);
        mem_free(schemas);
        schemas = next;
    }
}

const struct weir_avro_schema *weir_avro_schema_parse(struct weir_builder *b, const char *json)
{
    if (!builder_usable(b)) {
        return NULL;
    }
    struct topology_schema *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        builder_fail(b, ERR_NOMEM, "out of memory");
        return NULL;
    }
    struct avro_schema_options options = {.strict = true};
    struct err e;
    if (avro_schema_parse(bytes_of_text(json), &options, &s->made.schema, &e) != ERR_OK) {
        builder_fail(b, e.code, "avro schema: %s", e.text);
        mem_free(s);
        return NULL;
    }
    s->next = b->topology->schemas;
    b->topology->schemas = s;
    s->made.shape = serde_registry_compile(&b->topology->arena, s->made.schema);
    if (s->made.shape == NULL || s->made.shape->type->kind != AVRO_KIND_RECORD) {
        builder_fail(b, ERR_INVALID, "avro schema: a record schema is needed here");
        return NULL;
    }
    return &s->made;
}

struct weir_value *weir_make_record(struct weir_context *ctx, const struct weir_avro_schema *schema)
{
    const struct serde_shape *shape = schema->shape;
    struct weir_value *v = value_alloc(ctx, WEIR_KIND_RECORD);
    if (v == NULL) {
        return NULL;
    }
    v->u.list.items = arena_alloc_array(ctx->arena, shape->child_count + 1, sizeof *v);
    if (v->u.list.items == NULL) {
        value_fail(ctx, ERR_LIMIT, "the record's values need too much memory");
        return NULL;
    }
    v->u.list.names = shape->names;
    v->u.list.count = shape->child_count;
    v->u.list.schema = shape->type;
    v->open = true;
    return v;
}

/* ---- Reading ---- */

struct avro_input {
    struct weir_context *ctx;
    struct reader r;
};

static void avro_read(struct avro_input *in, const struct serde_shape *shape,
                      struct weir_value *out, size_t depth);

static struct weir_value *avro_alloc_items(struct avro_input *in, size_t count)
{
    struct weir_value *items =
        arena_alloc_array(in->ctx->arena, count + 1, sizeof(struct weir_value));
    if (items == NULL) {
        value_fail(in->ctx, ERR_LIMIT, "the record's values need too much memory");
        reader_fail(&in->r);
    }
    return items;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_read_record(struct avro_input *in, const struct serde_shape *shape,
                             struct weir_value *out, size_t depth)
{
    struct weir_value *items = avro_alloc_items(in, shape->child_count);
    if (items == NULL) {
        return;
    }
    out->kind = WEIR_KIND_RECORD;
    out->u.list.items = items;
    out->u.list.names = shape->names;
    out->u.list.count = shape->child_count;
    out->u.list.schema = shape->type;
    for (size_t i = 0; i < shape->child_count && !reader_failed(&in->r); i++) {
        avro_read(in, shape->children[i], &items[i], depth + 1);
    }
}

/* Arrays and maps come in blocks; the run of items is made larger block by block. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_read_blocks(struct avro_input *in, const struct serde_shape *shape,
                             struct weir_value *out, size_t depth)
{
    bool map = shape->type->kind == AVRO_KIND_MAP;
    struct weir_value *items = NULL;
    struct bytes *names = NULL;
    size_t count = 0;
    size_t block = avro_codec_next_block(&in->r, 1);
    while (block > 0) {
        struct weir_value *larger = avro_alloc_items(in, count + block);
        struct bytes *more =
            map ? arena_alloc_array(in->ctx->arena, count + block, sizeof *more) : NULL;
        if (larger == NULL || (map && more == NULL)) {
            reader_fail(&in->r);
            return;
        }
        if (count > 0) {
            memcpy(larger, items, count * sizeof *items);
        }
        if (map && count > 0) {
            memcpy(more, names, count * sizeof *names);
        }
        items = larger;
        names = more;
        for (size_t i = 0; i < block && !reader_failed(&in->r); i++, count++) {
            if (map) {
                names[count] = avro_codec_get_bytes(&in->r);
            }
            avro_read(in, shape->children[0], &items[count], depth + 1);
        }
        block = avro_codec_next_block(&in->r, 1);
    }
    out->kind = map ? WEIR_KIND_MAP : WEIR_KIND_ARRAY;
    out->u.list.items = items;
    out->u.list.names = names;
    out->u.list.count = count;
    out->u.list.schema = shape->type;
}

static void avro_set_bytes(struct weir_value *out, enum weir_kind kind, struct bytes b)
{
    out->kind = kind;
    out->u.bytes = bytes_is_null(b) ? bytes_of("", 0) : b;
}

static void avro_set_integer(struct weir_value *out, enum weir_kind kind, int64_t v)
{
    out->kind = kind;
    out->u.integer = v;
}

static void avro_set_real(struct weir_value *out, enum weir_kind kind, double v)
{
    out->kind = kind;
    out->u.real = v;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_read(struct avro_input *in, const struct serde_shape *shape,
                      struct weir_value *out, size_t depth)
{
    const struct avro_type *type = shape->type;
    if (depth > AVRO_SCHEMA_DEPTH_MAX) {
        reader_fail(&in->r);
        return;
    }
    switch (type->kind) {
    case AVRO_KIND_RECORD:
        avro_read_record(in, shape, out, depth);
        break;
    case AVRO_KIND_ENUM:
        avro_set_bytes(
            out, WEIR_KIND_STRING,
            bytes_of_text(type->symbols.items[avro_codec_get_index(&in->r, type->symbols.count)]));
        break;
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        avro_read_blocks(in, shape, out, depth);
        break;
    case AVRO_KIND_UNION: {
        size_t branch = avro_codec_get_index(&in->r, shape->child_count);
        if (!reader_failed(&in->r)) {
            avro_read(in, shape->children[branch], out, depth + 1);
        }
        break;
    }
    case AVRO_KIND_FIXED:
        avro_set_bytes(out, WEIR_KIND_BYTES, reader_bytes(&in->r, type->size));
        break;
    case AVRO_KIND_STRING:
        avro_set_bytes(out, WEIR_KIND_STRING, avro_codec_get_bytes(&in->r));
        break;
    case AVRO_KIND_BYTES:
        avro_set_bytes(out, WEIR_KIND_BYTES, avro_codec_get_bytes(&in->r));
        break;
    case AVRO_KIND_INT:
        avro_set_integer(out, WEIR_KIND_INT, avro_codec_get_int(&in->r));
        break;
    case AVRO_KIND_LONG:
        avro_set_integer(out, WEIR_KIND_LONG, avro_codec_get_long(&in->r));
        break;
    case AVRO_KIND_FLOAT:
        avro_set_real(out, WEIR_KIND_FLOAT, (double)avro_codec_get_float(&in->r));
        break;
    case AVRO_KIND_DOUBLE:
        avro_set_real(out, WEIR_KIND_DOUBLE, avro_codec_get_double(&in->r));
        break;
    case AVRO_KIND_BOOLEAN:
        out->kind = WEIR_KIND_BOOL;
        out->u.boolean = avro_codec_get_boolean(&in->r);
        break;
    case AVRO_KIND_NULL:
        out->kind = WEIR_KIND_NULL;
        break;
    }
}

static const struct weir_value *serde_avro_read(const struct weir_serde *s,
                                                struct weir_context *ctx, struct bytes in)
{
    struct err e;
    int32_t id = 0;
    struct bytes payload = bytes_null();
    const struct serde_shape *shape = NULL;
    enum err_code code = confluent_frame_read(in, &id, &payload, &e);
    if (code == ERR_OK) {
        code = serde_registry_shape(ctx->schemas, id, &shape, &e);
    }
    if (code != ERR_OK) {
        value_fail(ctx, code, "%s", e.text);
        return NULL;
    }
    struct weir_value *v = value_alloc(ctx, WEIR_KIND_NULL);
    if (v == NULL) {
        return NULL;
    }
    struct avro_input input = {.ctx = ctx};
    reader_init(&input.r, payload);
    avro_read(&input, shape, v, 0);
    if (reader_failed(&input.r) || reader_left(&input.r) != 0) {
        value_fail(ctx, ERR_CORRUPT, "the bytes are no value of schema %" PRId32, id);
        return NULL;
    }
    v->raw = in;
    v->raw_serde = s;
    return v;
}

/* ---- Writing ---- */

static bool avro_fits(const struct avro_type *type, const struct weir_value *v)
{
    switch (type->kind) {
    case AVRO_KIND_RECORD:
        return v->kind == WEIR_KIND_RECORD &&
               strcmp(((const struct avro_type *)v->u.list.schema)->full_name, type->full_name) ==
                   0;
    case AVRO_KIND_ENUM:
        for (size_t i = 0; v->kind == WEIR_KIND_STRING && i < type->symbols.count; i++) {
            if (weir_text_equals(v, type->symbols.items[i])) {
                return true;
            }
        }
        return false;
    case AVRO_KIND_ARRAY:
        return v->kind == WEIR_KIND_ARRAY;
    case AVRO_KIND_MAP:
        return v->kind == WEIR_KIND_MAP;
    case AVRO_KIND_FIXED:
        return v->kind == WEIR_KIND_BYTES && v->u.bytes.len == type->size;
    case AVRO_KIND_STRING:
        return v->kind == WEIR_KIND_STRING;
    case AVRO_KIND_BYTES:
        return v->kind == WEIR_KIND_BYTES;
    case AVRO_KIND_INT:
        return v->kind == WEIR_KIND_INT;
    case AVRO_KIND_LONG:
        return v->kind == WEIR_KIND_LONG || v->kind == WEIR_KIND_INT;
    case AVRO_KIND_FLOAT:
        return v->kind == WEIR_KIND_FLOAT;
    case AVRO_KIND_DOUBLE:
        return v->kind == WEIR_KIND_DOUBLE || v->kind == WEIR_KIND_FLOAT;
    case AVRO_KIND_BOOLEAN:
        return v->kind == WEIR_KIND_BOOL;
    case AVRO_KIND_NULL:
        return v->kind == WEIR_KIND_NULL;
    case AVRO_KIND_UNION:
        break;
    }
    return false;
}

static void avro_write(struct weir_context *ctx, const struct avro_type *type,
                       const struct weir_value *v, struct buf *out, size_t depth);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_write_union(struct weir_context *ctx, const struct avro_type *type,
                             const struct weir_value *v, struct buf *out, size_t depth)
{
    for (size_t i = 0; i < type->branch_count; i++) {
        if (avro_fits(type->branches[i], v)) {
            avro_codec_put_index(out, i);
            avro_write(ctx, type->branches[i], v, out, depth + 1);
            return;
        }
    }
    value_fail(ctx, ERR_INVALID, "no branch of the union takes a value of type %s",
               value_kind_name(v->kind));
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_write_list(struct weir_context *ctx, const struct avro_type *type,
                            const struct weir_value *v, struct buf *out, size_t depth)
{
    if (type->kind == AVRO_KIND_RECORD) {
        for (size_t i = 0; i < type->field_count && !ctx->failed; i++) {
            avro_write(ctx, type->fields[i].type, &v->u.list.items[i], out, depth + 1);
            if (ctx->failed) {
                (void)err_wrap(&ctx->err, "field %s", type->fields[i].name);
            }
        }
        return;
    }
    if (v->u.list.count > 0) {
        avro_codec_put_count(out, v->u.list.count);
    }
    for (size_t i = 0; i < v->u.list.count && !ctx->failed; i++) {
        if (type->kind == AVRO_KIND_MAP) {
            avro_codec_put_bytes(out, v->u.list.names[i]);
        }
        avro_write(ctx, type->items, &v->u.list.items[i], out, depth + 1);
    }
    avro_codec_put_count(out, 0);
}

static void avro_write_symbol(const struct avro_type *type, const struct weir_value *v,
                              struct buf *out)
{
    size_t i = 0;
    while (i + 1 < type->symbols.count && !weir_text_equals(v, type->symbols.items[i])) {
        i++;
    }
    avro_codec_put_index(out, i);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static void avro_write(struct weir_context *ctx, const struct avro_type *type,
                       const struct weir_value *v, struct buf *out, size_t depth)
{
    if (depth > AVRO_SCHEMA_DEPTH_MAX) {
        value_fail(ctx, ERR_LIMIT, "the value is nested too deeply");
        return;
    }
    if (type->kind != AVRO_KIND_UNION && !avro_fits(type, v)) {
        value_fail(ctx, ERR_INVALID, "a value of type %s where the schema says %s",
                   value_kind_name(v->kind), avro_schema_word(type->kind));
        return;
    }
    switch (type->kind) {
    case AVRO_KIND_UNION:
        avro_write_union(ctx, type, v, out, depth);
        break;
    case AVRO_KIND_RECORD:
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        avro_write_list(ctx, type, v, out, depth);
        break;
    case AVRO_KIND_ENUM:
        avro_write_symbol(type, v, out);
        break;
    case AVRO_KIND_FIXED:
        buf_append_bytes(out, v->u.bytes);
        break;
    case AVRO_KIND_STRING:
    case AVRO_KIND_BYTES:
        avro_codec_put_bytes(out, v->u.bytes);
        break;
    case AVRO_KIND_INT:
    case AVRO_KIND_LONG:
        avro_codec_put_long(out, v->u.integer);
        break;
    case AVRO_KIND_FLOAT:
        avro_codec_put_float(out, (float)v->u.real);
        break;
    case AVRO_KIND_DOUBLE:
        avro_codec_put_double(out, v->u.real);
        break;
    case AVRO_KIND_BOOLEAN:
        avro_codec_put_boolean(out, v->u.boolean);
        break;
    case AVRO_KIND_NULL:
        break;
    }
}

/* The schema that a value brings along: a record's own, else that of the primitive. */
static const struct avro_type *avro_type_of(const struct weir_value *v)
{
    static const struct avro_type primitives[] = {
        [WEIR_KIND_BOOL] = {.kind = AVRO_KIND_BOOLEAN},
        [WEIR_KIND_INT] = {.kind = AVRO_KIND_INT},
        [WEIR_KIND_LONG] = {.kind = AVRO_KIND_LONG},
        [WEIR_KIND_FLOAT] = {.kind = AVRO_KIND_FLOAT},
        [WEIR_KIND_DOUBLE] = {.kind = AVRO_KIND_DOUBLE},
        [WEIR_KIND_STRING] = {.kind = AVRO_KIND_STRING},
        [WEIR_KIND_BYTES] = {.kind = AVRO_KIND_BYTES},
    };
    if (v->kind == WEIR_KIND_RECORD) {
        return v->u.list.schema;
    }
    return v->kind >= WEIR_KIND_BOOL && v->kind <= WEIR_KIND_BYTES ? &primitives[v->kind] : NULL;
}

static void serde_avro_write(const struct weir_serde *s, struct weir_context *ctx,
                             const struct weir_value *v, struct serde_target target,
                             struct buf *out)
{
    (void)s;
    const struct avro_type *type = avro_type_of(v);
    if (type == NULL) {
        value_fail(ctx, ERR_INVALID, "the avro serde writes records, not a value of type %s",
                   value_kind_name(v->kind));
        return;
    }
    struct err e;
    int32_t id = 0;
    enum err_code code =
        serde_registry_id(ctx->schemas, type, target.topic, target.is_key, &id, &e);
    if (code != ERR_OK) {
        value_fail(ctx, code, "%s", e.text);
        return;
    }
    confluent_frame_write(out, id);
    avro_write(ctx, type, v, out, 0);
}

const struct weir_serde *weir_serde_avro(void)
{
    static const struct weir_serde serde = {
        .name = "avro", .read = serde_avro_read, .write = serde_avro_write};
    return &serde;
}
