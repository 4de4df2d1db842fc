#include "connect/runtime/source_task.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "client/client_error.h"
#include "common/check.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "connect/include/source_connector.h"
#include "connect/runtime/config_resolver.h"
#include "connect/runtime/delivery_tracker.h"
#include "connect/runtime/record_chain.h"
#include "connect/runtime/task_producer.h"
#include "connect/runtime/topic_creator.h"
#include "connect/store/offset_store.h"
#include "connect/store/status_store.h"
#include "connect/store/text_map.h"

#define BATCH_COUNT ((size_t)32)
#define BATCH_RECORDS ((size_t)2048)
#define BATCH_BYTES_MAX ((size_t)64 << 20)
#define POLL_MS 250
#define RETRY_MS 500
#define COMMIT_AT_LEAST_MS 1000
#define TOPICS_MAX ((size_t)10000)

struct source_task {
    struct source_context context; /* what the connector sees; first, so that it leads back here */
    const struct worker_context *worker;
    const struct connect_plugin *plugin;
    const struct connector_state *connector;
    const struct connect_config *config; /* of the task, with its references */
    char client_id[300];
    struct logger *lg; /* names the task in every line, those of the plug-in too */
    pthread_t thread;
    bool thread_started;

    struct lock lock;
    struct cond changed;
    atomic_bool stop;
    int64_t stop_ms; /* when that was asked for first; set before stop */
    atomic_bool paused;
    atomic_bool ended;
    atomic_bool failed;

    /* The task's thread only. */
    struct config_resolution resolved;      /* of the connector: converters, transforms, producer */
    struct config_resolution resolved_task; /* what the plug-in gets */
    void *task;
    struct record_chain *chain;
    struct task_producer *producer;
    struct topic_creator *creator;
    struct delivery_tracker *tracker;
    struct text_map topics;  /* seen already */
    const char *noted_topic; /* of the record before this one in the same batch: borrowed */
    int64_t next_commit_ms;
    struct err send_error; /* set by a delivery report */
    int64_t sent;
};

static struct source_task *task_of(struct source_context *ctx)
{
    return (struct source_task *)ctx;
}

static bool context_stopping(struct source_context *ctx)
{
    return atomic_load(&task_of(ctx)->stop);
}

static int64_t now_ms(const struct source_task *t)
{
    return clock_mono_ms(t->worker->clock);
}

/* Only stop ends it early: a connector that waits for its poll interval must not be woken by
 * anything else. */
static bool context_wait(struct source_context *ctx, int64_t timeout_ms)
{
    struct source_task *t = task_of(ctx);
    int64_t deadline = clock_mono_ns(clock_system()) + timeout_ms * 1000000;
    lock_acquire(&t->lock);
    while (!atomic_load(&t->stop) && cond_wait_until(&t->changed, &t->lock, deadline)) {
    }
    lock_release(&t->lock);
    return atomic_load(&t->stop);
}

static enum err_code context_offset(struct source_context *ctx, const char *partition,
                                    struct arena *a, struct connect_value *out_offset,
                                    struct err *e)
{
    const struct source_task *t = task_of(ctx);
    return offset_store_get(t->worker->offsets, t->connector->name, partition, a, out_offset, e);
}

static void context_reconfigure(struct source_context *ctx)
{
    (void)ctx;
    const bool task_asks_for_reconfiguration = true; /* connectors do, tasks must not */
    CHECK(!task_asks_for_reconfiguration);
}

static const struct source_context_ops context_ops = {context_stopping, context_wait,
                                                      context_offset, context_reconfigure};

static bool chain_wait(void *ctx, int64_t timeout_ms)
{
    struct source_task *t = ctx;
    return context_wait(&t->context, timeout_ms);
}

/* A record that Kafka will not have is skipped if the connector says so; not so when it is the
 * producer that is broken, or all that follow would be skipped with it. */
