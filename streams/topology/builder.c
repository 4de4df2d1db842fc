/* Sources, stateless operators, joins and sinks; aggregations are in builder_aggregate.c. */
#include "streams/topology/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

#define BUILDER_NAME_MAX 249 /* of a Kafka topic */

bool builder_usable(const struct weir_builder *b)
{
    return b != NULL && !b->failed && b->topology != NULL;
}

void builder_fail(struct weir_builder *b, enum err_code code, const char *fmt, ...)
{
    if (b->failed) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* a cut text is still the best there is */
    va_end(args);
    b->failed = true;
    (void)err_set(&b->err, code, "%s", text);
}

void weir_builder_fail(struct weir_builder *b, const char *text)
{
    builder_fail(b, ERR_INVALID, "%s", text);
}

struct weir_builder *weir_builder_create(void)
{
    struct weir_builder *b = mem_calloc(1, sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    b->topology = topology_create();
    if (b->topology == NULL) {
        mem_free(b);
        return NULL;
    }
    return b;
}

void weir_builder_destroy(struct weir_builder *b)
{
    if (b != NULL) {
        weir_topology_destroy(b->topology);
        mem_free(b);
    }
}

void *builder_alloc(struct weir_builder *b, size_t size)
{
    void *p = arena_alloc(&b->topology->arena, size);
    if (p == NULL) {
        builder_fail(b, ERR_NOMEM, "the topology is too large, or memory is short");
    }
    return p;
}

char *builder_strdup(struct weir_builder *b, const char *text)
{
    char *copy = arena_strdup(&b->topology->arena, text);
    if (copy == NULL) {
        builder_fail(b, ERR_NOMEM, "the topology is too large, or memory is short");
    }
    return copy;
}

const char *builder_next_name(struct weir_builder *b, const char *prefix)
{
    char name[BUILDER_NAME_MAX + 64];
    (void)snprintf(name, sizeof name, "%s%010u", prefix, b->counter++);
    return builder_strdup(b, name);
}

static bool builder_check_name(struct weir_builder *b, const char *name)
{
    for (const struct topology_node *n = b->topology->first; n != NULL && name != NULL;
         n = n->next) {
        if (strcmp(n->name, name) == 0) {
            builder_fail(b, ERR_EXISTS, "two nodes are named %s", name);
            return false;
        }
    }
    return true;
}

bool builder_rename_node(struct weir_builder *b, struct topology_node *node, const char *name)
{
    char *copy = builder_check_name(b, name) ? builder_strdup(b, name) : NULL;
    node->name = copy != NULL ? copy : node->name;
    return copy != NULL;
}

struct topology_node *builder_add_node(struct weir_builder *b, enum topology_kind kind,
                                       const char *name, struct topology_node *parent)
{
    if (b->failed || !builder_check_name(b, name)) {
        return NULL;
    }
    struct topology_node *n = topology_add_node(b->topology, kind, name);
    if (n == NULL || (parent != NULL && !topology_connect(b->topology, parent, n))) {
        builder_fail(b, ERR_LIMIT, "the topology is too large, or memory is short");
        return NULL;
    }
    return n;
}

struct weir_stream *builder_stream_of(struct weir_builder *b, struct topology_node *node)
{
    struct weir_stream *s = node != NULL ? builder_alloc(b, sizeof *s) : NULL;
    if (s != NULL) {
        s->builder = b;
        s->node = node;
    }
    return s;
}

bool builder_check_topic(struct weir_builder *b, const char *topic)
{
    if (topic == NULL || topic[0] == '\0' || strlen(topic) > BUILDER_NAME_MAX) {
        builder_fail(b, ERR_INVALID, "a topic's name has 1 to %d characters", BUILDER_NAME_MAX);
        return false;
    }
    return true;
}

/* A source of the topics, or the one that reads exactly these already. */
static struct topology_node *builder_add_source(struct weir_builder *b, const char *name,
                                                const char *const *topics, size_t count,
                                                const struct weir_consumed *options)
{
    struct topology_node *same = NULL;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (!builder_check_topic(b, topics[i])) {
            return NULL;
        }
        struct topology_node *reader = topology_source_of(b->topology, topics[i]);
        known += reader != NULL ? 1 : 0;
        same = reader != NULL ? reader : same;
    }
    if (known > 0) {
        if (known != count || same->topic_count != count) {
            builder_fail(b, ERR_CONFLICT, "topic %s is read by another source with other topics",
                         same->topics[0]);
            return NULL;
        }
        return same;
    }
    struct topology_node *n = builder_add_node(b, TOPOLOGY_SOURCE, name, NULL);
    const char **copies =
        n != NULL ? (const char **)builder_alloc(b, count * sizeof *copies) : NULL;
    if (copies == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = builder_strdup(b, topics[i]);
    }
    n->topics = copies;
    n->topic_count = count;
    n->key = options->key;
    n->value = options->value;
    n->timestamps = options->timestamps;
    n->timestamp = options->timestamp;
    n->user = options->timestamp_user;
    return b->failed ? NULL : n;
}

