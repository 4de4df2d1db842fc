/* Prints the descriptions of the topologies that tests/interop/java/Topologies.java builds, in the
 * same order: the two must be equal to the byte. */
#include <stdio.h>

#include "streams/include/weir/streams.h"

static struct weir_builder *b;

static bool predicate(struct weir_context *ctx, const struct weir_value *key,
                      const struct weir_value *value, void *user)
{
    (void)ctx, (void)key, (void)value, (void)user;
    return true;
}

static struct weir_pair map(struct weir_context *ctx, const struct weir_value *key,
                            const struct weir_value *value, void *user)
{
    (void)ctx, (void)user;
    return (struct weir_pair){key, value};
}

static const struct weir_value *value_of(struct weir_context *ctx, const struct weir_value *key,
                                         const struct weir_value *value, void *user)
{
    (void)ctx, (void)key, (void)user;
    return value;
}

static void flat(struct weir_context *ctx, const struct weir_value *key,
                 const struct weir_value *value, void *user)
{
    (void)key, (void)user;
    weir_emit(ctx, value);
}

static void look(struct weir_context *ctx, const struct weir_value *key,
                 const struct weir_value *value, void *user)
{
    (void)ctx, (void)key, (void)value, (void)user;
}

static const struct weir_value *reduce(struct weir_context *ctx, const struct weir_value *aggregate,
                                       const struct weir_value *value, void *user)
{
    (void)ctx, (void)aggregate, (void)user;
    return value;
}

static const struct weir_value *init(struct weir_context *ctx, void *user)
{
    (void)user;
    return weir_make_string(ctx, "");
}

static const struct weir_value *fold(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *value,
                                     const struct weir_value *aggregate, void *user)
{
    (void)ctx, (void)key, (void)value, (void)user;
    return aggregate;
}

static const struct weir_value *join(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *left, const struct weir_value *right,
                                     void *user)
{
    (void)ctx, (void)key, (void)right, (void)user;
    return left;
}

static const struct weir_materialized unnamed = {0};

#define NAMED(text) (&(struct weir_materialized){.name = (text)})
#define GROUPED(text) (&(struct weir_grouping){.name = (text)})

static struct weir_stream *stream(const char *topic)
{
    return weir_builder_stream(b, topic, NULL);
}

static struct weir_table *table(const char *topic)
{
    return weir_builder_table(b, topic, NULL, NULL);
}

static struct weir_stream *by_value(struct weir_stream *s)
{
    return weir_stream_select_key(s, value_of, NULL);
}

static struct weir_stream *pass(struct weir_stream *s)
{
    return weir_stream_filter(s, predicate, NULL);
}

static struct weir_stream *values(struct weir_stream *s)
{
    return weir_stream_map_values(s, value_of, NULL);
}

static struct weir_stream *peek(struct weir_stream *s)
{
    return weir_stream_peek(s, look, NULL);
}

static void to(struct weir_stream *s, const char *topic)
{
    weir_stream_to(s, topic, NULL);
}

static void table_to(struct weir_table *t, const char *topic)
{
    to(weir_table_to_stream(t), topic);
}

static struct weir_grouped *by_key(struct weir_stream *s)
{
    return weir_stream_group_by_key(s, NULL);
}

static struct weir_grouped *group(struct weir_stream *s, const struct weir_grouping *options)
{
    return weir_stream_group_by(s, value_of, NULL, options);
}

static struct weir_windowed *minutes(struct weir_grouped *g)
{
    return weir_grouped_windowed_by(g, weir_tumbling(60000, 0));
}

static void stateless(void)
{
    struct weir_stream *s = weir_stream_filter_not(pass(stream("in")), predicate, NULL);
    s = values(weir_stream_map(s, map, NULL));
    to(peek(weir_stream_flat_map_values(s, flat, NULL)), "out");
}

static void fan_out(void)
{
    struct weir_stream *many = stream("in");
    to(many, "z");
    to(peek(many), "y");
    to(values(pass(many)), "x");
    to(values(many), "w");
    to(many, "v");
}

static void merge(void)
{
    struct weir_stream *source = stream("in");
    struct weir_stream *left = pass(source);
    struct weir_stream *right = peek(values(source));
    struct weir_stream *both = weir_stream_merge(left, right);
    to(weir_stream_merge(both, stream("other")), "out");
}

static void one_topic_twice(void)
{
    table_to(weir_grouped_count(by_key(stream("in")), NULL), "out");
    table_to(weir_grouped_count(by_key(stream("in")), NAMED("named")), "out2");
}

static void count_store_not_named(void)
{
    table_to(weir_grouped_count(by_key(stream("in")), &unnamed), "out");
}

static void aggregations(void)
{
    struct weir_table *t = weir_windowed_reduce(minutes(by_key(stream("in"))), reduce, NULL, NULL);
    to(weir_stream_map(weir_table_to_stream(t), map, NULL), "out");
    weir_grouped_reduce(by_key(stream("in2")), reduce, NULL, NAMED("last"));
    weir_table_to_stream(
        weir_windowed_aggregate(minutes(by_key(stream("in3"))), init, fold, NULL, NULL));
    weir_grouped_aggregate(by_key(stream("in4")), init, fold, NULL, &unnamed);
    weir_windowed_count(minutes(by_key(stream("in5"))), &unnamed);
    weir_windowed_count(minutes(by_key(stream("in6"))), NAMED("minutes"));
}