static bool may_skip(struct source_task *t, const char *topic, rd_kafka_resp_err_t error)
{
    struct err e;
    if (!record_chain_tolerates(t->chain) || task_producer_problem(t->producer, &e) != ERR_OK ||
        error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
        error == RD_KAFKA_RESP_ERR__FATAL) {
        return false;
    }
    metric_add(t->worker->records_skipped, 1);
    logger_warn(t->context.logger, "record.skipped", "connector=%s task=%d topic=%s error=\"%s\"",
                t->connector->name, t->context.task_id, topic, rd_kafka_err2str(error));
    return true;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    struct delivery *d = message->_private;
    struct source_task *t = d->batch->owner;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        metric_add(t->worker->records_failed, 1);
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        t->sent++;
    } else if (!may_skip(t, rd_kafka_topic_name(message->rkt), message->err)) {
        if (t->send_error.code == ERR_OK) {
            (void)connect_error_set(&t->send_error, client_error_code(message->err),
                                    "org.apache.kafka.common.KafkaException",
                                    "write to topic %s: %s", rd_kafka_topic_name(message->rkt),
                                    rd_kafka_err2str(message->err));
            t->send_error.code = ERR_IO; /* librdkafka has tried for as long as it may */
        }
        return; /* never acknowledged: its offset must not be committed */
    }
    delivery_tracker_acknowledge(t->tracker, d);
}

static bool chain_stopping(void *ctx)
{
    const struct source_task *t = ctx;
    return atomic_load(&t->stop);
}

