#include "broker/net/frame_reader.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"

/* Key, version and correlation id: shorter frames cannot be requests. */
#define FRAME_MIN_BYTES 8
#define FRAME_CHUNK_BYTES ((size_t)64 * 1024)
/* A length field is believed up to this much before the bytes have come. */
#define FRAME_TRUST_BYTES ((size_t)1024 * 1024)
/* Less room than this at the end of a shared buffer is not worth a system call. */
#define FRAME_SPACE_MIN_BYTES ((size_t)4096)

struct frame_buffer {
    size_t refs;
    size_t capacity;
    uint8_t data[];
};

static struct frame_buffer *frame_buffer_create(size_t capacity)
{
    struct frame_buffer *b = mem_alloc(sizeof *b + capacity);
    if (b != NULL) {
        b->refs = 1;
        b->capacity = capacity;
    }
    return b;
}

void frame_buffer_unref(struct frame_buffer *b)
{
    if (b == NULL) {
        return;
    }
    CHECK(b->refs > 0);
    if (--b->refs == 0) {
        mem_free(b);
    }
}

void frame_reader_init(struct frame_reader *r, size_t frame_max_bytes)
{
    *r = (struct frame_reader){.frame_max_bytes = frame_max_bytes};
}

void frame_reader_deinit(struct frame_reader *r)
{
    frame_buffer_unref(r->buffer);
    r->buffer = NULL;
}

static uint32_t frame_reader_length(const struct frame_reader *r)
{
    const uint8_t *p = r->buffer->data + r->begin;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Bytes that the buffer should hold from `begin` on; 0 while the frame's length is not known. */
static size_t frame_reader_wanted(const struct frame_reader *r)
{
    size_t have = r->end - r->begin;
    if (have < FRAME_LENGTH_BYTES) {
        return 0;
    }
    size_t total = FRAME_LENGTH_BYTES + (size_t)frame_reader_length(r);
    size_t ceiling = 2 * have > FRAME_TRUST_BYTES ? 2 * have : FRAME_TRUST_BYTES;
    return total < ceiling ? total : ceiling;
}

/* Moves the pending bytes to the front of a buffer of `capacity`, its own or a new one. */
static bool frame_reader_move(struct frame_reader *r, size_t capacity)
{
    size_t have = r->end - r->begin;
    CHECK(capacity > have);
    if (r->buffer->refs == 1 && r->begin == 0 && capacity > r->buffer->capacity) {
        struct frame_buffer *larger =
            mem_realloc(r->buffer, sizeof(struct frame_buffer) + capacity);
        if (larger == NULL) {
            return false;
        }
        larger->capacity = capacity;
        r->buffer = larger;
        return true;
    }
    if (r->buffer->refs == 1 && capacity <= r->buffer->capacity) {
        memmove(r->buffer->data, r->buffer->data + r->begin, have);
    } else {
        struct frame_buffer *b = frame_buffer_create(capacity);
        if (b == NULL) {
            return false;
        }
        memcpy(b->data, r->buffer->data + r->begin, have);
        frame_buffer_unref(r->buffer);
        r->buffer = b;
    }
    r->begin = 0;
    r->end = have;
    return true;
}

uint8_t *frame_reader_space(struct frame_reader *r, size_t *out_size)
{
    if (r->buffer == NULL) {
        r->buffer = frame_buffer_create(FRAME_CHUNK_BYTES);
        if (r->buffer == NULL) {
            return NULL;
        }
        r->begin = 0;
        r->end = 0;
    }
    size_t wanted = frame_reader_wanted(r);
    size_t room = r->buffer->capacity - r->end;
    bool enough = room >= (wanted == 0 ? FRAME_SPACE_MIN_BYTES : 1) &&
                  wanted <= r->buffer->capacity - r->begin;
    if (!enough && !frame_reader_move(r, wanted > FRAME_CHUNK_BYTES ? wanted : FRAME_CHUNK_BYTES)) {
        return NULL;
    }
    *out_size = r->buffer->capacity - r->end;
    return r->buffer->data + r->end;
}

void frame_reader_commit(struct frame_reader *r, size_t n)
{
    CHECK(n <= r->buffer->capacity - r->end);
    r->end += n;
}

enum frame_status frame_reader_next(struct frame_reader *r, struct bytes *out_frame,
                                    struct frame_buffer **out_ref)
{
    if (frame_reader_pending(r) < FRAME_LENGTH_BYTES) {
        return FRAME_NONE;
    }
    uint32_t length = frame_reader_length(r);
    if (length < FRAME_MIN_BYTES || length > r->frame_max_bytes) {
        return FRAME_BAD;
    }
    if (length > r->end - r->begin - FRAME_LENGTH_BYTES) {
        return FRAME_NONE;
    }
    *out_frame = bytes_of(r->buffer->data + r->begin + FRAME_LENGTH_BYTES, length);
    *out_ref = r->buffer;
    r->buffer->refs++;
    r->begin += FRAME_LENGTH_BYTES + (size_t)length;
    return FRAME_READY;
}

size_t frame_reader_pending(const struct frame_reader *r)
{
    return r->buffer == NULL ? 0 : r->end - r->begin;
}

void frame_reader_trim(struct frame_reader *r)
{
    if (r->buffer != NULL && r->begin == r->end) {
        frame_buffer_unref(r->buffer);
        r->buffer = NULL;
    }
}
