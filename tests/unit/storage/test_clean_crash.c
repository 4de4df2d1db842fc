/*
 * kill -9 at random moments of a compaction. A child appends, compacts over and over and reports
 * what was acknowledged; the parent kills it, opens the directory and compares: every record is
 * what its offset says, and the newest of each key is there. Key and value follow from the offset,
 * so the log is its own oracle.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/storage/log_dir_internal.h"
#include "protocol/record_builder.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

#define CRASH_ROUNDS 60
#define CRASH_KEYS 23
#define CRASH_TOPIC "state"

static int crash_key(int64_t offset)
{
    return (int)(((uint64_t)(offset + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 32) % CRASH_KEYS);
}

static void crash_texts(int64_t offset, char key[32], char value[64])
{
    (void)snprintf(key, 32, "key %d", crash_key(offset));
    (void)snprintf(value, 64, "value %" PRId64, offset);
}

static struct partition_config crash_config(void)
{
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 3000;
    config.index_interval_bytes = 200;
    config.cleanup_delete = false;
    config.cleanup_compact = true;
    config.min_dirty_ratio = 0.1;
    return config;
}

static void crash_append(struct partition *p, int64_t offset)
{
    struct record_builder b;
    struct buf data;
    char key[32];
    char value[64];
    struct err e;
    crash_texts(offset, key, value);
    record_builder_init(&b, 10000);
    buf_init(&data, 10000);
    record_builder_append(&b, 1000000 + offset, bytes_of_text(key), bytes_of_text(value), NULL, 0);
    struct partition_append_options options = {.now_ms = STORAGE_FIXTURE_NOW, .from_client = true};
    struct partition_append_result result;
    if (record_builder_finish(&b, &data, &e) != ERR_OK ||
        partition_append(p, data.data, data.len, &options, &result, &e) != ERR_OK ||
        result.base_offset != offset) {
        _exit(3);
    }
    record_builder_deinit(&b);
    buf_deinit(&data);
}

/* The child: never returns. */
static _Noreturn void crash_run(struct storage_fixture *f, int report_fd)
{
    f->config.checkpoint_interval_ms = 0;
    if (log_dir_open(&f->config, clock_system(), NULL, &f->dir, NULL) != ERR_OK) {
        _exit(2);
    }
    struct partition_config config = crash_config();
    struct partition *p = storage_partition(f, CRASH_TOPIC, &config);
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    for (int64_t next = offsets.log_end;;) {
        for (int i = 0; i < 40; i++) {
            crash_append(p, next++);
        }
        if (storage_wait_flushed(p, next) != ERR_OK ||
            write(report_fd, &next, sizeof next) != (ssize_t)sizeof next) {
            _exit(4);
        }
        log_dir_tick(f->dir); /* checkpoint: what is sealed may be cleaned */
        log_dir_clean(f->dir);
    }
}

static int64_t crash_round(struct storage_fixture *f, uint64_t *seed, int64_t acknowledged)
{
    int report[2];
    assert_int_equal(pipe(report), 0);
    uint64_t acks = 1 + storage_random(seed) % 6;
    useconds_t more_us = (useconds_t)(storage_random(seed) % 8000);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(report[0]);
        crash_run(f, report[1]);
    }
    (void)close(report[1]);
    for (uint64_t i = 0; i < acks; i++) {
        assert_int_equal(read(report[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
    }
    (void)usleep(more_us); /* the moment is random: nothing is waited for */
    assert_int_equal(kill(child, SIGKILL), 0);
    int64_t later = 0;
    while (read(report[0], &later, sizeof later) == (ssize_t)sizeof later) {
        acknowledged = later;
    }
    (void)close(report[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return acknowledged;
}

/* Which offset each key has last, in the log. */
static void crash_read(struct partition *p, int64_t *newest)
{
    struct buf scratch;
    buf_init(&scratch, 100000);
    for (int64_t offset = 0;;) {
        struct partition_read_options options = {
            .offset = offset, .max_bytes = 100000, .min_one_batch = true};
        struct partition_slice slice;
        static uint8_t data[100000];
        struct err e;
        if (partition_read(p, &options, &slice, &e) != ERR_OK) {
            fail_msg("read at %" PRId64 ": %s", offset, e.text);
        }
        assert_int_equal(partition_slice_read(&slice, 0, data, slice.length, NULL), ERR_OK);
        for (size_t at = 0; at < slice.length;) {
            struct record_batch b;
            struct record_iterator it;
            struct record r;
            assert_int_equal(record_batch_parse(bytes_of(data + at, slice.length - at), &b),
                             RECORD_BATCH_OK);
            assert_int_equal(record_batch_check_crc(&b), RECORD_BATCH_OK);
            assert_int_equal(record_iterator_init(&it, &b, &scratch), RECORD_BATCH_OK);
            while (record_iterator_next(&it, &r)) {
                char key[32];
                char value[64];
                crash_texts(r.offset, key, value);
                assert_true(bytes_equal(r.key, bytes_of_text(key)));
                assert_true(bytes_equal(r.value, bytes_of_text(value)));
                newest[crash_key(r.offset)] = r.offset;
            }
            at += record_batch_size(&b);
        }
        bool end = slice.length == 0;
        offset = slice.next_offset;
        partition_slice_release(&slice);
        if (end) {
            break;
        }
    }
    buf_deinit(&scratch);
}

static void crash_verify(struct partition *p, int64_t acknowledged)
{
    int64_t newest[CRASH_KEYS];
    int64_t expected[CRASH_KEYS];
    for (int i = 0; i < CRASH_KEYS; i++) {
        newest[i] = -1;
        expected[i] = -1;
    }
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    assert_true(offsets.log_end >= acknowledged);
    crash_read(p, newest);
    for (int64_t o = 0; o < offsets.log_end; o++) {
        expected[crash_key(o)] = o;
    }
    for (int i = 0; i < CRASH_KEYS; i++) {
        assert_int_equal(newest[i], expected[i]);
    }
}

static void keeps_the_newest_of_each_key(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe) */
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_ns(clock_system()) | 1;
    print_message("WEIR_TEST_SEED=%" PRIu64 "\n", seed);
    struct storage_fixture f;
    storage_fixture_open(&f);
    log_dir_abandon(f.dir);
    int64_t acknowledged = 0;
    int swaps = 0;
    for (int round = 0; round < CRASH_ROUNDS; round++) {
        acknowledged = crash_round(&f, &seed, acknowledged);
        swaps += storage_count_files(&f, CRASH_TOPIC "-0", ".swap") > 0;
        swaps += storage_count_files(&f, CRASH_TOPIC "-0", ".cleaned") > 0;
        struct err e;
        if (log_dir_open(&f.config, clock_system(), NULL, &f.dir, &e) != ERR_OK) {
            fail_msg("round %d: %s", round, e.text);
        }
        struct partition_config config = crash_config();
        struct partition *p = storage_partition(&f, CRASH_TOPIC, &config);
        crash_verify(p, acknowledged);
        partition_unref(p);
        if (storage_random(&seed) % 4 == 0) {
            assert_int_equal(log_dir_close(f.dir, &e), ERR_OK);
        } else {
            log_dir_abandon(f.dir);
        }
    }
    assert_true(acknowledged > 0);
    print_message("killed in the middle of a cleaning: %d of %d\n", swaps, CRASH_ROUNDS);
    storage_remove_tree(f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest_of_each_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