static enum err_code prepare(struct source_task *t, struct err *e)
{
    const struct config_resolver *resolver = t->worker->resolver;
    enum err_code code = config_resolver_resolve(resolver, &t->connector->config, &t->resolved, e);
    if (code == ERR_OK) {
        code = config_resolver_resolve(resolver, t->config, &t->resolved_task, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    const struct record_chain_config chain = {
        .plugins = t->worker->plugins,
        .connector = &t->resolved.config,
        .worker_defaults = t->worker->defaults,
        .connector_name = t->connector->name,
        .task_id = t->context.task_id,
        .lg = t->context.logger,
        .failed = t->worker->records_failed,
        .wait = chain_wait,
        .stopping = chain_stopping,
        .ctx = t,
    };
    const struct task_producer_config producer = {
        .defaults = t->worker->producer,
        .connector = &t->resolved.config,
        .client_id = t->client_id,
        .delivered = delivered,
        .lg = t->context.logger,
    };
    code = record_chain_create(&chain, &t->chain, e);
    if (code == ERR_OK) {
        code =
            delivery_tracker_create(t, BATCH_COUNT, BATCH_RECORDS, BATCH_BYTES_MAX, &t->tracker, e);
    }
    if (code == ERR_OK && t->worker->topic_creation_enable) {
        code = topic_creator_create(t->worker->admin, &t->resolved.config, t->context.logger,
                                    &t->creator, e);
    }
    if (code == ERR_OK) {
        code = task_producer_open(&producer, &t->producer, e);
    }
    if (code == ERR_OK) {
        code = t->plugin->source->task_create(&t->resolved_task.config, &t->context, &t->task, e);
    }
    return code;
}

struct commit {
    struct arena arena;
    struct offset_store_write writes[256];
    size_t count;
    bool more;
};

static void collect_offset(void *ctx, const char *partition, const struct connect_value *offset)
{
    struct commit *c = ctx;
    if (c->count == sizeof c->writes / sizeof c->writes[0]) {
        c->more = true;
        return;
    }
    struct buf json;
    buf_init(&json, 1 << 20);
    connect_value_write_json(offset, &json);
    c->writes[c->count].partition = partition;
    c->writes[c->count].offset = arena_strndup(&c->arena, (const char *)json.data, json.len);
    c->count++;
    buf_deinit(&json);
}

/* Failing is not fatal: the records are in Kafka, only their offsets are not, and the next attempt
 * writes newer ones. */
static void commit_offsets(struct source_task *t, int timeout_ms)
{
    struct err e;
    t->next_commit_ms = now_ms(t) + t->worker->offset_flush_interval_ms;
    if (!delivery_tracker_has_news(t->tracker)) {
        return;
    }
    struct commit *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return;
    }
    arena_init(&c->arena, (size_t)64 << 20);
    delivery_tracker_each(t->tracker, collect_offset, c);
    enum err_code code = ERR_OK;
    if (arena_failed(&c->arena) || c->more) {
        code = err_set(&e, ERR_LIMIT, "too many source partitions in one task");
    } else {
        code = offset_store_put(t->worker->offsets, t->connector->name, c->writes, c->count,
                                timeout_ms, &e);
    }
    if (code == ERR_OK) {
        delivery_tracker_mark_committed(t->tracker);
        logger_debug(t->context.logger, "offsets.committed", "partitions=%zu", c->count);
        if (t->plugin->source->task_commit != NULL) {
            code = t->plugin->source->task_commit(t->task, &e);
        }
    }
    if (code != ERR_OK) {
        logger_warn(t->context.logger, "offsets.commit_failed", "error=\"%s\" (tried again later)",
                    e.text);
    }
    arena_deinit(&c->arena);
    mem_free(c);
}

static void serve(struct source_task *t, int timeout_ms)
{
    task_producer_serve(t->producer, timeout_ms);
    if (t->sent > 0) {
        metric_add(t->worker->records_produced, t->sent);
        t->sent = 0;
    }
}

static enum err_code prepare_topic(struct source_task *t, const char *topic, struct err *e)
{
    if (text_map_get(&t->topics, topic) != NULL) {
        return ERR_OK;
    }
    enum err_code code = topic_creator_ensure(t->creator, topic, e);
    while (err_code_retriable(code) && !context_wait(&t->context, RETRY_MS)) {
        logger_warn(t->context.logger, "topic.waiting", "topic=%s error=\"%s\"", topic, e->text);
        code = topic_creator_ensure(t->creator, topic, e);
    }
    if (err_code_retriable(code)) {
        return err_set(e, ERR_CANCELLED, "the task is stopping");
    }
    return code == ERR_OK ? text_map_put(&t->topics, topic, t, e) : code;
}

/* Noted again in every batch: the list of active topics may have been reset. */
static enum err_code see_topic(struct source_task *t, const char *topic, struct err *e)
{
    if (topic == t->noted_topic) {
        return ERR_OK;
    }
    enum err_code code = prepare_topic(t, topic, e);
    t->noted_topic = code == ERR_OK ? topic : NULL;
    if (code == ERR_OK && t->worker->topic_tracking_enable) {
        status_store_add_topic(t->worker->statuses, t->connector->name, t->context.task_id, topic,
                               clock_wall_ms(t->worker->clock));
    }
    return code;
}

/* *out_skipped: a header could not be converted, and that is tolerated. */
static enum err_code add_headers(struct source_task *t, const struct connect_record *r,
                                 struct task_producer_message *m, bool *out_skipped, struct err *e)
{
    enum err_code code = ERR_OK;
    if (r->header_count == 0) {
        return ERR_OK;
    }
    struct buf text;
    buf_init(&text, 1 << 20);
    m->headers = rd_kafka_headers_new(r->header_count);
    for (size_t i = 0; code == ERR_OK && !*out_skipped && i < r->header_count; i++) {
        struct record_chain_header h = {.header = &r->headers[i], .out = &text};
        code = record_chain_convert_header(t->chain, r, &h, e);
        *out_skipped = h.skipped;
        if (code == ERR_OK && !h.skipped) {
            const void *value = text.data != NULL ? (const void *)text.data : "";
            rd_kafka_resp_err_t error = rd_kafka_header_add(
                m->headers, r->headers[i].name, -1, h.null ? NULL : value, (ssize_t)text.len);
            code = error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK
                                                       : client_error_set(e, error, "add header");
        }
    }
    buf_deinit(&text);
    if (code != ERR_OK || *out_skipped) {
        rd_kafka_headers_destroy(m->headers);
        m->headers = NULL;
    }
    return code;
}

static enum err_code send_record(struct source_task *t, const struct connect_record *r,
                                 struct delivery *d, struct err *e)
{
    const struct record_chain_output *out = record_chain_output(t->chain);
    enum err_code code = see_topic(t, r->topic, e);
    struct task_producer_message m = {
        .topic = r->topic,
        .partition = r->partition,
        .timestamp_ms = r->timestamp_ms,
        .key = out->key_null ? bytes_null() : bytes_of(out->key.data, out->key.len),
        .value = out->value_null ? bytes_null() : bytes_of(out->value.data, out->value.len),
        .opaque = d,
    };
    bool skipped = false;
    if (code == ERR_OK) {
        code = add_headers(t, r, &m, &skipped, e);
    }
    if (skipped) {
        metric_add(t->worker->records_skipped, 1);
        delivery_tracker_acknowledge(t->tracker, d);
        return ERR_OK;
    }
    bool full = false;
    bool tried = code == ERR_OK;
    while (code == ERR_OK && (code = task_producer_send(t->producer, &m, &full, e)) != ERR_OK &&
           full) {
        if (atomic_load(&t->stop)) {
            code = err_set(e, ERR_CANCELLED, "the task is stopping");
            break;
        }
        serve(t, 50);
        code = t->send_error.code;
        if (code != ERR_OK) {
            *e = t->send_error;
        }
    }
    if (code != ERR_OK && m.headers != NULL) {
        rd_kafka_headers_destroy(m.headers);
    }
    /* Larger than a message may be: librdkafka says so at once, without a report. */
    if (tried && !full && code == ERR_LIMIT) {
        metric_add(t->worker->records_failed, 1);
        if (may_skip(t, r->topic, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)) {
            delivery_tracker_acknowledge(t->tracker, d);
            code = ERR_OK;
        }
    }
    return code;
}

static enum err_code send_batch(struct source_task *t, struct delivery_batch *b, struct err *e)
{
    size_t count = b->batch.count;
    t->noted_topic = NULL;
    metric_add(t->worker->records_polled, (int64_t)count);
    enum err_code code = delivery_tracker_enter(t->tracker, b, e);
    /* Lingering makes larger requests of a stream; lone records would only be late. */
    bool lone = count > 0 && count < b->batch.capacity && !task_producer_busy(t->producer);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        struct connect_record *r = &b->batch.records[i];
        bool dropped = false;
        code = record_chain_apply(t->chain, r, &b->batch.scope, &dropped, e);
        if (code == ERR_OK && dropped) {
            metric_add(t->worker->records_skipped, 1);
            delivery_tracker_acknowledge(t->tracker, &b->deliveries[i]);
        } else if (code == ERR_OK) {
            code = send_record(t, r, &b->deliveries[i], e);
        }
        if (atomic_load(&t->stop)) {
            break; /* the rest comes again after the restart: their offsets are not committed */
        }
    }
    if (lone) {
        task_producer_hurry(t->producer);
    }
    return code;
}

