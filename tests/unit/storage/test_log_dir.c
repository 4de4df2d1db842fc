/* The data directory: lock, markers, recovery, damage, deletion, retention. */
#include "broker/storage/log_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/storage/batch_header.h"
#include "broker/storage/file_io.h"
#include "common/mem.h"
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

static struct partition *found(struct storage_fixture *f, const char *topic)
{
    struct partition *p = log_dir_find_partition(f->dir, topic, 0);
    assert_non_null(p);
    return p;
}

static void flip_byte(const char *path, int64_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t byte = 0;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

static bool exists(const struct storage_fixture *f, const char *name)
{
    char path[512];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", f->path, name);
    return stat(path, &st) == 0;
}

static void a_second_broker_is_refused_by_name(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct log_dir *second = NULL;
    struct err e;
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &second, &e), ERR_STATE);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %d", getpid());
    assert_non_null(strstr(e.text, pid));
    assert_non_null(strstr(e.text, f.path));
    storage_fixture_close(&f);
}

static void the_clean_marker_comes_last_and_goes_first(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    assert_false(exists(&f, ".kafka_cleanshutdown"));
    assert_int_equal(log_dir_close(f.dir, NULL), ERR_OK);
    assert_true(exists(&f, ".kafka_cleanshutdown"));
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    assert_false(exists(&f, ".kafka_cleanshutdown"));
    /* A close that could not write everything is not clean. */
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    (void)storage_append(p, 1000, 10);
    storage_settle(p);
    partition_unref(p);
    file_io_test_fail_at(FILE_IO_FAULT_WRITE, 1, ENOSPC);
    struct err e;
    assert_int_equal(log_dir_close(f.dir, &e), ERR_NOSPACE);
    file_io_test_fail_at(FILE_IO_FAULT_WRITE, 0, 0);
    assert_false(exists(&f, ".kafka_cleanshutdown"));
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_end, 1);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void cuts_at_the_first_bad_batch_and_drops_later_segments(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    int64_t count = 0;
    while (storage_count_files(&f, "orders-0", ".log") < 4) {
        count = storage_append(p, 1000, 100) + 1;
    }
    storage_settle(p);
    partition_unref(p);
    log_dir_abandon(f.dir);
    char path[512];
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    flip_byte(path, 1000);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    p = found(&f, "orders");
    assert_true(offsets_of(p).log_end > 0);
    assert_true(offsets_of(p).log_end < count / 3);
    assert_int_equal(storage_count_files(&f, "orders-0", ".log"), 1);
    int64_t end = offsets_of(p).log_end;
    assert_int_equal(storage_append(p, 1000, 100), end);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void damage_below_the_recovery_point_is_not_cut_in_silence(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    struct partition *other = storage_partition(&f, "other", &config);
    (void)storage_append(other, 1000, 10);
    for (int i = 0; i < 10; i++) {
        (void)storage_append(p, 1000, 100);
    }
    log_dir_tick(f.dir);
    partition_unref(p);
    partition_unref(other);
    log_dir_abandon(f.dir);
    char path[512];
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    assert_int_equal(truncate(path, 300), 0);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    assert_null(log_dir_find_partition(f.dir, "orders", 0));
    struct partition_id id = {.topic = "orders", .topic_id = {1, 2, 3}};
    struct err e;
    assert_int_equal(log_dir_create_partition(f.dir, &id, &config, &p, &e), ERR_CORRUPT);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size >= 300);
    /* The others work, and the broken one may be deleted. */
    other = found(&f, "other");
    assert_int_equal(storage_append(other, 1000, 10), 1);
    partition_unref(other);
    log_dir_tick(f.dir);
    storage_fixture_reopen(&f, false);
    assert_null(log_dir_find_partition(f.dir, "orders", 0));
    assert_int_equal(log_dir_delete_partition(f.dir, "orders", 0, NULL), ERR_OK);
    assert_int_equal(log_dir_create_partition(f.dir, &id, &config, &p, &e), ERR_OK);
    partition_unref(p);
    storage_fixture_close(&f);
}

/* What lies behind the end of a log that was closed was never anybody's; what lies before it was.
 */
