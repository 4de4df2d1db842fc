/* One partition on real files: append, read, flush, roll, restart. */
#include "broker/storage/partition.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/storage/file_io.h"
#include "protocol/kafka_error.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

static struct partition_config small_segments(void)
{
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 2000;
    config.index_interval_bytes = 200;
    config.retention_ms = -1;
    return config;
}

static struct partition_offsets offsets_of(struct partition *p)
{
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    return offsets;
}

static void gives_offsets_and_returns_the_bytes(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    assert_int_equal(storage_append(p, 1000, 10), 0);
    struct storage_batch three = {
        .timestamp = 2000, .count = 3, .value_bytes = 5, .producer_id = -1};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &three, &result), ERR_OK);
    assert_int_equal(result.base_offset, 1);
    assert_int_equal(result.last_offset, 3);
    assert_int_equal(result.log_append_time_ms, -1);
    assert_int_equal(storage_wait_flushed(p, 4), ERR_OK);
    assert_int_equal(offsets_of(p).high_watermark, 4);
    struct buf got;
    buf_init(&got, 1 << 20);
    assert_int_equal(storage_read_all(p, 0, 1 << 20, &got), 4);
    /* From the middle of a batch: the batch that holds the offset. */
    buf_clear(&got);
    assert_int_equal(storage_read_all(p, 2, 1 << 20, &got), 4);
    assert_true(got.len > 0);
    buf_deinit(&got);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void refuses_offsets_outside_the_log(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 10);
    storage_settle(p);
    for (int64_t offset = -1; offset <= 2; offset += 3) {
        struct partition_read_options options = {.offset = offset, .max_bytes = 100};
        struct partition_slice slice;
        assert_int_equal(partition_read(p, &options, &slice, NULL), ERR_INVALID);
        assert_int_equal(slice.error_code, KAFKA_ERROR_OFFSET_OUT_OF_RANGE);
        assert_int_equal(slice.high_watermark, 1);
        partition_slice_release(&slice);
    }
    partition_unref(p);
    storage_fixture_close(&f);
}

static void returns_one_batch_even_if_too_large(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 500);
    (void)storage_append(p, 1000, 500);
    storage_settle(p);
    struct partition_read_options options = {.max_bytes = 10};
    struct partition_slice slice;
    assert_int_equal(partition_read(p, &options, &slice, NULL), ERR_OK);
    assert_int_equal(slice.length, 0);
    partition_slice_release(&slice);
    options.min_one_batch = true;
    assert_int_equal(partition_read(p, &options, &slice, NULL), ERR_OK);
    assert_true(slice.length > 500);
    assert_true(slice.length < 700);
    assert_int_equal(slice.next_offset, 1);
    partition_slice_release(&slice);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void rolls_and_reads_over_segments_after_restarts(void **state)
{
    (void)state;
    for (int clean = 0; clean <= 1; clean++) {
        struct storage_fixture f;
        storage_fixture_open(&f);
        struct partition_config config = small_segments();
        struct partition *p = storage_partition(&f, "orders", &config);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(storage_append(p, 1000 + i, (size_t)(i % 40) * 5), i);
        }
        storage_settle(p);
        struct buf before;
        struct buf after;
        buf_init(&before, 1 << 20);
        buf_init(&after, 1 << 20);
        assert_int_equal(storage_read_all(p, 0, 300, &before), 100);
        assert_true(storage_count_files(&f, "orders-0", ".log") > 5);
        partition_unref(p);
        storage_fixture_reopen(&f, clean != 0);
        p = log_dir_find_partition(f.dir, "orders", 0);
        assert_non_null(p);
        assert_int_equal(partition_identity(p)->topic_id[2], 3);
        assert_int_equal(storage_read_all(p, 0, 700, &after), 100);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, before.len);
        assert_int_equal(storage_append(p, 5000, 10), 100);
        storage_settle(p);
        partition_unref(p);
        buf_deinit(&before);
        buf_deinit(&after);
        storage_fixture_close(&f);
    }
}

