/* Compaction, retention and checkpoints under the feet of producers and readers. Worth its time
 * under the thread sanitizer. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "protocol/record_builder.h"
#include "tests/support/storage_fixture.h"
#include "tests/support/test.h"

#define THREADS_PRODUCERS 2
#define THREADS_READERS 2
#define THREADS_RECORDS 600 /* of each producer */
#define THREADS_KEYS 13
#define THREADS_READ_BYTES 1500

struct threads_test {
    struct storage_fixture f;
    struct partition *p;
    _Atomic int producer; /* number of the next one */
    _Atomic bool written; /* all of it */
    _Atomic bool stop;
};

/* Key "<producer>/<i mod keys>", value "<i>": of one key the values ascend. */
static void threads_append(struct threads_test *t, int producer, int i)
{
    struct record_builder b;
    struct buf data;
    struct err e;
    char key[32];
    char value[32];
    (void)snprintf(key, sizeof key, "%d/%d", producer, i % THREADS_KEYS);
    (void)snprintf(value, sizeof value, "%d", i);
    record_builder_init(&b, 1000);
    buf_init(&data, 1000);
    record_builder_append(&b, STORAGE_FIXTURE_NOW, bytes_of_text(key), bytes_of_text(value), NULL,
                          0);
    assert_int_equal(record_builder_finish(&b, &data, &e), ERR_OK);
    struct partition_append_options options = {.now_ms = STORAGE_FIXTURE_NOW, .from_client = true};
    struct partition_append_result result;
    assert_int_equal(partition_append(t->p, data.data, data.len, &options, &result, &e), ERR_OK);
    if (i % 5 == 0) {
        assert_int_equal(storage_wait_flushed(t->p, result.last_offset + 1), ERR_OK);
    }
    record_builder_deinit(&b);
    buf_deinit(&data);
}

static void *threads_produce(void *arg)
{
    struct threads_test *t = arg;
    int producer = atomic_fetch_add(&t->producer, 1);
    for (int i = 0; i < THREADS_RECORDS; i++) {
        threads_append(t, producer, i);
    }
    return NULL;
}

/* The newest value of each key that a reader saw. */
struct threads_seen {
    int newest[THREADS_PRODUCERS][THREADS_KEYS];
    int64_t last_offset;
};

static void threads_see(struct threads_seen *seen, const struct record *r)
{
    char text[64];
    int producer = 0;
    int key = 0;
    int value = 0;
    (void)snprintf(text, sizeof text, "%.*s %.*s", (int)r->key.len, (const char *)r->key.data,
                   (int)r->value.len, (const char *)r->value.data);
    /* NOLINTNEXTLINE(cert-err34-c): our own numbers */
    assert_int_equal(sscanf(text, "%d/%d %d", &producer, &key, &value), 3);
    assert_true(r->offset > seen->last_offset);
    assert_true(value > seen->newest[producer][key]);
    seen->newest[producer][key] = value;
    seen->last_offset = r->offset;
}

static int64_t threads_read_some(struct threads_test *t, int64_t offset, struct threads_seen *seen,
                                 struct buf *scratch)
{
    struct partition_read_options options = {
        .offset = offset, .max_bytes = THREADS_READ_BYTES, .min_one_batch = true};
    struct partition_slice slice;
    struct err e;
    uint8_t data[THREADS_READ_BYTES];
    if (partition_read(t->p, &options, &slice, &e) != ERR_OK) {
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
        assert_int_equal(record_iterator_init(&it, &b, scratch), RECORD_BATCH_OK);
        while (record_iterator_next(&it, &r)) {
            if (r.offset >= offset) {
                threads_see(seen, &r);
            }
        }
        at += record_batch_size(&b);
    }
    int64_t next = slice.next_offset;
    partition_slice_release(&slice);
    return next;
}

