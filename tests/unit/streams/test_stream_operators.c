/* Operators with String and Long serdes: the original's results as far as they exist, repartition
 * topics, caching, RocksDB stores. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams/include/weir/streams.h"
#include "tests/support/test.h"

static struct weir_consumed strings(void)
{
    return (struct weir_consumed){.key = weir_serde_string(), .value = weir_serde_string()};
}

static struct weir_test_driver *open_driver(struct weir_builder *b, const char *cache_bytes,
                                            const struct weir_test_driver_options *options)
{
    struct weir_error error = {""};
    struct weir_config *c = weir_config_create();
    assert_true(weir_config_set(c, "application.id", "app", &error));
    assert_true(weir_config_set(c, "statestore.cache.max.bytes", cache_bytes, &error));
    struct weir_topology *t = weir_builder_build(b, &error);
    if (t == NULL) {
        fail_msg("%s", error.text);
    }
    weir_builder_destroy(b);
    struct weir_test_driver *d = weir_test_driver_create(t, c, options, &error);
    if (d == NULL) {
        fail_msg("%s", error.text);
    }
    weir_config_destroy(c);
    return d;
}

static void send(struct weir_test_driver *d, const char *key, const char *value, int64_t ts)
{
    struct weir_error error;
    struct weir_test_record r = {
        "in", {key, key != NULL ? strlen(key) : 0}, {value, value != NULL ? strlen(value) : 0}, ts};
    if (!weir_test_driver_pipe(d, &r, &error)) {
        fail_msg("%s", error.text);
    }
}

/* "key=value@ts " of all unread records; windowed keys as "key[start]", 8-byte values as numbers
 * when numbers is set. */
static const char *drain(struct weir_test_driver *d, const char *topic, bool windowed, bool numbers)
{
    static char text[4096];
    size_t at = 0;
    struct weir_test_record r;
    text[0] = '\0';
    while (weir_test_driver_read(d, topic, &r)) {
        size_t key_len = r.key.len - (windowed ? 8 : 0);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.*s", at > 0 ? " " : "",
                               (int)key_len, (const char *)r.key.data);
        const unsigned char *p = (const unsigned char *)r.key.data + key_len;
        if (windowed) {
            at += (size_t)snprintf(text + at, sizeof text - at, "[%d]", p[6] << 8 | p[7]);
        }
        const unsigned char *v = r.value.data;
        if (v == NULL) {
            at += (size_t)snprintf(text + at, sizeof text - at, "=null");
        } else if (numbers) {
            at += (size_t)snprintf(text + at, sizeof text - at, "=%d", v[6] << 8 | v[7]);
        } else {
            at += (size_t)snprintf(text + at, sizeof text - at, "=%.*s", (int)r.value.len,
                                   (const char *)v);
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "@%" PRId64, r.timestamp_ms);
    }
    return text;
}

static const struct weir_value *concat(struct weir_context *ctx, const struct weir_value *a,
                                       const struct weir_value *v, void *user)
{
    (void)user;
    struct weir_text x = weir_as_text(ctx, a);
    struct weir_text y = weir_as_text(ctx, v);
    char both[100];
    (void)snprintf(both, sizeof both, "%.*s%.*s", (int)x.len, x.data, (int)y.len, y.data);
    return weir_make_string(ctx, both);
}

