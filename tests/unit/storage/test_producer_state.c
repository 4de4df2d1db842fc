/* The table of idempotence, and the snapshot's bytes. */
#include "broker/storage/producer_state.h"

#include <string.h>

#include "common/mem.h"
#include "protocol/record_batch.h"
#include "tests/support/test.h"

static struct batch_header batch_of(int64_t producer, int16_t epoch, int32_t first, int32_t count,
                                    int64_t base_offset)
{
    return (struct batch_header){
        .base_offset = base_offset,
        .last_offset = base_offset + count - 1,
        .last_offset_delta = count - 1,
        .record_count = count,
        .producer_id = producer,
        .producer_epoch = epoch,
        .base_sequence = first,
        .max_timestamp = 1000 + base_offset,
    };
}

static enum producer_verdict check(const struct producer_state *s, struct batch_header h)
{
    struct producer_batch first;
    return producer_state_check(s, &h, &first);
}

static void add(struct producer_state *s, struct batch_header h)
{
    assert_int_equal(producer_state_prepare(s, h.producer_id, NULL), ERR_OK);
    producer_state_update(s, &h);
}

static void judges_every_row_of_the_table(void **state)
{
    (void)state;
    struct producer_state s;
    producer_state_init(&s, 10);
    /* First seen: any sequence. */
    assert_int_equal(check(&s, batch_of(1, 0, 55, 5, 0)), PRODUCER_APPEND);
    add(&s, batch_of(1, 3, 55, 5, 0));
    assert_int_equal(check(&s, batch_of(1, 3, 60, 1, 0)), PRODUCER_APPEND);
    assert_int_equal(check(&s, batch_of(1, 3, 61, 1, 0)), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&s, batch_of(1, 3, 54, 1, 0)), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&s, batch_of(1, 3, 55, 4, 0)), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&s, batch_of(1, 3, 55, 5, 0)), PRODUCER_DUPLICATE);
    assert_int_equal(check(&s, batch_of(1, 2, 60, 1, 0)), PRODUCER_FENCED);
    assert_int_equal(check(&s, batch_of(1, 4, 60, 1, 0)), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&s, batch_of(1, 4, 0, 1, 0)), PRODUCER_APPEND);
    producer_state_deinit(&s);
}

static void remembers_five_batches(void **state)
{
    (void)state;
    struct producer_state s;
    producer_state_init(&s, 10);
    for (int32_t i = 0; i < 6; i++) {
        add(&s, batch_of(1, 0, i * 2, 2, 100 + i * 2));
    }
    assert_int_equal(check(&s, batch_of(1, 0, 0, 2, 0)), PRODUCER_OUT_OF_ORDER);
    for (int32_t i = 1; i < 6; i++) {
        struct batch_header h = batch_of(1, 0, i * 2, 2, 0);
        struct producer_batch first;
        assert_int_equal(producer_state_check(&s, &h, &first), PRODUCER_DUPLICATE);
        assert_int_equal(first.last_offset - first.offset_delta, 100 + i * 2);
        assert_int_equal(first.timestamp, 1100 + i * 2);
    }
    /* A new epoch clears the window. */
    add(&s, batch_of(1, 1, 0, 2, 200));
    assert_int_equal(check(&s, batch_of(1, 1, 10, 2, 0)), PRODUCER_OUT_OF_ORDER);
    producer_state_deinit(&s);
}

static void wraps_sequences(void **state)
{
    (void)state;
    struct producer_state s;
    producer_state_init(&s, 10);
    add(&s, batch_of(1, 0, INT32_MAX - 1, 2, 0));
    assert_int_equal(check(&s, batch_of(1, 0, 0, 1, 0)), PRODUCER_APPEND);
    add(&s, batch_of(2, 0, INT32_MAX - 1, 4, 0)); /* ends at sequence 1 */
    assert_int_equal(check(&s, batch_of(2, 0, 2, 1, 0)), PRODUCER_APPEND);
    assert_int_equal(check(&s, batch_of(2, 0, INT32_MAX - 1, 4, 0)), PRODUCER_DUPLICATE);
    producer_state_deinit(&s);
}

