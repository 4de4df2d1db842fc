/* Compaction when the disk fails or the process ends, and random work against the model. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_clean.h"
#include "tests/support/clean_fixture.h"
#include "tests/support/test.h"

static void fill_for_failures(struct clean_fixture *f)
{
    for (int i = 0; i < 150; i++) {
        f->now_ms++;
        clean_fixture_put(f, i % 10 == 9 ? TOMBSTONE(i % 7) : i % 7);
    }
    clean_fixture_seal(f);
}

/* Every write and every sync of a cleaning fails once: nothing is lost, and the next one works. */
static void survives_a_failing_disk(void **state)
{
    (void)state;
    for (int kind = 0; kind < FILE_IO_FAULT_COUNT; kind++) {
        bool failed = true;
        for (uint64_t n = 1; failed; n++) {
            struct clean_fixture f;
            clean_fixture_open(&f);
            fill_for_failures(&f);
            file_io_test_fail_at((enum file_io_fault)kind, n, ENOSPC);
            enum err_code code = clean_fixture_clean(&f);
            file_io_test_fail_at((enum file_io_fault)kind, 0, 0);
            failed = code != ERR_OK;
            clean_fixture_check_rules(&f, failed ? 0 : 150, 150, false);
            assert_int_equal(storage_count_files(&f.storage, "t-0", ".cleaned"), 0);
            clean_fixture_reopen(&f, false);
            clean_fixture_seal(&f);
            assert_int_equal(clean_fixture_clean(&f), ERR_OK);
            clean_fixture_check(&f, 150, false);
            clean_fixture_close(&f);
            assert_true(n < 1000);
        }
    }
}

static void copy_file(const char *from, const char *to)
{
    char command[1200];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

/* A crash after the copy counts: the new file has its .swap name, and `removed` of the old segments
 * behind the first are gone. */
static void swap_after_crash(int removed)
{
    struct clean_fixture f;
    clean_fixture_open(&f);
    f.config.segment_bytes = 20000;
    partition_set_config(f.p, &f.config);
    for (int i = 0; i < 5; i++) {
        clean_fixture_put(&f, 1);
        clean_fixture_put(&f, 2 + i);
        clean_fixture_seal(&f);
    }
    char command[1024];
    (void)snprintf(command, sizeof command, "mkdir %s/old && cp %s/t-0/* %s/old", f.storage.path,
                   f.storage.path, f.storage.path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
    assert_int_equal(clean_fixture_clean(&f), ERR_OK);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".log"), 2);
    partition_unref(f.p);
    log_dir_abandon(f.storage.dir);
    char cleaned[400];
    char swap[400];
    storage_path(&f.storage, "t-0", 0, ".log", cleaned, sizeof cleaned);
    storage_path(&f.storage, "t-0", 0, ".log.swap", swap, sizeof swap);
    copy_file(cleaned, swap);
    for (int64_t base = 0; base < 10; base += 2) {
        static const char *const suffixes[] = {".log", ".index", ".timeindex"};
        for (size_t i = 0; i < 3 && (base == 0 || base > (int64_t)removed * 2); i++) {
            char from[400];
            char to[400];
            storage_path(&f.storage, "old", base, suffixes[i], from, sizeof from);
            storage_path(&f.storage, "t-0", base, suffixes[i], to, sizeof to);
            copy_file(from, to);
        }
    }
    storage_path(&f.storage, "t-0", 0, ".index.cleaned", swap, sizeof swap);
    copy_file(cleaned, swap); /* anything */
    struct err e;
    if (log_dir_open(&f.storage.config, &f.storage.clock.clock, NULL, &f.storage.dir, &e) !=
        ERR_OK) {
        fail_msg("open: %s", e.text);
    }
    f.p = log_dir_find_partition(f.storage.dir, "t", 0);
    assert_non_null(f.p);
    partition_set_config(f.p, &f.config);
    clean_fixture_check(&f, 10, false);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".log"), 2);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".swap"), 0);
    assert_int_equal(storage_count_files(&f.storage, "t-0", ".cleaned"), 0);
    clean_fixture_close(&f);
}

