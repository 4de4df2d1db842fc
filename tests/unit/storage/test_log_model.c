/*
 * Random operations against a naive model: an array of batches. Appends, reads at any offset and
 * size, look-ups by time, retention, DeleteRecords, restarts clean and not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/storage/batch_header.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

#define MODEL_OPERATIONS 2000
#define MODEL_BATCHES_MAX 8000
#define MODEL_SEGMENT_BYTES 3000

struct model_batch {
    int64_t base;
    int32_t count;
    int64_t timestamp;
    size_t value_bytes;
    uint8_t fill;
};

struct model {
    struct storage_fixture f;
    struct partition *p;
    struct partition_config config;
    uint64_t seed;
    struct model_batch batches[MODEL_BATCHES_MAX];
    size_t count;
    int64_t end;
    int64_t start; /* as the log last told */
};

static uint64_t model_random(struct model *m, uint64_t below)
{
    return storage_random(&m->seed) % below;
}

static void model_append(struct model *m)
{
    if (m->count == MODEL_BATCHES_MAX) {
        return;
    }
    struct model_batch b = {
        .base = m->end,
        .count = (int32_t)(1 + model_random(m, 4)),
        .timestamp = 1000 + (int64_t)model_random(m, 50) + (int64_t)m->count * 3,
        .value_bytes = model_random(m, 8) == 0 ? 900 : model_random(m, 60),
        .fill = (uint8_t)model_random(m, 256),
    };
    struct storage_batch batch = {.timestamp = b.timestamp,
                                  .count = b.count,
                                  .value_bytes = b.value_bytes,
                                  .producer_id = -1,
                                  .fill = b.fill};
    struct partition_append_result result;
    enum err_code code = storage_append_batch(m->p, &batch, &result);
    if (b.value_bytes * (size_t)b.count > MODEL_SEGMENT_BYTES) {
        assert_int_equal(code, ERR_LIMIT);
        return;
    }
    assert_int_equal(code, ERR_OK);
    assert_int_equal(result.base_offset, b.base);
    assert_int_equal(result.last_offset, b.base + b.count - 1);
    m->batches[m->count++] = b;
    m->end += b.count;
}

/* Index of the batch that holds the offset. */
static size_t model_find(const struct model *m, int64_t offset)
{
    size_t i = m->count;
    while (i > 0 && m->batches[i - 1].base > offset) {
        i--;
    }
    return i - 1;
}

static void model_compare(const struct model *m, struct bytes got, int64_t offset)
{
    size_t i = offset < m->end ? model_find(m, offset) : m->count;
    struct buf expected;
    buf_init(&expected, 1 << 20);
    for (size_t at = 0; at < got.len; i++) {
        assert_true(i < m->count);
        const struct model_batch *b = &m->batches[i];
        struct storage_batch batch = {.timestamp = b->timestamp,
                                      .count = b->count,
                                      .value_bytes = b->value_bytes,
                                      .producer_id = -1,
                                      .fill = b->fill};
        buf_clear(&expected);
        storage_encode(&expected, &batch);
        struct batch_header h;
        assert_true(got.len - at >= expected.len);
        assert_true(batch_header_decode(got.data + at, &h));
        assert_int_equal(h.base_offset, b->base);
        assert_memory_equal(got.data + at + 16, expected.data + 16, expected.len - 16);
        at += expected.len;
    }
    assert_int_equal(i, m->count);
    buf_deinit(&expected);
}

static void model_refresh(struct model *m)
{
    struct partition_offsets offsets;
    partition_get_offsets(m->p, &offsets);
    assert_int_equal(offsets.log_end, m->end);
    assert_true(offsets.log_start >= m->start);
    assert_true(offsets.high_watermark <= m->end);
    m->start = offsets.log_start;
}

