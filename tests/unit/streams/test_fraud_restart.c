/* What Kafka Streams does over restarts under at_least_once, on the test driver. */
#include <stdio.h>

#define weir_streams_app_build fraud_count_build
#include "examples/fraud/count.c"
#undef weir_streams_app_build

#include "tests/unit/streams/fraud_vectors.h"

static const struct weir_bytes card_a = {"A", 1};

static void pipe(struct fraud *f, const char *card, int64_t ts)
{
    struct weir_error error;
    if (!fraud_purchase(f, card, 1, ts, 5, &error)) {
        fail_msg("%s", error.text);
    }
}

static void restart(struct fraud *f, enum weir_test_restart kind)
{
    struct weir_error error;
    if (!weir_test_driver_restart(f->driver, kind, &error)) {
        fail_msg("%s", error.text);
    }
}

static int64_t count_of_a(struct fraud *f, int64_t window)
{
    struct weir_bytes value = {NULL, 0};
    int64_t ts = 0;
    if (!weir_test_driver_store_get(f->driver, "KSTREAM-AGGREGATE-STATE-STORE-0000000001", card_a,
                                    window, &value, &ts)) {
        return 0;
    }
    return ((const unsigned char *)value.data)[7];
}

static void a_clean_restart_goes_on_counting(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    pipe(&f, "A", 60000);
    pipe(&f, "A", 60001);
    restart(&f, WEIR_TEST_RESTART_CLEAN);
    pipe(&f, "A", 119999);
    assert_int_equal(count_of_a(&f, 60000), 3);
    fraud_expect_text(
        &f, "alerts-json", "A",
        "{\"type\": \"high_purchase_count\", \"credit_card\": \"A\", \"timestamp\": 60000}",
        119999);
    fraud_close(&f);
}

static void an_alert_is_not_repeated_after_a_clean_restart(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    for (int i = 0; i < 3; i++) {
        pipe(&f, "A", 60000 + i);
    }
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 1);
    restart(&f, WEIR_TEST_RESTART_CLEAN);
    pipe(&f, "A", 119998);
    assert_int_equal(count_of_a(&f, 60000), 4);
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 0);
    fraud_close(&f);
}

static void open_row_3(struct fraud *f)
{
    fraud_open(f, fraud_count_build, NULL);
    pipe(f, "A", 60000);
    pipe(f, "A", 60001);
    pipe(f, "B", 120000);
}

static void a_late_first_record_is_taken_when_the_store_was_kept(void **state)
{
    (void)state;
    struct fraud f;
    open_row_3(&f);
    restart(&f, WEIR_TEST_RESTART_CLEAN);
    pipe(&f, "A", 61000);
    assert_int_equal(count_of_a(&f, 60000), 3);
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 1);
    fraud_close(&f);
}

static void a_late_first_record_counts_anew_when_the_store_was_restored(void **state)
{
    (void)state;
    struct fraud f;
    open_row_3(&f);
    (void)fraud_count_records(&f, "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog");
    restart(&f, WEIR_TEST_RESTART_STATE_LOST);
    pipe(&f, "A", 61000);
    struct weir_test_record r;
    assert_true(weir_test_driver_read(
        f.driver, "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog", &r));
    assert_int_equal(((const unsigned char *)r.value.data)[7], 1);
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 0);
    fraud_close(&f);
}

static void the_first_record_after_a_restart_sets_the_time(void **state)
{
    (void)state;
    static const enum weir_test_restart kinds[] = {WEIR_TEST_RESTART_CLEAN,
                                                   WEIR_TEST_RESTART_STATE_LOST};
    for (size_t i = 0; i < 2; i++) {
        struct fraud f;
        open_row_3(&f);
        restart(&f, kinds[i]);
        pipe(&f, "B", 120005);
        pipe(&f, "A", 61000);
        assert_int_equal(weir_test_driver_dropped_total(f.driver), 1);
        assert_int_equal(fraud_count_records(&f, "alerts-json"), 0);
        fraud_close(&f);
    }
}

static void a_record_replayed_after_a_kill_counts_twice(void **state)
{
    (void)state;
    struct weir_test_driver_options options = {.manual_commit = true};
    struct fraud f;
    fraud_open(&f, fraud_count_build, &options);
    pipe(&f, "A", 60000);
    pipe(&f, "A", 60001);
    struct weir_error error;
    assert_true(weir_test_driver_commit(f.driver, &error));
    pipe(&f, "A", 60002);
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 1);
    restart(&f, WEIR_TEST_RESTART_KILL);
    pipe(&f, "A", 60002);
    assert_int_equal(count_of_a(&f, 60000), 4);
    assert_int_equal(fraud_count_records(&f, "alerts-json"), 0);
    fraud_close(&f);
}

static void the_partition_time_survives(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    pipe(&f, "A", 185000);
    restart(&f, WEIR_TEST_RESTART_CLEAN);
    (void)fraud_count_records(&f, "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog");
    pipe(&f, "B", NO_TS);
    struct weir_test_record r;
    assert_true(weir_test_driver_read(
        f.driver, "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog", &r));
    assert_int_equal(r.timestamp_ms, 185000);
    fraud_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_restart_goes_on_counting),
        cmocka_unit_test(an_alert_is_not_repeated_after_a_clean_restart),
        cmocka_unit_test(a_late_first_record_is_taken_when_the_store_was_kept),
        cmocka_unit_test(a_late_first_record_counts_anew_when_the_store_was_restored),
        cmocka_unit_test(the_first_record_after_a_restart_sets_the_time),
        cmocka_unit_test(a_record_replayed_after_a_kill_counts_twice),
        cmocka_unit_test(the_partition_time_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
