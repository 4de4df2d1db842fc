/* First byte: bit 0 = as from a client, bit 1 = keys required, bit 2 = make the CRC right, so that
 * the records behind it are reached, bit 3 = filter with a delete horizon; the rest is a batch. */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "protocol/crc32c.h"
#include "protocol/record_batch.h"
#include "protocol/record_filter.h"
#include "protocol/record_iterator.h"

#define LIMIT_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_fix_crc(uint8_t *batch, size_t size)
{
    struct record_batch b;
    if (record_batch_parse(bytes_of(batch, size), &b) != RECORD_BATCH_OK) {
        return;
    }
    uint32_t crc = crc32c(0, batch + 21, record_batch_size(&b) - 21);
    for (size_t i = 0; i < 4; i++) {
        batch[17 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

static bool fuzz_keep(void *ctx, const struct record *r)
{
    (void)ctx;
    return r->value.len % 2 == 0;
}

/* What stays of the batch is what stayed, in a batch that is well-formed. */
static void fuzz_check_filtered(const struct record_batch *before, struct bytes bytes, int32_t kept)
{
    struct record_batch after;
    struct record_iterator left;
    struct record_iterator right;
    struct record a;
    struct record b;
    struct buf scratch[2];
    buf_init(&scratch[0], LIMIT_BYTES);
    buf_init(&scratch[1], 4 * LIMIT_BYTES);
    CHECK(record_batch_parse(bytes, &after) == RECORD_BATCH_OK);
    CHECK(record_batch_check_crc(&after) == RECORD_BATCH_OK);
    CHECK(after.count == kept);
    CHECK(after.last_offset_delta == before->last_offset_delta);
    CHECK(record_iterator_init(&left, before, &scratch[0]) == RECORD_BATCH_OK);
    CHECK(record_iterator_init(&right, &after, &scratch[1]) == RECORD_BATCH_OK);
    while (record_iterator_next(&right, &b)) {
        do {
            CHECK(record_iterator_next(&left, &a));
        } while (!fuzz_keep(NULL, &a));
        CHECK(a.offset == b.offset && a.timestamp == b.timestamp);
        CHECK(bytes_equal(a.key, b.key) && bytes_equal(a.value, b.value));
        CHECK(a.header_count == b.header_count && bytes_equal(a.headers, b.headers));
    }
    CHECK(right.status == RECORD_BATCH_OK);
    buf_deinit(&scratch[0]);
    buf_deinit(&scratch[1]);
}

static void fuzz_filter(const struct record_batch *b, bool horizon)
{
    struct record_filter f;
    struct record_filter_survey survey;
    struct buf out;
    record_filter_init(&f, LIMIT_BYTES);
    buf_init(&out, 8 * LIMIT_BYTES);
    if (record_filter_survey(&f, b, fuzz_keep, NULL, &survey) == RECORD_BATCH_OK) {
        if (survey.kept > 0) {
            CHECK(record_filter_write(&f, horizon ? 1000 : -1, &out, NULL) == ERR_OK);
            fuzz_check_filtered(b, buf_bytes(&out), survey.kept);
        } else {
            record_filter_write_empty(b, &out);
            struct record_batch empty;
            CHECK(record_batch_parse(buf_bytes(&out), &empty) == RECORD_BATCH_OK);
            CHECK(record_batch_check_crc(&empty) == RECORD_BATCH_OK && empty.count == 0);
        }
    }
    record_filter_deinit(&f);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    uint8_t *batch = malloc(size);
    CHECK(batch != NULL);
    memcpy(batch, data + 1, size - 1);
    if ((data[0] & 4) != 0) {
        fuzz_fix_crc(batch, size - 1);
    }
    struct buf scratch;
    buf_init(&scratch, LIMIT_BYTES);
    struct record_batch_rules rules = {
        .from_client = (data[0] & 1) != 0, .require_keys = (data[0] & 2) != 0, .scratch = &scratch};
    struct record_batch b;
    struct record_batch_fault fault;
    if (record_batch_parse(bytes_of(batch, size - 1), &b) == RECORD_BATCH_OK) {
        fuzz_filter(&b, (data[0] & 8) != 0);
    }
    if (record_batch_validate(bytes_of(batch, size - 1), &rules, &b, &fault) == RECORD_BATCH_OK) {
        /* What was valid stays so when the broker stamps it. */
        record_batch_set_append_time(batch, record_batch_size(&b), 1);
        rules.from_client = false;
        CHECK(record_batch_validate(bytes_of(batch, size - 1), &rules, &b, &fault) ==
              RECORD_BATCH_OK);
    }
    buf_deinit(&scratch);
    free(batch);
    return 0;
}
