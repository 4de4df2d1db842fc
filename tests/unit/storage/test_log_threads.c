/* Many threads on the same partitions: producers that wait for the disk, long polls, retention and
 * a deletion under everybody's feet. Worth its time under the thread sanitizer. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "broker/storage/batch_header.h"
#include "common/lock.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

#define THREADS_PRODUCERS 3
#define THREADS_CONSUMERS 2
#define THREADS_BATCHES INT64_C(150)

struct threads_test {
    struct storage_fixture f;
    struct partition *p;
    _Atomic int64_t acknowledged; /* batches */
    _Atomic bool stop;
};

static void *threads_produce(void *arg)
{
    struct threads_test *t = arg;
    for (int i = 0; i < THREADS_BATCHES; i++) {
        int64_t base = storage_append(t->p, STORAGE_FIXTURE_NOW, (size_t)(i % 7) * 50);
        if (i % 3 == 0) {
            assert_int_equal(storage_wait_flushed(t->p, base + 1), ERR_OK);
        }
        (void)atomic_fetch_add(&t->acknowledged, 1);
    }
    return NULL;
}

struct threads_poll {
    struct partition_waiter waiter;
    struct lock lock;
    struct cond wake;
    bool woken;
};

static void threads_on_wake(struct partition_waiter *w, enum err_code status)
{
    struct threads_poll *poll = w->ctx;
    (void)status;
    lock_acquire(&poll->lock);
    poll->woken = true;
    cond_signal(&poll->wake);
    lock_release(&poll->lock);
}

/* Waits for more, a short while; whoever is late takes its waiter back. */
static void threads_poll_once(struct threads_test *t, struct threads_poll *poll, int64_t seen)
{
    poll->woken = false;
    if (!partition_add_waiter(t->p, seen, 1, &poll->waiter)) {
        return;
    }
    int64_t deadline_ns = clock_mono_ns(clock_system()) + 5000000;
    lock_acquire(&poll->lock);
    while (!poll->woken && cond_wait_until(&poll->wake, &poll->lock, deadline_ns)) {
    }
    lock_release(&poll->lock);
    if (!partition_remove_waiter(t->p, &poll->waiter)) {
        lock_acquire(&poll->lock);
        while (!poll->woken) {
            cond_wait(&poll->wake, &poll->lock);
        }
        lock_release(&poll->lock);
    }
}

static void *threads_consume(void *arg)
{
    struct threads_test *t = arg;
    struct threads_poll poll = {.waiter = {.callback = threads_on_wake}};
    poll.waiter.ctx = &poll;
    lock_init(&poll.lock);
    cond_init(&poll.wake);
    int64_t offset = 0;
    while (offset < THREADS_PRODUCERS * THREADS_BATCHES) {
        struct partition_read_options options = {
            .offset = offset, .max_bytes = 700, .min_one_batch = true};
        struct partition_slice slice;
        enum err_code code = partition_read(t->p, &options, &slice, NULL);
        if (code == ERR_OK && slice.length > 0) {
            uint8_t header[BATCH_HEADER_BYTES];
            struct batch_header h;
            assert_int_equal(partition_slice_read(&slice, 0, header, sizeof header, NULL), ERR_OK);
            assert_true(batch_header_decode(header, &h));
            assert_int_equal(h.base_offset, offset);
            assert_true(slice.next_offset <= slice.high_watermark);
            offset = slice.next_offset;
        } else if (code == ERR_OK) {
            threads_poll_once(t, &poll, slice.high_watermark);
        } else {
            /* Retention or DeleteRecords was faster. */
            assert_int_equal(slice.error_code, 1);
            struct partition_offsets offsets;
            partition_get_offsets(t->p, &offsets);
            offset = offsets.log_start;
        }
        partition_slice_release(&slice);
    }
    cond_deinit(&poll.wake);
    lock_deinit(&poll.lock);
    return NULL;
}