static void repartition(void)
{
    table_to(weir_grouped_count(by_key(by_value(stream("in"))), NULL), "out");
    struct weir_table *t = weir_windowed_count(minutes(group(stream("in2"), NULL)), NULL);
    to(by_value(weir_table_to_stream(t)), "out2");
    weir_grouped_reduce(group(stream("in3"), GROUPED("by-value")), reduce, NULL, NULL);
    weir_grouped_aggregate(weir_stream_group_by_key(by_value(stream("in4")), GROUPED("again")),
                           init, fold, NULL, NAMED("all"));
    weir_grouped_count(by_key(pass(weir_stream_map(stream("in5"), map, NULL))),
                       NAMED("last-store"));
}

static void two_of_a_group(const struct weir_grouping *options)
{
    struct weir_grouped *g = group(stream("in"), options);
    table_to(weir_grouped_count(g, NULL), "counts");
    table_to(weir_grouped_reduce(g, reduce, NULL, NULL), "last");
}

static void two_of_a_named_group(void)
{
    two_of_a_group(GROUPED("shared"));
}

static void two_of_an_unnamed_group(void)
{
    two_of_a_group(NULL);
}

static void left_join(void)
{
    struct weir_stream *s = stream("in");
    to(weir_stream_left_join_table(s, table("t"), join, NULL), "out");
}

static void joins(void)
{
    struct weir_table *t = weir_builder_table(b, "t", NULL, NAMED("table"));
    to(weir_stream_join_table(stream("a"), t, join, NULL), "out");
    to(weir_stream_left_join_table(by_value(stream("b")), t, join, NULL), "out");
}

static void two_joins_of_one_rekeyed_stream(void)
{
    struct weir_table *looked = table("t");
    struct weir_stream *rekeyed = by_value(stream("in"));
    to(weir_stream_join_table(rekeyed, looked, join, NULL), "out");
    to(weir_stream_left_join_table(rekeyed, table("u"), join, NULL), "out2");
}

static void a_join_and_a_count_of_one_rekeyed_stream(void)
{
    struct weir_stream *keyed = by_value(stream("in"));
    to(weir_stream_join_table(keyed, table("t"), join, NULL), "out");
    table_to(weir_grouped_count(by_key(keyed), NULL), "out2");
}

static void tables(void)
{
    table_to(table("t"), "out");
    weir_table_to_stream(weir_builder_table(b, "u", NULL, NAMED("u-store")));
}

static void chain(void)
{
    struct weir_stream *s = by_value(stream("in"));
    s = weir_stream_left_join_table(s, table("t"), join, NULL);
    table_to(weir_grouped_count(by_key(by_value(s)), NULL), "out");
}

static void names(void)
{
    static const char *const topics[] = {"b", "a"};
    struct weir_stream *s =
        weir_builder_stream_topics(b, topics, 2, &(struct weir_consumed){.name = "both"});
    weir_stream_to(pass(s), "out", &(struct weir_produced){.name = "end"});
    static const char *const more[] = {"purchases", "returns", "travel_flags", "alerts"};
    s = values(weir_builder_stream_topics(b, more, 4, NULL));
    struct weir_table *t =
        weir_builder_table(b, "t", &(struct weir_consumed){.name = "flags"}, NULL);
    to(weir_stream_left_join_table(s, t, join, NULL), "out2");
}

static void numbers(void)
{
    struct weir_stream *s = stream("in");
    struct weir_table *t = weir_grouped_count(group(stream("first"), NULL), NULL);
    to(weir_stream_merge(values(weir_table_to_stream(t)), s), "out");
}

static void wide(void)
{
    struct weir_stream *root = stream("in");
    for (int i = 0; i < 8; i++) {
        struct weir_stream *branch = root;
        char topic[16];
        for (int k = 0; k <= i * 7 % 5; k++) {
            branch = k % 2 == 0 ? values(branch) : peek(branch);
        }
        (void)snprintf(topic, sizeof topic, "out%d", i);
        to(branch, topic);
        if (i % 3 == 0) {
            (void)snprintf(topic, sizeof topic, "more%d", i);
            to(weir_stream_merge(branch, pass(root)), topic);
        }
    }
}

int main(void)
{
    static const struct {
        const char *name;
        void (*build)(void);
    } topologies[] = {
        {"stateless", stateless},
        {"fan-out", fan_out},
        {"merge", merge},
        {"one topic twice", one_topic_twice},
        {"count, store not named", count_store_not_named},
        {"aggregations", aggregations},
        {"repartition", repartition},
        {"two aggregations of a named group", two_of_a_named_group},
        {"two aggregations of a group", two_of_an_unnamed_group},
        {"left join", left_join},
        {"joins", joins},
        {"two joins of one rekeyed stream", two_joins_of_one_rekeyed_stream},
        {"a join and a count of one rekeyed stream", a_join_and_a_count_of_one_rekeyed_stream},
        {"tables", tables},
        {"a chain of repartitions", chain},
        {"names of sources and sinks", names},
        {"numbers of sub-topologies", numbers},
        {"a wide one", wide},
    };
    for (size_t i = 0; i < sizeof topologies / sizeof topologies[0]; i++) {
        struct weir_error error = {""};
        b = weir_builder_create();
        topologies[i].build();
        struct weir_topology *t = weir_builder_build(b, &error);
        char *text = t != NULL ? weir_topology_describe(t) : NULL;
        (void)printf("== %s\n%s", topologies[i].name, text != NULL ? text : error.text);
        weir_free(text);
        weir_topology_destroy(t);
        weir_builder_destroy(b);
    }
    return 0;
}