static void takes_the_brokers_time_when_asked(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    config.log_append_time = true;
    struct partition *p = storage_partition(&f, "orders", &config);
    struct storage_batch one = {.timestamp = 5, .count = 1, .value_bytes = 5, .producer_id = -1};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_OK);
    assert_true(result.log_append_time_ms == STORAGE_FIXTURE_NOW);
    storage_settle(p);
    partition_unref(p);
    /* Recovery checks the CRC: it must have been computed anew. */
    storage_fixture_reopen(&f, false);
    p = log_dir_find_partition(f.dir, "orders", 0);
    assert_int_equal(offsets_of(p).log_end, 1);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void refuses_what_is_too_large(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    config.max_message_bytes = 1000;
    struct partition *p = storage_partition(&f, "orders", &config);
    struct storage_batch big = {.timestamp = 5, .count = 1, .value_bytes = 1000, .producer_id = -1};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &big, &result), ERR_LIMIT);
    assert_int_equal(result.error_code, KAFKA_ERROR_MESSAGE_TOO_LARGE);
    config.max_message_bytes = 100000;
    partition_set_config(p, &config);
    big.value_bytes = 3000;
    assert_int_equal(storage_append_batch(p, &big, &result), ERR_LIMIT);
    assert_int_equal(result.error_code, KAFKA_ERROR_RECORD_LIST_TOO_LARGE);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void rolls_by_record_time(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    config.segment_ms = 1000;
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 10000, 10);
    (void)storage_append(p, 11000, 10);
    assert_int_equal(storage_count_files(&f, "orders-0", ".log"), 1);
    (void)storage_append(p, 11001, 10);
    assert_int_equal(storage_count_files(&f, "orders-0", ".log"), 2);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void a_full_disk_leaves_no_trace(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 100);
    storage_settle(p);
    struct storage_batch one = {.timestamp = 5, .count = 1, .value_bytes = 500, .producer_id = -1};
    struct partition_append_result result;
    file_io_test_fail_at(FILE_IO_FAULT_WRITE, 1, ENOSPC);
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_NOSPACE);
    file_io_test_fail_at(FILE_IO_FAULT_WRITE, 0, 0);
    assert_int_equal(result.error_code, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    assert_int_equal(offsets_of(p).log_end, 1);
    char path[512];
    struct stat st;
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, offsets_of(p).size_bytes);
    assert_int_equal(storage_append(p, 1000, 500), 1);
    assert_int_equal(storage_wait_flushed(p, 2), ERR_OK);
    partition_unref(p);
    storage_fixture_close(&f);
}

/* The kernel's own short write: a limit on the file's size that the batch runs into. */
static void a_short_write_is_cut_off(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 100);
    storage_settle(p);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ptr_not_equal(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)offsets_of(p).size_bytes + 200;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    struct storage_batch one = {.timestamp = 5, .count = 1, .value_bytes = 500, .producer_id = 3};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_IO);
    assert_int_equal(result.error_code, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    char path[512];
    struct stat st;
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, offsets_of(p).size_bytes);
    /* The producer's retry is new, not a duplicate. */
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_OK);
    assert_false(result.duplicate);
    assert_int_equal(result.base_offset, 1);
    assert_int_equal(storage_wait_flushed(p, 2), ERR_OK);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void a_failed_fdatasync_stops_the_partition(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 100);
    storage_settle(p);
    file_io_test_fail_at(FILE_IO_FAULT_SYNC, 1, EIO);
    (void)storage_append(p, 1000, 100);
    assert_int_equal(storage_wait_flushed(p, 2), ERR_IO);
    file_io_test_fail_at(FILE_IO_FAULT_SYNC, 0, 0);
    struct storage_batch one = {.timestamp = 5, .count = 1, .value_bytes = 5, .producer_id = -1};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_IO);
    assert_int_equal(result.error_code, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
    /* What was on disk before is still there, and only that. */
    struct buf got;
    buf_init(&got, 1 << 20);
    assert_int_equal(storage_read_all(p, 0, 1000, &got), 1);
    buf_deinit(&got);
    partition_unref(p);
    storage_fixture_reopen(&f, false);
    p = log_dir_find_partition(f.dir, "orders", 0);
    (void)storage_append(p, 1000, 100);
    assert_int_equal(storage_wait_flushed(p, 2), ERR_OK);
    partition_unref(p);
    storage_fixture_close(&f);
}

