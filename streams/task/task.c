#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "streams/task/task_internal.h"

#define TASK_RING_FIRST ((size_t)64)
/* The caller pauses long before; this only bounds a mistake. */
#define TASK_RING_MAX ((size_t)1 << 22)
/* Of dropped records, this many are logged one by one, then one in a thousand. */
#define TASK_DROPS_LOGGED 10

char *task_internal_topic(const char *application_id, const char *name, const char *suffix)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_printf(&b, "%s-%s%s", application_id, name, suffix != NULL ? suffix : "");
    char *text = buf_take_text(&b);
    buf_deinit(&b);
    return text;
}

void task_drop(struct task *t, const char *where, const char *why)
{
    atomic_fetch_add_explicit(&t->config.counters->dropped, 1, memory_order_relaxed);
    t->dropped_logged++;
    if (t->dropped_logged <= TASK_DROPS_LOGGED || t->dropped_logged % 1000 == 0) {
        logger_warn(t->config.logger, "record.dropped",
                    "node=%s why=\"%s\" topic=%s partition=%" PRId32 " offset=%" PRId64
                    " dropped_by_task=%" PRId64,
                    where, why, t->ctx.topic, t->ctx.partition, t->ctx.offset, t->dropped_logged);
    }
}

static enum err_code task_open_store(struct task *t, const struct topology_store *def,
                                     struct task_node_forward *forward, struct err *e)
{
    struct store_config c = {.def = def,
                             .budget = def->caching ? t->config.budget : NULL,
                             .collector = t->config.collector,
                             .partition = t->config.partition,
                             .forward = task_nodes_let_go,
                             .forward_ctx = forward};
    *forward = (struct task_node_forward){t, def->owner};
    if (t->config.open_kv(t->config.open_ctx, def, &c.kv, e) != ERR_OK) {
        return err_wrap(e, "open store %s", def->name);
    }
    char *changelog = task_internal_topic(t->config.application_id, def->name, "-changelog");
    if (changelog == NULL) {
        kv_close(c.kv);
        return err_nomem(e, "open store");
    }
    c.changelog = changelog;
    enum err_code code = store_create(&c, &t->stores[t->store_count], e);
    mem_free(changelog);
    if (code == ERR_OK) {
        t->store_count++;
    }
    return code;
}

