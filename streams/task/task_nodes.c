/*
 * What each kind of node does with a record, as Kafka Streams does it.
 * Depth of the calls is that of the topology, which has no circles: topics cut them.
 */
#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/reader.h"
#include "streams/task/task_internal.h"

/* NOLINTBEGIN(misc-no-recursion): see above */

void task_nodes_forward(struct task *t, const struct topology_node *n, const struct task_item *item)
{
    for (size_t i = 0; i < n->children.count && !t->ctx.failed; i++) {
        t->ctx.timestamp_ms = item->timestamp_ms;
        task_nodes_run(t, n->children.items[i], item);
    }
}

static void nodes_filter(struct task *t, const struct topology_node *n,
                         const struct task_item *item)
{
    bool passes = n->fn.predicate(&t->ctx, item->key, item->value, n->user);
    if (!t->ctx.failed && passes != n->negate) {
        task_nodes_forward(t, n, item);
    }
}

static void nodes_map(struct task *t, const struct topology_node *n, const struct task_item *item)
{
    struct task_item next = *item;
    if (n->kind == TOPOLOGY_MAP) {
        struct weir_pair pair = n->fn.map(&t->ctx, item->key, item->value, n->user);
        next.key = value_or_null(pair.key);
        next.value = value_or_null(pair.value);
    } else {
        const struct weir_value *mapped =
            value_or_null(n->fn.map_values(&t->ctx, item->key, item->value, n->user));
        *(n->kind == TOPOLOGY_SELECT_KEY ? &next.key : &next.value) = mapped;
    }
    if (!t->ctx.failed) {
        task_nodes_forward(t, n, &next);
    }
}

struct nodes_emitter {
    struct task *task;
    const struct topology_node *node;
    const struct task_item *item;
};

static void nodes_emit(void *emit_ctx, const struct weir_value *value)
{
    const struct nodes_emitter *emitter = emit_ctx;
    struct weir_context *ctx = &emitter->task->ctx;
    struct task_item next = *emitter->item;
    next.value = value_or_null(value);
    void (*emit)(void *, const struct weir_value *) = ctx->emit;
    void *outer = ctx->emit_ctx;
    ctx->emit = NULL; /* not the children's */
    task_nodes_forward(emitter->task, emitter->node, &next);
    ctx->emit = emit;
    ctx->emit_ctx = outer;
    ctx->timestamp_ms = emitter->item->timestamp_ms;
}

static void nodes_flat_map(struct task *t, const struct topology_node *n,
                           const struct task_item *item)
{
    struct nodes_emitter emitter = {t, n, item};
    t->ctx.emit = nodes_emit;
    t->ctx.emit_ctx = &emitter;
    n->fn.flat_map(&t->ctx, item->key, item->value, n->user);
    t->ctx.emit = NULL;
}

static bool nodes_ok(struct task *t, enum err_code code, const struct err *e)
{
    if (code != ERR_OK) {
        value_fail(&t->ctx, code, "%s", e->text);
        return false;
    }
    return true;
}

/* Key bytes of the node's store, without a window. */
static bool nodes_store_key(struct task *t, const struct topology_node *n,
                            const struct weir_value *key)
{
    struct task_node_state *state = &t->nodes[n->index];
    buf_clear(&state->key);
    struct serde_target target = {state->store->changelog, true};
    stream_serde_write(n->store->key, &t->ctx, key, target, &state->key);
    return !t->ctx.failed;
}

/* Puts timestamp and value into the node's value buffer. */
static bool nodes_store_value(struct task *t, const struct topology_node *n,
                              const struct weir_value *value, int64_t timestamp_ms)
{
    struct task_node_state *state = &t->nodes[n->index];
    buf_clear(&state->value);
    buf_append_be64(&state->value, (uint64_t)timestamp_ms);
    if (value != NULL) {
        struct serde_target target = {state->store->changelog, false};
        stream_serde_write(n->store->value, &t->ctx, value, target, &state->value);
    }
    return !t->ctx.failed;
}

