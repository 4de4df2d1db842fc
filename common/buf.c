#include "common/buf.h"

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

#define BUF_FIRST_BYTES ((size_t)64)

void buf_init(struct buf *b, size_t limit_bytes)
{
    *b = (struct buf){.limit_bytes = limit_bytes};
}

void buf_deinit(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){.limit_bytes = b->limit_bytes};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static bool buf_grow(struct buf *b, size_t needed)
{
    size_t capacity = b->capacity > 0 ? b->capacity : BUF_FIRST_BYTES;
    while (capacity < needed) {
        capacity *= 2;
    }
    /* One byte above the limit is allowed for the terminator of buf_text. */
    if (capacity > b->limit_bytes + 1) {
        capacity = b->limit_bytes + 1;
    }
    uint8_t *data = mem_realloc(b->data, capacity);
    if (data == NULL) {
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->failed || n > b->limit_bytes - b->len) {
        b->failed = true;
        return NULL;
    }
    /* Room for the terminator of buf_text is kept too, so that it never fails for lack of memory.
     */
    if (b->len + n + 1 > b->capacity && !buf_grow(b, b->len + n + 1)) {
        b->failed = true;
        return NULL;
    }
    return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    CHECK(n <= b->capacity - b->len);
    b->len += n;
}

void buf_truncate(struct buf *b, size_t len)
{
    CHECK(len <= b->len);
    b->len = len;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
    uint8_t *to = buf_reserve(b, len);
    if (to != NULL && len > 0) {
        memcpy(to, data, len);
        b->len += len;
    }
}

void buf_append_bytes(struct buf *b, struct bytes bytes)
{
    buf_append(b, bytes.data, bytes.len);
}

void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_append_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        b->failed = true;
    } else {
        /* vsnprintf writes a terminator: buf_reserve always leaves room for it. */
        uint8_t *to = buf_reserve(b, (size_t)n);
        if (to != NULL) {
            (void)vsnprintf((char *)to, (size_t)n + 1, fmt, again);
            b->len += (size_t)n;
        }
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

void buf_append_u8(struct buf *b, uint8_t v)
{
    buf_append(b, &v, 1);
}

void buf_append_be16(struct buf *b, uint16_t v)
{
    uint8_t raw[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_append(b, raw, sizeof raw);
}

static void buf_encode_be32(uint8_t *to, uint32_t v)
{
    for (int i = 3; i >= 0; i--) {
        to[i] = (uint8_t)v;
        v >>= 8;
    }
}

void buf_append_be32(struct buf *b, uint32_t v)
{
    uint8_t raw[4];
    buf_encode_be32(raw, v);
    buf_append(b, raw, sizeof raw);
}

void buf_append_be64(struct buf *b, uint64_t v)
{
    uint8_t raw[8];
    buf_encode_be32(raw, (uint32_t)(v >> 32));
    buf_encode_be32(raw + 4, (uint32_t)v);
    buf_append(b, raw, sizeof raw);
}

void buf_append_uvarint(struct buf *b, uint64_t v)
{
    uint8_t raw[10];
    size_t n = 0;
    while (v >= 0x80) {
        raw[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    raw[n++] = (uint8_t)v;
    buf_append(b, raw, n);
}

void buf_append_varint(struct buf *b, int64_t v)
{
    buf_append_uvarint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

size_t buf_varint_size(int64_t v)
{
    uint64_t zigzag = ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
    size_t n = 1;
    for (; zigzag >= 0x80; zigzag >>= 7) {
        n++;
    }
    return n;
}

void buf_put_be32(struct buf *b, size_t at, uint32_t v)
{
    if (b->failed) {
        return;
    }
    CHECK(at <= b->len);
    CHECK(b->len - at >= 4);
    buf_encode_be32(b->data + at, v);
}

bool buf_failed(const struct buf *b)
{
    return b->failed;
}

struct bytes buf_bytes(const struct buf *b)
{
    /* An empty buffer is empty, not null. */
    return bytes_of(b->data != NULL ? b->data : (const uint8_t *)"", b->len);
}

const char *buf_text(struct buf *b)
{
    uint8_t *end = buf_reserve(b, 0);
    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    return (const char *)b->data;
}

char *buf_take_text(struct buf *b)
{
    if (buf_text(b) == NULL) {
        return NULL;
    }
    char *text = (char *)b->data;
    *b = (struct buf){.limit_bytes = b->limit_bytes};
    return text;
}

enum err_code buf_check(const struct buf *b, const char *what, struct err *e)
{
    if (!b->failed) {
        return ERR_OK;
    }
    return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes, or out of memory", what,
                   b->limit_bytes);
}