static void model_read(struct model *m)
{
    storage_settle(m->p);
    model_refresh(m);
    int64_t offset = m->start + (int64_t)model_random(m, (uint64_t)(m->end - m->start) + 1);
    struct buf got;
    buf_init(&got, (size_t)16 << 20);
    assert_int_equal(storage_read_all(m->p, offset, 1 + model_random(m, 5000), &got), m->end);
    model_compare(m, buf_bytes(&got), offset);
    buf_deinit(&got);
}

static void model_look_up(struct model *m)
{
    storage_settle(m->p);
    model_refresh(m);
    int64_t time_ms = 900 + (int64_t)model_random(m, m->count * 3 + 300);
    int64_t expected = -1;
    for (size_t i = 0; i < m->count && expected < 0; i++) {
        for (int32_t r = 0; r < m->batches[i].count && expected < 0; r++) {
            if (m->batches[i].base + r >= m->start && m->batches[i].timestamp + r >= time_ms) {
                expected = m->batches[i].base + r;
            }
        }
    }
    struct partition_found_offset found;
    assert_int_equal(
        partition_offset_for_time(m->p, time_ms, PARTITION_READ_UNCOMMITTED, &found, NULL), ERR_OK);
    assert_int_equal(found.offset, expected);
    assert_true(expected < 0 || found.timestamp >= time_ms);
}

static void model_retain(struct model *m)
{
    storage_settle(m->p);
    m->config.retention_bytes = (int64_t)model_random(m, 30000);
    partition_set_config(m->p, &m->config);
    log_dir_tick(m->f.dir);
    assert_true(partition_size_bytes(m->p) < m->config.retention_bytes + MODEL_SEGMENT_BYTES);
    m->config.retention_bytes = -1;
    partition_set_config(m->p, &m->config);
    model_refresh(m);
}

static void model_delete_records(struct model *m)
{
    storage_settle(m->p);
    int64_t before = m->start + (int64_t)model_random(m, (uint64_t)(m->end - m->start) / 4 + 1);
    int64_t low = 0;
    int16_t error = 0;
    assert_int_equal(partition_delete_records(m->p, before, &low, &error, NULL), ERR_OK);
    assert_int_equal(low, before > m->start ? before : m->start);
    storage_settle(m->p);
    model_refresh(m);
    assert_int_equal(m->start, low);
}

static void model_restart(struct model *m, bool clean)
{
    partition_unref(m->p);
    storage_fixture_reopen(&m->f, clean);
    m->p = log_dir_find_partition(m->f.dir, "model", 0);
    assert_non_null(m->p);
    partition_set_config(m->p, &m->config);
    model_refresh(m);
}

static void model_step(struct model *m)
{
    uint64_t dice = model_random(m, 100);
    if (dice < 70) {
        model_append(m);
    } else if (dice < 85) {
        model_read(m);
    } else if (dice < 92) {
        model_look_up(m);
    } else if (dice < 94) {
        model_delete_records(m);
    } else if (dice < 95) {
        model_retain(m);
    } else if (dice < 98) {
        log_dir_tick(m->f.dir);
    } else {
        model_restart(m, dice == 98);
    }
}

static void behaves_as_an_array_of_batches(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe) */
    struct model *m = test_calloc(1, sizeof *m);
    m->seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_ns(clock_system()) | 1;
    print_message("WEIR_TEST_SEED=%" PRIu64 "\n", m->seed);
    storage_fixture_open(&m->f);
    m->f.config.checkpoint_interval_ms = 0;
    m->f.config.retention_check_interval_ms = 0;
    storage_fixture_reopen(&m->f, true);
    partition_config_init(&m->config);
    m->config.segment_bytes = MODEL_SEGMENT_BYTES;
    m->config.index_interval_bytes = 300;
    m->config.retention_ms = -1;
    m->p = storage_partition(&m->f, "model", &m->config);
    for (int i = 0; i < MODEL_OPERATIONS; i++) {
        model_step(m);
    }
    model_read(m);
    partition_unref(m->p);
    storage_fixture_close(&m->f);
    test_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_as_an_array_of_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
