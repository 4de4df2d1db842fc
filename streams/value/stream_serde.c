#include "streams/value/stream_serde.h"

#include <string.h>

#include "common/reader.h"

const struct weir_value *stream_serde_read(const struct weir_serde *s, struct weir_context *ctx,
                                           struct bytes in)
{
    if (bytes_is_null(in)) {
        return NULL;
    }
    return s->read(s, ctx, in);
}

void stream_serde_write(const struct weir_serde *s, struct weir_context *ctx,
                        const struct weir_value *v, struct serde_target target, struct buf *out)
{
    if (v->raw_serde == s && s->position_free) {
        buf_append_bytes(out, v->raw);
        return;
    }
    s->write(s, ctx, v, target, out);
    if (buf_failed(out)) {
        value_fail(ctx, ERR_LIMIT, "a value is too large to be written");
    }
}

static void serde_wrong_kind(const struct weir_serde *s, struct weir_context *ctx,
                             const struct weir_value *v)
{
    value_fail(ctx, ERR_INVALID, "the %s serde cannot write a value of type %s", s->name,
               value_kind_name(v->kind));
}

/* Strings and bytes. */
static const struct weir_value *serde_read_run(const struct weir_serde *s, struct weir_context *ctx,
                                               struct bytes in)
{
    struct weir_value *v =
        value_alloc(ctx, s == weir_serde_string() ? WEIR_KIND_STRING : WEIR_KIND_BYTES);
    if (v != NULL) {
        v->u.bytes = in;
        v->raw = in;
        v->raw_serde = s;
    }
    return v;
}

static void serde_write_run(const struct weir_serde *s, struct weir_context *ctx,
                            const struct weir_value *v, struct serde_target target, struct buf *out)
{
    (void)target;
    if (v->kind != (s == weir_serde_string() ? WEIR_KIND_STRING : WEIR_KIND_BYTES)) {
        serde_wrong_kind(s, ctx, v);
        return;
    }
    buf_append_bytes(out, v->u.bytes);
}

static const struct weir_value *serde_read_long(const struct weir_serde *s,
                                                struct weir_context *ctx, struct bytes in)
{
    struct reader r;
    reader_init(&r, in);
    int64_t n = (int64_t)reader_be64(&r);
    if (reader_failed(&r) || reader_left(&r) != 0) {
        value_fail(ctx, ERR_PARSE, "a long is 8 bytes, not %zu", in.len);
        return NULL;
    }
    struct weir_value *v = value_alloc(ctx, WEIR_KIND_LONG);
    if (v != NULL) {
        v->u.integer = n;
        v->raw = in;
        v->raw_serde = s;
    }
    return v;
}

static void serde_write_long(const struct weir_serde *s, struct weir_context *ctx,
                             const struct weir_value *v, struct serde_target target,
                             struct buf *out)
{
    (void)target;
    if (v->kind != WEIR_KIND_LONG && v->kind != WEIR_KIND_INT) {
        serde_wrong_kind(s, ctx, v);
        return;
    }
    buf_append_be64(out, (uint64_t)v->u.integer);
}

const struct weir_serde *weir_serde_string(void)
{
    static const struct weir_serde serde = {
        .name = "string", .read = serde_read_run, .write = serde_write_run, .position_free = true};
    return &serde;
}

const struct weir_serde *weir_serde_bytes(void)
{
    static const struct weir_serde serde = {
        .name = "bytes", .read = serde_read_run, .write = serde_write_run, .position_free = true};
    return &serde;
}

const struct weir_serde *weir_serde_long(void)
{
    static const struct weir_serde serde = {
        .name = "long", .read = serde_read_long, .write = serde_write_long, .position_free = true};
    return &serde;
}

