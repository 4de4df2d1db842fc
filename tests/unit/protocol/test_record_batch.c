/* tests/golden/record_batches.txt: "name hex" lines, batches as written by librdkafka 2.0.2 (kcat,
 * read back from the segment of an Apache Kafka 3.9) and by Kafka's Java producer code. */
#include "protocol/record_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "protocol/crc32c.h"
#include "protocol/kafka_error.h"
#include "protocol/record_builder.h"
#include "protocol/record_iterator.h"
#include "tests/support/test.h"

#define SCRATCH_BYTES ((size_t)1 << 20)
#define LINE_BYTES 8192

struct bench {
    struct buf scratch;
    struct buf out;
    struct record_builder builder;
    struct record_batch_rules rules;
    struct record_batch batch;
    struct record_batch_fault fault;
    struct err e;
};

static void bench_init(struct bench *b)
{
    buf_init(&b->scratch, SCRATCH_BYTES);
    buf_init(&b->out, SCRATCH_BYTES);
    record_builder_init(&b->builder, SCRATCH_BYTES);
    b->rules = (struct record_batch_rules){.from_client = true, .scratch = &b->scratch};
}

static void bench_deinit(struct bench *b)
{
    buf_deinit(&b->scratch);
    buf_deinit(&b->out);
    record_builder_deinit(&b->builder);
}

static enum record_batch_status bench_validate(struct bench *b, struct bytes bytes)
{
    return record_batch_validate(bytes, &b->rules, &b->batch, &b->fault);
}

/* One batch of three records: k0 with a header, no key, no value. */
static void bench_build(struct bench *b, enum compression codec)
{
    buf_clear(&b->out);
    b->builder.attributes = (int16_t)codec;
    const struct record_header header = {bytes_of_text("h"), bytes_null()};
    record_builder_append(&b->builder, 1000, bytes_of_text("k0"), bytes_of_text("v0"), &header, 1);
    record_builder_append(&b->builder, 1010, bytes_null(), bytes_of_text("v1"), NULL, 0);
    record_builder_append(&b->builder, 990, bytes_of_text("k2"), bytes_null(), NULL, 0);
    assert_int_equal(record_builder_finish(&b->builder, &b->out, &b->e), ERR_OK);
}

static void bench_fix_crc(struct bench *b)
{
    buf_put_be32(&b->out, 17, crc32c(0, b->out.data + 21, b->out.len - 21));
}

static size_t parse_hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[0] != '\0' && text[0] != '\n'; text += 2) {
        const char digits[3] = {text[0], text[1], '\0'};
        out[n++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static void check_golden(struct bench *b, const char *name, struct bytes bytes)
{
    enum record_batch_status status = bench_validate(b, bytes);
    if (status != RECORD_BATCH_OK) {
        fail_msg("%s: %s (%s)", name, record_batch_status_text(status), b->fault.reason);
    }
    const char *codec = compression_name(record_batch_codec(&b->batch));
    const char *named = strchr(name, '-') + 1;
    assert_string_equal(codec, named);
    struct record_iterator it;
    struct record r;
    assert_int_equal(record_iterator_init(&it, &b->batch, &b->scratch), RECORD_BATCH_OK);
    assert_true(record_iterator_next(&it, &r));
    assert_true(bytes_equal(r.key, bytes_of_text("k1")));
    assert_int_equal(r.offset, 0);
    assert_memory_equal(r.value.data, "v1 hello hello", 14);
    assert_int_equal(r.header_count, 2);
    struct reader headers;
    struct record_header header;
    reader_init(&headers, r.headers);
    assert_true(record_header_next(&headers, &header));
    assert_true(bytes_equal(header.key, bytes_of_text("h1")));
    assert_true(bytes_equal(header.value, bytes_of_text("a")));
    assert_true(record_header_next(&headers, &header));
    assert_false(record_header_next(&headers, &header));
    int32_t count = 1;
    while (record_iterator_next(&it, &r)) {
        count++;
    }
    assert_int_equal(it.status, RECORD_BATCH_OK);
    assert_int_equal(count, b->batch.count);
    /* The last record is a tombstone, in both sets. */
    assert_true(bytes_is_null(r.value));
}

static void reads_what_other_clients_write(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    FILE *f = fopen(WEIR_GOLDEN_DIR "/record_batches.txt", "r");
    assert_non_null(f);
    static char line[LINE_BYTES];
    static uint8_t raw[LINE_BYTES / 2];
    size_t lines = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        char *hex = strchr(line, ' ');
        assert_non_null(hex);
        *hex++ = '\0';
        check_golden(&b, line, bytes_of(raw, parse_hex(hex, raw)));
        lines++;
    }
    (void)fclose(f);
    assert_int_equal(lines, 10);
    bench_deinit(&b);
}

static void reads_what_it_builds(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.builder.base_offset = 5;
    b.rules.from_client = false;
    for (enum compression codec = COMPRESSION_NONE; codec <= COMPRESSION_ZSTD; codec++) {
        int64_t base = b.builder.base_offset;
        bench_build(&b, codec);
        assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_OK);
        assert_int_equal(b.batch.base_offset, base);
        assert_int_equal(record_batch_last_offset(&b.batch), base + 2);
        assert_int_equal(b.batch.max_timestamp, 1010);
        struct record_iterator it;
        struct record r;
        assert_int_equal(record_iterator_init(&it, &b.batch, &b.scratch), RECORD_BATCH_OK);
        assert_true(record_iterator_next(&it, &r));
        assert_int_equal(r.header_count, 1);
        assert_true(record_iterator_next(&it, &r));
        assert_true(bytes_is_null(r.key));
        assert_int_equal(r.offset, base + 1);
        assert_true(record_iterator_next(&it, &r));
        assert_int_equal(r.timestamp, 990);
        assert_false(record_iterator_next(&it, &r));
        assert_int_equal(it.status, RECORD_BATCH_OK);
    }
    bench_deinit(&b);
}

