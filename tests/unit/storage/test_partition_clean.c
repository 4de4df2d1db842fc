/* Compaction: what stays and what goes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/storage/key_offsets.h"
#include "broker/storage/partition_clean.h"
#include "protocol/kafka_error.h"
#include "tests/support/clean_fixture.h"
#include "tests/support/test.h"

static void keeps_the_newest_of_each_key(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 600; i++) {
        f.now_ms++;
        clean_fixture_put(&f, i % 37);
    }
    clean_fixture_seal(&f);
    int64_t before = partition_size_bytes(f.p);
    clean_fixture_put(&f, 5); /* the active segment is left alone */
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    clean_fixture_check(&f, 600, false);
    clean_fixture_check_every_offset(&f);
    assert_true(partition_size_bytes(f.p) * 3 < before);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".cleaned"), 0);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".swap"), 0);
    for (int restart = 0; restart < 2; restart++) {
        clean_fixture_reopen(&f, restart == 0);
        clean_fixture_check(&f, 600, false);
        clean_fixture_check_every_offset(&f);
    }
    clean_fixture_close(&f);
}

static void keeps_batches_of_every_codec(void **state)
{
    (void)state;
    for (int codec = 0; codec <= 4; codec++) {
        struct clean_fixture f;
        clean_fixture_open(&f);
        f.codec = codec;
        for (int i = 0; i < 120; i++) {
            int keys[] = {i % 11, i % 7, 100 + i % 2, TOMBSTONE(i % 13), NO_KEY};
            f.now_ms += 10;
            clean_fixture_put_batch(&f, keys, 5, false);
        }
        clean_fixture_seal(&f);
        assert_int_equal(clean_fixture_clean(&f), ERR_OK);
        clean_fixture_check(&f, f.model->count, false);
        clean_fixture_reopen(&f, false);
        clean_fixture_check(&f, f.model->count, false);
        clean_fixture_close(&f);
    }
}

static void a_tombstone_goes_after_its_time(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    f.config.delete_retention_ms = 1000;
    partition_set_config(f.p, &f.config);
    clean_fixture_put(&f, 1);
    clean_fixture_put(&f, 2);
    clean_fixture_put(&f, TOMBSTONE(1));
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    clean_fixture_check(&f, 3, false); /* the first run starts its clock */
    f.now_ms += 999;
    clean_fixture_put(&f, 3);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    clean_fixture_check(&f, 4, false);
    f.now_ms += 1;
    clean_fixture_put(&f, 4);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    clean_fixture_read(&f, 0, seen);
    assert_false(seen->at[0]);
    assert_true(seen->at[1]);
    assert_false(seen->at[2]);
    assert_true(seen->at[3] && seen->at[4]);
    free(seen);
    clean_fixture_close(&f);
}

static void waits_for_ratio_and_lags(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    struct partition_dirt dirt;
    f.config.min_dirty_ratio = 0.5;
    f.config.min_compaction_lag_ms = 1000;
    f.config.max_compaction_lag_ms = 100000;
    partition_set_config(f.p, &f.config);
    for (int i = 0; i < 20; i++) {
        clean_fixture_put(&f, i);
    }
    partition_get_dirt(f.p, f.now_ms + 5000, &dirt);
    assert_false(dirt.due); /* nothing is sealed */
    clean_fixture_seal(&f);
    partition_get_dirt(f.p, f.now_ms + 999, &dirt);
    assert_false(dirt.due);
    f.now_ms += 1000;
    partition_get_dirt(f.p, f.now_ms, &dirt);
    assert_true(dirt.due);
    assert_true(dirt.ratio > 0.99);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    partition_get_dirt(f.p, f.now_ms + 5000, &dirt);
    assert_false(dirt.due);
    clean_fixture_put(&f, 1); /* one record dirty, 20 clean */
    clean_fixture_seal(&f);
    partition_get_dirt(f.p, f.now_ms + 5000, &dirt);
    assert_false(dirt.due);
    assert_true(dirt.ratio > 0 && dirt.ratio < 0.5);
    partition_get_dirt(f.p, f.now_ms + 100001, &dirt);
    assert_true(dirt.due);
    f.config.cleanup_compact = false;
    partition_set_config(f.p, &f.config);
    partition_get_dirt(f.p, f.now_ms + 100001, &dirt);
    assert_false(dirt.due);
    clean_fixture_close(&f);
}

