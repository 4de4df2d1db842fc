/*
 * The first 8 bytes seed how the rest arrives: in pieces of random sizes, with frames let go of at
 * random times. What comes out must be what a look at the whole stream gives, and stay unchanged
 * while it is held.
 */
#include <string.h>

#include "broker/net/frame_reader.h"
#include "common/check.h"

#define HELD_MAX 16
#define FRAME_MAX ((size_t)1 << 20)

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
    struct frame_reader reader;
    uint64_t random;
    const uint8_t *stream;
    size_t at; /* where the next frame must begin */
    size_t end;
    struct {
        struct bytes frame;
        struct frame_buffer *ref;
        const uint8_t *expected;
    } held[HELD_MAX];
    size_t held_count;
    bool bad;
};

static uint64_t fuzz_random(struct fuzz *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static void fuzz_let_go(struct fuzz *f)
{
    CHECK(f->held_count > 0);
    size_t i = fuzz_random(f) % f->held_count;
    CHECK(memcmp(f->held[i].frame.data, f->held[i].expected, f->held[i].frame.len) == 0);
    frame_buffer_unref(f->held[i].ref);
    f->held[i] = f->held[--f->held_count];
}

static uint32_t fuzz_length(const struct fuzz *f)
{
    const uint8_t *p = f->stream + f->at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void fuzz_take(struct fuzz *f)
{
    for (;;) {
        size_t left = f->end - f->at;
        struct bytes frame;
        struct frame_buffer *ref = NULL;
        enum frame_status status = frame_reader_next(&f->reader, &frame, &ref);
        if (status == FRAME_BAD) {
            CHECK(left >= 4 && (fuzz_length(f) < 8 || fuzz_length(f) > FRAME_MAX));
            f->bad = true;
            return;
        }
        if (status == FRAME_NONE) {
            CHECK(left < 4 || fuzz_length(f) > left - 4);
            CHECK(frame_reader_pending(&f->reader) == left);
            return;
        }
        CHECK(left >= 4 && frame.len == fuzz_length(f) && frame.len <= left - 4);
        if (f->held_count == HELD_MAX) {
            fuzz_let_go(f);
        }
        f->held[f->held_count].frame = frame;
        f->held[f->held_count].ref = ref;
        f->held[f->held_count].expected = f->stream + f->at + 4;
        f->held_count++;
        f->at += 4 + frame.len;
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < sizeof(uint64_t)) {
        return 0;
    }
    struct fuzz f = {.stream = data + sizeof f.random};
    memcpy(&f.random, data, sizeof f.random);
    f.random |= 1;
    frame_reader_init(&f.reader, FRAME_MAX);
    size -= sizeof f.random;
    while (f.end < size && !f.bad) {
        size_t room = 0;
        uint8_t *space = frame_reader_space(&f.reader, &room);
        CHECK(space != NULL && room > 0);
        size_t n = fuzz_random(&f) % (fuzz_random(&f) % 4 == 0 ? 70000 : 40) + 1;
        n = n < room ? n : room;
        n = n < size - f.end ? n : size - f.end;
        memcpy(space, f.stream + f.end, n);
        frame_reader_commit(&f.reader, n);
        f.end += n;
        fuzz_take(&f);
        if (f.held_count > 0 && fuzz_random(&f) % 2 == 0) {
            fuzz_let_go(&f);
        }
        frame_reader_trim(&f.reader);
    }
    while (f.held_count > 0) {
        fuzz_let_go(&f);
    }
    frame_reader_deinit(&f.reader);
    return 0;
}
