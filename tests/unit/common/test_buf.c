#include "common/buf.h"

#include "common/mem.h"
#include "common/reader.h"
#include "tests/support/test.h"

static void writes_what_the_reader_reads(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_append_u8(&b, 0xfe);
    buf_append_be16(&b, 0x0102);
    buf_append_be32(&b, 0x01020304);
    buf_append_be64(&b, 0x0102030405060708U);
    buf_append_uvarint(&b, UINT64_MAX);
    buf_append_varint(&b, INT64_MIN);
    buf_append_varint(&b, -3);
    buf_printf(&b, "%s", "text");
    assert_false(buf_failed(&b));
    struct reader r;
    reader_init(&r, buf_bytes(&b));
    assert_int_equal(reader_u8(&r), 0xfe);
    assert_int_equal(reader_be16(&r), 0x0102);
    assert_int_equal(reader_be32(&r), 0x01020304);
    assert_true(reader_be64(&r) == 0x0102030405060708U);
    assert_true(reader_uvarint(&r) == UINT64_MAX);
    assert_true(reader_varint(&r) == INT64_MIN);
    assert_int_equal(reader_varint32(&r), -3);
    assert_memory_equal(reader_bytes(&r, 4).data, "text", 4);
    assert_false(reader_failed(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_true(reader_failed(&r));
    buf_deinit(&b);
}

static void stops_at_its_limit_and_stays_failed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_append(&b, "1234", 4);
    assert_string_equal(buf_text(&b), "1234");
    buf_append(&b, "5", 1);
    assert_true(buf_failed(&b));
    buf_append(&b, "", 0);
    assert_true(buf_failed(&b));
    assert_int_equal(b.len, 4);
    struct err e;
    assert_int_equal(buf_check(&b, "reply", &e), ERR_LIMIT);
    buf_deinit(&b);
}

static void fails_cleanly_when_memory_is_short(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    mem_test_fail_at(1);
    buf_append(&b, "x", 1);
    mem_test_fail_at(0);
    assert_true(buf_failed(&b));
    assert_null(buf_text(&b));
    buf_deinit(&b);
}

static void refuses_varints_that_overflow(void **state)
{
    (void)state;
    const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    struct reader r;
    reader_init(&r, bytes_of(over, sizeof over));
    (void)reader_uvarint(&r);
    assert_true(reader_failed(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_the_reader_reads),
        cmocka_unit_test(stops_at_its_limit_and_stays_failed),
        cmocka_unit_test(fails_cleanly_when_memory_is_short),
        cmocka_unit_test(refuses_varints_that_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
