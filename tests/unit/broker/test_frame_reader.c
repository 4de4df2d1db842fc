#include "broker/net/frame_reader.h"

#include <string.h>

#include "common/mem.h"
#include "tests/support/test.h"

#define MIB ((size_t)1024 * 1024)

static void feed(struct frame_reader *r, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t size = 0;
        uint8_t *space = frame_reader_space(r, &size);
        assert_non_null(space);
        assert_true(size > 0);
        size_t n = len < size ? len : size;
        memcpy(space, data, n);
        frame_reader_commit(r, n);
        data += n;
        len -= n;
    }
}

static void put_length(uint8_t *at, uint32_t length)
{
    at[0] = (uint8_t)(length >> 24);
    at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
}

static void cuts_frames_that_come_byte_by_byte(void **state)
{
    (void)state;
    uint8_t stream[2 * 14];
    for (size_t i = 0; i < 2; i++) {
        put_length(stream + i * 14, 10);
        memset(stream + i * 14 + 4, 'a' + (int)i, 10);
    }
    struct frame_reader r;
    frame_reader_init(&r, 1000);
    size_t seen = 0;
    for (size_t i = 0; i < sizeof stream; i++) {
        feed(&r, stream + i, 1);
        struct bytes frame;
        struct frame_buffer *ref = NULL;
        while (frame_reader_next(&r, &frame, &ref) == FRAME_READY) {
            assert_int_equal(i, seen * 14 + 13);
            assert_int_equal(frame.len, 10);
            assert_int_equal(frame.data[0], 'a' + (int)seen);
            frame_buffer_unref(ref);
            seen++;
        }
    }
    assert_int_equal(seen, 2);
    frame_reader_deinit(&r);
}

static void frames_stay_valid_while_more_is_read(void **state)
{
    (void)state;
    enum { COUNT = 300, SIZE = 1000 };
    struct frame_reader r;
    frame_reader_init(&r, MIB);
    struct bytes frames[COUNT];
    struct frame_buffer *refs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        uint8_t data[4 + SIZE];
        put_length(data, SIZE);
        memset(data + 4, i & 0xff, SIZE);
        feed(&r, data, sizeof data);
        assert_int_equal(frame_reader_next(&r, &frames[i], &refs[i]), FRAME_READY);
    }
    for (int i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < SIZE; at++) {
            assert_int_equal(frames[i].data[at], i & 0xff);
        }
        frame_buffer_unref(refs[i]);
    }
    frame_reader_deinit(&r);
}

static void a_large_frame_survives_growth(void **state)
{
    (void)state;
    size_t size = 5 * MIB + 17;
    uint8_t *data = mem_alloc(4 + size);
    put_length(data, (uint32_t)size);
    for (size_t i = 0; i < size; i++) {
        data[4 + i] = (uint8_t)(i * 31 >> 3);
    }
    struct frame_reader r;
    frame_reader_init(&r, 10 * MIB);
    feed(&r, data, 4 + size);
    struct bytes frame;
    struct frame_buffer *ref = NULL;
    assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_READY);
    assert_int_equal(frame.len, size);
    assert_memory_equal(frame.data, data + 4, size);
    frame_buffer_unref(ref);
    assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_NONE);
    frame_reader_deinit(&r);
    mem_free(data);
}

static void memory_follows_what_arrived(void **state)
{
    (void)state;
    uint8_t head[5] = {0};
    put_length(head, 100 * MIB);
    struct frame_reader r;
    frame_reader_init(&r, 100 * MIB);
    feed(&r, head, sizeof head);
    size_t size = 0;
    assert_non_null(frame_reader_space(&r, &size));
    assert_true(size <= MIB);
    frame_reader_deinit(&r);
}

static void refuses_lengths_outside_the_bounds(void **state)
{
    (void)state;
    static const char *const streams[] = {
        "GET / HTTP/1.1\r\n",               /* 0x47455420 */
        "\x16\x03\x01\x02\x00\x01\x00\x01", /* a TLS hello */
        "\xff\xff\xff\xff....",             /* negative */
        "\x06\x40\x00\x01....",             /* 100 MiB and one */
    };
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        struct frame_reader r;
        frame_reader_init(&r, 100 * MIB);
        feed(&r, (const uint8_t *)streams[i], 8);
        struct bytes frame;
        struct frame_buffer *ref = NULL;
        assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_BAD);
        frame_reader_deinit(&r);
    }
    struct frame_reader r;
    frame_reader_init(&r, 100 * MIB);
    const uint8_t shorter_than_a_header[] = {0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7};
    feed(&r, shorter_than_a_header, sizeof shorter_than_a_header);
    struct bytes frame;
    struct frame_buffer *ref = NULL;
    assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_BAD);
    frame_reader_deinit(&r);
}

static void an_idle_reader_holds_no_memory(void **state)
{
    (void)state;
    uint8_t data[12] = {0};
    put_length(data, 8);
    struct frame_reader r;
    frame_reader_init(&r, 1000);
    feed(&r, data, sizeof data);
    struct bytes frame;
    struct frame_buffer *ref = NULL;
    assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_READY);
    frame_reader_trim(&r);
    assert_null(r.buffer);
    frame_buffer_unref(ref);
    frame_reader_deinit(&r);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    uint8_t data[4 + 8] = {0};
    put_length(data, 8);
    struct frame_reader r;
    frame_reader_init(&r, 1000);
    mem_test_fail_at(1);
    size_t size = 0;
    assert_null(frame_reader_space(&r, &size));
    mem_test_fail_at(0);
    feed(&r, data, sizeof data);
    struct bytes frame;
    struct frame_buffer *ref = NULL;
    assert_int_equal(frame_reader_next(&r, &frame, &ref), FRAME_READY);
    frame_buffer_unref(ref);
    frame_reader_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_frames_that_come_byte_by_byte),
        cmocka_unit_test(frames_stay_valid_while_more_is_read),
        cmocka_unit_test(a_large_frame_survives_growth),
        cmocka_unit_test(memory_follows_what_arrived),
        cmocka_unit_test(refuses_lengths_outside_the_bounds),
        cmocka_unit_test(an_idle_reader_holds_no_memory),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
