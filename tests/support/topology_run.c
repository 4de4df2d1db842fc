/* Runs topologies on records with the test driver: the same as tests/interop/java/Semantics.java
 * does with Kafka Streams' own, which describes input and output. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams/include/weir/streams.h"

#define LINE_MAX 1024
#define TOPICS_MAX 4
#define TEXT_MAX 12

static struct weir_builder *b;
static struct weir_windows windows;

static void fail(const char *text)
{
    (void)fprintf(stderr, "topology_run: %s\n", text);
    exit(1);
}

static const struct weir_value *concat(struct weir_context *ctx, const struct weir_value *a,
                                       const struct weir_value *v)
{
    if (weir_text_equals(v, "d")) {
        return NULL;
    }
    struct weir_text x = weir_as_text(ctx, a);
    struct weir_text y = {"-", 1};
    if (v != NULL) {
        y = weir_as_text(ctx, v);
    }
    char both[LINE_MAX];
    int len = snprintf(both, sizeof both, "%.*s%.*s", (int)x.len, x.data, (int)y.len, y.data);
    return weir_make_string(ctx, len > TEXT_MAX ? both + TEXT_MAX / 2 : both);
}

static const struct weir_value *reduce(struct weir_context *ctx, const struct weir_value *a,
                                       const struct weir_value *v, void *user)
{
    (void)user;
    return concat(ctx, a, v);
}

static const struct weir_value *init(struct weir_context *ctx, void *user)
{
    (void)user;
    return weir_make_string(ctx, "");
}

static const struct weir_value *fold(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *v, const struct weir_value *a,
                                     void *user)
{
    (void)key, (void)user;
    return concat(ctx, a, v);
}

static const struct weir_value *join(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *l, const struct weir_value *r,
                                     void *user)
{
    (void)key, (void)user;
    struct weir_text x = weir_as_text(ctx, l);
    struct weir_text y = {"null", 4};
    if (r != NULL) {
        y = weir_as_text(ctx, r);
    }
    char both[LINE_MAX];
    (void)snprintf(both, sizeof both, "%.*s/%.*s", (int)x.len, x.data, (int)y.len, y.data);
    return weir_make_string(ctx, both);
}

static const struct weir_value *value_of(struct weir_context *ctx, const struct weir_value *key,
                                         const struct weir_value *v, void *user)
{
    (void)ctx, (void)key, (void)user;
    return v;
}

static struct weir_pair swap(struct weir_context *ctx, const struct weir_value *key,
                             const struct weir_value *v, void *user)
{
    (void)ctx, (void)user;
    return (struct weir_pair){v, key};
}

static bool not_c(struct weir_context *ctx, const struct weir_value *key,
                  const struct weir_value *v, void *user)
{
    (void)ctx, (void)v, (void)user;
    return !weir_text_equals(key, "c");
}

static bool is_e(struct weir_context *ctx, const struct weir_value *key, const struct weir_value *v,
                 void *user)
{
    (void)ctx, (void)key, (void)user;
    return weir_text_equals(v, "e");
}

static void letters(struct weir_context *ctx, const struct weir_value *key,
                    const struct weir_value *v, void *user)
{
    (void)key, (void)user;
    if (v == NULL) {
        weir_emit(ctx, weir_make_string(ctx, "n"));
        return;
    }
    struct weir_text text = weir_as_text(ctx, v);
    for (size_t i = 0; i < text.len; i++) {
        weir_emit(ctx, weir_make_text(ctx, (struct weir_text){text.data + i, 1}));
    }
}

static int64_t by_value(struct weir_context *ctx, const struct weir_value *key,
                        const struct weir_value *v, int64_t partition_time_ms, void *user)
{
    (void)key, (void)user;
    if (v == NULL || weir_text_equals(v, "p")) {
        return partition_time_ms;
    }
    char text[LINE_MAX];
    struct weir_text t = weir_as_text(ctx, v);
    (void)snprintf(text, sizeof text, "%.*s", (int)t.len, t.data);
    return strtoll(text, NULL, 10);
}

static struct weir_stream *in(void)
{
    return weir_builder_stream(b, "in", NULL);
}

/* Windowed keys get their serde from the group's, not from the settings. */
static struct weir_grouped *by_key(struct weir_stream *s)
{
    return weir_stream_group_by_key(
        s, &(struct weir_grouping){.key = weir_serde_string(), .value = weir_serde_string()});
}

static struct weir_windowed *in_windows(struct weir_stream *s)
{
    return weir_grouped_windowed_by(by_key(s), windows);
}

static void out(struct weir_stream *s)
{
    weir_stream_to(s, "out", NULL);
}

static void table_out(struct weir_table *t)
{
    out(weir_table_to_stream(t));
}

static void windowed_count(void)
{
    table_out(weir_windowed_count(in_windows(in()), NULL));
}

static void windowed_reduce(void)
{
    table_out(weir_windowed_reduce(in_windows(in()), reduce, NULL, NULL));
}

static void windowed_aggregate(void)
{
    table_out(weir_windowed_aggregate(in_windows(in()), init, fold, NULL, NULL));
}

static void count(void)
{
    table_out(weir_grouped_count(by_key(in()), NULL));
}

static void reduced(void)
{
    table_out(weir_grouped_reduce(by_key(in()), reduce, NULL, NULL));
}

static void aggregate(void)
{
    table_out(weir_grouped_aggregate(by_key(in()), init, fold, NULL, NULL));
}

static void inner_join(void)
{
    struct weir_stream *s = in();
    out(weir_stream_join_table(s, weir_builder_table(b, "t", NULL, NULL), join, NULL));
}