static void tracks_the_oldest_open_transaction(void **state)
{
    (void)state;
    struct producer_state s;
    producer_state_init(&s, 10);
    struct batch_header a = batch_of(1, 0, 0, 1, 10);
    struct batch_header b = batch_of(2, 0, 0, 1, 20);
    a.attributes = RECORD_BATCH_ATTR_TRANSACTIONAL;
    b.attributes = RECORD_BATCH_ATTR_TRANSACTIONAL;
    add(&s, a);
    add(&s, b);
    assert_int_equal(producer_state_first_unstable(&s), 10);
    assert_int_equal(check(&s, batch_of(1, 0, 1, 1, 0)), PRODUCER_NOT_IN_TXN);
    struct batch_header end = batch_of(1, 0, -1, 1, 30);
    end.attributes = RECORD_BATCH_ATTR_TRANSACTIONAL | RECORD_BATCH_ATTR_CONTROL;
    add(&s, end);
    assert_int_equal(producer_state_first_unstable(&s), 20);
    producer_state_expire(&s, INT64_MAX);
    assert_int_equal(s.count, 1); /* the one with the open transaction */
    producer_state_deinit(&s);
}

static void forgets_the_longest_idle_when_full(void **state)
{
    (void)state;
    struct producer_state s;
    producer_state_init(&s, 3);
    for (int64_t id = 1; id <= 3; id++) {
        add(&s, batch_of(id, 0, 0, 1, id));
    }
    add(&s, batch_of(1, 0, 1, 1, 10));
    add(&s, batch_of(4, 0, 0, 1, 11));
    assert_int_equal(s.count, 3);
    assert_int_equal(check(&s, batch_of(1, 0, 9, 1, 0)), PRODUCER_OUT_OF_ORDER);
    assert_int_equal(check(&s, batch_of(2, 0, 9, 1, 0)), PRODUCER_APPEND);
    producer_state_deinit(&s);
}

static void a_snapshot_brings_everything_back(void **state)
{
    (void)state;
    struct producer_state s;
    struct producer_state back;
    producer_state_init(&s, 10);
    producer_state_init(&back, 10);
    for (int32_t i = 0; i < 7; i++) {
        add(&s, batch_of(5, 2, i, 1, i));
    }
    struct batch_header open = batch_of(6, 0, 0, 3, 40);
    open.attributes = RECORD_BATCH_ATTR_TRANSACTIONAL;
    add(&s, open);
    struct buf data;
    struct buf again;
    buf_init(&data, 100000);
    buf_init(&again, 100000);
    producer_state_encode(&s, &data);
    assert_int_equal(producer_state_decode(&back, buf_bytes(&data), NULL), ERR_OK);
    assert_int_equal(producer_state_first_unstable(&back), 40);
    producer_state_encode(&back, &again);
    assert_int_equal(data.len, again.len);
    assert_memory_equal(data.data, again.data, data.len);
    producer_state_deinit(&back);
    /* No byte may change, none may be missing. */
    for (size_t i = 0; i < data.len; i++) {
        data.data[i] ^= 1;
        assert_int_equal(producer_state_decode(&back, buf_bytes(&data), NULL), ERR_CORRUPT);
        data.data[i] ^= 1;
        assert_int_equal(producer_state_decode(&back, bytes_of(data.data, i), NULL), ERR_CORRUPT);
    }
    buf_deinit(&data);
    buf_deinit(&again);
    producer_state_deinit(&s);
    producer_state_deinit(&back);
}

static void has_golden_bytes(void **state)
{
    (void)state;
    static const uint8_t golden[] = {
        0,    2,                                                    /* version */
        0,    0,    0,    0,                                        /* crc, below */
        0,    0,    0,    1,                                        /* producers */
        0,    0,    0,    0,    0,    0,    0,    9,                /* id */
        0,    1,                                                    /* epoch */
        0xff, 0xff, 0xff, 0xff,                                     /* coordinator epoch */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,             /* no transaction */
        0,    0,    0,    0,    0,    0,    3,    0xef,             /* last timestamp 1007 */
        1,                                                          /* batches */
        0,    0,    0,    4,    0,    0,    0,    5,                /* sequences 4 to 5 */
        0,    0,    0,    0,    0,    0,    0,    8,    0, 0, 0, 1, /* last offset, delta */
        0,    0,    0,    0,    0,    0,    3,    0xef,
    };
    struct producer_state s;
    struct buf data;
    producer_state_init(&s, 10);
    buf_init(&data, 1000);
    add(&s, batch_of(9, 1, 4, 2, 7));
    producer_state_encode(&s, &data);
    assert_int_equal(data.len, sizeof golden);
    assert_memory_equal(data.data, golden, 2);
    assert_memory_equal(data.data + 6, golden + 6, sizeof golden - 6);
    buf_deinit(&data);
    producer_state_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_every_row_of_the_table),
        cmocka_unit_test(remembers_five_batches),
        cmocka_unit_test(wraps_sequences),
        cmocka_unit_test(tracks_the_oldest_open_transaction),
        cmocka_unit_test(forgets_the_longest_idle_when_full),
        cmocka_unit_test(a_snapshot_brings_everything_back),
        cmocka_unit_test(has_golden_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