static void after_a_clean_stop_only_what_is_behind_the_end_is_cut(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config;
    partition_config_init(&config);
    struct partition *p = storage_partition(&f, "orders", &config);
    assert_int_equal(storage_append(p, 1000, 100), 0);
    partition_unref(p);
    assert_int_equal(log_dir_close(f.dir, NULL), ERR_OK);
    char path[512];
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    assert_int_equal(fwrite("stray bytes of no batch", 1, 23, file), 23);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    p = found(&f, "orders");
    assert_int_equal(storage_append(p, 1000, 100), 1);
    partition_unref(p);
    assert_int_equal(log_dir_close(f.dir, NULL), ERR_OK);
    assert_int_equal(truncate(path, st.st_size + 10), 0); /* into the second */
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    assert_null(log_dir_find_partition(f.dir, "orders", 0));
    storage_fixture_close(&f);
}

static int64_t end_of(struct storage_fixture *f, const char *topic)
{
    struct partition *p = found(f, topic);
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    partition_unref(p);
    return offsets.log_end;
}

/* What was not on disk may be lost in any place: offsets go on without a gap all the same. */
static void above_the_recovery_point_offsets_have_no_gap(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "tail", &config);
    struct partition *offset = storage_partition(&f, "offset", &config);
    for (int i = 0; i < 30; i++) {
        (void)storage_append(p, 1000, 100);
    }
    assert_int_equal(storage_append(offset, 1000, 10), 0);
    assert_int_equal(storage_append(offset, 1000, 10), 1);
    partition_unref(p);
    partition_unref(offset);
    log_dir_abandon(f.dir);
    /* The tail of a segment before the last one, at the end of a batch. */
    char path[512];
    storage_path(&f, "tail-0", 0, ".log", path, sizeof path);
    uint8_t header[BATCH_HEADER_BYTES];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, header, sizeof header, 0), sizeof header);
    struct batch_header h;
    assert_true(batch_header_decode(header, &h));
    assert_int_equal(ftruncate(fd, h.size_bytes), 0);
    (void)close(fd);
    /* The offset of the second batch, which its checksum leaves out. */
    storage_path(&f, "offset-0", 0, ".log", path, sizeof path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, header, sizeof header, 0), sizeof header);
    assert_true(batch_header_decode(header, &h));
    assert_int_equal(pwrite(fd, "\x07", 1, h.size_bytes + 7), 1);
    (void)close(fd);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    assert_int_equal(end_of(&f, "tail"), 1);
    assert_int_equal(end_of(&f, "offset"), 1);
    storage_fixture_close(&f);
}

static void reads_only_what_lies_above_the_recovery_point(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config = small_segments();
    config.segment_bytes = 1 << 20;
    struct partition *p = storage_partition(&f, "orders", &config);
    for (int i = 0; i < 100; i++) {
        (void)storage_append(p, 1000 + i, 100);
    }
    log_dir_tick(f.dir);
    (void)storage_append(p, 5000, 100);
    storage_settle(p);
    partition_unref(p);
    log_dir_abandon(f.dir);
    /* A value byte in the middle: only a check of the CRC would see it. */
    char path[512];
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    flip_byte(path, 5000);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_end, 101);
    struct partition_found_offset at;
    assert_int_equal(partition_offset_for_time(p, 1050, PARTITION_READ_UNCOMMITTED, &at, NULL),
                     ERR_OK);
    assert_int_equal(at.offset, 50);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void rebuilds_indexes_that_are_missing_or_damaged(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct storage_fixture f;
        storage_fixture_open(&f);
        struct partition_config config = small_segments();
        struct partition *p = storage_partition(&f, "orders", &config);
        for (int i = 0; i < 60; i++) {
            (void)storage_append(p, 1000 + i, 100);
        }
        partition_unref(p);
        assert_int_equal(log_dir_close(f.dir, NULL), ERR_OK);
        char path[512];
        storage_path(&f, "orders-0", 0, how < 2 ? ".index" : ".timeindex", path, sizeof path);
        if (how % 2 == 0) {
            assert_int_equal(unlink(path), 0);
        } else {
            assert_int_equal(truncate(path, 13), 0);
        }
        assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
        p = found(&f, "orders");
        struct partition_found_offset at;
        assert_int_equal(partition_offset_for_time(p, 1009, PARTITION_READ_UNCOMMITTED, &at, NULL),
                         ERR_OK);
        assert_int_equal(at.offset, 9);
        struct buf got;
        buf_init(&got, 1 << 20);
        assert_int_equal(storage_read_all(p, 7, 400, &got), 60);
        buf_deinit(&got);
        storage_settle(p);
        partition_unref(p);
        storage_fixture_close(&f);
    }
}

