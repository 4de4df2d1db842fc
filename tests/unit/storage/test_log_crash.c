/*
 * kill -9 at random moments. A child appends and reports through a pipe what was acknowledged; the
 * parent kills it, tears the tail that was not acknowledged, recovers, and compares: every
 * acknowledged batch is there with its bytes, offsets are contiguous, and the producer can go on.
 * What a batch holds follows from its base offset, so the log is its own oracle.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/storage/batch_header.h"
#include "broker/storage/segment.h"
#include "protocol/kafka_error.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

#define CRASH_ROUNDS 50
#define CRASH_PRODUCER 77
#define CRASH_TOPIC "crash"
#define CRASH_FOLDER "crash-0"

/* The batch that begins at the offset; its first sequence is the offset. */
static struct storage_batch crash_batch(int64_t base)
{
    uint64_t mix = (uint64_t)(base + 1) * UINT64_C(0x9E3779B97F4A7C15);
    return (struct storage_batch){
        .timestamp = 1000000 + base,
        .count = (int32_t)(1 + mix % 3),
        .value_bytes = (size_t)(mix >> 8) % 700,
        .producer_id = CRASH_PRODUCER,
        .base_sequence = (int32_t)base,
        .fill = (uint8_t)(mix >> 16),
    };
}

static struct partition_config crash_config(void)
{
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 20000;
    config.index_interval_bytes = 500;
    config.retention_ms = -1;
    return config;
}

/* The child: never returns. */
static _Noreturn void crash_write(struct storage_fixture *f, int report_fd, uint64_t seed)
{
    f->config.checkpoint_interval_ms = 0;
    f->config.path = f->path;
    if (log_dir_open(&f->config, clock_system(), NULL, &f->dir, NULL) != ERR_OK) {
        _exit(2);
    }
    struct partition_config config = crash_config();
    struct partition *p = storage_partition(f, CRASH_TOPIC, &config);
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    int64_t next = offsets.log_end;
    for (;;) {
        size_t unacknowledged = storage_random(&seed) % 4;
        for (size_t i = 0; i <= unacknowledged; i++) {
            struct storage_batch batch = crash_batch(next);
            struct partition_append_result result;
            if (storage_append_batch(p, &batch, &result) != ERR_OK || result.base_offset != next) {
                _exit(3);
            }
            next = result.last_offset + 1;
        }
        if (storage_wait_flushed(p, next) != ERR_OK ||
            write(report_fd, &next, sizeof next) != (ssize_t)sizeof next) {
            _exit(4);
        }
        if (storage_random(&seed) % 16 == 0) {
            log_dir_tick(f->dir);
        }
    }
}

/* Lets the child write until it has acknowledged a number of times, kills it, and returns the last
 * offset acknowledged. */