/* Windowed keys on topics are key, start (8 bytes): the end is not written (reference 4.1). */
/* NOLINTNEXTLINE(misc-no-recursion): a windowed serde's inner serde is a plain one */
static const struct weir_value *serde_read_windowed(const struct weir_serde *s,
                                                    struct weir_context *ctx, struct bytes in)
{
    if (in.len < 8) {
        value_fail(ctx, ERR_PARSE, "a windowed key has at least 8 bytes, not %zu", in.len);
        return NULL;
    }
    struct reader r;
    reader_init(&r, bytes_of(in.data + (in.len - 8), 8));
    int64_t start = (int64_t)reader_be64(&r);
    int64_t end = 0;
    if (start < 0 || __builtin_add_overflow(start, s->window_size_ms, &end)) {
        value_fail(ctx, ERR_PARSE, "a windowed key has a start out of range");
        return NULL;
    }
    const struct weir_value *key = stream_serde_read(s->inner, ctx, bytes_of(in.data, in.len - 8));
    return key != NULL ? weir_make_windowed(ctx, key, start, end) : NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): a windowed serde's inner serde is a plain one */
static void serde_write_windowed(const struct weir_serde *s, struct weir_context *ctx,
                                 const struct weir_value *v, struct serde_target target,
                                 struct buf *out)
{
    if (v->kind != WEIR_KIND_WINDOWED || v->u.window.key == NULL) {
        serde_wrong_kind(s, ctx, v);
        return;
    }
    stream_serde_write(s->inner, ctx, v->u.window.key, target, out);
    buf_append_be64(out, (uint64_t)v->u.window.start_ms);
}

const struct weir_serde *stream_serde_windowed(struct arena *arena, const struct weir_serde *inner,
                                               int64_t size_ms)
{
    struct weir_serde *s = arena_alloc(arena, sizeof *s);
    if (s != NULL) {
        *s = (struct weir_serde){.name = "windowed",
                                 .read = serde_read_windowed,
                                 .write = serde_write_windowed,
                                 .inner = inner,
                                 .window_size_ms = size_ms};
    }
    return s;
}

bool stream_serde_is_windowed(const struct weir_serde *s)
{
    return s != NULL && s->read == serde_read_windowed;
}

static const struct weir_value *serde_read_custom(const struct weir_serde *s,
                                                  struct weir_context *ctx, struct bytes in)
{
    struct weir_bytes bytes = {in.data, in.len};
    const struct weir_value *v = s->functions.read(ctx, bytes, s->functions.user);
    if (v == NULL) {
        value_fail(ctx, ERR_PARSE, "the serde read nothing");
    }
    return v;
}

static void serde_write_custom(const struct weir_serde *s, struct weir_context *ctx,
                               const struct weir_value *v, struct serde_target target,
                               struct buf *out)
{
    (void)target;
    struct buf *outer = ctx->write_to;
    ctx->write_to = out;
    s->functions.write(ctx, v, s->functions.user);
    ctx->write_to = outer;
}

const struct weir_serde *stream_serde_custom(struct arena *arena,
                                             const struct weir_serde_functions *functions)
{
    struct weir_serde *s = arena_alloc(arena, sizeof *s);
    if (s != NULL) {
        *s = (struct weir_serde){.name = "custom",
                                 .read = serde_read_custom,
                                 .write = serde_write_custom,
                                 .functions = *functions};
    }
    return s;
}

const struct weir_serde *stream_serde_by_name(const char *name)
{
    static const struct {
        const char *name;
        const struct weir_serde *(*get)(void);
    } known[] = {
        {"string", weir_serde_string},
        {"long", weir_serde_long},
        {"bytes", weir_serde_bytes},
        {"json", weir_serde_json},
        {"avro", weir_serde_avro},
        {"org.apache.kafka.common.serialization.Serdes$StringSerde", weir_serde_string},
        {"org.apache.kafka.common.serialization.Serdes$LongSerde", weir_serde_long},
        {"org.apache.kafka.common.serialization.Serdes$BytesSerde", weir_serde_bytes},
        {"org.apache.kafka.common.serialization.Serdes$ByteArraySerde", weir_serde_bytes},
        {"io.confluent.kafka.streams.serdes.avro.GenericAvroSerde", weir_serde_avro},
        {"io.confluent.kafka.streams.serdes.avro.SpecificAvroSerde", weir_serde_avro},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].get();
        }
    }
    return NULL;
}