static void idempotence_survives_restarts(void **state)
{
    (void)state;
    for (int clean = 0; clean <= 1; clean++) {
        struct storage_fixture f;
        storage_fixture_open(&f);
        struct partition_config config = small_segments();
        struct partition *p = storage_partition(&f, "orders", &config);
        struct partition_append_result result;
        struct storage_batch batch = {
            .timestamp = 1000, .count = 2, .value_bytes = 300, .producer_id = 9};
        for (int i = 0; i < 20; i++) {
            batch.base_sequence = i * 2;
            assert_int_equal(storage_append_batch(p, &batch, &result), ERR_OK);
        }
        storage_settle(p);
        partition_unref(p);
        storage_fixture_reopen(&f, clean != 0);
        p = found(&f, "orders");
        for (int i = 15; i < 20; i++) {
            batch.base_sequence = i * 2;
            assert_int_equal(storage_append_batch(p, &batch, &result), ERR_OK);
            assert_true(result.duplicate);
            assert_int_equal(result.base_offset, i * 2);
            assert_int_equal(storage_wait_flushed(p, result.last_offset + 1), ERR_OK);
        }
        batch.base_sequence = 42;
        assert_int_equal(storage_append_batch(p, &batch, &result), ERR_CONFLICT);
        assert_int_equal(result.error_code, KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        struct partition_producer list[2];
        assert_int_equal(partition_list_producers(p, list, 2), 1);
        assert_int_equal(list[0].last_sequence, 39);
        partition_unref(p);
        storage_fixture_close(&f);
    }
}

static void retention_deletes_whole_segments_by_time(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.retention_check_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config = small_segments();
    config.retention_ms = 1000;
    config.file_delete_delay_ms = 500;
    struct partition *p = storage_partition(&f, "orders", &config);
    for (int i = 0; i < 50; i++) {
        (void)storage_append(p, STORAGE_FIXTURE_NOW + INT64_C(100) * i, 100);
    }
    storage_settle(p);
    int before = storage_count_files(&f, "orders-0", ".log");
    log_dir_tick(f.dir);
    assert_int_equal(storage_count_files(&f, "orders-0", ".log"), before);
    clock_manual_advance(&f.clock, 3500);
    log_dir_tick(f.dir);
    struct partition_offsets offsets = offsets_of(p);
    assert_true(offsets.log_start > 5);
    assert_true(offsets.log_start <= 25); /* that record is exactly retention.ms old */
    assert_true(storage_count_files(&f, "orders-0", ".log") < before);
    assert_true(storage_count_files(&f, "orders-0", ".log.deleted") > 0);
    clock_manual_advance(&f.clock, 500);
    log_dir_tick(f.dir);
    assert_int_equal(storage_count_files(&f, "orders-0", ".log.deleted"), 0);
    /* All of it: the active segment is rolled, then removed. */
    clock_manual_advance(&f.clock, 100000);
    log_dir_tick(f.dir);
    assert_int_equal(offsets_of(p).log_start, 50);
    assert_int_equal(offsets_of(p).size_bytes, 0);
    assert_int_equal(storage_append(p, STORAGE_FIXTURE_NOW, 10), 50);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, false);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_start, 50);
    assert_int_equal(offsets_of(p).log_end, 51);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void retention_by_size_keeps_at_least_that_much(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.retention_check_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    while (storage_count_files(&f, "orders-0", ".log") < 5) {
        (void)storage_append(p, 1000, 100);
    }
    storage_settle(p);
    char path[512];
    struct stat first;
    storage_path(&f, "orders-0", 0, ".log", path, sizeof path);
    assert_int_equal(stat(path, &first), 0);
    int64_t total = partition_size_bytes(p);
    /* One byte too many to let the first segment go. */
    config.retention_bytes = total - first.st_size + 1;
    partition_set_config(p, &config);
    log_dir_tick(f.dir);
    assert_int_equal(partition_size_bytes(p), total);
    config.retention_bytes = total - first.st_size;
    partition_set_config(p, &config);
    log_dir_tick(f.dir);
    assert_int_equal(partition_size_bytes(p), total - first.st_size);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void retention_waits_for_its_configuration(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.retention_check_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "forever", &config);
    (void)storage_append(p, 1000, 10); /* 1970 */
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, true);
    log_dir_tick(f.dir);
    p = found(&f, "forever");
    assert_int_equal(offsets_of(p).log_start, 0);
    /* Retention does not touch a compacted topic. */
    config.cleanup_delete = false;
    config.cleanup_compact = true;
    config.retention_ms = 1;
    config.retention_bytes = 1;
    partition_set_config(p, &config);
    log_dir_tick(f.dir);
    assert_int_equal(offsets_of(p).log_start, 0);
    config.cleanup_delete = true;
    partition_set_config(p, &config);
    log_dir_tick(f.dir);
    assert_int_equal(offsets_of(p).log_start, 1);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void deleted_records_stay_deleted(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    for (int i = 0; i < 50; i++) {
        (void)storage_append(p, 1000 + i, 100);
    }
    storage_settle(p);
    int64_t low = 0;
    int16_t error = 0;
    assert_int_equal(partition_delete_records(p, 51, &low, &error, NULL), ERR_INVALID);
    assert_int_equal(error, KAFKA_ERROR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(partition_delete_records(p, 30, &low, &error, NULL), ERR_OK);
    assert_int_equal(low, 30);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, false);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_start, 30);
    assert_int_equal(partition_delete_records(p, -1, &low, &error, NULL), ERR_OK);
    assert_int_equal(low, 50);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, false);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_start, 50);
    assert_int_equal(storage_append(p, 1000, 10), 50);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void a_new_topic_inherits_nothing_from_its_namesake(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    f.config.checkpoint_interval_ms = 0;
    storage_fixture_reopen(&f, true);
    struct partition_config config = small_segments();
    config.file_delete_delay_ms = 1000;
    struct partition *p = storage_partition(&f, "orders", &config);
    for (int i = 0; i < 50; i++) {
        (void)storage_append(p, 1000 + i, 100);
    }
    storage_settle(p);
    int64_t low = 0;
    int16_t error = 0;
    assert_int_equal(partition_delete_records(p, 30, &low, &error, NULL), ERR_OK);
    storage_settle(p);
    log_dir_tick(f.dir);
    partition_unref(p);
    assert_int_equal(log_dir_delete_partition(f.dir, "orders", 0, NULL), ERR_OK);
    assert_int_equal(log_dir_delete_partition(f.dir, "orders", 0, NULL), ERR_NOT_FOUND);
    p = storage_partition(&f, "orders", &config);
    assert_int_equal(storage_append(p, 1000, 100), 0);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, false);
    p = found(&f, "orders");
    assert_int_equal(offsets_of(p).log_start, 0);
    assert_int_equal(offsets_of(p).log_end, 1);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void create_is_repeatable_for_the_same_topic_only(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    struct partition *same = storage_partition(&f, "orders", &config);
    assert_ptr_equal(p, same);
    struct partition_id id = {.topic = "orders", .topic_id = {9}};
    struct partition *other = NULL;
    struct err e;
    assert_int_equal(log_dir_create_partition(f.dir, &id, &config, &other, &e), ERR_EXISTS);
    struct partition_id bad = {.topic = "../escape"};
    assert_int_equal(log_dir_create_partition(f.dir, &bad, &config, &other, &e), ERR_INVALID);
    partition_unref(p);
    partition_unref(same);
    /* A crash before the first flush may leave an empty metadata file. */
    log_dir_abandon(f.dir);
    char path[512];
    (void)snprintf(path, sizeof path, "%s/orders-0/partition.metadata", f.path);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, NULL), ERR_OK);
    p = storage_partition(&f, "orders", &config);
    storage_settle(p);
    partition_unref(p);
    storage_fixture_reopen(&f, true);
    p = found(&f, "orders");
    assert_int_equal(partition_identity(p)->topic_id[2], 3);
    partition_unref(p);
    storage_fixture_close(&f);
}