static int64_t poll_timeout(const struct source_task *t)
{
    int64_t left = t->next_commit_ms - now_ms(t);
    return left < 0 ? 0 : left < POLL_MS ? left : POLL_MS;
}

static enum err_code poll_once(struct source_task *t, struct err *e)
{
    struct delivery_batch *b = delivery_tracker_take(t->tracker);
    if (b == NULL) {
        serve(t, 50); /* everything is under way: wait for acknowledgements */
        return ERR_OK;
    }
    enum err_code code = t->plugin->source->task_poll(t->task, &b->batch, poll_timeout(t), e);
    if (code == ERR_OK && connect_scope_failed(&b->batch.scope)) {
        code = err_set(e, ERR_LIMIT,
                       "a batch of rows needs more than %zu bytes; set a smaller "
                       "batch size",
                       BATCH_BYTES_MAX);
    }
    if (code != ERR_OK) {
        delivery_tracker_give_back(t->tracker, b);
        if (!err_code_retriable(code)) {
            return code;
        }
        logger_warn(t->context.logger, "task.poll_retried", "error=\"%s\"", e->text);
        (void)context_wait(&t->context, RETRY_MS);
        return ERR_OK;
    }
    code = send_batch(t, b, e);
    return code == ERR_CANCELLED ? ERR_OK : code;
}