static enum err_code task_open_stores(struct task *t, struct err *e)
{
    size_t count = t->config.topology->store_count;
    t->stores = (struct store **)mem_calloc(count + 1, sizeof(struct store *));
    t->forwards = mem_calloc(count + 1, sizeof *t->forwards);
    if (t->stores == NULL || t->forwards == NULL) {
        return err_nomem(e, "open task");
    }
    for (const struct topology_store *s = t->config.topology->stores; s != NULL; s = s->next) {
        if (s->sub != t->config.sub) {
            continue;
        }
        enum err_code code = task_open_store(t, s, &t->forwards[t->store_count], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code task_open_nodes(struct task *t, struct err *e)
{
    t->nodes = mem_calloc(t->config.topology->node_count + 1, sizeof *t->nodes);
    if (t->nodes == NULL) {
        return err_nomem(e, "open task");
    }
    for (const struct topology_node *n = t->config.topology->first; n != NULL; n = n->next) {
        struct task_node_state *state = &t->nodes[n->index];
        state->operator_time_ms = -1;
        buf_init(&state->key, STORE_VALUE_BYTES_MAX);
        buf_init(&state->value, STORE_VALUE_BYTES_MAX);
        arena_init(&state->arena, TASK_RECORD_BYTES_MAX);
        for (size_t i = 0; n->sub == t->config.sub && i < t->store_count; i++) {
            if (t->stores[i]->def == n->store) {
                state->store = t->stores[i];
            }
        }
        if (n->kind == TOPOLOGY_SINK && n->sub == t->config.sub) {
            state->topic = n->repartition
                               ? task_internal_topic(t->config.application_id, n->topics[0], NULL)
                               : mem_strdup(n->topics[0]);
            if (state->topic == NULL) {
                return err_nomem(e, "open task");
            }
        }
    }
    return ERR_OK;
}

static enum err_code task_open_input(struct task *t, const struct topology_node *source,
                                     const char *topic, struct err *e)
{
    struct task_input *in = &t->inputs[t->input_count];
    in->source = source;
    in->topic = source->repartition ? task_internal_topic(t->config.application_id, topic, NULL)
                                    : mem_strdup(topic);
    in->partition_time_ms = -1;
    in->position = -1;
    in->lag = -1;
    in->idle_since_ms = -1;
    arena_init(&in->arena, TASK_RECORD_BYTES_MAX);
    t->input_count++;
    return in->topic != NULL ? ERR_OK : err_nomem(e, "open task");
}

static enum err_code task_open_inputs(struct task *t, struct err *e)
{
    size_t count = 0;
    for (const struct topology_node *n = t->config.topology->first; n != NULL; n = n->next) {
        count += n->kind == TOPOLOGY_SOURCE && n->sub == t->config.sub ? n->topic_count : 0;
    }
    t->inputs = mem_calloc(count + 1, sizeof *t->inputs);
    if (t->inputs == NULL) {
        return err_nomem(e, "open task");
    }
    for (const struct topology_node *n = t->config.topology->first; n != NULL; n = n->next) {
        if (n->kind != TOPOLOGY_SOURCE || n->sub != t->config.sub) {
            continue;
        }
        for (size_t i = 0; i < n->topic_count; i++) {
            enum err_code code = task_open_input(t, n, n->topics[i], e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return ERR_OK;
}

enum err_code task_create(const struct task_config *config, struct task **out_task, struct err *e)
{
    struct task *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "open task");
    }
    t->config = *config;
    arena_init(&t->scratch, TASK_RECORD_BYTES_MAX);
    buf_init(&t->sink_key, STORE_VALUE_BYTES_MAX);
    buf_init(&t->sink_value, STORE_VALUE_BYTES_MAX);
    t->ctx.arena = &t->scratch;
    t->ctx.schemas = config->schemas;
    t->ctx.partition = config->partition;
    t->ctx.offset = -1;
    t->ctx.topic = "";
    enum err_code code = task_open_stores(t, e);
    if (code == ERR_OK) {
        code = task_open_nodes(t, e);
    }
    if (code == ERR_OK) {
        code = task_open_inputs(t, e);
    }
    if (code != ERR_OK) {
        task_destroy(t);
        return err_wrap(e, "task %d_%" PRId32, config->sub, config->partition);
    }
    *out_task = t;
    return ERR_OK;
}

static void task_release_record(struct task *t, struct task_record *r)
{
    mem_free(r->headers.items);
    if (t->config.release != NULL) {
        t->config.release(r->owner);
    }
}

void task_destroy(struct task *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->input_count; i++) {
        struct task_input *in = &t->inputs[i];
        for (size_t k = 0; k < in->count; k++) {
            task_release_record(t, &in->ring[(in->first + k) & (in->capacity - 1)]);
        }
        mem_free(in->ring);
        mem_free(in->topic);
        arena_deinit(&in->arena);
    }
    for (size_t i = 0; i < t->store_count; i++) {
        store_destroy(t->stores[i]);
    }
    for (size_t i = 0; t->nodes != NULL && i < t->config.topology->node_count; i++) {
        buf_deinit(&t->nodes[i].key);
        buf_deinit(&t->nodes[i].value);
        mem_free(t->nodes[i].topic);
        arena_deinit(&t->nodes[i].arena);
    }
    mem_free(t->inputs);
    mem_free(t->nodes);
    mem_free((void *)t->stores);
    mem_free(t->forwards);
    buf_deinit(&t->sink_key);
    buf_deinit(&t->sink_value);
    arena_deinit(&t->scratch);
    mem_free(t);
}

int task_sub(const struct task *t)
{
    return t->config.sub;
}

int32_t task_partition(const struct task *t)
{
    return t->config.partition;
}

size_t task_input_count(const struct task *t)
{
    return t->input_count;
}

const char *task_input_topic(const struct task *t, size_t input)
{
    CHECK(input < t->input_count);
    return t->inputs[input].topic;
}

bool task_input_is_internal(const struct task *t, size_t input)
{
    CHECK(input < t->input_count);
    return t->inputs[input].source->repartition;
}

size_t task_input_queued(const struct task *t, size_t input)
{
    CHECK(input < t->input_count);
    return t->inputs[input].count;
}

int task_find_input(const struct task *t, const char *topic)
{
    for (size_t i = 0; i < t->input_count; i++) {
        if (strcmp(t->inputs[i].topic, topic) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int64_t task_input_position(const struct task *t, size_t input)
{
    CHECK(input < t->input_count);
    const struct task_input *in = &t->inputs[input];
    return in->count > 0 ? in->ring[in->first].offset : in->position;
}

int64_t task_input_partition_time(const struct task *t, size_t input)
{
    CHECK(input < t->input_count);
    return t->inputs[input].partition_time_ms;
}

void task_input_resume(struct task *t, size_t input, int64_t offset, int64_t partition_time_ms)
{
    CHECK(input < t->input_count);
    CHECK(t->inputs[input].count == 0);
    t->inputs[input].resumed = true;
    t->inputs[input].position = offset;
    t->inputs[input].partition_time_ms = partition_time_ms;
}

void task_input_advance(struct task *t, size_t input, int64_t position)
{
    CHECK(input < t->input_count);
    struct task_input *in = &t->inputs[input];
    if (in->count == 0 && position > in->position) {
        in->position = position;
        t->progressed = true;
    }
}

void task_set_lag(struct task *t, size_t input, int64_t lag)
{
    CHECK(input < t->input_count);
    t->inputs[input].lag = lag;
}

static bool task_grow_ring(struct task_input *in)
{
    size_t capacity = in->capacity == 0 ? TASK_RING_FIRST : in->capacity * 2;
    if (capacity > TASK_RING_MAX) {
        return false;
    }
    struct task_record *ring = mem_calloc(capacity, sizeof *ring);
    if (ring == NULL) {
        return false;
    }
    for (size_t i = 0; i < in->count; i++) {
        ring[i] = in->ring[(in->first + i) & (in->capacity - 1)];
    }
    mem_free(in->ring);
    in->ring = ring;
    in->capacity = capacity;
    in->first = 0;
    return true;
}

enum err_code task_push(struct task *t, size_t input, const struct task_record *record,
                        struct err *e)
{
    CHECK(input < t->input_count);
    struct task_input *in = &t->inputs[input];
    if (in->count == in->capacity && !task_grow_ring(in)) {
        struct task_record lost = *record;
        task_release_record(t, &lost);
        return err_set(e, ERR_LIMIT, "too many records of %s are queued", in->topic);
    }
    in->ring[(in->first + in->count) & (in->capacity - 1)] = *record;
    in->count++;
    in->lag = -1;
    return ERR_OK;
}

/* Takes the head away. */
static void task_pop(struct task *t, struct task_input *in)
{
    struct task_record *r = &in->ring[in->first];
    in->position = r->offset + 1;
    task_release_record(t, r);
    in->first = (in->first + 1) & (in->capacity - 1);
    in->count--;
    in->decoded = false;
    arena_reset(&in->arena);
    t->progressed = true;
}

static void task_enter(struct task *t, struct task_input *in)
{
    const struct task_record *r = &in->ring[in->first];
    t->ctx.arena = &in->arena;
    t->ctx.topic = in->topic;
    t->ctx.offset = r->offset;
    t->ctx.timestamp_ms = r->timestamp_ms;
    t->ctx.headers = r->headers;
}

static enum err_code task_fail(struct task *t, struct err *e)
{
    enum err_code code = t->ctx.err.code;
    (void)err_set(e, code, "%s-%" PRId32 " offset %" PRId64 ": %s", t->ctx.topic, t->ctx.partition,
                  t->ctx.offset, t->ctx.err.text);
    t->ctx.failed = false;
    return code;
}

/* The event time of the head (reference 2.2); negative to drop it. */
static int64_t task_extract(struct task *t, struct task_input *in)
{
    const struct topology_node *source = in->source;
    int64_t carried = in->ring[in->first].timestamp_ms;
    if (source->timestamp != NULL) {
        return source->timestamp(&t->ctx, in->key, in->value, in->partition_time_ms, source->user);
    }
    enum weir_timestamps how =
        source->timestamps != WEIR_TIMESTAMPS_DEFAULT ? source->timestamps : t->config.timestamps;
    if (how == WEIR_TIMESTAMPS_WALL_CLOCK) {
        return clock_wall_ms(t->config.clock);
    }
    if (carried >= 0 || how == WEIR_TIMESTAMPS_SKIP) {
        return carried;
    }
    if (how == WEIR_TIMESTAMPS_USE_PARTITION_TIME && in->partition_time_ms >= 0) {
        return in->partition_time_ms;
    }
    value_fail(&t->ctx, ERR_INVALID,
               "the record has the negative timestamp %" PRId64
               "; default.timestamp.extractor=LogAndSkipOnInvalidTimestamp would skip it",
               carried);
    return -1;
}

/* Key and value of the head; false when it was skipped, or failed (then ctx.failed is set). */
static bool task_decode_values(struct task *t, struct task_input *in)
{
    const struct task_record *r = &in->ring[in->first];
    in->key = value_or_null(stream_serde_read(in->source->key, &t->ctx, r->key));
    if (!t->ctx.failed) {
        in->value = value_or_null(stream_serde_read(in->source->value, &t->ctx, r->value));
    }
    if (!t->ctx.failed) {
        return true;
    }
    if (err_code_retriable(t->ctx.err.code)) {
        return false;
    }
    if (t->config.skip_poison) {
        t->ctx.failed = false;
        task_drop(t, in->source->name, t->ctx.err.text);
        task_pop(t, in);
        return false;
    }
    (void)err_wrap(&t->ctx.err, "cannot be deserialized "
                                "(deserialization.exception.handler=LogAndContinue would skip it)");
    return false;
}

/* Decodes heads until one is good. */
static enum err_code task_prepare(struct task *t, struct task_input *in, struct err *e)
{
    while (in->count > 0 && !in->decoded) {
        task_enter(t, in);
        if (!task_decode_values(t, in)) {
            if (t->ctx.failed) {
                arena_reset(&in->arena);
                return task_fail(t, e);
            }
            continue;
        }
        in->timestamp_ms = task_extract(t, in);
        if (t->ctx.failed) {
            return task_fail(t, e);
        }
        if (in->timestamp_ms < 0) {
            task_drop(t, in->source->name, "negative timestamp");
            task_pop(t, in);
            continue;
        }
        in->decoded = true;
    }
    return ERR_OK;
}

/* Whether an older record than those at hand may still come from this input. */
static bool task_waits_for(struct task *t, struct task_input *in)
{
    if (in->count > 0 || in->lag != 0) {
        in->idle_since_ms = -1;
        return in->count == 0 && in->resumed && t->config.max_idle_ms >= 0;
    }
    if (t->config.max_idle_ms <= 0) {
        return false;
    }
    int64_t now_ms = clock_mono_ms(t->config.clock);
    if (in->idle_since_ms < 0) {
        in->idle_since_ms = now_ms;
    }
    return now_ms - in->idle_since_ms < t->config.max_idle_ms;
}

static enum err_code task_choose(struct task *t, struct task_input **out_input, bool *out_waits,
                                 struct err *e)
{
    struct task_input *best = NULL;
    bool waits = false;
    for (size_t i = 0; i < t->input_count; i++) {
        struct task_input *in = &t->inputs[i];
        enum err_code code = task_prepare(t, in, e);
        if (code != ERR_OK) {
            return code;
        }
        waits = task_waits_for(t, in) || waits;
        if (in->count > 0 && (best == NULL || in->timestamp_ms < best->timestamp_ms)) {
            best = in;
        }
    }
    *out_input = best;
    *out_waits = waits;
    return ERR_OK;
}

enum err_code task_process(struct task *t, enum task_result *out_result, struct err *e)
{
    struct task_input *in = NULL;
    bool waits = false;
    enum err_code code = task_choose(t, &in, &waits, e);
    if (code != ERR_OK) {
        return code;
    }
    if (in == NULL || waits) {
        *out_result = in == NULL ? TASK_IDLE : TASK_WAITING;
        return ERR_OK;
    }
    task_enter(t, in);
    struct task_item item = {in->key, in->value, in->timestamp_ms};
    if (in->timestamp_ms > in->partition_time_ms) {
        in->partition_time_ms = in->timestamp_ms;
    }
    t->ctx.timestamp_ms = item.timestamp_ms;
    task_nodes_run(t, in->source, &item);
    if (t->ctx.failed) {
        code = task_fail(t, e);
        /* The record may have been half processed: it must not be tried again in this task. */
        if (err_code_retriable(code)) {
            e->code = ERR_IO;
            code = ERR_IO;
        }
        return code;
    }
    task_pop(t, in);
    t->ctx.arena = &t->scratch;
    atomic_fetch_add_explicit(&t->config.counters->processed, 1, memory_order_relaxed);
    *out_result = TASK_PROCESSED;
    return ERR_OK;
}

enum err_code task_flush(struct task *t, struct err *e)
{
    /* In order of creation: what a store lets go may reach the caches of later ones. */
    for (size_t i = 0; i < t->store_count; i++) {
        enum err_code code = store_flush(t->stores[i], e);
        if (code != ERR_OK) {
            return err_wrap(e, "flush store %s", t->stores[i]->def->name);
        }
    }
    return ERR_OK;
}

enum err_code task_sync(struct task *t, struct err *e)
{
    for (size_t i = 0; i < t->store_count; i++) {
        enum err_code code = kv_sync(t->stores[i]->kv, e);
        if (code != ERR_OK) {
            return err_wrap(e, "flush store %s", t->stores[i]->def->name);
        }
    }
    return ERR_OK;
}

bool task_take_progress(struct task *t)
{
    bool progressed = t->progressed;
    t->progressed = false;
    return progressed;
}

size_t task_store_count(const struct task *t)
{
    return t->store_count;
}

struct store *task_store(struct task *t, size_t index)
{
    CHECK(index < t->store_count);
    return t->stores[index];
}

struct store *task_find_store(struct task *t, const char *name)
{
    for (size_t i = 0; i < t->store_count; i++) {
        if (strcmp(t->stores[i]->def->name, name) == 0) {
            return t->stores[i];
        }
    }
    return NULL;
}

struct weir_context *task_context(struct task *t)
{
    t->ctx.arena = &t->scratch;
    arena_reset(&t->scratch);
    t->ctx.failed = false;
    return &t->ctx;
}