static void *threads_tend(void *arg)
{
    struct threads_test *t = arg;
    for (int i = 0; !atomic_load(&t->stop); i++) {
        log_dir_tick(t->f.dir);
        struct partition_offsets offsets;
        partition_get_offsets(t->p, &offsets);
        if (i % 8 == 7 && offsets.high_watermark > 40) {
            int64_t low = 0;
            int16_t error = 0;
            assert_int_equal(
                partition_delete_records(t->p, offsets.high_watermark - 40, &low, &error, NULL),
                ERR_OK);
        }
        struct log_dir_stats stats;
        log_dir_get_stats(t->f.dir, &stats);
    }
    return NULL;
}

static void threads_open(struct threads_test *t)
{
    storage_fixture_open(&t->f);
    t->f.config.retention_check_interval_ms = 0;
    t->f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&t->f, true);
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 3000;
    config.index_interval_bytes = 300;
    config.retention_bytes = 20000;
    config.file_delete_delay_ms = 0;
    t->p = storage_partition(&t->f, "threads", &config);
}

static void everybody_gets_along(void **state)
{
    (void)state;
    struct threads_test t = {.p = NULL};
    threads_open(&t);
    pthread_t threads[THREADS_PRODUCERS + THREADS_CONSUMERS];
    pthread_t tender = 0;
    for (size_t i = 0; i < THREADS_PRODUCERS + THREADS_CONSUMERS; i++) {
        void *(*run)(void *) = i < THREADS_PRODUCERS ? threads_produce : threads_consume;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &t), 0);
    }
    assert_int_equal(pthread_create(&tender, NULL, threads_tend, &t), 0);
    for (size_t i = 0; i < THREADS_PRODUCERS + THREADS_CONSUMERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(&t.stop, true);
    assert_int_equal(pthread_join(tender, NULL), 0);
    storage_settle(t.p);
    struct partition_offsets offsets;
    partition_get_offsets(t.p, &offsets);
    assert_int_equal(offsets.high_watermark, THREADS_PRODUCERS * THREADS_BATCHES);
    partition_unref(t.p);
    storage_fixture_reopen(&t.f, false);
    struct partition *p = log_dir_find_partition(t.f.dir, "threads", 0);
    partition_get_offsets(p, &offsets);
    assert_int_equal(offsets.log_end, THREADS_PRODUCERS * THREADS_BATCHES);
    partition_unref(p);
    storage_fixture_close(&t.f);
}

/* Appends until told that the partition is gone. */
static void *threads_produce_until_gone(void *arg)
{
    struct threads_test *t = arg;
    struct storage_batch batch = {.timestamp = 1, .count = 1, .value_bytes = 50, .producer_id = -1};
    struct partition_append_result result;
    while (storage_append_batch(t->p, &batch, &result) == ERR_OK) {
        (void)atomic_fetch_add(&t->acknowledged, 1);
        enum err_code code = storage_wait_flushed(t->p, result.last_offset + 1);
        assert_true(code == ERR_OK || code == ERR_CLOSED);
    }
    assert_int_equal(result.error_code, 3);
    return NULL;
}

static void deletion_ends_everything(void **state)
{
    (void)state;
    struct threads_test t = {.p = NULL};
    threads_open(&t);
    pthread_t threads[THREADS_PRODUCERS];
    for (size_t i = 0; i < THREADS_PRODUCERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, threads_produce_until_gone, &t), 0);
    }
    int64_t deadline_ns = clock_mono_ns(clock_system()) + INT64_C(20000000000);
    while (atomic_load(&t.acknowledged) < 30 && clock_mono_ns(clock_system()) < deadline_ns) {
        log_dir_tick(t.f.dir);
    }
    assert_int_equal(log_dir_delete_partition(t.f.dir, "threads", 0, NULL), ERR_OK);
    for (size_t i = 0; i < THREADS_PRODUCERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    partition_unref(t.p);
    assert_int_equal(log_dir_close(t.f.dir, NULL), ERR_OK);
    storage_remove_tree(t.f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_along),
        cmocka_unit_test(deletion_ends_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
