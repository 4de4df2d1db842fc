#include "serde/avro_codec.h"

#include "serde/avro_schema.h"

static void avro_codec_skip_at(struct reader *r, const struct avro_type *type, size_t depth);

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_codec_skip_blocks(struct reader *r, const struct avro_type *type, size_t depth)
{
    while (!reader_failed(r)) {
        int64_t count = avro_codec_get_long(r);
        if (count == 0) {
            return;
        }
        if (count < 0) { /* the block says its size: over it in one step */
            int64_t size = avro_codec_get_long(r);
            if (size < 0 || (uint64_t)size > reader_left(r)) {
                reader_fail(r);
                return;
            }
            reader_skip(r, (size_t)size);
            continue;
        }
        for (int64_t i = 0; i < count && !reader_failed(r); i++) {
            const uint8_t *before = r->at;
            if (type->kind == AVRO_KIND_MAP) {
                (void)avro_codec_get_bytes(r);
            }
            avro_codec_skip_at(r, type->items, depth);
            if (r->at == before) {
                break; /* items of no bytes, however many are claimed */
            }
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_codec_skip_at(struct reader *r, const struct avro_type *type, size_t depth)
{
    if (depth == AVRO_SCHEMA_DEPTH_MAX) {
        reader_fail(r);
        return;
    }
    switch (type->kind) {
    case AVRO_KIND_NULL:
        break;
    case AVRO_KIND_BOOLEAN:
        reader_skip(r, 1);
        break;
    case AVRO_KIND_INT:
    case AVRO_KIND_LONG:
    case AVRO_KIND_ENUM:
        (void)avro_codec_get_long(r);
        break;
    case AVRO_KIND_FLOAT:
        reader_skip(r, sizeof(float));
        break;
    case AVRO_KIND_DOUBLE:
        reader_skip(r, sizeof(double));
        break;
    case AVRO_KIND_BYTES:
    case AVRO_KIND_STRING:
        (void)avro_codec_get_bytes(r);
        break;
    case AVRO_KIND_FIXED:
        reader_skip(r, type->size);
        break;
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        avro_codec_skip_blocks(r, type, depth + 1);
        break;
    case AVRO_KIND_UNION: {
        size_t branch = avro_codec_get_index(r, type->branch_count);
        if (!reader_failed(r)) {
            avro_codec_skip_at(r, type->branches[branch], depth + 1);
        }
        break;
    }
    case AVRO_KIND_RECORD:
        for (size_t i = 0; i < type->field_count && !reader_failed(r); i++) {
            avro_codec_skip_at(r, type->fields[i].type, depth + 1);
        }
        break;
    }
}

void avro_codec_skip(struct reader *r, const struct avro_type *type)
{
    avro_codec_skip_at(r, type, 0);
}