static int64_t crash_round(struct storage_fixture *f, uint64_t *seed, int64_t acknowledged)
{
    int report[2];
    assert_int_equal(pipe(report), 0);
    uint64_t acks = storage_random(seed) % 30;
    uint64_t child_seed = storage_random(seed);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(report[0]);
        crash_write(f, report[1], child_seed);
    }
    (void)close(report[1]);
    for (uint64_t i = 0; i < acks; i++) {
        assert_int_equal(read(report[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    int64_t later = 0;
    while (read(report[0], &later, sizeof later) == (ssize_t)sizeof later) {
        acknowledged = later;
    }
    (void)close(report[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return acknowledged;
}

/* Base of the newest segment file; -1 when there is none. */
static int64_t crash_newest_segment(const struct storage_fixture *f)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/" CRASH_FOLDER, f->path);
    DIR *dir = opendir(path);
    int64_t newest = -1;
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        if (strstr(entry->d_name, ".log") != NULL) {
            int64_t base = strtoll(entry->d_name, NULL, 10);
            newest = base > newest ? base : newest;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return newest;
}

/* What a power cut may do to bytes that nobody was promised: cut, garble or garbage. */
static void crash_tear(const struct storage_fixture *f, uint64_t *seed, int64_t acknowledged)
{
    int64_t base = crash_newest_segment(f);
    if (base < 0) {
        return;
    }
    char path[512];
    storage_path(f, CRASH_FOLDER, base, ".log", path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    struct segment_walker w;
    segment_walker_init(&w, fd, 0, st.st_size);
    int64_t tail = 0;
    struct batch_header h;
    bool found = true;
    while (segment_walker_next(&w, &h, &found, NULL) == ERR_OK && found &&
           h.last_offset < acknowledged) {
        tail = w.position;
    }
    int64_t size = st.st_size;
    uint64_t how = storage_random(seed) % 4;
    if (how == 0 && size > tail) {
        assert_int_equal(
            ftruncate(fd, tail + (int64_t)(storage_random(seed) % (uint64_t)(size - tail))), 0);
    } else if (how == 1 && size > tail) {
        int64_t at = tail + (int64_t)(storage_random(seed) % (uint64_t)(size - tail));
        uint8_t byte = 0;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= (uint8_t)(1 + storage_random(seed) % 255);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    } else if (how == 2) {
        uint8_t garbage[300];
        for (size_t i = 0; i < sizeof garbage; i++) {
            garbage[i] = (uint8_t)storage_random(seed);
        }
        size_t len = 1 + storage_random(seed) % sizeof garbage;
        assert_int_equal(pwrite(fd, garbage, len, size), len);
    }
    (void)close(fd);
}

/* Everything from 0 on is what was written. */
static int64_t crash_verify(struct partition *p)
{
    struct buf got;
    struct buf expected;
    buf_init(&got, (size_t)64 << 20);
    buf_init(&expected, (size_t)1 << 20);
    int64_t end = storage_read_all(p, 0, 9000, &got);
    int64_t next = 0;
    for (size_t at = 0; at < got.len;) {
        struct batch_header h;
        assert_true(batch_header_decode(got.data + at, &h));
        assert_int_equal(h.base_offset, next);
        struct storage_batch batch = crash_batch(next);
        buf_clear(&expected);
        storage_encode(&expected, &batch);
        assert_int_equal(expected.len, h.size_bytes);
        /* Behind offset, length and epoch, which the broker writes. */
        assert_memory_equal(expected.data + 16, got.data + at + 16, expected.len - 16);
        next = h.last_offset + 1;
        at += (size_t)h.size_bytes;
    }
    assert_int_equal(next, end);
    buf_deinit(&got);
    buf_deinit(&expected);
    return end;
}

/* The producer's last batch, sent again, is recognised. */
static void crash_retry_last(struct partition *p, int64_t end)
{
    int64_t base = 0;
    int64_t next = 0;
    while (next < end) {
        base = next;
        next += crash_batch(base).count;
    }
    if (end > 0) {
        struct storage_batch batch = crash_batch(base);
        struct partition_append_result result;
        assert_int_equal(storage_append_batch(p, &batch, &result), ERR_OK);
        assert_true(result.duplicate);
        assert_int_equal(result.base_offset, base);
    }
}

static void keeps_what_was_acknowledged(void **state)
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
    for (int round = 0; round < CRASH_ROUNDS; round++) {
        acknowledged = crash_round(&f, &seed, acknowledged);
        crash_tear(&f, &seed, acknowledged);
        struct err e;
        if (log_dir_open(&f.config, clock_system(), NULL, &f.dir, &e) != ERR_OK) {
            fail_msg("round %d: %s", round, e.text);
        }
        struct partition_config config = crash_config();
        struct partition *p = storage_partition(&f, CRASH_TOPIC, &config);
        int64_t end = crash_verify(p);
        if (end < acknowledged) {
            fail_msg("round %d: %" PRId64 " was acknowledged, %" PRId64 " recovered", round,
                     acknowledged, end);
        }
        crash_retry_last(p, end);
        acknowledged = end; /* recovery syncs what it keeps */
        partition_unref(p);
        if (storage_random(&seed) % 4 == 0) {
            assert_int_equal(log_dir_close(f.dir, &e), ERR_OK);
        } else {
            log_dir_abandon(f.dir);
        }
    }
    assert_true(acknowledged > 0);
    storage_remove_tree(f.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