/* A flipped bit anywhere but in the leader epoch, which the broker owns, is noticed. */
static void notices_every_flipped_bit(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_build(&b, COMPRESSION_NONE);
    for (size_t bit = 0; bit < b.out.len * 8; bit++) {
        b.out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool owned_by_broker = bit / 8 >= 12 && bit / 8 < 16;
        if ((bench_validate(&b, buf_bytes(&b.out)) == RECORD_BATCH_OK) != owned_by_broker) {
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        }
        b.out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bench_deinit(&b);
}

static void notices_every_truncation(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_build(&b, COMPRESSION_GZIP);
    for (size_t n = 0; n < b.out.len; n++) {
        uint8_t *copy = mem_dup(b.out.data, n);
        enum record_batch_status status = bench_validate(&b, bytes_of(copy, n));
        assert_int_equal(status, n == 0 ? RECORD_BATCH_EMPTY : RECORD_BATCH_TRUNCATED);
        mem_free(copy);
    }
    bench_deinit(&b);
}

static void tells_faults_apart(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        enum record_batch_status status;
        int16_t error;
    } cases[] = {
        {7, 1, RECORD_BATCH_BAD_OFFSETS, KAFKA_ERROR_INVALID_RECORD},
        {11, 48, RECORD_BATCH_BAD_LENGTH, KAFKA_ERROR_CORRUPT_MESSAGE},
        {16, 1, RECORD_BATCH_LEGACY, KAFKA_ERROR_INVALID_RECORD},
        {16, 3, RECORD_BATCH_BAD_MAGIC, KAFKA_ERROR_CORRUPT_MESSAGE},
        {22, 0x20, RECORD_BATCH_BAD_ATTRIBUTES, KAFKA_ERROR_INVALID_RECORD},
        {22, 0x05, RECORD_BATCH_BAD_CODEC, KAFKA_ERROR_UNSUPPORTED_COMPRESSION_TYPE},
        {22, 0x01, RECORD_BATCH_BAD_RECORDS, KAFKA_ERROR_INVALID_RECORD}, /* not gzip */
        {26, 3, RECORD_BATCH_BAD_OFFSETS, KAFKA_ERROR_INVALID_RECORD},
        {43, 0, RECORD_BATCH_BAD_SEQUENCE, KAFKA_ERROR_INVALID_RECORD},
        {60, 2, RECORD_BATCH_BAD_OFFSETS, KAFKA_ERROR_INVALID_RECORD},
        {61, 2, RECORD_BATCH_BAD_RECORDS, KAFKA_ERROR_INVALID_RECORD},
        {64, 2, RECORD_BATCH_BAD_OFFSETS, KAFKA_ERROR_INVALID_RECORD}, /* offset delta 1 */
    };
    struct bench b;
    bench_init(&b);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b.builder.base_offset = 0;
        bench_build(&b, COMPRESSION_NONE);
        b.out.data[cases[i].at] = cases[i].value;
        bench_fix_crc(&b);
        enum record_batch_status status = bench_validate(&b, buf_bytes(&b.out));
        if (status != cases[i].status) {
            fail_msg("case %zu: %s", i, record_batch_status_text(status));
        }
        assert_int_equal(record_batch_error(status), cases[i].error);
    }
    bench_deinit(&b);
}