/* Of a node: a number is burned either way, so that a name given later changes no other. */
static const char *builder_name_or_next(struct weir_builder *b, const char *given,
                                        const char *prefix)
{
    const char *next = builder_next_name(b, prefix);
    return given != NULL ? builder_strdup(b, given) : next;
}

struct weir_stream *weir_builder_stream_topics(struct weir_builder *b, const char *const *topics,
                                               size_t count, const struct weir_consumed *options)
{
    static const struct weir_consumed none = {0};
    if (!builder_usable(b)) {
        return NULL;
    }
    if (count == 0) {
        builder_fail(b, ERR_INVALID, "a stream needs at least one topic");
        return NULL;
    }
    options = options != NULL ? options : &none;
    const char *name = builder_name_or_next(b, options->name, "KSTREAM-SOURCE-");
    struct weir_stream *s =
        builder_stream_of(b, builder_add_source(b, name, topics, count, options));
    if (s != NULL) {
        s->key = options->key;
        s->value = options->value;
    }
    return s;
}

struct weir_stream *weir_builder_stream(struct weir_builder *b, const char *topic,
                                        const struct weir_consumed *options)
{
    return weir_builder_stream_topics(b, &topic, 1, options);
}

static struct topology_store *builder_table_store(struct weir_builder *b, const char *topic,
                                                  const struct weir_consumed *options,
                                                  const struct weir_materialized *m)
{
    char prefix[BUILDER_NAME_MAX + 32];
    (void)snprintf(prefix, sizeof prefix, "%s-STATE-STORE-", topic);
    struct topology_store *s = builder_alloc(b, sizeof *s);
    if (s != NULL) {
        s->name = m->name != NULL ? builder_strdup(b, m->name) : builder_next_name(b, prefix);
        s->caching = !m->caching_off;
        s->logging = !m->logging_off;
        s->in_memory = m->in_memory;
        s->key = m->key != NULL ? m->key : options->key;
        s->value = m->value != NULL ? m->value : options->value;
    }
    return s;
}

/* A store's place in the topology is decided late: a table that nobody looks up has none. */
static void builder_materialize(struct weir_table *t)
{
    struct weir_builder *b = t->builder;
    if (t->node->store != NULL || t->store == NULL) {
        return;
    }
    struct topology_store *s = topology_add_store(b->topology, t->store->name);
    if (s == NULL) {
        builder_fail(b, ERR_NOMEM, "out of memory");
        return;
    }
    struct topology_store added = *s;
    *s = *t->store;
    s->index = added.index;
    s->sub = added.sub;
    s->next = NULL;
    s->owner = t->node;
    t->node->store = s;
    t->store = s;
}