static void remembers_how_far_it_came(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 200; i++) {
        clean_fixture_put(&f, i % 9);
    }
    clean_fixture_seal(&f);
    log_dir_clean(f.storage.dir);
    clean_fixture_check(&f, 200, false);
    for (int restart = 0; restart < 2; restart++) {
        clean_fixture_reopen(&f, restart == 1);
        struct partition_dirt dirt;
        partition_get_dirt(f.p, f.now_ms, &dirt);
        assert_false(dirt.due);
    }
    clean_fixture_close(&f);
}

static void a_small_table_takes_more_runs(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 1000; i++) {
        clean_fixture_put(&f, i % 200);
    }
    clean_fixture_seal(&f);
    int64_t cleaned_to = 0;
    for (int run = 0; cleaned_to < 1000; run++) {
        atomic_bool stop = false;
        /* 64 slots, 57 keys */
        struct partition_clean_options options = {
            .now_ms = f.now_ms, .key_table_bytes = 1, .stop = &stop};
        struct partition_clean_result result;
        assert_int_equal(partition_clean(f.p, &options, &result, NULL), ERR_OK);
        assert_true(result.cleaned_to > cleaned_to);
        cleaned_to = result.cleaned_to;
        assert_true(run < 30);
    }
    /* What one run could not know, those after it do. */
    clean_fixture_check(&f, 1000, false);
    clean_fixture_close(&f);
}

static void small_segments_become_large_ones(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 400; i++) {
        clean_fixture_put(&f, i % 10);
    }
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    int first = storage_count_files(&f.storage, "t-0", ".log");
    clean_fixture_put(&f, 3);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    int second = storage_count_files(&f.storage, "t-0", ".log");
    assert_true(second < first);
    assert_int_equal(second, storage_count_files(&f.storage, "t-0", ".index"));
    clean_fixture_check(&f, 401, false);
    clean_fixture_check_every_offset(&f);
    clean_fixture_close(&f);
}