/* One byte more than the fields of the only record take, and a length that includes it. */
static void refuses_records_longer_than_their_fields(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    record_builder_append(&b.builder, 1, bytes_null(), bytes_of_text("v"), NULL, 0);
    assert_int_equal(record_builder_finish(&b.builder, &b.out, &b.e), ERR_OK);
    buf_append_u8(&b.out, 0);
    b.out.data[11]++;
    bench_fix_crc(&b);
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_BAD_RECORDS);
    assert_string_equal(b.fault.reason, "bytes after the last record");
    b.out.data[61] = (uint8_t)(b.out.data[61] + 2); /* zigzag: one more */
    bench_fix_crc(&b);
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_BAD_RECORDS);
    assert_string_equal(b.fault.reason, "record shorter than its length");
    bench_deinit(&b);
}

static void wants_one_batch_with_keys(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_build(&b, COMPRESSION_NONE);
    b.rules.require_keys = true;
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_NULL_KEY);
    assert_int_equal(b.fault.record_index, 1);
    b.rules.require_keys = false;
    buf_append_u8(&b.out, 0);
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_SEVERAL);
    bench_deinit(&b);
}

static void caps_what_decompresses(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    struct buf small;
    buf_init(&small, 1000);
    static const uint8_t zeros[100000];
    for (enum compression codec = COMPRESSION_GZIP; codec <= COMPRESSION_ZSTD; codec++) {
        buf_clear(&b.out);
        b.builder.base_offset = 0;
        b.builder.attributes = (int16_t)codec;
        record_builder_append(&b.builder, 1, bytes_null(), bytes_of(zeros, sizeof zeros), NULL, 0);
        assert_int_equal(record_builder_finish(&b.builder, &b.out, &b.e), ERR_OK);
        b.rules.scratch = &small;
        assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_TOO_LARGE);
        b.rules.scratch = &b.scratch;
        assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_OK);
    }
    buf_deinit(&small);
    bench_deinit(&b);
}

static void rewrites_in_place(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_build(&b, COMPRESSION_LZ4);
    record_batch_set_base_offset(b.out.data, INT64_C(0x123456789a));
    record_batch_set_leader_epoch(b.out.data, 77);
    b.rules.from_client = false;
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_OK);
    assert_int_equal(b.batch.base_offset, INT64_C(0x123456789a));
    assert_int_equal(b.batch.partition_leader_epoch, 77);
    record_batch_set_append_time(b.out.data, b.out.len, 5555);
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_OK);
    assert_true(record_batch_is_log_append_time(&b.batch));
    struct record_iterator it;
    struct record r;
    assert_int_equal(record_iterator_init(&it, &b.batch, &b.scratch), RECORD_BATCH_OK);
    assert_true(record_iterator_next(&it, &r));
    assert_int_equal(r.timestamp, 5555);
    bench_deinit(&b);
}

static void wraps_sequences(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.builder.producer_id = 9;
    b.builder.producer_epoch = 0;
    b.builder.base_sequence = INT32_MAX - 1;
    bench_build(&b, COMPRESSION_NONE);
    assert_int_equal(bench_validate(&b, buf_bytes(&b.out)), RECORD_BATCH_OK);
    assert_int_equal(record_batch_last_sequence(&b.batch), 0);
    assert_int_equal(b.builder.base_sequence, 1);
    bench_deinit(&b);
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    bench_build(&b, COMPRESSION_GZIP);
    enum record_batch_status status = RECORD_BATCH_NO_MEMORY;
    for (uint64_t n = 1; status != RECORD_BATCH_OK; n++) {
        buf_deinit(&b.scratch);
        mem_test_fail_at(n);
        status = bench_validate(&b, buf_bytes(&b.out));
        mem_test_fail_at(0);
        assert_true(status == RECORD_BATCH_OK || status == RECORD_BATCH_NO_MEMORY);
        assert_true(n < 20);
        assert_true(n > 1 || status == RECORD_BATCH_NO_MEMORY);
    }
    bench_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_other_clients_write),
        cmocka_unit_test(reads_what_it_builds),
        cmocka_unit_test(notices_every_flipped_bit),
        cmocka_unit_test(notices_every_truncation),
        cmocka_unit_test(tells_faults_apart),
        cmocka_unit_test(refuses_records_longer_than_their_fields),
        cmocka_unit_test(wants_one_batch_with_keys),
        cmocka_unit_test(caps_what_decompresses),
        cmocka_unit_test(rewrites_in_place),
        cmocka_unit_test(wraps_sequences),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