struct weir_table *weir_builder_table(struct weir_builder *b, const char *topic,
                                      const struct weir_consumed *options,
                                      const struct weir_materialized *store)
{
    static const struct weir_consumed no_options = {0};
    static const struct weir_materialized no_store = {0};
    if (!builder_usable(b) || !builder_check_topic(b, topic)) {
        return NULL;
    }
    options = options != NULL ? options : &no_options;
    store = store != NULL ? store : &no_store;
    struct weir_table *t = builder_alloc(b, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->builder = b;
    t->store = builder_table_store(b, topic, options, store);
    char given[BUILDER_NAME_MAX + 32];
    (void)snprintf(given, sizeof given, "%s-source", options->name != NULL ? options->name : "");
    const char *source_name =
        builder_name_or_next(b, options->name != NULL ? given : NULL, "KSTREAM-SOURCE-");
    const char *table_name = builder_name_or_next(b, options->name, "KTABLE-SOURCE-");
    struct topology_node *source = builder_add_source(b, source_name, &topic, 1, options);
    if (source == NULL || t->store == NULL) {
        return NULL;
    }
    t->node = builder_add_node(b, TOPOLOGY_TABLE_SOURCE, table_name, source);
    t->key = options->key;
    t->value = options->value;
    if (t->node != NULL && store->name != NULL) {
        builder_materialize(t);
    }
    return b->failed ? NULL : t;
}

/* A stateless operator behind s: the prefix names it, the serdes that survive are kept. */
static struct weir_stream *builder_derive(struct weir_stream *s, enum topology_kind kind,
                                          const char *prefix, void *user)
{
    if (s == NULL || !builder_usable(s->builder)) {
        return NULL;
    }
    struct weir_builder *b = s->builder;
    struct weir_stream *out =
        builder_stream_of(b, builder_add_node(b, kind, builder_next_name(b, prefix), s->node));
    if (out != NULL) {
        out->key = s->key;
        out->value = s->value;
        out->rekeyed = s->rekeyed;
        out->node->user = user;
    }
    return out;
}

struct weir_stream *weir_stream_filter(struct weir_stream *s, weir_predicate_fn fn, void *user)
{
    struct weir_stream *out = builder_derive(s, TOPOLOGY_FILTER, "KSTREAM-FILTER-", user);
    if (out != NULL) {
        out->node->fn.predicate = fn;
    }
    return out;
}

struct weir_stream *weir_stream_filter_not(struct weir_stream *s, weir_predicate_fn fn, void *user)
{
    struct weir_stream *out = weir_stream_filter(s, fn, user);
    if (out != NULL) {
        out->node->negate = true;
    }
    return out;
}

struct weir_stream *weir_stream_map(struct weir_stream *s, weir_mapper_fn fn, void *user)
{
    struct weir_stream *out = builder_derive(s, TOPOLOGY_MAP, "KSTREAM-MAP-", user);
    if (out != NULL) {
        out->node->fn.map = fn;
        out->key = NULL;
        out->value = NULL;
        out->rekeyed = true;
    }
    return out;
}

struct weir_stream *weir_stream_select_key(struct weir_stream *s, weir_value_mapper_fn fn,
                                           void *user)
{
    struct weir_stream *out = builder_derive(s, TOPOLOGY_SELECT_KEY, "KSTREAM-KEY-SELECT-", user);
    if (out != NULL) {
        out->node->fn.map_values = fn;
        out->key = NULL;
        out->rekeyed = true;
    }
    return out;
}

struct weir_stream *weir_stream_map_values(struct weir_stream *s, weir_value_mapper_fn fn,
                                           void *user)
{
    struct weir_stream *out = builder_derive(s, TOPOLOGY_MAP_VALUES, "KSTREAM-MAPVALUES-", user);
    if (out != NULL) {
        out->node->fn.map_values = fn;
        out->value = NULL;
    }
    return out;
}

struct weir_stream *weir_stream_flat_map_values(struct weir_stream *s, weir_flat_mapper_fn fn,
                                                void *user)
{
    struct weir_stream *out =
        builder_derive(s, TOPOLOGY_FLAT_MAP_VALUES, "KSTREAM-FLATMAPVALUES-", user);
    if (out != NULL) {
        out->node->fn.flat_map = fn;
        out->value = NULL;
    }
    return out;
}

struct weir_stream *weir_stream_peek(struct weir_stream *s, weir_action_fn fn, void *user)
{
    struct weir_stream *out = builder_derive(s, TOPOLOGY_PEEK, "KSTREAM-PEEK-", user);
    if (out != NULL) {
        out->node->fn.action = fn;
    }
    return out;
}

struct weir_stream *weir_stream_merge(struct weir_stream *s, struct weir_stream *other)
{
    if (other == NULL) {
        return NULL;
    }
    struct weir_stream *out = builder_derive(s, TOPOLOGY_MERGE, "KSTREAM-MERGE-", NULL);
    if (out == NULL) {
        return NULL;
    }
    if (other->builder != s->builder) {
        builder_fail(s->builder, ERR_INVALID, "streams of two builders cannot be merged");
        return NULL;
    }
    if (!topology_connect(s->builder->topology, other->node, out->node)) {
        builder_fail(s->builder, ERR_NOMEM, "out of memory");
        return NULL;
    }
    out->key = NULL;
    out->value = NULL;
    out->rekeyed = s->rekeyed || other->rekeyed;
    return out;
}

static struct topology_node *builder_add_sink(struct weir_builder *b, struct topology_node *parent,
                                              const char *name, const char *topic)
{
    struct topology_node *n = builder_add_node(b, TOPOLOGY_SINK, name, parent);
    const char **topics = n != NULL ? (const char **)builder_alloc(b, sizeof *topics) : NULL;
    if (topics == NULL) {
        return NULL;
    }
    topics[0] = builder_strdup(b, topic);
    n->topics = topics;
    n->topic_count = 1;
    return n;
}

void weir_stream_to(struct weir_stream *s, const char *topic, const struct weir_produced *options)
{
    static const struct weir_produced none = {0};
    if (s == NULL || !builder_usable(s->builder) || !builder_check_topic(s->builder, topic)) {
        return;
    }
    struct weir_builder *b = s->builder;
    options = options != NULL ? options : &none;
    const char *name = builder_name_or_next(b, options->name, "KSTREAM-SINK-");
    struct topology_node *sink = builder_add_sink(b, s->node, name, topic);
    if (sink != NULL) {
        sink->key = options->key != NULL ? options->key : s->key;
        sink->value = options->value != NULL ? options->value : s->value;
    }
}

/* "KSTREAM.*-[0-9]{10}": a base that was generated gives generated node names. */
static bool builder_is_generated(const char *name)
{
    size_t len = strlen(name);
    return strncmp(name, "KSTREAM", 7) == 0 && len >= 18 && name[len - 11] == '-' &&
           strspn(name + len - 10, "0123456789") == 10;
}

struct weir_stream *builder_repartition(struct weir_stream *s, const char *base_name,
                                        const struct weir_serde *key,
                                        const struct weir_serde *value, struct weir_stream *made)
{
    struct weir_builder *b = s->builder;
    char topic[2 * BUILDER_NAME_MAX];
    (void)snprintf(topic, sizeof topic, "%s-repartition", base_name);
    const char *sink_name = builder_next_name(b, "KSTREAM-SINK-");
    const char *filter_name = builder_next_name(b, "KSTREAM-FILTER-");
    const char *source_name = builder_next_name(b, "KSTREAM-SOURCE-");
    if (made != NULL) {
        return made;
    }
    if (!builder_is_generated(base_name)) {
        char name[2 * BUILDER_NAME_MAX + 16];
        (void)snprintf(name, sizeof name, "%s-sink", topic);
        sink_name = builder_strdup(b, name);
        (void)snprintf(name, sizeof name, "%s-filter", topic);
        filter_name = builder_strdup(b, name);
        (void)snprintf(name, sizeof name, "%s-source", topic);
        source_name = builder_strdup(b, name);
    }
    if (!builder_check_topic(b, topic)) {
        return NULL;
    }
    struct topology_node *filter =
        builder_add_node(b, TOPOLOGY_NULL_KEY_FILTER, filter_name, s->node);
    struct topology_node *sink =
        filter != NULL ? builder_add_sink(b, filter, sink_name, topic) : NULL;
    if (sink == NULL) {
        return NULL;
    }
    sink->repartition = true;
    sink->key = key;
    sink->value = value;
    const char *topics[] = {topic};
    struct weir_consumed consumed = {
        .key = key, .value = value, .timestamps = WEIR_TIMESTAMPS_FAIL};
    struct weir_stream *out =
        builder_stream_of(b, builder_add_source(b, source_name, topics, 1, &consumed));
    if (out != NULL) {
        out->node->repartition = true;
        out->key = key;
        out->value = value;
    }
    return out;
}

static struct weir_stream *builder_join(struct weir_stream *s, struct weir_table *table,
                                        weir_joiner_fn fn, void *user, bool left)
{
    if (s == NULL || table == NULL || !builder_usable(s->builder)) {
        return NULL;
    }
    struct weir_builder *b = s->builder;
    if (table->builder != b) {
        builder_fail(b, ERR_INVALID, "a stream and a table of two builders cannot be joined");
        return NULL;
    }
    if (table->store != NULL && table->store->windowed) {
        builder_fail(b, ERR_UNSUPPORTED, "a join with a windowed table needs windowed stream keys");
        return NULL;
    }
    if (s->rekeyed) {
        s->repartitioned =
            builder_repartition(s, s->node->name, s->key, s->value, s->repartitioned);
        s = s->repartitioned;
    }
    builder_materialize(table);
    struct weir_stream *out =
        builder_derive(s, TOPOLOGY_JOIN_TABLE, left ? "KSTREAM-LEFTJOIN-" : "KSTREAM-JOIN-", user);
    if (out != NULL) {
        out->node->fn.joiner = fn;
        out->node->left = left;
        out->node->store = table->store;
        out->value = NULL;
    }
    return out;
}

struct weir_stream *weir_stream_join_table(struct weir_stream *s, struct weir_table *table,
                                           weir_joiner_fn fn, void *user)
{
    return builder_join(s, table, fn, user, false);
}

struct weir_stream *weir_stream_left_join_table(struct weir_stream *s, struct weir_table *table,
                                                weir_joiner_fn fn, void *user)
{
    return builder_join(s, table, fn, user, true);
}

struct weir_stream *weir_table_to_stream(struct weir_table *t)
{
    if (t == NULL || !builder_usable(t->builder)) {
        return NULL;
    }
    struct weir_builder *b = t->builder;
    struct weir_stream *out =
        builder_stream_of(b, builder_add_node(b, TOPOLOGY_TO_STREAM,
                                              builder_next_name(b, "KTABLE-TOSTREAM-"), t->node));
    if (out != NULL) {
        out->key = t->key;
        out->value = t->value;
    }
    return out;
}

struct weir_topology *weir_builder_build(struct weir_builder *b, struct weir_error *error)
{
    if (!b->failed && b->topology == NULL) {
        builder_fail(b, ERR_STATE, "the topology has been built already");
    }
    if (!b->failed && b->topology->first == NULL) {
        builder_fail(b, ERR_INVALID, "the topology has no source");
    }
    if (b->failed) {
        if (error != NULL) {
            (void)snprintf(error->text, sizeof error->text, "%s", b->err.text);
        }
        return NULL;
    }
    struct weir_topology *t = b->topology;
    b->topology = NULL;
    topology_number_subs(t);
    return t;
}