static void say(struct source_task *t, enum status_store_state state, const char *trace)
{
    status_store_set(t->worker->statuses, t->connector->name, t->context.task_id, state, trace);
}

static void stay_paused(struct source_task *t)
{
    say(t, STATUS_STORE_PAUSED, NULL);
    logger_info(t->context.logger, "task.paused", "connector=%s task=%d", t->connector->name,
                t->context.task_id);
    while (atomic_load(&t->paused) && !atomic_load(&t->stop)) {
        serve(t, 100);
        if (now_ms(t) >= t->next_commit_ms) {
            commit_offsets(t, t->worker->offset_flush_timeout_ms);
        }
    }
    if (!atomic_load(&t->stop)) {
        say(t, STATUS_STORE_RUNNING, NULL);
    }
}

static enum err_code run(struct source_task *t, struct err *e)
{
    enum err_code code = prepare(t, e);
    if (code != ERR_OK) {
        return code;
    }
    if (!atomic_load(&t->paused)) {
        say(t, STATUS_STORE_RUNNING, NULL);
    }
    logger_info(t->context.logger, "task.started", "connector=%s task=%d", t->connector->name,
                t->context.task_id);
    t->next_commit_ms = now_ms(t) + t->worker->offset_flush_interval_ms;
    while (code == ERR_OK && !atomic_load(&t->stop)) {
        if (atomic_load(&t->paused)) {
            stay_paused(t);
            continue;
        }
        code = poll_once(t, e);
        serve(t, 0);
        if (code == ERR_OK && t->send_error.code != ERR_OK) {
            *e = t->send_error;
            code = connect_error_wrap(e, CONNECT_EXCEPTION,
                                      "Unrecoverable exception from producer send callback");
        }
        if (code == ERR_OK) {
            code = task_producer_problem(t->producer, e);
        }
        if (code == ERR_OK && now_ms(t) >= t->next_commit_ms) {
            commit_offsets(t, t->worker->offset_flush_timeout_ms);
        }
    }
    return code;
}

/* Whatever ended the task: what is on its way may arrive, and what has arrived is committed; both
 * within the time that a task has for its end, so that a broker that hangs holds up nobody. What is
 * not committed then is delivered again, not lost. */
static void finish(struct source_task *t)
{
    if (t->producer != NULL) {
        int64_t began = atomic_load(&t->stop) ? t->stop_ms : now_ms(t);
        int64_t deadline = began + t->worker->task_shutdown_timeout_ms;
        task_producer_hurry(t->producer);
        while (delivery_tracker_open_count(t->tracker) > 0 && now_ms(t) < deadline &&
               t->send_error.code == ERR_OK && task_producer_busy(t->producer)) {
            serve(t, 50);
        }
        if (t->task != NULL) {
            int64_t left = deadline - now_ms(t);
            left = left < COMMIT_AT_LEAST_MS ? COMMIT_AT_LEAST_MS : left;
            int64_t flush = t->worker->offset_flush_timeout_ms;
            commit_offsets(t, (int)(left < flush ? left : flush));
        }
    }
    if (t->task != NULL) {
        t->plugin->source->task_destroy(t->task);
    }
    task_producer_close(t->producer);
    topic_creator_destroy(t->creator);
    record_chain_destroy(t->chain);
    delivery_tracker_destroy(t->tracker);
    text_map_deinit(&t->topics);
}

