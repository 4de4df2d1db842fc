/* Grouping, windows and aggregations of the DSL. */
#include <string.h>

#include "streams/topology/builder.h"

struct weir_windows weir_tumbling(int64_t size_ms, int64_t grace_ms)
{
    return (struct weir_windows){size_ms, size_ms, grace_ms};
}

struct weir_windows weir_hopping(int64_t size_ms, int64_t advance_ms, int64_t grace_ms)
{
    return (struct weir_windows){size_ms, advance_ms, grace_ms};
}

struct weir_grouped *weir_stream_group_by_key(struct weir_stream *s,
                                              const struct weir_grouping *options)
{
    static const struct weir_grouping none = {0};
    if (s == NULL || !builder_usable(s->builder)) {
        return NULL;
    }
    options = options != NULL ? options : &none;
    struct weir_grouped *g = builder_alloc(s->builder, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->stream = s;
    g->key = options->key != NULL ? options->key : s->key;
    g->value = options->value != NULL ? options->value : s->value;
    g->name = options->name != NULL ? builder_strdup(s->builder, options->name) : NULL;
    return g;
}

struct weir_grouped *weir_stream_group_by(struct weir_stream *s, weir_value_mapper_fn key,
                                          void *user, const struct weir_grouping *options)
{
    struct weir_stream *keyed = weir_stream_select_key(s, key, user);
    if (keyed != NULL && options != NULL && options->name != NULL &&
        !builder_rename_node(keyed->builder, keyed->node, options->name)) {
        return NULL;
    }
    return weir_stream_group_by_key(keyed, options);
}

struct weir_windowed *weir_grouped_windowed_by(struct weir_grouped *g, struct weir_windows windows)
{
    if (g == NULL || !builder_usable(g->stream->builder)) {
        return NULL;
    }
    struct weir_builder *b = g->stream->builder;
    int64_t sum = 0;
    if (windows.size_ms <= 0 || windows.advance_ms <= 0 || windows.advance_ms > windows.size_ms ||
        windows.grace_ms < 0 || __builtin_add_overflow(windows.size_ms, windows.grace_ms, &sum)) {
        builder_fail(b, ERR_INVALID,
                     "windows need size > 0, 0 < advance <= size and grace >= 0, in ms");
        return NULL;
    }
    struct weir_windowed *w = builder_alloc(b, sizeof *w);
    if (w != NULL) {
        w->grouped = g;
        w->windows = windows;
    }
    return w;
}

/* What the six aggregations differ in. */
struct builder_fold {
    enum topology_fold fold;
    weir_initializer_fn init;
    weir_aggregator_fn aggregate;
    weir_reducer_fn reduce;
    void *user;
    const struct weir_windows *windows; /* NULL: not windowed */
};

static struct topology_store *builder_fold_store(struct weir_grouped *g,
                                                 const struct builder_fold *f,
                                                 const struct weir_materialized *m,
                                                 const char *name)
{
    struct weir_builder *b = g->stream->builder;
    if (name != NULL && topology_find_store(b->topology, name) != NULL) {
        builder_fail(b, ERR_EXISTS, "two stores are named %s", name);
        return NULL;
    }
    struct topology_store *s = topology_add_store(b->topology, name);
    if (s == NULL) {
        builder_fail(b, ERR_NOMEM, "out of memory");
        return NULL;
    }
    s->caching = !m->caching_off;
    s->logging = !m->logging_off;
    s->in_memory = m->in_memory;
    s->key = m->key != NULL ? m->key : g->key;
    s->value = m->value;
    if (s->value == NULL && f->fold == TOPOLOGY_COUNT) {
        s->value = weir_serde_long();
    } else if (s->value == NULL && f->fold == TOPOLOGY_REDUCE) {
        s->value = g->value;
    }
    if (f->windows != NULL) {
        int64_t least = f->windows->size_ms + f->windows->grace_ms;
        s->windowed = true;
        s->window_size_ms = f->windows->size_ms;
        s->retention_ms = m->retention_ms > 0 ? m->retention_ms : least;
        if (s->retention_ms < least) {
            builder_fail(b, ERR_INVALID, "store %s: retention must be at least size plus grace",
                         name);
        }
    }
    return s;
}

static struct weir_table *builder_fold_table(struct weir_builder *b, struct topology_node *node,
                                             struct topology_store *store)
{
    struct weir_table *t = builder_alloc(b, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->builder = b;
    t->node = node;
    t->store = store;
    t->value = store->value;
    t->key = store->key;
    if (store->windowed && store->key != NULL) {
        t->key = stream_serde_windowed(&b->topology->arena, store->key, store->window_size_ms);
    }
    return b->failed ? NULL : t;
}

static struct weir_table *builder_fold(struct weir_grouped *g, const struct builder_fold *f,
                                       const struct weir_materialized *materialized)
{
    static const struct weir_materialized none = {0};
    if (g == NULL || !builder_usable(g->stream->builder)) {
        return NULL;
    }
    struct weir_builder *b = g->stream->builder;
    const struct weir_materialized *m = materialized != NULL ? materialized : &none;
    bool reduce = f->fold == TOPOLOGY_REDUCE;
    if (f->fold == TOPOLOGY_COUNT && materialized != NULL && m->name == NULL) {
        b->counter++; /* the original burns one here, and keeps doing so for its users' names */
    }
    const char *store_name = m->name != NULL
                                 ? builder_strdup(b, m->name)
                                 : builder_next_name(b, reduce ? "KSTREAM-REDUCE-STATE-STORE-"
                                                               : "KSTREAM-AGGREGATE-STATE-STORE-");
    const char *node_name = builder_next_name(b, reduce ? "KSTREAM-REDUCE-" : "KSTREAM-AGGREGATE-");
    if (b->failed) {
        return NULL;
    }
    struct weir_stream *from = g->stream;
    if (from->rekeyed) {
        from = builder_repartition(from, g->name != NULL ? g->name : store_name, g->key, g->value,
                                   g->repartitioned);
        g->repartitioned = g->name != NULL ? from : NULL;
    }
    if (from == NULL) {
        return NULL;
    }
    struct topology_store *store = builder_fold_store(g, f, m, store_name);
    struct topology_node *n =
        builder_add_node(b, f->windows != NULL ? TOPOLOGY_WINDOW_AGGREGATE : TOPOLOGY_AGGREGATE,
                         node_name, from->node);
    if (store == NULL || n == NULL) {
        return NULL;
    }
    n->fn.agg.fold = f->fold;
    n->fn.agg.init = f->init;
    n->fn.agg.aggregate = f->aggregate;
    n->fn.agg.reduce = f->reduce;
    n->user = f->user;
    n->store = store;
    store->owner = n;
    if (f->windows != NULL) {
        n->windows = *f->windows;
    }
    return builder_fold_table(b, n, store);
}

struct weir_table *weir_grouped_count(struct weir_grouped *g, const struct weir_materialized *store)
{
    struct builder_fold f = {.fold = TOPOLOGY_COUNT};
    return builder_fold(g, &f, store);
}

struct weir_table *weir_grouped_reduce(struct weir_grouped *g, weir_reducer_fn fn, void *user,
                                       const struct weir_materialized *store)
{
    struct builder_fold f = {.fold = TOPOLOGY_REDUCE, .reduce = fn, .user = user};
    return builder_fold(g, &f, store);
}

struct weir_table *weir_grouped_aggregate(struct weir_grouped *g, weir_initializer_fn init,
                                          weir_aggregator_fn fn, void *user,
                                          const struct weir_materialized *store)
{
    struct builder_fold f = {.fold = TOPOLOGY_FOLD, .init = init, .aggregate = fn, .user = user};
    return builder_fold(g, &f, store);
}

struct weir_table *weir_windowed_count(struct weir_windowed *w,
                                       const struct weir_materialized *store)
{
    if (w == NULL) {
        return NULL;
    }
    struct builder_fold f = {.fold = TOPOLOGY_COUNT, .windows = &w->windows};
    return builder_fold(w->grouped, &f, store);
}

struct weir_table *weir_windowed_reduce(struct weir_windowed *w, weir_reducer_fn fn, void *user,
                                        const struct weir_materialized *store)
{
    if (w == NULL) {
        return NULL;
    }
    struct builder_fold f = {
        .fold = TOPOLOGY_REDUCE, .reduce = fn, .user = user, .windows = &w->windows};
    return builder_fold(w->grouped, &f, store);
}

struct weir_table *weir_windowed_aggregate(struct weir_windowed *w, weir_initializer_fn init,
                                           weir_aggregator_fn fn, void *user,
                                           const struct weir_materialized *store)
{
    if (w == NULL) {
        return NULL;
    }
    struct builder_fold f = {
        .fold = TOPOLOGY_FOLD, .init = init, .aggregate = fn, .user = user, .windows = &w->windows};
    return builder_fold(w->grouped, &f, store);
}

const struct weir_serde *weir_serde_custom(struct weir_builder *b,
                                           const struct weir_serde_functions *functions)
{
    if (!builder_usable(b)) {
        return NULL;
    }
    if (functions->read == NULL || functions->write == NULL) {
        builder_fail(b, ERR_INVALID, "a serde needs both read and write");
        return NULL;
    }
    const struct weir_serde *s = stream_serde_custom(&b->topology->arena, functions);
    if (s == NULL) {
        builder_fail(b, ERR_NOMEM, "out of memory");
    }
    return s;
}
