/* Nodes and results of Kafka Streams for the same topology and records, on the example as it is
 * shipped. */
#include <inttypes.h>
#include <stdio.h>

#define weir_streams_app_build fraud_distance_build
#include "examples/fraud/distance.c"
#undef weir_streams_app_build

#include "tests/unit/streams/fraud_vectors.h"

enum what { PURCHASE, FLAG };

struct row {
    enum what what;
    const char *key;
    const char *card; /* in the payload */
    double distance;
    int enabled; /* -1: null value */
    int64_t ts;
    bool alert;
};

static bool pipe_flag(struct fraud *f, const struct row *row, struct weir_error *error)
{
    struct weir_context *ctx = weir_test_driver_context(f->driver);
    struct weir_value *v = NULL;
    if (row->enabled >= 0) {
        v = weir_make_record(ctx, f->flags);
        weir_set(ctx, v, "id", weir_make_int(ctx, 1));
        weir_set(ctx, v, "enabled", weir_make_bool(ctx, row->enabled == 1));
        weir_set(ctx, v, "credit_card", row->key != NULL ? weir_make_string(ctx, row->key) : NULL);
    }
    return fraud_pipe_value(f, "travel_flags", row->key, v, row->ts, error);
}

static bool pipe_purchase(struct fraud *f, const struct row *row, struct weir_error *error)
{
    struct weir_context *ctx = weir_test_driver_context(f->driver);
    struct weir_value *v = weir_make_record(ctx, f->purchase);
    weir_set(ctx, v, "id", weir_make_int(ctx, 1));
    weir_set(ctx, v, "credit_card", weir_make_string(ctx, row->card));
    weir_set(ctx, v, "distance_from_billing_zip", weir_make_double(ctx, row->distance));
    weir_set(ctx, v, "timestamp", weir_make_long(ctx, row->ts));
    return fraud_pipe_value(f, "purchases", row->key, v, row->ts, error);
}

static void alerts_unless_the_owner_travels(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {PURCHASE, "A", "A", 43, 0, 1000, false},
        {PURCHASE, "A", "A", 2500, 0, 2000, true},
        {FLAG, "A", NULL, 0, 1, 3000, false},
        {PURCHASE, "A", "A", 2500, 0, 4000, false},
        {FLAG, "A", NULL, 0, 0, 5000, false},
        {PURCHASE, "A", "A", 2500, 0, 6000, true},
        {FLAG, "A", NULL, 0, 1, 7000, false},
        {FLAG, "A", NULL, 0, -1, 8000, false},
        {PURCHASE, "A", "A", 2000, 0, 9000, true},
        {PURCHASE, "A", "A", 1999.99, 0, 9500, false},
        {FLAG, "B", NULL, 0, 1, 10000, false},
        {PURCHASE, "A", "A", 3000, 0, 11000, true},
        {PURCHASE, "B", "B", 3000, 0, 11001, false},
        {PURCHASE, "B", "B", 3000, 0, 500, false},
        {FLAG, "B", NULL, 0, 0, 400, false},
        {PURCHASE, "B", "B", 3000, 0, 12000, true},
        {PURCHASE, NULL, "Z", 3000, 0, 13000, true},
        {FLAG, NULL, NULL, 0, 1, 13000, false},
        {FLAG, "C", NULL, 0, 1, 20000, false},
        {PURCHASE, "C", "OTHER", 3000, 0, 15000, false},
    };
    struct fraud f;
    fraud_open(&f, fraud_distance_build, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        struct weir_error error;
        bool ok = row->what == FLAG ? pipe_flag(&f, row, &error) : pipe_purchase(&f, row, &error);
        if (!ok) {
            fail_msg("row %zu: %s", i, error.text);
        }
        if (row->alert) {
            char text[200];
            (void)snprintf(text, sizeof text,
                           "{\"type\": \"travel_distance\", \"credit_card\": \"%s\", "
                           "\"timestamp\": %" PRId64 "}",
                           row->card, row->ts);
            fraud_expect_text(&f, "alerts-json", row->key, text, row->ts);
        }
        assert_int_equal(fraud_count_records(&f, "alerts-json"), 0);
    }
    assert_int_equal(weir_test_driver_dropped_total(f.driver), 1);
    fraud_close(&f);
}

static void a_purchase_without_a_value_stops_the_topology(void **state)
{
    (void)state;
    struct fraud f;
    fraud_open(&f, fraud_distance_build, NULL);
    struct weir_error error;
    assert_false(fraud_pipe_value(&f, "purchases", "D", NULL, 16000, &error));
    assert_non_null(strstr(error.text, "distance_from_billing_zip"));
    assert_non_null(strstr(error.text, "KSTREAM-FILTER-0000000004"));
    assert_non_null(strstr(error.text, "purchases-0 offset 0"));
    fraud_close(&f);
}

static void its_nodes_are_named_as_in_the_original(void **state)
{
    (void)state;
    struct weir_builder *b = weir_builder_create();
    struct weir_config *config = weir_config_create();
    assert_true(fraud_distance_build(b, config));
    struct weir_topology *t = weir_builder_build(b, NULL);
    assert_non_null(t);
    char *text = weir_topology_describe(t);
    static const char *const lines[] = {
        "    Source: KSTREAM-SOURCE-0000000000 (topics: [purchases])\n"
        "      --> KSTREAM-FILTER-0000000004\n",
        "    Source: KSTREAM-SOURCE-0000000002 (topics: [travel_flags])\n"
        "      --> KTABLE-SOURCE-0000000003\n",
        "    Processor: KTABLE-SOURCE-0000000003 (stores: "
        "[travel_flags-STATE-STORE-0000000001])\n      --> none\n",
        "    Processor: KSTREAM-LEFTJOIN-0000000005 (stores: "
        "[travel_flags-STATE-STORE-0000000001])\n      --> KSTREAM-FLATMAPVALUES-0000000006\n",
        "    Processor: KSTREAM-FLATMAPVALUES-0000000006 (stores: [])\n"
        "      --> KSTREAM-MAPVALUES-0000000008, KSTREAM-SINK-0000000007\n",
        "    Sink: KSTREAM-SINK-0000000009 (topic: alerts-json)\n"
        "      <-- KSTREAM-MAPVALUES-0000000008\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("missing:\n%sin:\n%s", lines[i], text);
        }
    }
    assert_null(strstr(text, "Sub-topology: 1"));
    weir_free(text);
    weir_topology_destroy(t);
    weir_builder_destroy(b);
    weir_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_unless_the_owner_travels),
        cmocka_unit_test(a_purchase_without_a_value_stops_the_topology),
        cmocka_unit_test(its_nodes_are_named_as_in_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