/* From the start to the end, until all is written and one pass has seen the end of it. */
static void *threads_read(void *arg)
{
    struct threads_test *t = arg;
    struct buf scratch;
    buf_init(&scratch, 10000);
    bool last = false;
    while (!last) {
        last = atomic_load(&t->written);
        struct threads_seen seen = {.last_offset = -1};
        memset(seen.newest, 0xff, sizeof seen.newest);
        struct partition_offsets offsets;
        partition_get_offsets(t->p, &offsets);
        for (int64_t offset = 0; offset < offsets.high_watermark;) {
            offset = threads_read_some(t, offset, &seen, &scratch);
        }
        for (int p = 0; last && p < THREADS_PRODUCERS; p++) {
            for (int k = 0; k < THREADS_KEYS; k++) {
                assert_true(seen.newest[p][k] >= THREADS_RECORDS - THREADS_KEYS);
            }
        }
    }
    buf_deinit(&scratch);
    return NULL;
}

static void *threads_tend(void *arg)
{
    struct threads_test *t = arg;
    while (!atomic_load(&t->stop)) {
        log_dir_tick(t->f.dir);
        struct log_dir_stats stats;
        log_dir_get_stats(t->f.dir, &stats);
    }
    return NULL;
}

static void *threads_clean(void *arg)
{
    struct threads_test *t = arg;
    while (!atomic_load(&t->stop)) {
        log_dir_clean(t->f.dir);
    }
    return NULL;
}

static void writes_and_reads_go_on_while_it_is_compacted(void **state)
{
    (void)state;
    struct threads_test t = {0};
    storage_fixture_open(&t.f);
    t.f.config.retention_check_interval_ms = 0;
    t.f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&t.f, true);
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 2000;
    config.index_interval_bytes = 200;
    config.cleanup_delete = false;
    config.cleanup_compact = true;
    config.min_dirty_ratio = 0;
    t.p = storage_partition(&t.f, "t", &config);
    pthread_t producers[THREADS_PRODUCERS];
    pthread_t readers[THREADS_READERS];
    pthread_t tend = 0;
    pthread_t clean = 0;
    assert_int_equal(pthread_create(&tend, NULL, threads_tend, &t), 0);
    assert_int_equal(pthread_create(&clean, NULL, threads_clean, &t), 0);
    for (int i = 0; i < THREADS_PRODUCERS; i++) {
        assert_int_equal(pthread_create(&producers[i], NULL, threads_produce, &t), 0);
    }
    for (int i = 0; i < THREADS_READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, threads_read, &t), 0);
    }
    for (int i = 0; i < THREADS_PRODUCERS; i++) {
        assert_int_equal(pthread_join(producers[i], NULL), 0);
    }
    storage_settle(t.p);
    atomic_store(&t.written, true);
    for (int i = 0; i < THREADS_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    atomic_store(&t.stop, true);
    assert_int_equal(pthread_join(tend, NULL), 0);
    assert_int_equal(pthread_join(clean, NULL), 0);
    partition_unref(t.p);
    storage_fixture_close(&t.f);
}

/* The topic goes while it is compacted: nothing is left behind in the folder of its namesake. */
static void a_topic_is_deleted_while_it_is_compacted(void **state)
{
    (void)state;
    struct threads_test t = {0};
    storage_fixture_open(&t.f);
    t.f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&t.f, true);
    struct partition_config config;
    partition_config_init(&config);
    config.segment_bytes = 1000;
    config.cleanup_compact = true;
    config.cleanup_delete = false;
    config.min_dirty_ratio = 0;
    pthread_t clean = 0;
    assert_int_equal(pthread_create(&clean, NULL, threads_clean, &t), 0);
    for (int round = 0; round < 15; round++) {
        t.p = storage_partition(&t.f, "t", &config);
        for (int i = 0; i < 100; i++) {
            threads_append(&t, 0, i);
        }
        log_dir_tick(t.f.dir);
        assert_int_equal(log_dir_delete_partition(t.f.dir, "t", 0, NULL), ERR_OK);
        partition_unref(t.p);
    }
    t.p = storage_partition(&t.f, "t", &config);
    threads_append(&t, 0, 0);
    atomic_store(&t.stop, true);
    assert_int_equal(pthread_join(clean, NULL), 0);
    assert_int_equal(storage_count_files(&t.f, "t-0", ".cleaned"), 0);
    assert_int_equal(storage_count_files(&t.f, "t-0", ".swap"), 0);
    assert_int_equal(storage_count_files(&t.f, "t-0", ".log"), 1);
    partition_unref(t.p);
    storage_fixture_close(&t.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_go_on_while_it_is_compacted),
        cmocka_unit_test(a_topic_is_deleted_while_it_is_compacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