static void a_producer_goes_on_where_it_was(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    int keys[] = {1, 2};
    clean_fixture_put(&f, 99); /* readers pass over empty batches that come first */
    clean_fixture_put_batch(&f, keys, 2, true);
    for (int i = 0; i < 100; i++) {
        clean_fixture_put(&f, 1 + i % 2);
    }
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    clean_fixture_read(&f, 0, seen);
    assert_true(seen->empty_batches > 0);
    assert_int_equal(seen->next, f.model->count);
    free(seen);
    /* Without snapshots, from the batches alone. */
    partition_unref(f.p);
    log_dir_abandon(f.storage.dir);
    char command[512];
    (void)snprintf(command, sizeof command, "rm -f %s/t-0/*.snapshot", f.storage.path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
    struct err e;
    assert_int_equal(
        log_dir_open(&f.storage.config, &f.storage.clock.clock, NULL, &f.storage.dir, &e), ERR_OK);
    f.p = log_dir_find_partition(f.storage.dir, "t", 0);
    partition_set_config(f.p, &f.config);
    struct storage_batch again = {
        .timestamp = f.now_ms, .count = 2, .value_bytes = 3, .producer_id = 7, .base_sequence = 0};
    struct partition_append_result result;
    assert_int_equal(storage_append_batch(f.p, &again, &result), ERR_OK);
    assert_true(result.duplicate);
    again.base_sequence = 5;
    assert_int_equal(storage_append_batch(f.p, &again, &result), ERR_CONFLICT);
    assert_int_equal(result.error_code, KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    clean_fixture_put_batch(&f, keys, 2, true);
    clean_fixture_close(&f);
}

/* An answer that has only batches without records makes librdkafka give up after ten of them. */
static void readers_pass_over_empty_batches(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 5; i++) {
        clean_fixture_put(&f, 1);
        clean_fixture_seal(&f);
        assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    }
    int keys[] = {1};
    clean_fixture_put_batch(&f, keys, 1, true);
    clean_fixture_put(&f, 1);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    struct partition_read_options options = {.max_bytes = 1000, .min_one_batch = true};
    struct partition_slice slice;
    assert_int_equal(partition_read(f.p, &options, &slice, NULL), ERR_OK);
    uint8_t data[1000];
    struct batch_header h;
    assert_int_equal(partition_slice_read(&slice, 0, data, slice.length, NULL), ERR_OK);
    assert_true(batch_header_decode(data, &h));
    assert_int_equal(h.base_offset, 6);
    assert_int_equal(h.record_count, 1);
    partition_slice_release(&slice);
    /* Up to the end there is nothing else: the reader must get there. */
    f.config.delete_retention_ms = 0;
    partition_set_config(f.p, &f.config);
    for (int i = 0; i < 2; i++) {
        clean_fixture_put(&f, TOMBSTONE(1));
        clean_fixture_seal(&f);
        assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    }
    f.now_ms++;
    clean_fixture_put(&f, NO_KEY);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    assert_int_equal(partition_read(f.p, &options, &slice, NULL), ERR_OK);
    assert_int_equal(slice.next_offset, f.model->count);
    assert_true(slice.length > 0);
    partition_slice_release(&slice);
    clean_fixture_close(&f);
}

static void times_are_found_over_gaps(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 500; i++) {
        f.now_ms += 10;
        clean_fixture_put(&f, i < 400 ? i % 7 : 100 + i);
    }
    clean_fixture_put(&f, 450 + 100); /* a new key, newest time */
    clean_fixture_seal(&f);
    f.now_ms += 1000;
    clean_fixture_put(&f, 1);
    clean_fixture_put(&f, 1);
    clean_fixture_seal(&f);
    clean_fixture_put(&f, 2);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    for (int restart = 0; restart < 2; restart++) {
        clean_fixture_read(&f, 0, seen);
        int64_t expected = -1;
        for (int64_t o = f.model->count - 1; o >= 0; o--) {
            if (!seen->at[o]) {
                continue;
            }
            expected = o;
            struct partition_found_offset found;
            int64_t before = 0;
            for (int64_t b = o - 1; b >= 0 && before == 0; b--) {
                before = seen->at[b] ? f.model->records[b].timestamp + 1 : 0;
            }
            if (before > f.model->records[o].timestamp) {
                continue; /* two of the same time */
            }
            assert_int_equal(
                partition_offset_for_time(f.p, before, PARTITION_READ_UNCOMMITTED, &found, NULL),
                ERR_OK);
            assert_int_equal(found.offset, expected);
            assert_int_equal(found.timestamp, f.model->records[o].timestamp);
        }
        struct partition_found_offset max;
        assert_int_equal(partition_offset_for_time(f.p, PARTITION_TIME_MAX,
                                                   PARTITION_READ_UNCOMMITTED, &max, NULL),
                         ERR_OK);
        assert_true(max.offset >= 0 && seen->at[max.offset]);
        clean_fixture_reopen(&f, false);
    }
    free(seen);
    clean_fixture_close(&f);
}