static void epochs_tell_where_they_ended(void **state)
{
    (void)state;
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition *p = storage_partition(&f, "orders", &config);
    struct buf data;
    buf_init(&data, 10000);
    struct storage_batch batch = {
        .timestamp = 1000, .count = 2, .value_bytes = 5, .producer_id = -1};
    static const int32_t epochs[] = {3, 3, 5};
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&data);
        storage_encode(&data, &batch);
        struct partition_append_options options = {.now_ms = 1, .leader_epoch = epochs[i]};
        struct partition_append_result result;
        assert_int_equal(partition_append(p, data.data, data.len, &options, &result, NULL), ERR_OK);
    }
    storage_settle(p);
    for (int restarted = 0; restarted <= 1; restarted++) {
        int32_t epoch = 0;
        int64_t end = 0;
        partition_offset_for_epoch(p, 4, &epoch, &end);
        assert_int_equal(epoch, 3);
        assert_int_equal(end, 4);
        partition_offset_for_epoch(p, 5, &epoch, &end);
        assert_int_equal(epoch, 5);
        assert_int_equal(end, 6);
        partition_offset_for_epoch(p, 6, &epoch, &end);
        assert_int_equal(epoch, -1);
        assert_int_equal(end, -1);
        partition_unref(p);
        storage_fixture_reopen(&f, false);
        p = found(&f, "orders");
    }
    partition_unref(p);
    buf_deinit(&data);
    storage_fixture_close(&f);
}