static void *task_main(void *arg)
{
    struct source_task *t = arg;
    struct err e = {.code = ERR_OK};
    enum err_code code = run(t, &e);
    finish(t);
    bool stopped = atomic_load(&t->stop);
    if (code != ERR_OK && !(stopped && code == ERR_CANCELLED)) {
        (void)connect_error_name(&e);
        config_resolution_mask(&t->resolved, e.text, sizeof e.text);
        config_resolution_mask(&t->resolved_task, e.text, sizeof e.text);
        logger_error(t->context.logger, "task.failed", "connector=%s task=%d error=\"%s\"",
                     t->connector->name, t->context.task_id, e.text);
        say(t, STATUS_STORE_FAILED, e.text);
        atomic_store(&t->failed, true);
    } else {
        logger_info(t->context.logger, "task.stopped", "connector=%s task=%d", t->connector->name,
                    t->context.task_id);
        say(t, STATUS_STORE_UNASSIGNED, NULL);
    }
    config_resolution_deinit(&t->resolved);
    config_resolution_deinit(&t->resolved_task);
    atomic_store(&t->ended, true);
    t->worker->wake_herder(t->worker->ctx);
    return NULL;
}

enum err_code source_task_start(const struct source_task_config *config,
                                struct source_task **out_task, struct err *e)
{
    CHECK((size_t)config->id < config->connector->tasks.count);
    struct source_task *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "start task");
    }
    t->worker = config->worker;
    t->plugin = config->plugin;
    t->connector = connector_state_ref(config->connector);
    t->config = &t->connector->tasks.configs[config->id];
    char component[300];
    (void)snprintf(component, sizeof component, "connect/%.280s-%d", t->connector->name,
                   config->id);
    t->lg = logger_child(config->worker->lg, component);
    t->context = (struct source_context){
        .connector_name = t->connector->name,
        .task_id = config->id,
        .logger = t->lg,
        .clock = config->worker->clock,
        .ops = &context_ops,
    };
    (void)snprintf(t->client_id, sizeof t->client_id, "connector-producer-%.200s-%d",
                   t->connector->name, config->id);
    lock_init(&t->lock);
    cond_init(&t->changed);
    text_map_init(&t->topics, TOPICS_MAX);
    atomic_store(&t->paused, config->paused);
    int failed = pthread_create(&t->thread, NULL, task_main, t);
    if (failed != 0) {
        source_task_destroy(t);
        return err_errno(e, failed, "start task");
    }
    t->thread_started = true;
    *out_task = t;
    return ERR_OK;
}

void source_task_stop(struct source_task *t)
{
    lock_acquire(&t->lock);
    if (!atomic_load(&t->stop)) {
        t->stop_ms = now_ms(t);
    }
    atomic_store(&t->stop, true);
    cond_broadcast(&t->changed);
    lock_release(&t->lock);
}

void source_task_set_paused(struct source_task *t, bool paused)
{
    atomic_store(&t->paused, paused);
}

bool source_task_ended(const struct source_task *t)
{
    return atomic_load(&t->ended);
}

bool source_task_failed(const struct source_task *t)
{
    return atomic_load(&t->failed);
}

bool source_task_stopping(const struct source_task *t)
{
    return atomic_load(&t->stop);
}

const struct connector_state *source_task_connector(const struct source_task *t)
{
    return t->connector;
}

void source_task_destroy(struct source_task *t)
{
    if (t == NULL) {
        return;
    }
    if (t->thread_started) {
        source_task_stop(t);
        (void)pthread_join(t->thread, NULL);
    }
    logger_destroy(t->lg);
    connector_state_unref(t->connector);
    cond_deinit(&t->changed);
    lock_deinit(&t->lock);
    mem_free(t);
}