struct wake {
    struct partition_waiter waiter;
    _Atomic int calls;
    enum err_code status;
};

static void on_wake(struct partition_waiter *w, enum err_code status)
{
    struct wake *wake = w->ctx;
    wake->status = status;
    (void)atomic_fetch_add(&wake->calls, 1);
}

/* The flusher calls after it has booked: it may be a moment behind. */
static void wait_for_calls(const struct wake *wake, int calls)
{
    int64_t deadline_ns = clock_mono_ns(clock_system()) + INT64_C(20000000000);
    while (atomic_load(&wake->calls) < calls && clock_mono_ns(clock_system()) < deadline_ns) {
        (void)sched_yield();
    }
    assert_int_equal(atomic_load(&wake->calls), calls);
}

static void wakes_a_long_poll_once_there_is_enough(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    struct wake wake = {.waiter = {.callback = on_wake, .ctx = &wake}};
    assert_true(partition_add_waiter(p, 0, 150, &wake.waiter));
    (void)storage_append(p, 1000, 10);
    storage_settle(p);
    assert_int_equal(atomic_load(&wake.calls), 0);
    (void)storage_append(p, 1000, 10);
    wait_for_calls(&wake, 1);
    assert_int_equal(wake.status, ERR_OK);
    assert_false(partition_remove_waiter(p, &wake.waiter));
    /* Seen before the last append: read again. */
    assert_false(partition_add_waiter(p, 1, 1, &wake.waiter));
    assert_true(partition_add_waiter(p, 2, 1, &wake.waiter));
    assert_true(partition_remove_waiter(p, &wake.waiter));
    (void)storage_append(p, 1000, 10);
    storage_settle(p);
    assert_int_equal(atomic_load(&wake.calls), 1);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void tells_waiters_that_the_partition_is_gone(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    struct wake wake = {.waiter = {.callback = on_wake, .ctx = &wake}};
    assert_true(partition_add_waiter(p, 0, 1, &wake.waiter));
    assert_int_equal(log_dir_delete_partition(f.dir, "orders", 0, NULL), ERR_OK);
    assert_int_equal(atomic_load(&wake.calls), 1);
    assert_int_equal(wake.status, ERR_CLOSED);
    assert_null(log_dir_find_partition(f.dir, "orders", 0));
    struct storage_batch one = {.timestamp = 5, .count = 1, .value_bytes = 5, .producer_id = -1};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(p, &one, &result), ERR_CLOSED);
    assert_int_equal(result.error_code, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(storage_wait_flushed(p, 7), ERR_CLOSED);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void a_relaxed_topic_is_readable_without_fdatasync(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    config.flush_messages = 3;
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 10);
    assert_int_equal(storage_wait_flushed(p, 1), ERR_OK);
    struct log_dir_stats stats;
    log_dir_get_stats(f.dir, &stats);
    assert_int_equal(stats.flush_count, 0);
    /* Strict for those who ask. */
    storage_settle(p);
    log_dir_get_stats(f.dir, &stats);
    assert_int_equal(stats.flush_count, 1);
    (void)storage_append(p, 1000, 10);
    (void)storage_append(p, 1000, 10);
    (void)storage_append(p, 1000, 10);
    storage_settle(p);
    log_dir_get_stats(f.dir, &stats);
    assert_true(stats.flush_count > 1);
    assert_int_equal(offsets_of(p).high_watermark, 4);
    partition_unref(p);
    storage_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_offsets_and_returns_the_bytes),
        cmocka_unit_test(refuses_offsets_outside_the_log),
        cmocka_unit_test(returns_one_batch_even_if_too_large),
        cmocka_unit_test(rolls_and_reads_over_segments_after_restarts),
        cmocka_unit_test(takes_the_brokers_time_when_asked),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(rolls_by_record_time),
        cmocka_unit_test(a_full_disk_leaves_no_trace),
        cmocka_unit_test(a_short_write_is_cut_off),
        cmocka_unit_test(a_failed_fdatasync_stops_the_partition),
        cmocka_unit_test(wakes_a_long_poll_once_there_is_enough),
        cmocka_unit_test(tells_waiters_that_the_partition_is_gone),
        cmocka_unit_test(a_relaxed_topic_is_readable_without_fdatasync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