/* Everything once, with the n-th allocation failing: a clean error or success, never a crash, and
 * what was acknowledged is there afterwards. */
static bool work_with_failing_memory(uint64_t n)
{
    struct storage_fixture f;
    storage_fixture_open(&f);
    struct partition_config config = small_segments();
    struct partition_id id = {.topic = "orders", .topic_id = {1}};
    struct partition *p = NULL;
    struct buf data;
    buf_init(&data, 10000);
    struct storage_batch batch = {
        .timestamp = 1000, .count = 1, .value_bytes = 600, .producer_id = 4};
    assert_non_null(buf_reserve(&data, 5000));
    mem_test_fail_at(n);
    bool failed = log_dir_create_partition(f.dir, &id, &config, &p, NULL) != ERR_OK;
    mem_test_fail_at(0);
    int64_t end = 0;
    for (int32_t i = 0; i < 8 && p != NULL && !failed; i++) {
        buf_clear(&data);
        batch.base_sequence = i;
        storage_encode(&data, &batch);
        struct partition_append_options options = {.now_ms = 1, .from_client = true};
        struct partition_append_result result;
        mem_test_fail_at(n > 8 ? n - 8 : 0);
        if (partition_append(p, data.data, data.len, &options, &result, NULL) == ERR_OK) {
            end = result.last_offset + 1;
        } else {
            failed = true;
        }
        mem_test_fail_at(0);
    }
    if (p != NULL) {
        storage_settle(p);
        partition_unref(p);
    }
    struct err e;
    mem_test_fail_at(n);
    failed = log_dir_close(f.dir, &e) != ERR_OK || failed;
    f.dir = NULL;
    failed = log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, &e) != ERR_OK || failed;
    mem_test_fail_at(0);
    if (f.dir == NULL && log_dir_open(&f.config, &f.clock.clock, NULL, &f.dir, &e) != ERR_OK) {
        fail_msg("open after failure %d: %s", (int)n, e.text);
    }
    p = log_dir_find_partition(f.dir, "orders", 0);
    assert_true(p != NULL || end == 0);
    if (p != NULL) {
        assert_int_equal(offsets_of(p).log_end, end);
        partition_unref(p);
    }
    buf_deinit(&data);
    storage_fixture_close(&f);
    return failed;
}

static void short_memory_is_a_clean_error(void **state)
{
    (void)state;
    int clean_runs = 0;
    for (uint64_t n = 1; n < 200 && clean_runs < 10; n++) {
        clean_runs = work_with_failing_memory(n) ? 0 : clean_runs + 1;
    }
    assert_int_equal(clean_runs, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_broker_is_refused_by_name),
        cmocka_unit_test(the_clean_marker_comes_last_and_goes_first),
        cmocka_unit_test(cuts_at_the_first_bad_batch_and_drops_later_segments),
        cmocka_unit_test(damage_below_the_recovery_point_is_not_cut_in_silence),
        cmocka_unit_test(after_a_clean_stop_only_what_is_behind_the_end_is_cut),
        cmocka_unit_test(above_the_recovery_point_offsets_have_no_gap),
        cmocka_unit_test(reads_only_what_lies_above_the_recovery_point),
        cmocka_unit_test(rebuilds_indexes_that_are_missing_or_damaged),
        cmocka_unit_test(idempotence_survives_restarts),
        cmocka_unit_test(retention_deletes_whole_segments_by_time),
        cmocka_unit_test(retention_by_size_keeps_at_least_that_much),
        cmocka_unit_test(retention_waits_for_its_configuration),
        cmocka_unit_test(deleted_records_stay_deleted),
        cmocka_unit_test(a_new_topic_inherits_nothing_from_its_namesake),
        cmocka_unit_test(create_is_repeatable_for_the_same_topic_only),
        cmocka_unit_test(epochs_tell_where_they_ended),
        cmocka_unit_test(short_memory_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
