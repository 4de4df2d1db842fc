#include "common/reader.h"

#define READER_VARINT_MAX_BYTES 10

void reader_init(struct reader *r, struct bytes bytes)
{
    const uint8_t *at = bytes.data != NULL ? bytes.data : (const uint8_t *)"";
    *r = (struct reader){.at = at, .end = at + bytes.len};
}

size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

bool reader_failed(const struct reader *r)
{
    return r->failed;
}

void reader_fail(struct reader *r)
{
    r->failed = true;
    r->at = r->end;
}

/* The next n bytes, or NULL and sticky failure. */
static const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (n > reader_left(r)) {
        reader_fail(r);
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    return p;
}

static uint64_t reader_be(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_be(r, 1);
}

uint16_t reader_be16(struct reader *r)
{
    return (uint16_t)reader_be(r, 2);
}

uint32_t reader_be32(struct reader *r)
{
    return (uint32_t)reader_be(r, 4);
}

uint64_t reader_be64(struct reader *r)
{
    return reader_be(r, 8);
}

uint64_t reader_uvarint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < READER_VARINT_MAX_BYTES; i++) {
        const uint8_t *p = reader_take(r, 1);
        if (p == NULL) {
            return 0;
        }
        /* The tenth byte holds only the top bit of 64. */
        if (i == READER_VARINT_MAX_BYTES - 1 && *p > 1) {
            break;
        }
        v |= (uint64_t)(*p & 0x7f) << (7 * i);
        if ((*p & 0x80) == 0) {
            return v;
        }
    }
    reader_fail(r);
    return 0;
}

int64_t reader_varint(struct reader *r)
{
    uint64_t v = reader_uvarint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

int32_t reader_varint32(struct reader *r)
{
    int64_t v = reader_varint(r);
    if (v < INT32_MIN || v > INT32_MAX) {
        reader_fail(r);
        return 0;
    }
    return (int32_t)v;
}

struct bytes reader_bytes(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    return p != NULL ? bytes_of(p, n) : bytes_null();
}

void reader_skip(struct reader *r, size_t n)
{
    (void)reader_take(r, n);
}
