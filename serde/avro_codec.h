/*
 * Avro's binary encoding, one primitive at a time: the caller walks its schema, field by field, and
 * calls the function that belongs to each type. No checks of order or type happen here; the cost is
 * a few instructions a value. Encoding appends to a struct buf and fails through it; decoding reads
 * from a struct reader, never past its end, and fails through it.
 *
 *     record: its fields in order         union: branch index (avro_codec_put_index), then the
 * value enum: index of the symbol           array, map: blocks, see avro_codec_put_count /
 * next_block fixed: its bytes, buf_append
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/reader.h"

#define AVRO_CODEC_VARINT_MAX ((size_t)10)
#define AVRO_CODEC_EMPTY_MAX ((size_t)1 << 20)

static inline void avro_codec_put_long(struct buf *b, int64_t v)
{
    uint8_t *to = buf_reserve(b, AVRO_CODEC_VARINT_MAX);
    if (to == NULL) {
        return;
    }
    uint64_t z = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    size_t n = 0;
    while (z >= 0x80) {
        to[n++] = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    to[n++] = (uint8_t)z;
    buf_commit(b, n);
}

static inline void avro_codec_put_int(struct buf *b, int32_t v)
{
    avro_codec_put_long(b, v);
}

/* A union branch or an enum symbol. */
static inline void avro_codec_put_index(struct buf *b, size_t index)
{
    avro_codec_put_long(b, (int64_t)index);
}

static inline void avro_codec_put_boolean(struct buf *b, bool v)
{
    buf_append_u8(b, v ? 1 : 0);
}

static inline void avro_codec_put_le(struct buf *b, uint64_t bits, size_t n)
{
    uint8_t *to = buf_reserve(b, n);
    if (to != NULL) {
        for (size_t i = 0; i < n; i++) {
            to[i] = (uint8_t)(bits >> (8 * i));
        }
        buf_commit(b, n);
    }
}

static inline void avro_codec_put_float(struct buf *b, float v)
{
    uint32_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    avro_codec_put_le(b, bits, sizeof bits);
}

static inline void avro_codec_put_double(struct buf *b, double v)
{
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    avro_codec_put_le(b, bits, sizeof bits);
}

/* bytes, and strings in UTF-8. */
static inline void avro_codec_put_bytes(struct buf *b, struct bytes v)
{
    avro_codec_put_long(b, (int64_t)v.len);
    buf_append(b, v.data, v.len);
}

static inline void avro_codec_put_text(struct buf *b, const char *text)
{
    avro_codec_put_bytes(b, bytes_of_text(text));
}

/* One block of count items follows (count > 0); the array or map ends with avro_codec_put_count(b,
 * 0). */
static inline void avro_codec_put_count(struct buf *b, size_t count)
{
    avro_codec_put_long(b, (int64_t)count);
}

static inline int64_t avro_codec_get_long(struct reader *r)
{
    if (r->at < r->end && *r->at < 0x80) { /* one byte: indexes, flags, short lengths */
        uint8_t z = *r->at++;
        return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
    }
    return reader_varint(r);
}

static inline int32_t avro_codec_get_int(struct reader *r)
{
    int64_t v = avro_codec_get_long(r);
    if (v < INT32_MIN || v > INT32_MAX) {
        reader_fail(r);
        return 0;
    }
    return (int32_t)v;
}

/* An index below count; fails otherwise (and gives 0). */
static inline size_t avro_codec_get_index(struct reader *r, size_t count)
{
    int64_t v = avro_codec_get_long(r);
    if (v < 0 || (uint64_t)v >= count) {
        reader_fail(r);
        return 0;
    }
    return (size_t)v;
}

static inline bool avro_codec_get_boolean(struct reader *r)
{
    return reader_u8(r) != 0;
}

static inline uint64_t avro_codec_get_le(struct reader *r, size_t n)
{
    struct bytes raw = reader_bytes(r, n);
    uint64_t bits = 0;
    for (size_t i = raw.len; i > 0; i--) {
        bits = bits << 8 | raw.data[i - 1];
    }
    return bits;
}

static inline float avro_codec_get_float(struct reader *r)
{
    uint32_t bits = (uint32_t)avro_codec_get_le(r, sizeof bits);
    float v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline double avro_codec_get_double(struct reader *r)
{
    uint64_t bits = avro_codec_get_le(r, sizeof bits);
    double v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* bytes and string; borrowed from the input. */
static inline struct bytes avro_codec_get_bytes(struct reader *r)
{
    int64_t len = avro_codec_get_long(r);
    if (len < 0 || (uint64_t)len > reader_left(r)) {
        reader_fail(r);
        return bytes_null();
    }
    return reader_bytes(r, (size_t)len);
}

/* How many items the next block of an array or map holds; 0 at its end or on failure. A negative
 * count (with the block's byte size behind it) is understood. A count that the bytes left cannot
 * hold is a failure; for items of no bytes (null, empty records) say so, then up to
 * AVRO_CODEC_EMPTY_MAX are allowed. */
static inline size_t avro_codec_next_block(struct reader *r, bool empty_items)
{
    int64_t count = avro_codec_get_long(r);
    if (count < 0 && count > INT64_MIN) {
        count = -count;
        (void)avro_codec_get_long(r);
    }
    size_t most = reader_left(r);
    if (empty_items && most < AVRO_CODEC_EMPTY_MAX) {
        most = AVRO_CODEC_EMPTY_MAX;
    }
    if (count < 0 || (uint64_t)count > most) {
        reader_fail(r);
    }
    return reader_failed(r) ? 0 : (size_t)count;
}

struct avro_type;

/* Steps over one value of that type; nesting past AVRO_SCHEMA_DEPTH_MAX is a failure. */
void avro_codec_skip(struct reader *r, const struct avro_type *type);