static void left_join(void)
{
    struct weir_stream *s = in();
    out(weir_stream_left_join_table(s, weir_builder_table(b, "t", NULL, NULL), join, NULL));
}

static void table(void)
{
    table_out(weir_builder_table(b, "t", NULL, &(struct weir_materialized){.name = "kept"}));
    out(in());
}

static void rekey(void)
{
    table_out(weir_grouped_count(by_key(weir_stream_select_key(in(), value_of, NULL)), NULL));
}

static void rekey_window(void)
{
    table_out(weir_windowed_count(in_windows(weir_stream_map(in(), swap, NULL)), NULL));
}

static void stateless(void)
{
    struct weir_stream *s =
        weir_stream_filter_not(weir_stream_filter(in(), not_c, NULL), is_e, NULL);
    s = weir_stream_map(weir_stream_flat_map_values(s, letters, NULL), swap, NULL);
    out(weir_stream_merge(s, weir_builder_stream(b, "t", NULL)));
}

static void extractor(void)
{
    struct weir_consumed options = {.timestamp = by_value};
    table_out(weir_windowed_count(in_windows(weir_builder_stream(b, "in", &options)), NULL));
}

static void build(const char *name)
{
    static const struct {
        const char *name;
        void (*build)(void);
    } topologies[] = {
        {"windowed-count", windowed_count},
        {"windowed-reduce", windowed_reduce},
        {"windowed-aggregate", windowed_aggregate},
        {"count", count},
        {"reduce", reduced},
        {"aggregate", aggregate},
        {"join", inner_join},
        {"left-join", left_join},
        {"table", table},
        {"rekey", rekey},
        {"rekey-window", rekey_window},
        {"stateless", stateless},
        {"extractor", extractor},
    };
    for (size_t i = 0; i < sizeof topologies / sizeof topologies[0]; i++) {
        if (strcmp(topologies[i].name, name) == 0) {
            topologies[i].build();
            return;
        }
    }
    fail(name);
}

static struct weir_test_driver *open_driver(void)
{
    static const char *const settings[][2] = {{"application.id", "app"},
                                              {"statestore.cache.max.bytes", "0"},
                                              {"default.key.serde", "string"},
                                              {"default.value.serde", "string"}};
    struct weir_error error = {""};
    struct weir_config *c = weir_config_create();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (!weir_config_set(c, settings[i][0], settings[i][1], &error)) {
            fail(error.text);
        }
    }
    struct weir_topology *t = weir_builder_build(b, &error);
    struct weir_test_driver *d = t != NULL ? weir_test_driver_create(t, c, NULL, &error) : NULL;
    if (d == NULL) {
        fail(error.text);
    }
    weir_config_destroy(c);
    return d;
}

static struct weir_bytes bytes_of_text(const char *text)
{
    return strcmp(text, "~") == 0 ? (struct weir_bytes){NULL, 0}
                                  : (struct weir_bytes){text, strlen(text)};
}

static void print_hex(struct weir_bytes bytes)
{
    const unsigned char *data = bytes.data;
    (void)printf(data == NULL ? " ~" : " ");
    for (size_t i = 0; data != NULL && i < bytes.len; i++) {
        (void)printf("%02x", data[i]);
    }
}

static void pipe_line(struct weir_test_driver *d, char *line, char *const *topics,
                      size_t topic_count)
{
    char *words[5];
    size_t n = 0;
    (void)printf("%s\n", line);
    for (char *at = line; n < 5 && at != NULL; n++) {
        words[n] = strsep(&at, " ");
    }
    if (n != 5) {
        fail("record TOPIC KEY VALUE TIMESTAMP");
    }
    struct weir_error error;
    struct weir_test_record r = {.topic = words[1],
                                 .key = bytes_of_text(words[2]),
                                 .value = bytes_of_text(words[3]),
                                 .timestamp_ms = strtoll(words[4], NULL, 10)};
    if (!weir_test_driver_pipe(d, &r, &error)) {
        fail(error.text);
    }
    for (size_t i = 0; i < topic_count; i++) {
        while (weir_test_driver_read(d, topics[i], &r)) {
            (void)printf("  %s", topics[i]);
            print_hex(r.key);
            print_hex(r.value);
            (void)printf(" %" PRId64 "\n", r.timestamp_ms);
        }
    }
}

static bool read_line(char line[LINE_MAX])
{
    if (fgets(line, LINE_MAX, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void run(char *head)
{
    char *words[5 + TOPICS_MAX];
    size_t n = 0;
    (void)printf("%s\n", head);
    for (char *at = head; n < 5 + TOPICS_MAX && at != NULL; n++) {
        words[n] = strsep(&at, " ");
    }
    if (n < 5) {
        fail("topology NAME SIZE ADVANCE GRACE TOPIC...");
    }
    windows = weir_hopping(strtoll(words[2], NULL, 10), strtoll(words[3], NULL, 10),
                           strtoll(words[4], NULL, 10));
    b = weir_builder_create();
    build(words[1]);
    struct weir_test_driver *d = open_driver();
    char line[LINE_MAX];
    while (read_line(line) && strcmp(line, "end") != 0) {
        pipe_line(d, line, words + 5, n - 5);
    }
    (void)printf("dropped %" PRId64 "\n", weir_test_driver_dropped_total(d));
    weir_test_driver_destroy(d);
    weir_builder_destroy(b);
}

int main(void)
{
    char line[LINE_MAX];
    while (read_line(line)) {
        run(line);
    }
    return 0;
}