static void finishes_a_swap_at_start(void **state)
{
    (void)state;
    for (int removed = 0; removed <= 4; removed++) {
        swap_after_crash(removed);
    }
}

static void a_damaged_log_is_left_alone(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    fill_for_failures(&f);
    char path[400];
    storage_path(&f.storage, "t-0", 0, ".log", path, sizeof path);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, 70, SEEK_SET), 0);
    assert_int_equal(fputc('!', file), '!');
    assert_int_equal(fclose(file), 0);
    int64_t before = partition_size_bytes(f.p);
    assert_int_equal(clean_fixture_clean(&f), ERR_CORRUPT);
    assert_int_equal(partition_size_bytes(f.p), before);
    log_dir_clean(f.storage.dir); /* ends: it is not tried over and over */
    clean_fixture_close(&f);
}

static void stops_when_told(void **state)
{
    (void)state;
    struct clean_fixture f;
    clean_fixture_open(&f);
    fill_for_failures(&f);
    atomic_bool stop = true;
    struct partition_clean_options options = {
        .now_ms = f.now_ms, .key_table_bytes = 1 << 20, .stop = &stop};
    struct partition_clean_result result;
    assert_int_equal(partition_clean(f.p, &options, &result, NULL), ERR_CANCELLED);
    clean_fixture_check(&f, 0, false);
    clean_fixture_close(&f);
}

/* ---- the model ---- */

static void random_step(struct clean_fixture *f, uint64_t *seed, int64_t *cleaned_to,
                        int64_t *touched_to)
{
    uint64_t what = storage_random(seed) % 100;
    f->now_ms += (int64_t)(storage_random(seed) % 400);
    if (what < 80) {
        int keys[6];
        int32_t count = (int32_t)(1 + storage_random(seed) % 6);
        for (int32_t i = 0; i < count; i++) {
            int key = (int)(storage_random(seed) % 40);
            keys[i] = storage_random(seed) % 6 == 0 ? TOMBSTONE(key) : key;
            keys[i] = storage_random(seed) % 20 == 0 ? NO_KEY : keys[i];
        }
        f->codec = (int)(storage_random(seed) % 5);
        clean_fixture_put_batch(f, keys, count, storage_random(seed) % 3 == 0);
    } else if (what < 90) {
        clean_fixture_seal(f);
    } else if (what < 97) {
        atomic_bool stop = false;
        struct partition_clean_options options = {.now_ms = f->now_ms,
                                                  .key_table_bytes =
                                                      storage_random(seed) % 2 == 0 ? 1 : 100000,
                                                  .stop = &stop};
        struct partition_clean_result result;
        struct err e;
        if (partition_clean(f->p, &options, &result, &e) != ERR_OK) {
            fail_msg("clean: %s", e.text);
        }
        *cleaned_to = result.cleaned_to;
        *touched_to = result.cleaned_to > *touched_to ? result.cleaned_to : *touched_to;
    } else {
        clean_fixture_reopen(f, storage_random(seed) % 2 == 0);
        *cleaned_to = f->p->cleaned_to;
    }
}

static void random_work_keeps_the_rules(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED"); /* NOLINT(concurrency-mt-unsafe) */
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_ns(clock_system()) | 1;
    print_message("WEIR_TEST_SEED=%" PRIu64 "\n", seed);
    for (int round = 0; round < 4; round++) {
        struct clean_fixture f;
        clean_fixture_open(&f);
        f.config.delete_retention_ms = 20000;
        partition_set_config(f.p, &f.config);
        int64_t cleaned_to = 0;
        int64_t touched_to = 0;
        for (int step = 0; step < 600; step++) {
            random_step(&f, &seed, &cleaned_to, &touched_to);
            if (step % 100 == 99) {
                storage_settle(f.p);
                clean_fixture_check_rules(&f, cleaned_to, touched_to, true);
            }
        }
        clean_fixture_check_every_offset(&f);
        clean_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_failing_disk),     cmocka_unit_test(finishes_a_swap_at_start),
        cmocka_unit_test(a_damaged_log_is_left_alone), cmocka_unit_test(stops_when_told),
        cmocka_unit_test(random_work_keeps_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