static void hopping_windows_reduce(void **state)
{
    (void)state;
    struct weir_consumed in = strings();
    struct weir_builder *b = weir_builder_create();
    struct weir_windowed *w = weir_grouped_windowed_by(
        weir_stream_group_by_key(weir_builder_stream(b, "in", &in), NULL), weir_hopping(10, 5, 5));
    weir_stream_to(weir_table_to_stream(weir_windowed_reduce(w, concat, NULL, NULL)), "out", NULL);
    struct weir_test_driver *d = open_driver(b, "0", NULL);
    static const struct {
        const char *value;
        int64_t ts;
        const char *out;
    } rows[] = {
        {"a", 3, "A[0]=a@3"},
        {"b", 5, "A[0]=ab@5 A[5]=b@5"},
        {"c", 12, "A[5]=bc@12 A[10]=c@12"},
        {"d", 4, "A[0]=abd@5"},
        {"e", 14, "A[5]=bce@14 A[10]=ce@14"},
        {"f", 9, "A[0]=abdf@9 A[5]=bcef@14"},
        {"g", 15, "A[10]=ceg@15 A[15]=g@15"},
        {"h", 9, "A[5]=bcefh@14"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        send(d, "A", rows[i].value, rows[i].ts);
        assert_string_equal(drain(d, "out", true, false), rows[i].out);
    }
    assert_int_equal(weir_test_driver_dropped_total(d), 1);
    weir_test_driver_destroy(d);
}

static struct weir_builder *counting(const struct weir_materialized *store)
{
    struct weir_consumed in = strings();
    struct weir_builder *b = weir_builder_create();
    struct weir_grouped *g = weir_stream_group_by_key(weir_builder_stream(b, "in", &in), NULL);
    weir_stream_to(weir_table_to_stream(weir_grouped_count(g, store)), "out", NULL);
    return b;
}

static void a_stream_is_counted(void **state)
{
    (void)state;
    struct weir_test_driver *d = open_driver(counting(NULL), "0", NULL);
    send(d, "A", "a", 5);
    send(d, "A", NULL, 6);
    send(d, "A", "b", 3);
    send(d, NULL, "c", 3);
    assert_string_equal(drain(d, "out", false, true), "A=1@5 A=2@5");
    assert_int_equal(weir_test_driver_dropped_total(d), 2);
    weir_test_driver_destroy(d);
}

static void the_cache_emits_the_last_of_many(void **state)
{
    (void)state;
    struct weir_test_driver_options options = {.manual_commit = true};
    struct weir_test_driver *d = open_driver(counting(NULL), "100000", &options);
    for (int i = 0; i < 5; i++) {
        send(d, "A", "x", i);
        send(d, "B", "x", i);
    }
    assert_string_equal(drain(d, "out", false, true), "");
    struct weir_error error;
    assert_true(weir_test_driver_commit(d, &error));
    assert_string_equal(drain(d, "out", false, true), "A=5@4 B=5@4");
    assert_string_equal(
        drain(d, "app-KSTREAM-AGGREGATE-STATE-STORE-0000000001-changelog", false, true),
        "A=5@4 B=5@4");
    weir_test_driver_destroy(d);
}

static void a_small_cache_lets_go_early_and_loses_nothing(void **state)
{
    (void)state;
    struct weir_test_driver_options options = {.manual_commit = true};
    struct weir_test_driver *d = open_driver(counting(NULL), "500", &options);
    static const char *const keys[] = {"A", "B", "C", "D", "E", "F"};
    for (int i = 0; i < 60; i++) {
        send(d, keys[i % 6], "x", i);
    }
    assert_true(strlen(drain(d, "out", false, true)) > 0);
    struct weir_bytes value = {NULL, 0};
    int64_t ts = 0;
    for (int i = 0; i < 6; i++) {
        struct weir_bytes key = {keys[i], 1};
        assert_true(weir_test_driver_store_get(d, "KSTREAM-AGGREGATE-STATE-STORE-0000000001", key,
                                               0, &value, &ts));
        assert_int_equal(((const unsigned char *)value.data)[7], 10);
    }
    weir_test_driver_destroy(d);
}

static void a_store_on_disk_survives_and_restores(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-streams-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct weir_test_driver_options options = {.state_dir = dir};
    struct weir_test_driver *d = open_driver(counting(NULL), "0", &options);
    struct weir_error error;
    static const enum weir_test_restart kinds[] = {
        WEIR_TEST_RESTART_CLEAN, WEIR_TEST_RESTART_STATE_LOST, WEIR_TEST_RESTART_KILL};
    send(d, "A", "a", 1);
    assert_string_equal(drain(d, "out", false, true), "A=1@1");
    for (int i = 0; i < 3; i++) {
        if (!weir_test_driver_restart(d, kinds[i], &error)) {
            fail_msg("%s", error.text);
        }
        send(d, "A", "a", 2);
        char expected[20];
        (void)snprintf(expected, sizeof expected, "A=%d@2", i + 2);
        assert_string_equal(drain(d, "out", false, true), expected);
    }
    weir_test_driver_destroy(d);
    char command[100];
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
}

static const struct weir_value *value_as_key(struct weir_context *ctx, const struct weir_value *key,
                                             const struct weir_value *value, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return value;
}

static void a_new_key_goes_through_a_repartition_topic(void **state)
{
    (void)state;
    struct weir_consumed in = strings();
    struct weir_builder *b = weir_builder_create();
    struct weir_grouping by = {.key = weir_serde_string(), .value = weir_serde_string()};
    struct weir_materialized named = {.name = "Counts"};
    struct weir_grouped *g =
        weir_stream_group_by(weir_builder_stream(b, "in", &in), value_as_key, NULL, &by);
    weir_stream_to(weir_table_to_stream(weir_grouped_count(g, &named)), "out", NULL);
    struct weir_error error = {""};
    struct weir_topology *t = weir_builder_build(b, &error);
    assert_non_null(t);
    char *text = weir_topology_describe(t);
    assert_string_equal(text, "Topologies:\n"
                              "   Sub-topology: 0\n"
                              "    Source: KSTREAM-SOURCE-0000000000 (topics: [in])\n"
                              "      --> KSTREAM-KEY-SELECT-0000000001\n"
                              "    Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])\n"
                              "      --> Counts-repartition-filter\n"
                              "      <-- KSTREAM-SOURCE-0000000000\n"
                              "    Processor: Counts-repartition-filter (stores: [])\n"
                              "      --> Counts-repartition-sink\n"
                              "      <-- KSTREAM-KEY-SELECT-0000000001\n"
                              "    Sink: Counts-repartition-sink (topic: Counts-repartition)\n"
                              "      <-- Counts-repartition-filter\n"
                              "\n"
                              "  Sub-topology: 1\n"
                              "    Source: Counts-repartition-source (topics: "
                              "[Counts-repartition])\n"
                              "      --> KSTREAM-AGGREGATE-0000000002\n"
                              "    Processor: KSTREAM-AGGREGATE-0000000002 (stores: [Counts])\n"
                              "      --> KTABLE-TOSTREAM-0000000006\n"
                              "      <-- Counts-repartition-source\n"
                              "    Processor: KTABLE-TOSTREAM-0000000006 (stores: [])\n"
                              "      --> KSTREAM-SINK-0000000007\n"
                              "      <-- KSTREAM-AGGREGATE-0000000002\n"
                              "    Sink: KSTREAM-SINK-0000000007 (topic: out)\n"
                              "      <-- KTABLE-TOSTREAM-0000000006\n"
                              "\n");
    weir_free(text);
    weir_builder_destroy(b);
    struct weir_config *c = weir_config_create();
    assert_true(weir_config_set(c, "application.id", "app", &error));
    assert_true(weir_config_set(c, "statestore.cache.max.bytes", "0", &error));
    struct weir_test_driver *d = weir_test_driver_create(t, c, NULL, &error);
    weir_config_destroy(c);
    assert_non_null(d);
    send(d, "A", "x", 1);
    send(d, "B", "x", 2);
    send(d, "B", NULL, 3);
    assert_string_equal(drain(d, "out", false, true), "x=1@1 x=2@2");
    assert_string_equal(drain(d, "app-Counts-repartition", false, false), "x=x@1 x=x@2");
    weir_test_driver_destroy(d);
}

static void a_failed_builder_says_what_was_wrong_first(void **state)
{
    (void)state;
    struct weir_error error;
    struct weir_builder *b = weir_builder_create();
    struct weir_stream *s = weir_builder_stream(b, "", NULL);
    assert_null(s);
    weir_stream_to(weir_stream_filter(s, NULL, NULL), "out", NULL);
    assert_null(weir_builder_build(b, &error));
    assert_non_null(strstr(error.text, "topic's name"));
    weir_builder_destroy(b);
}

static void settings_are_checked(void **state)
{
    (void)state;
    struct weir_error error;
    struct weir_config *c = weir_config_create();
    assert_false(weir_config_set(c, "commit.intervall.ms", "1", &error));
    assert_string_equal(error.text, "unknown setting commit.intervall.ms");
    assert_false(weir_config_set(c, "commit.interval.ms", "soon", &error));
    assert_false(weir_config_set(c, "consumer.group.id", "x", &error));
    assert_false(weir_config_set(c, "processing.guarantee", "exactly_once_v2", &error));
    assert_true(weir_config_set(c, "cache.max.bytes.buffering", "7", &error));
    assert_string_equal(weir_config_get(c, "statestore.cache.max.bytes"), "7");
    assert_true(weir_config_set(c, "default.key.serde",
                                "org.apache.kafka.common.serialization.Serdes$StringSerde",
                                &error));
    assert_true(weir_config_set(c, "producer.linger.ms", "1", &error));
    assert_string_equal(weir_config_get(c, "commit.interval.ms"), "30000");
    weir_config_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hopping_windows_reduce),
        cmocka_unit_test(a_stream_is_counted),
        cmocka_unit_test(the_cache_emits_the_last_of_many),
        cmocka_unit_test(a_small_cache_lets_go_early_and_loses_nothing),
        cmocka_unit_test(a_store_on_disk_survives_and_restores),
        cmocka_unit_test(a_new_key_goes_through_a_repartition_topic),
        cmocka_unit_test(a_failed_builder_says_what_was_wrong_first),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