/* Splits a stored value; the value is copied, for the store may move its own. */
static const struct weir_value *nodes_read_stored(struct task *t, const struct topology_node *n,
                                                  struct bytes stored, int64_t *out_timestamp_ms)
{
    if (bytes_is_null(stored)) {
        return NULL;
    }
    struct reader r;
    reader_init(&r, stored);
    *out_timestamp_ms = (int64_t)reader_be64(&r);
    if (reader_failed(&r)) {
        value_fail(&t->ctx, ERR_CORRUPT, "store %s holds a value of %zu bytes", n->store->name,
                   stored.len);
        return NULL;
    }
    size_t len = stored.len - 8;
    const uint8_t *copy = arena_dup(t->ctx.arena, stored.data + 8, len);
    if (copy == NULL) {
        value_fail(&t->ctx, ERR_LIMIT, "the record's values need too much memory");
        return NULL;
    }
    return value_or_null(stream_serde_read(n->store->value, &t->ctx, bytes_of(copy, len)));
}

static struct record_cache_origin nodes_origin(const struct task *t, int64_t timestamp_ms)
{
    return (struct record_cache_origin){timestamp_ms, t->ctx.offset, &t->ctx.headers};
}

/* Writes the node's key with this value; true when the node itself has to forward it. */
static bool nodes_put(struct task *t, const struct topology_node *n, const struct weir_value *value,
                      int64_t value_timestamp_ms, int64_t record_timestamp_ms)
{
    struct task_node_state *state = &t->nodes[n->index];
    struct bytes bytes = bytes_null();
    if (value != NULL) {
        if (!nodes_store_value(t, n, value, value_timestamp_ms)) {
            return false;
        }
        bytes = buf_bytes(&state->value);
    }
    struct record_cache_origin origin = nodes_origin(t, record_timestamp_ms);
    struct err e;
    enum err_code code = store_put(state->store, buf_bytes(&state->key), bytes, &origin, &e);
    return nodes_ok(t, code, &e) && state->store->cache == NULL;
}

static void nodes_table_source(struct task *t, const struct topology_node *n,
                               const struct task_item *item)
{
    if (item->key == NULL) {
        task_drop(t, n->name, "null key");
        return;
    }
    if (n->store == NULL) {
        task_nodes_forward(t, n, item);
        return;
    }
    if (nodes_store_key(t, n, item->key) &&
        nodes_put(t, n, item->value, item->timestamp_ms, item->timestamp_ms)) {
        task_nodes_forward(t, n, item);
    }
}

/* The next aggregate of the node's present key; *in_out_timestamp_ms: the record's, then the
 * aggregate's. */
static const struct weir_value *nodes_fold(struct task *t, const struct topology_node *n,
                                           const struct task_item *item,
                                           int64_t *in_out_timestamp_ms)
{
    struct task_node_state *state = &t->nodes[n->index];
    struct err e;
    struct bytes stored = bytes_null();
    if (!nodes_ok(t, store_get(state->store, buf_bytes(&state->key), &stored, &e), &e)) {
        return NULL;
    }
    int64_t stored_ms = INT64_MIN;
    const struct weir_value *old = nodes_read_stored(t, n, stored, &stored_ms);
    if (t->ctx.failed) {
        return NULL;
    }
    if (old != NULL && stored_ms > *in_out_timestamp_ms) {
        *in_out_timestamp_ms = stored_ms;
    }
    switch (n->fn.agg.fold) {
    case TOPOLOGY_COUNT:
        return weir_make_long(&t->ctx, (old != NULL ? weir_as_long(&t->ctx, old) : 0) + 1);
    case TOPOLOGY_REDUCE:
        return old == NULL ? item->value
                           : value_or_null(n->fn.agg.reduce(&t->ctx, old, item->value, n->user));
    case TOPOLOGY_FOLD:
        if (old == NULL) {
            old = value_or_null(n->fn.agg.init(&t->ctx, n->user));
        }
        return value_or_null(n->fn.agg.aggregate(&t->ctx, item->key, item->value, old, n->user));
    }
    CHECK(false);
    return NULL;
}

static void nodes_aggregate(struct task *t, const struct topology_node *n,
                            const struct task_item *item)
{
    if (item->key == NULL || item->value == NULL) {
        task_drop(t, n->name, item->key == NULL ? "null key" : "null value");
        return;
    }
    if (!nodes_store_key(t, n, item->key)) {
        return;
    }
    struct task_item next = *item;
    next.value = nodes_fold(t, n, item, &next.timestamp_ms);
    if (!t->ctx.failed && nodes_put(t, n, next.value, next.timestamp_ms, item->timestamp_ms)) {
        task_nodes_forward(t, n, &next);
    }
}

