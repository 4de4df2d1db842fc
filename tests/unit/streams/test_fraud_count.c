/* Nodes and results of Kafka Streams for the same topology and records, on the example as it is
 * shipped. */
#include <inttypes.h>
#include <stdio.h>

#define weir_streams_app_build fraud_count_build
#include "examples/fraud/count.c"
#undef weir_streams_app_build

#include "tests/unit/streams/fraud_vectors.h"

#define CHANGELOG "local-dev-0-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog"

struct row {
    const char *key;
    int64_t ts;
    /* 0: dropped */
    int64_t count;
    int64_t window;
    int64_t count_ts;
    bool alert;
};

static uint64_t be64(const void *data)
{
    const unsigned char *p = data;
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static void expect_count(struct fraud *f, const struct row *row, int number)
{
    struct weir_test_record r;
    bool any = weir_test_driver_read(f->driver, CHANGELOG, &r);
    if (any != (row->count > 0)) {
        fail_msg("row %d: %s", number, any ? "was counted" : "was not counted");
    }
    if (any) {
        size_t key_len = strlen(row->key);
        assert_int_equal(r.key.len, key_len + 12);
        assert_memory_equal(r.key.data, row->key, key_len);
        assert_int_equal(be64((const char *)r.key.data + key_len), row->window);
        assert_int_equal(r.value.len, 8);
        if ((int64_t)be64(r.value.data) != row->count || r.timestamp_ms != row->count_ts) {
            fail_msg("row %d: count %" PRIu64 " @%" PRId64, number, be64(r.value.data),
                     r.timestamp_ms);
        }
    }
    char text[200];
    (void)snprintf(text, sizeof text,
                   "{\"type\": \"high_purchase_count\", \"credit_card\": \"%s\", \"timestamp\": "
                   "%" PRId64 "}",
                   row->key != NULL ? row->key : "", row->window);
    if (row->alert) {
        fraud_expect_text(f, "alerts-json", row->key, text, row->count_ts);
    }
    assert_int_equal(fraud_count_records(f, "alerts-json"), 0);
}

static void run_rows(struct fraud *f, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct weir_error error;
        if (!fraud_purchase(f, rows[i].key, 1, rows[i].ts, 5, &error)) {
            fail_msg("row %zu: %s", i + 1, error.text);
        }
        expect_count(f, &rows[i], (int)i + 1);
    }
}

static const struct row vectors[] = {
    {"A", 60000, 1, 60000, 60000, false},
    {"A", 60001, 2, 60000, 60001, false},
    {"A", 119999, 3, 60000, 119999, true},
    {"A", 119999, 4, 60000, 119999, false},
    {"A", 120000, 1, 120000, 120000, false},
    {"B", 120001, 1, 120000, 120001, false},
    {"B", 120002, 2, 120000, 120002, false},
    {"A", 119998, 0, 0, 0, false},
    {"C", 179999, 1, 120000, 179999, false},
    {"B", 179999, 3, 120000, 179999, true},
    {"B", 180000, 1, 180000, 180000, false},
    {"A", 180000, 1, 180000, 180000, false},
    {"A", 180001, 2, 180000, 180001, false},
    {"A", 185000, 3, 180000, 185000, true},
    {"A", 183000, 4, 180000, 185000, false},
    {NULL, 184000, 0, 0, 0, false},
    {"B", NO_VALUE, 2, 180000, 185000, false},
    {"B", NO_TS, 3, 180000, 185000, true},
    {"D", 239999, 1, 180000, 239999, false},
    {"D", 239998, 2, 180000, 239999, false},
    {"D", 239997, 3, 180000, 239999, true},
    {"D", 240000, 1, 240000, 240000, false},
    {"D", 239999, 0, 0, 0, false},
    {"E", 300000, 1, 300000, 300000, false},
    {"E", 300010, 2, 300000, 300010, false},
    {"E", 299999, 0, 0, 0, false},
    {"E", 300005, 3, 300000, 300010, true},
    {"F", -5, 0, 0, 0, false},
    {"F", 300001, 1, 300000, 300001, false},
    {"F", 300002, 2, 300000, 300002, false},
    {"F", 300003, 3, 300000, 300003, true},
    {"F", 360000, 1, 360000, 360000, false},
    {"F", 420000, 1, 420000, 420000, false},
    {"F", 359999, 0, 0, 0, false},
};

static void counts_purchases_per_card_and_minute(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    run_rows(&f, vectors, sizeof vectors / sizeof vectors[0]);
    assert_int_equal(weir_test_driver_dropped_total(f.driver), 6);
    assert_int_equal(fraud_count_records(&f, "alerts-avro"), 7);
    fraud_close(&f);
}

