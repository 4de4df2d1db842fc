#include "protocol/compression.h"

#include <snappy-c.h>

#include "common/mem.h"
#include "tests/support/test.h"

#define TEXT_BYTES 200000

/* Compresses well in parts, and is longer than a step and than a snappy block. */
static struct bytes sample_text(void)
{
    static uint8_t text[TEXT_BYTES];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof text; i++) {
        state = state * 1103515245 + 12345;
        text[i] = (uint8_t)(i % 1000 < 700 ? 'a' : state >> 24);
    }
    return bytes_of(text, sizeof text);
}

static void every_codec_reads_what_it_writes(void **state)
{
    (void)state;
    struct err e;
    const struct bytes inputs[] = {sample_text(), bytes_of("", 0), bytes_of("x", 1)};
    for (enum compression codec = COMPRESSION_NONE; codec <= COMPRESSION_ZSTD; codec++) {
        for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
            struct buf packed;
            struct buf out;
            buf_init(&packed, (size_t)1 << 20);
            buf_init(&out, inputs[i].len);
            assert_int_equal(compression_encode(codec, inputs[i], &packed, &e), ERR_OK);
            if (compression_decode(codec, buf_bytes(&packed), &out, &e) != ERR_OK) {
                fail_msg("%s, input %zu: %s", compression_name(codec), i, e.text);
            }
            assert_true(bytes_equal(buf_bytes(&out), inputs[i]));
            buf_deinit(&packed);
            buf_deinit(&out);
        }
    }
}

/* One byte below what it needs: an error that says so, and no more memory than that. */
static void every_codec_stops_at_the_cap(void **state)
{
    (void)state;
    struct err e;
    for (enum compression codec = COMPRESSION_NONE; codec <= COMPRESSION_ZSTD; codec++) {
        struct buf packed;
        struct buf out;
        buf_init(&packed, (size_t)1 << 20);
        assert_int_equal(compression_encode(codec, sample_text(), &packed, &e), ERR_OK);
        static const size_t caps[] = {0, 1, 65536, TEXT_BYTES - 1};
        for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
            buf_init(&out, caps[i]);
            enum err_code rc = compression_decode(codec, buf_bytes(&packed), &out, &e);
            if (rc != ERR_LIMIT) {
                fail_msg("%s, cap %zu: %s", compression_name(codec), caps[i], err_code_name(rc));
            }
            buf_deinit(&out);
        }
        buf_deinit(&packed);
    }
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    struct err e;
    static const enum compression framed[] = {COMPRESSION_GZIP, COMPRESSION_LZ4, COMPRESSION_ZSTD};
    for (size_t c = 0; c < sizeof framed / sizeof framed[0]; c++) {
        struct buf packed;
        struct buf out;
        buf_init(&packed, 10000);
        buf_init(&out, 10000);
        assert_int_equal(
            compression_encode(framed[c], bytes_of(sample_text().data, 2000), &packed, &e), ERR_OK);
        for (size_t n = 0; n < packed.len; n++) {
            uint8_t *copy = mem_dup(packed.data, n);
            buf_clear(&out);
            assert_int_equal(compression_decode(framed[c], bytes_of(copy, n), &out, &e),
                             ERR_CORRUPT);
            mem_free(copy);
        }
        buf_deinit(&packed);
        buf_deinit(&out);
    }
}

static void reads_gzip_of_several_members(void **state)
{
    (void)state;
    struct buf packed;
    struct buf out;
    struct err e;
    buf_init(&packed, 1000);
    buf_init(&out, 1000);
    assert_int_equal(compression_encode(COMPRESSION_GZIP, bytes_of_text("one "), &packed, &e),
                     ERR_OK);
    assert_int_equal(compression_encode(COMPRESSION_GZIP, bytes_of_text("two"), &packed, &e),
                     ERR_OK);
    assert_int_equal(compression_decode(COMPRESSION_GZIP, buf_bytes(&packed), &out, &e), ERR_OK);
    assert_string_equal(buf_text(&out), "one two");
    /* Garbage behind a member is not a member. */
    buf_append(&packed, "garbage", 7);
    buf_clear(&out);
    assert_int_equal(compression_decode(COMPRESSION_GZIP, buf_bytes(&packed), &out, &e),
                     ERR_CORRUPT);
    buf_deinit(&packed);
    buf_deinit(&out);
}

static void reads_both_forms_of_snappy(void **state)
{
    (void)state;
    struct buf out;
    struct err e;
    buf_init(&out, TEXT_BYTES);
    struct bytes text = sample_text();
    static char raw[TEXT_BYTES * 2];
    size_t n = sizeof raw;
    assert_int_equal(snappy_compress((const char *)text.data, text.len, raw, &n), SNAPPY_OK);
    assert_int_equal(compression_decode(COMPRESSION_SNAPPY, bytes_of(raw, n), &out, &e), ERR_OK);
    assert_true(bytes_equal(buf_bytes(&out), text));
    /* A length of 4 GiB in five bytes takes no memory. */
    static const uint8_t liar[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0};
    buf_clear(&out);
    assert_int_equal(compression_decode(COMPRESSION_SNAPPY, bytes_of(liar, sizeof liar), &out, &e),
                     ERR_LIMIT);
    static const uint8_t cut[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0,
                                  0,    1,   0,   0,   0,   1,   0,   0, 0, 9};
    assert_int_equal(compression_decode(COMPRESSION_SNAPPY, bytes_of(cut, sizeof cut), &out, &e),
                     ERR_CORRUPT);
    buf_deinit(&out);
}

static void knows_names(void **state)
{
    (void)state;
    enum compression codec = COMPRESSION_NONE;
    assert_true(compression_find("zstd", &codec));
    assert_int_equal(codec, COMPRESSION_ZSTD);
    assert_false(compression_find("producer", &codec));
    assert_null(compression_name((enum compression)5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_reads_what_it_writes),
        cmocka_unit_test(every_codec_stops_at_the_cap),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(reads_gzip_of_several_members),
        cmocka_unit_test(reads_both_forms_of_snappy),
        cmocka_unit_test(knows_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