static void nodes_aggregate_window(struct task *t, const struct topology_node *n,
                                   const struct task_item *item, int64_t start_ms)
{
    struct task_node_state *state = &t->nodes[n->index];
    buf_append_be64(&state->key, (uint64_t)start_ms);
    buf_append_be32(&state->key, 0);
    struct task_item next = *item;
    next.value = nodes_fold(t, n, item, &next.timestamp_ms);
    if (t->ctx.failed || !nodes_put(t, n, next.value, next.timestamp_ms, item->timestamp_ms)) {
        return;
    }
    next.key = weir_make_windowed(&t->ctx, item->key, start_ms, start_ms + n->windows.size_ms);
    task_nodes_forward(t, n, &next);
    t->ctx.timestamp_ms = item->timestamp_ms;
}

static void nodes_window_aggregate(struct task *t, const struct topology_node *n,
                                   const struct task_item *item)
{
    struct task_node_state *state = &t->nodes[n->index];
    const struct weir_windows *w = &n->windows;
    if (item->key == NULL) {
        task_drop(t, n->name, "null key");
        return;
    }
    int64_t ts = item->timestamp_ms;
    state->operator_time_ms = ts > state->operator_time_ms ? ts : state->operator_time_ms;
    int64_t close_ms = state->operator_time_ms - w->grace_ms;
    if (ts > INT64_MAX - w->size_ms) {
        task_drop(t, n->name, "timestamp out of range");
        return;
    }
    if (!nodes_store_key(t, n, item->key)) {
        return;
    }
    size_t key_len = state->key.len;
    int64_t first = ts - w->size_ms + w->advance_ms;
    first = (first > 0 ? first : 0) / w->advance_ms * w->advance_ms;
    for (int64_t start = first; start <= ts && !t->ctx.failed; start += w->advance_ms) {
        if (start + w->size_ms <= close_ms) {
            task_drop(t, n->name, "window closed");
            continue;
        }
        buf_truncate(&state->key, key_len);
        nodes_aggregate_window(t, n, item, start);
    }
}

static void nodes_join_table(struct task *t, const struct topology_node *n,
                             const struct task_item *item)
{
    if (item->value == NULL || (item->key == NULL && !n->left)) {
        task_drop(t, n->name, item->value == NULL ? "null value" : "null key");
        return;
    }
    const struct weir_value *right = NULL;
    if (item->key != NULL) {
        struct task_node_state *state = &t->nodes[n->index];
        struct bytes stored = bytes_null();
        struct err e;
        if (!nodes_store_key(t, n, item->key) ||
            !nodes_ok(t, store_get(state->store, buf_bytes(&state->key), &stored, &e), &e)) {
            return;
        }
        int64_t ignored = 0;
        right = nodes_read_stored(t, n, stored, &ignored);
    }
    if (t->ctx.failed || (right == NULL && !n->left)) {
        return;
    }
    struct task_item next = *item;
    next.value = value_or_null(n->fn.joiner(&t->ctx, item->key, item->value, right, n->user));
    if (!t->ctx.failed) {
        task_nodes_forward(t, n, &next);
    }
}

static struct bytes nodes_write_side(struct task *t, const struct topology_node *n, bool is_key,
                                     const struct weir_value *v)
{
    struct buf *out = is_key ? &t->sink_key : &t->sink_value;
    buf_clear(out);
    if (v == NULL) {
        return bytes_null();
    }
    struct serde_target target = {t->nodes[n->index].topic, is_key};
    stream_serde_write(is_key ? n->key : n->value, &t->ctx, v, target, out);
    struct bytes written = buf_bytes(out);
    return bytes_is_null(written) ? bytes_of("", 0) : written;
}

static void nodes_sink(struct task *t, const struct topology_node *n, const struct task_item *item)
{
    struct collector_record r = {.topic = t->nodes[n->index].topic,
                                 .partition = -1,
                                 .timestamp_ms = item->timestamp_ms,
                                 .headers = &t->ctx.headers};
    r.key = nodes_write_side(t, n, true, item->key);
    r.value = nodes_write_side(t, n, false, item->value);
    if (t->ctx.failed) {
        return;
    }
    /* All windows of a key go to the key's partition. */
    bool windowed = item->key != NULL && stream_serde_is_windowed(n->key);
    r.partition_key = windowed ? bytes_of(r.key.data, r.key.len - 8) : r.key;
    struct err e;
    enum err_code code = t->config.collector->send(t->config.collector, &r, &e);
    (void)nodes_ok(t, code, &e);
}