static void writes_the_original_s_bytes(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    struct weir_error error;
    for (int i = 0; i < 3; i++) {
        assert_true(fraud_purchase(&f, "A", 1, 60000, 5, &error));
    }
    struct weir_test_record r;
    assert_true(weir_test_driver_read(f.driver, CHANGELOG, &r));
    static const unsigned char key[] = {0x41, 0, 0, 0, 0, 0, 0, 0xea, 0x60, 0, 0, 0, 0};
    static const unsigned char value[] = {0, 0, 0, 0, 0, 0, 0, 1};
    assert_int_equal(r.key.len, sizeof key);
    assert_memory_equal(r.key.data, key, sizeof key);
    assert_int_equal(r.value.len, sizeof value);
    assert_memory_equal(r.value.data, value, sizeof value);
    assert_int_equal(r.timestamp_ms, 60000);
    assert_true(weir_test_driver_read(f.driver, "alerts-avro", &r));
    static const unsigned char alert[] = "\x02\x26high_purchase_count\x02\x02\x41\x02\xc0\xa9\x07";
    assert_int_equal(r.value.len, 5 + sizeof alert - 1);
    assert_int_equal(((const unsigned char *)r.value.data)[0], 0);
    assert_memory_equal((const unsigned char *)r.value.data + 5, alert, sizeof alert - 1);
    fraud_close(&f);
}

static void counts_again_after_a_restart_in_between(void **state)
{
    (void)state;
    struct weir_test_driver_options options = {0};
    struct fraud f;
    fraud_open(&f, fraud_count_build, &options);
    struct weir_error error;
    run_rows(&f, vectors, 4);
    assert_true(weir_test_driver_restart(f.driver, WEIR_TEST_RESTART_CLEAN, &error));
    run_rows(&f, vectors + 4, sizeof vectors / sizeof vectors[0] - 4);
    fraud_close(&f);
}

static void a_fresh_partition_has_no_time_to_fall_back_on(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"A", NO_TS, 0, 0, 0, false},         {"A", 60000, 1, 60000, 60000, false},
        {"A", NO_TS, 2, 60000, 60000, false}, {"A", NO_VALUE, 3, 60000, 60000, true},
        {"A", 60001, 4, 60000, 60001, false},
    };
    struct fraud f;
    fraud_open(&f, fraud_count_build, NULL);
    run_rows(&f, rows, sizeof rows / sizeof rows[0]);
    assert_int_equal(weir_test_driver_dropped_total(f.driver), 1);
    fraud_close(&f);
}

static void is_described_as_the_original_describes_it(void **state)
{
    (void)state;
    struct weir_builder *b = weir_builder_create();
    struct weir_config *config = weir_config_create();
    assert_true(fraud_count_build(b, config));
    struct weir_topology *t = weir_builder_build(b, NULL);
    assert_non_null(t);
    char *text = weir_topology_describe(t);
    assert_string_equal(text, "Topologies:\n"
                              "   Sub-topology: 0\n"
                              "    Source: KSTREAM-SOURCE-0000000000 (topics: [purchases])\n"
                              "      --> KSTREAM-AGGREGATE-0000000002\n"
                              "    Processor: KSTREAM-AGGREGATE-0000000002 (stores: "
                              "[KSTREAM-AGGREGATE-STATE-STORE-0000000001])\n"
                              "      --> KTABLE-TOSTREAM-0000000003\n"
                              "      <-- KSTREAM-SOURCE-0000000000\n"
                              "    Processor: KTABLE-TOSTREAM-0000000003 (stores: [])\n"
                              "      --> KSTREAM-PEEK-0000000004\n"
                              "      <-- KSTREAM-AGGREGATE-0000000002\n"
                              "    Processor: KSTREAM-PEEK-0000000004 (stores: [])\n"
                              "      --> KSTREAM-FILTER-0000000005\n"
                              "      <-- KTABLE-TOSTREAM-0000000003\n"
                              "    Processor: KSTREAM-FILTER-0000000005 (stores: [])\n"
                              "      --> KSTREAM-MAP-0000000006\n"
                              "      <-- KSTREAM-PEEK-0000000004\n"
                              "    Processor: KSTREAM-MAP-0000000006 (stores: [])\n"
                              "      --> KSTREAM-MAPVALUES-0000000008, KSTREAM-SINK-0000000007\n"
                              "      <-- KSTREAM-FILTER-0000000005\n"
                              "    Processor: KSTREAM-MAPVALUES-0000000008 (stores: [])\n"
                              "      --> KSTREAM-SINK-0000000009\n"
                              "      <-- KSTREAM-MAP-0000000006\n"
                              "    Sink: KSTREAM-SINK-0000000007 (topic: alerts-avro)\n"
                              "      <-- KSTREAM-MAP-0000000006\n"
                              "    Sink: KSTREAM-SINK-0000000009 (topic: alerts-json)\n"
                              "      <-- KSTREAM-MAPVALUES-0000000008\n"
                              "\n");
    weir_free(text);
    weir_topology_destroy(t);
    weir_builder_destroy(b);
    weir_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_purchases_per_card_and_minute),
        cmocka_unit_test(writes_the_original_s_bytes),
        cmocka_unit_test(counts_again_after_a_restart_in_between),
        cmocka_unit_test(a_fresh_partition_has_no_time_to_fall_back_on),
        cmocka_unit_test(is_described_as_the_original_describes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
