/* Names and order of nodes where they are not obvious, as Kafka Streams prints them. The interop
 * tests compare many more topologies with Kafka Streams itself. */
#include <string.h>

#include "streams/include/weir/streams.h"
#include "tests/support/test.h"

static const struct weir_value *value_of(struct weir_context *ctx, const struct weir_value *key,
                                         const struct weir_value *value, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return value;
}

static bool any(struct weir_context *ctx, const struct weir_value *key,
                const struct weir_value *value, void *user)
{
    (void)ctx;
    (void)key;
    (void)value;
    (void)user;
    return true;
}

static void look(struct weir_context *ctx, const struct weir_value *key,
                 const struct weir_value *value, void *user)
{
    (void)ctx;
    (void)key;
    (void)value;
    (void)user;
}

static const struct weir_value *joiner(struct weir_context *ctx, const struct weir_value *key,
                                       const struct weir_value *left,
                                       const struct weir_value *right, void *user)
{
    (void)ctx;
    (void)key;
    (void)right;
    (void)user;
    return left;
}

static const struct weir_value *last(struct weir_context *ctx, const struct weir_value *aggregate,
                                     const struct weir_value *value, void *user)
{
    (void)ctx;
    (void)aggregate;
    (void)user;
    return value;
}

/* Builds, and frees the builder. */
static void expect_lines(struct weir_builder *b, const char *const *lines, size_t count)
{
    struct weir_error error = {""};
    struct weir_topology *t = weir_builder_build(b, &error);
    if (t == NULL) {
        fail_msg("%s", error.text);
    }
    char *text = weir_topology_describe(t);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("missing:\n%s\nin:\n%s", lines[i], text);
        }
    }
    weir_free(text);
    weir_topology_destroy(t);
    weir_builder_destroy(b);
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        n++;
    }
    return n;
}

static void children_stand_in_the_order_of_a_java_hash_table(void **state)
{
    (void)state;
    struct weir_builder *b = weir_builder_create();
    struct weir_stream *s = weir_builder_stream(b, "in", NULL);
    weir_stream_to(s, "z", NULL);
    weir_stream_to(weir_stream_peek(s, look, NULL), "y", NULL);
    struct weir_stream *filtered = weir_stream_filter(s, any, NULL);
    weir_stream_to(weir_stream_map_values(filtered, value_of, NULL), "x", NULL);
    weir_stream_to(weir_stream_map_values(s, value_of, NULL), "w", NULL);
    weir_stream_to(s, "v", NULL);
    static const char *const lines[] = {
        "      --> KSTREAM-FILTER-0000000004, KSTREAM-PEEK-0000000002, "
        "KSTREAM-MAPVALUES-0000000007, KSTREAM-SINK-0000000001, KSTREAM-SINK-0000000009\n"};
    expect_lines(b, lines, 1);
}

static void names_that_are_given_burn_numbers(void **state)
{
    (void)state;
    static const char *const topics[] = {"b", "a"};
    struct weir_builder *b = weir_builder_create();
    struct weir_stream *s =
        weir_builder_stream_topics(b, topics, 2, &(struct weir_consumed){.name = "both"});
    weir_stream_to(weir_stream_peek(s, look, NULL), "out", &(struct weir_produced){.name = "end"});
    struct weir_table *t =
        weir_builder_table(b, "t", &(struct weir_consumed){.name = "flags"}, NULL);
    weir_stream_to(weir_table_to_stream(t), "out2", NULL);
    static const char *const lines[] = {
        "Source: both (topics: [a, b])\n      --> KSTREAM-PEEK-0000000001\n", "Sink: end (",
        "Source: flags-source (topics: [t])\n      --> flags\n", "Sink: KSTREAM-SINK-0000000007 ("};
    expect_lines(b, lines, sizeof lines / sizeof lines[0]);
}

static void aggregations_of_a_named_group_share_its_repartition_topic(void **state)
{
    (void)state;
    struct weir_builder *b = weir_builder_create();
    struct weir_grouped *g = weir_stream_group_by(weir_builder_stream(b, "in", NULL), value_of,
                                                  NULL, &(struct weir_grouping){.name = "shared"});
    weir_grouped_count(g, NULL);
    weir_grouped_reduce(g, last, NULL, NULL);
    static const char *const lines[] = {
        "    Processor: shared (stores: [])\n      --> shared-repartition-filter\n",
        "    Source: shared-repartition-source (topics: [shared-repartition])\n"
        "      --> KSTREAM-AGGREGATE-0000000003, KSTREAM-REDUCE-0000000008\n"};
    expect_lines(b, lines, 2);
}

static void joins_of_a_rekeyed_stream_share_its_repartition_topic(void **state)
{
    (void)state;
    struct weir_builder *b = weir_builder_create();
    struct weir_stream *s =
        weir_stream_select_key(weir_builder_stream(b, "in", NULL), value_of, NULL);
    struct weir_stream *first =
        weir_stream_join_table(s, weir_builder_table(b, "t", NULL, NULL), joiner, NULL);
    struct weir_stream *second =
        weir_stream_left_join_table(s, weir_builder_table(b, "u", NULL, NULL), joiner, NULL);
    weir_stream_to(first, "out", NULL);
    weir_stream_to(second, "out2", NULL);
    struct weir_topology *t = weir_builder_build(b, NULL);
    assert_non_null(t);
    char *text = weir_topology_describe(t);
    assert_int_equal(count_of(text, "Sink: KSTREAM-SINK-"), 3);
    assert_int_equal(count_of(text, "(topic: KSTREAM-KEY-SELECT-0000000001-repartition)"), 1);
    weir_free(text);
    weir_topology_destroy(t);
    weir_builder_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_stand_in_the_order_of_a_java_hash_table),
        cmocka_unit_test(names_that_are_given_burn_numbers),
        cmocka_unit_test(aggregations_of_a_named_group_share_its_repartition_topic),
        cmocka_unit_test(joins_of_a_rekeyed_stream_share_its_repartition_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