void task_nodes_run(struct task *t, const struct topology_node *n, const struct task_item *item)
{
    switch (n->kind) {
    case TOPOLOGY_SOURCE:
    case TOPOLOGY_MERGE:
    case TOPOLOGY_TO_STREAM:
        task_nodes_forward(t, n, item);
        return;
    case TOPOLOGY_NULL_KEY_FILTER:
        if (item->key != NULL) {
            task_nodes_forward(t, n, item);
        }
        return;
    case TOPOLOGY_FILTER:
        nodes_filter(t, n, item);
        break;
    case TOPOLOGY_MAP:
    case TOPOLOGY_SELECT_KEY:
    case TOPOLOGY_MAP_VALUES:
        nodes_map(t, n, item);
        break;
    case TOPOLOGY_FLAT_MAP_VALUES:
        nodes_flat_map(t, n, item);
        break;
    case TOPOLOGY_PEEK:
        n->fn.action(&t->ctx, item->key, item->value, n->user);
        if (!t->ctx.failed) {
            task_nodes_forward(t, n, item);
        }
        break;
    case TOPOLOGY_TABLE_SOURCE:
        nodes_table_source(t, n, item);
        break;
    case TOPOLOGY_AGGREGATE:
        nodes_aggregate(t, n, item);
        break;
    case TOPOLOGY_WINDOW_AGGREGATE:
        nodes_window_aggregate(t, n, item);
        break;
    case TOPOLOGY_JOIN_TABLE:
        nodes_join_table(t, n, item);
        break;
    case TOPOLOGY_SINK:
        nodes_sink(t, n, item);
        break;
    }
    if (t->ctx.failed && strncmp(t->ctx.err.text, "processor ", 10) != 0) {
        (void)err_wrap(&t->ctx.err, "processor %s", n->name);
    }
}

static void nodes_send_let_go(struct task *t, const struct topology_node *n, struct bytes key,
                              struct bytes value, const struct record_cache_origin *origin)
{
    struct task_item item = {NULL, NULL, origin->timestamp_ms};
    size_t suffix = n->store->windowed ? STORE_WINDOW_SUFFIX : 0;
    CHECK(key.len >= suffix);
    item.key = stream_serde_read(n->store->key, &t->ctx, bytes_of(key.data, key.len - suffix));
    if (!bytes_is_null(value)) {
        item.value = nodes_read_stored(t, n, value, &item.timestamp_ms);
    }
    if (t->ctx.failed) {
        return;
    }
    if (n->store->windowed) {
        struct reader r;
        reader_init(&r, bytes_of(key.data + (key.len - suffix), 8));
        int64_t start = (int64_t)reader_be64(&r);
        item.key = weir_make_windowed(&t->ctx, item.key, start, start + n->store->window_size_ms);
    }
    task_nodes_forward(t, n, &item);
}

enum err_code task_nodes_let_go(void *ctx, struct bytes key, struct bytes value,
                                const struct record_cache_origin *origin, struct err *e)
{
    const struct task_node_forward *forward = ctx;
    struct task *t = forward->task;
    struct task_node_state *state = &t->nodes[forward->node->index];
    if (forward->node->children.count == 0) {
        return ERR_OK;
    }
    /* The entry has a context of its own; that of the record at hand comes back afterwards. */
    struct arena *outer_arena = t->ctx.arena;
    int64_t outer_offset = t->ctx.offset;
    int64_t outer_timestamp_ms = t->ctx.timestamp_ms;
    struct value_headers outer_headers = t->ctx.headers;
    void (*outer_emit)(void *, const struct weir_value *) = t->ctx.emit;
    void *outer_emit_ctx = t->ctx.emit_ctx;
    t->ctx.arena = &state->arena;
    t->ctx.offset = origin->offset;
    t->ctx.timestamp_ms = origin->timestamp_ms;
    t->ctx.headers = *origin->headers;
    t->ctx.emit = NULL;
    nodes_send_let_go(t, forward->node, key, value, origin);
    bool failed = t->ctx.failed;
    if (failed) {
        (void)err_set(e, t->ctx.err.code, "%s", t->ctx.err.text);
    }
    t->ctx.failed = false; /* reported to the caller, who fails the context again */
    t->ctx.arena = outer_arena;
    t->ctx.offset = outer_offset;
    t->ctx.timestamp_ms = outer_timestamp_ms;
    t->ctx.headers = outer_headers;
    t->ctx.emit = outer_emit;
    t->ctx.emit_ctx = outer_emit_ctx;
    arena_reset(&state->arena);
    return failed ? e->code : ERR_OK;
}

/* NOLINTEND(misc-no-recursion) */