/* The record with the largest time is superseded: its empty batch must not be what is found. */
static void the_largest_time_is_that_of_a_record(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    clean_fixture_put(&f, 1);
    f.now_ms += 5000;
    int keys[] = {2};
    clean_fixture_put_batch(&f, keys, 1, true);
    f.now_ms -= 4000;
    clean_fixture_put(&f, 2);
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    for (int restart = 0; restart < 2; restart++) {
        struct partition_found_offset found;
        assert_int_equal(partition_offset_for_time(f.p, PARTITION_TIME_MAX,
                                                   PARTITION_READ_UNCOMMITTED, &found, NULL),
                         ERR_OK);
        assert_int_equal(found.offset, 2);
        clean_fixture_reopen(&f, false);
    }
    clean_fixture_close(&f);
}

static void retention_still_deletes(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    f.config.cleanup_delete = true;
    f.config.retention_ms = 10000;
    f.config.file_delete_delay_ms = 0;
    partition_set_config(f.p, &f.config);
    for (int i = 0; i < 100; i++) {
        clean_fixture_put(&f, i);
    }
    clean_fixture_seal(&f);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    f.now_ms += 20000;
    clean_fixture_put(&f, 1);
    storage_settle(f.p);
    partition_apply_retention(f.p, f.now_ms);
    struct partition_offsets offsets;
    partition_get_offsets(f.p, &offsets);
    assert_int_equal(offsets.log_start, 100);
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    clean_fixture_read(&f, 100, seen);
    assert_int_equal(seen->count, 1);
    free(seen);
    clean_fixture_close(&f);
}

static void a_reader_keeps_the_old_file(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    for (int i = 0; i < 10; i++) {
        clean_fixture_put(&f, 1);
    }
    clean_fixture_seal(&f);
    struct partition_read_options options = {.max_bytes = 10000};
    struct partition_slice slice;
    assert_int_equal(partition_read(f.p, &options, &slice, NULL), ERR_OK);
    assert_int_equal(slice.next_offset, 10);
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    uint8_t data[10000];
    struct batch_header h;
    assert_int_equal(partition_slice_read(&slice, 0, data, slice.length, NULL), ERR_OK);
    assert_true(batch_header_decode(data, &h));
    assert_int_equal(h.base_offset, 0);
    partition_slice_release(&slice);
    clean_fixture_check(&f, 10, false);
    clean_fixture_close(&f);
}

static void the_table_of_keys_is_bounded(void **state)
{
    (void)state;
    struct key_offsets k;
    assert_int_equal(key_offsets_init(&k, 1000, (size_t)100 * 24, NULL), ERR_OK);
    int64_t stored = 0;
    for (; stored < 1000; stored++) {
        if (!key_offsets_put(&k, bytes_of(&stored, sizeof stored), stored)) {
            break;
        }
    }
    assert_int_equal(stored, 90);
    int64_t known = 17;
    assert_true(key_offsets_put(&k, bytes_of(&known, sizeof known), 500));
    assert_true(key_offsets_put(&k, bytes_of(&known, sizeof known), 400));
    assert_int_equal(key_offsets_get(&k, bytes_of(&known, sizeof known)), 500);
    assert_int_equal(key_offsets_get(&k, bytes_of(&stored, sizeof stored)), -1);
    assert_int_equal(key_offsets_get(&k, bytes_of("", 0)), -1);
    key_offsets_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_newest_of_each_key),
        cmocka_unit_test(keeps_batches_of_every_codec),
        cmocka_unit_test(a_tombstone_goes_after_its_time),
        cmocka_unit_test(waits_for_ratio_and_lags),
        cmocka_unit_test(remembers_how_far_it_came),
        cmocka_unit_test(a_small_table_takes_more_runs),
        cmocka_unit_test(small_segments_become_large_ones),
        cmocka_unit_test(a_producer_goes_on_where_it_was),
        cmocka_unit_test(readers_pass_over_empty_batches),
        cmocka_unit_test(times_are_found_over_gaps),
        cmocka_unit_test(the_largest_time_is_that_of_a_record),
        cmocka_unit_test(retention_still_deletes),
        cmocka_unit_test(a_reader_keeps_the_old_file),
        cmocka_unit_test(the_table_of_keys_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
