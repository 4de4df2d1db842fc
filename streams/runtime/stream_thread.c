#include "streams/runtime/stream_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client_admin.h"
#include "client/client_close.h"
#include "client/client_config.h"
#include "client/client_error.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "streams/runtime/internal_topics.h"
#include "streams/runtime/stream_thread_internal.h"
#include "streams/runtime/streams_config.h"
#include "streams/value/serde_registry.h"

/* Between sessions, doubled from the first to the second while none gets as far as a commit. */
#define THREAD_RESTART_PAUSE_MS 500
#define THREAD_RESTART_PAUSE_MAX_MS 10000
#define THREAD_TOPIC_PAUSE_MS 500
/* Records processed before the clock is looked at again. */
#define THREAD_PROCESS_BATCH 256
#define THREAD_PROCESS_MS 50
#define THREAD_REGISTRY_PAUSE_MS 200

bool thread_pause(struct stream_thread *t, int ms)
{
    int64_t end_ns = clock_mono_ns(clock_system()) + (int64_t)ms * 1000000;
    lock_acquire(&t->lock);
    bool in_time = true;
    while (!atomic_load(&t->stop) && in_time) {
        in_time = cond_wait_until(&t->stopped, &t->lock, end_ns);
    }
    lock_release(&t->lock);
    if (t->producer != NULL) {
        struct err ignored; /* a failed delivery comes back with the next send */
        (void)stream_producer_poll(t->producer, &ignored);
    }
    return !atomic_load(&t->stop);
}

void thread_set_state(struct stream_thread *t, enum weir_state state)
{
    atomic_store(&t->state, state);
    metric_set(t->metrics.running, state == WEIR_STATE_RUNNING);
}

void thread_fail(struct stream_thread *t, enum err_code code, const struct err *e)
{
    if (t->failure == ERR_OK) {
        t->failure = code;
        t->failure_text = *e;
    }
}

enum err_code thread_client_config(const struct stream_thread *t, const char *const *prefixes,
                                   const char *suffix, struct client_config *out, struct err *e)
{
    const struct weir_config *config = t->config.config;
    char client_id[512];
    (void)snprintf(client_id, sizeof client_id, "%s%s", t->config.client_id, suffix);
    enum err_code code = client_config_init(out, weir_config_get(config, "bootstrap.servers"), e);
    if (code == ERR_OK) {
        code = client_config_set(out, "client.id", client_id, e);
    }
    if (code == ERR_OK && strstr(suffix, "consumer") != NULL) {
        code = client_config_set(out, "group.id", weir_config_get(config, "application.id"), e);
    }
    if (code == ERR_OK) {
        code = client_config_set(out, "socket.timeout.ms",
                                 weir_config_get(config, "request.timeout.ms"), e);
    }
    return code == ERR_OK ? streams_config_client(config, prefixes, out, e) : code;
}

static enum err_code thread_open_producer(struct stream_thread *t, struct err *e)
{
    static const char *const prefixes[] = {"producer.", NULL};
    struct client_config c = {0};
    enum err_code code = thread_client_config(t, prefixes, "-producer", &c, e);
    const char *retry_backoff_ms = weir_config_get(t->config.config, "retry.backoff.ms");
    const char *const defaults[][2] = {{"linger.ms", "5"},
                                       {"queue.buffering.max.messages", "500000"},
                                       {"queue.buffering.max.kbytes", "262144"},
                                       {"retry.backoff.ms", retry_backoff_ms},
                                       {"compression.type", "none"}};
    for (size_t i = 0; code == ERR_OK && i < sizeof defaults / sizeof defaults[0]; i++) {
        if (client_config_get(&c, defaults[i][0]) == NULL) {
            code = client_config_set(&c, defaults[i][0], defaults[i][1], e);
        }
    }
    if (code == ERR_OK) {
        code = stream_producer_open(&c, &t->stop, &t->producer, e);
    }
    client_config_deinit(&c);
    return code;
}

static enum err_code thread_subscribe(struct stream_thread *t, struct err *e)
{
    const char *application_id = weir_config_get(t->config.config, "application.id");
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(8);
    for (const struct topology_node *n = t->config.topology->first; n != NULL; n = n->next) {
        for (size_t i = 0; n->kind == TOPOLOGY_SOURCE && i < n->topic_count; i++) {
            char *name = n->repartition ? task_internal_topic(application_id, n->topics[i], NULL)
                                        : mem_strdup(n->topics[i]);
            if (name != NULL) {
                (void)rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
            }
            mem_free(name);
        }
    }
    rd_kafka_resp_err_t error = rd_kafka_subscribe(t->consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : client_error_set(e, error, "subscribe");
}

/*
 * Static membership: the state directory gives this process a name that outlives it, so a restart,
 * after a crash too, takes its tasks back at once, where an unnamed member would wait until the
 * session of its dead self has run out. A name set by the user gets the thread's number, as the
 * original does.
 */
static enum err_code thread_name_member(const struct stream_thread *t, struct client_config *c,
                                        struct err *e)
{
    char name[600];
    const char *given = client_config_get(c, "group.instance.id");
    const char *number = strrchr(t->config.client_id, '-');
    CHECK(number != NULL);
    if (given != NULL) {
        (void)snprintf(name, sizeof name, "%s%s", given, number);
    } else {
        (void)snprintf(name, sizeof name, "%s", t->config.client_id);
    }
    return client_config_set(c, "group.instance.id", name, e);
}

static enum err_code thread_open_consumer(struct stream_thread *t, struct err *e)
{
    static const char *const prefixes[] = {"consumer.", "main.consumer.", NULL};
    struct client_config c = {0};
    enum err_code code = thread_client_config(t, prefixes, "-consumer", &c, e);
    static const char *const defaults[][2] = {{"auto.offset.reset", "earliest"},
                                              {"allow.auto.create.topics", "false"},
                                              {"partition.assignment.strategy", "range"},
                                              {"isolation.level", "read_uncommitted"},
                                              {"enable.partition.eof", "true"},
                                              {"enable.auto.commit", "false"},
                                              {"session.timeout.ms", "10000"},
                                              {"enable.auto.offset.store", "false"},
                                              /* Above these, librdkafka 2.0 does not fetch for a
                                               * second: both are more than a second's records. */
                                              {"queued.min.messages", "750000"},
                                              {"queued.max.messages.kbytes", "65536"}};
    for (size_t i = 0; code == ERR_OK && i < sizeof defaults / sizeof defaults[0]; i++) {
        if (client_config_get(&c, defaults[i][0]) == NULL) {
            code = client_config_set(&c, defaults[i][0], defaults[i][1], e);
        }
    }
    if (code == ERR_OK) {
        code = thread_name_member(t, &c, e);
    }
    const char *isolation = client_config_get(&c, "isolation.level");
    t->read_committed = isolation != NULL && strcmp(isolation, "read_committed") == 0;
    struct client_config_hooks hooks = {.rebalance = thread_tasks_rebalance, .opaque = t};
    if (code == ERR_OK) {
        code = client_config_open_hooked(&c, CLIENT_CONFIG_CONSUMER, &hooks, &t->consumer, e);
    }
    client_config_deinit(&c);
    if (code != ERR_OK) {
        return code;
    }
    (void)rd_kafka_poll_set_consumer(t->consumer);
    t->queue = rd_kafka_queue_get_consumer(t->consumer);
    return thread_subscribe(t, e);
}

/* Waits until the source topics are there, and makes the internal ones. */
static enum err_code thread_prepare_topics(struct stream_thread *t, struct err *e)
{
    static const char *const prefixes[] = {"admin.", NULL};
    struct client_config c = {0};
    struct client_admin *admin = NULL;
    enum err_code code = thread_client_config(t, prefixes, "-admin", &c, e);
    if (code == ERR_OK) {
        code = client_admin_open(&c, t->config.logger, &admin, e);
    }
    client_config_deinit(&c);
    enum err_code logged = ERR_OK;
    while (code == ERR_OK) {
        code = internal_topics_prepare(t->config.topology, t->config.config, admin, e);
        if (code != ERR_NOT_FOUND && !err_code_retriable(code)) {
            break;
        }
        if (code != logged) {
            logger_warn(t->config.logger, "topics.waiting", "client=%s why=\"%s\"",
                        t->config.client_id, e->text);
            logged = code;
        }
        code =
            thread_pause(t, THREAD_TOPIC_PAUSE_MS) ? ERR_OK : err_set(e, ERR_CANCELLED, "stopped");
    }
    client_admin_close(admin);
    return code;
}

static enum err_code thread_process_task(struct stream_thread *t, struct thread_task *k,
                                         bool *out_more, struct err *e)
{
    struct task *task = k->task;
    enum task_result result = TASK_PROCESSED;
    thread_poll_lags(t, k);
    for (int i = 0; i < THREAD_PROCESS_BATCH && result == TASK_PROCESSED; i++) {
        enum err_code code = task_process(task, &result, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    if (result == TASK_WAITING) {
        thread_poll_lags(t, k);
        enum err_code code = task_process(task, &result, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    k->waiting = result == TASK_WAITING;
    *out_more = *out_more || result == TASK_PROCESSED;
    return ERR_OK;
}

/* One round over all tasks. */
static enum err_code thread_process_round(struct stream_thread *t, bool *out_more, struct err *e)
{
    *out_more = false;
    for (size_t i = 0; i < t->task_count; i++) {
        enum err_code code = thread_process_task(t, t->tasks[i], out_more, e);
        if (err_code_retriable(code)) {
            /* Nothing was touched: the registry is away, say. The record waits. */
            logger_warn(t->config.logger, "record.waiting", "client=%s why=\"%s\"",
                        t->config.client_id, e->text);
            (void)thread_pause(t, THREAD_REGISTRY_PAUSE_MS);
            code = ERR_OK;
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static void thread_report(struct stream_thread *t)
{
    int64_t processed = atomic_load_explicit(&t->counters.processed, memory_order_relaxed);
    int64_t dropped = atomic_load_explicit(&t->counters.dropped, memory_order_relaxed);
    if (processed != t->reported_processed || dropped != t->reported_dropped) {
        metric_add(t->metrics.processed, processed - t->reported_processed);
        metric_add(t->metrics.dropped, dropped - t->reported_dropped);
        t->reported_processed = processed;
        t->reported_dropped = dropped;
    }
}

static void thread_open_metrics(struct stream_thread *t, struct metrics *m)
{
    char labels[512];
    (void)snprintf(labels, sizeof labels, "app=\"%s\",thread=\"%zu\"",
                   weir_config_get(t->config.config, "application.id"), t->config.number);
    t->metrics.processed = metrics_counter(m, "weir_streams_records_processed_total",
                                           "Records taken from source topics.", labels);
    t->metrics.dropped =
        metrics_counter(m, "weir_streams_records_dropped_total",
                        "Records dropped: late, without a key, not readable.", labels);
    t->metrics.commits =
        metrics_counter(m, "weir_streams_commits_total", "Commits of offsets.", labels);
    t->metrics.lag = metrics_gauge(m, "weir_streams_lag_records",
                                   "Records on the source topics behind the last commit.", labels);
    t->metrics.running =
        metrics_gauge(m, "weir_streams_running", "1: assigned, restored, processing.", labels);
}

/* Everything that is queued and may be processed, for a while. */
static enum err_code thread_process(struct stream_thread *t, bool *out_more, struct err *e)
{
    const struct clock *clock = clock_system();
    int64_t end = clock_mono_ms(clock) + THREAD_PROCESS_MS;
    do {
        enum err_code code = thread_process_round(t, out_more, e);
        if (code != ERR_OK) {
            return code;
        }
    } while (*out_more && clock_mono_ms(clock) < end);
    thread_report(t);
    return stream_producer_poll(t->producer, e);
}

static enum err_code thread_restore(struct stream_thread *t, struct err *e)
{
    bool done = false;
    enum err_code code = thread_restore_step(t, &done, e);
    if (code != ERR_OK || !done) {
        return code;
    }
    rd_kafka_resp_err_t error = rd_kafka_assign(t->consumer, t->pending);
    thread_restore_end(t);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_error_set(e, error, "assign");
    }
    thread_set_state(t, WEIR_STATE_RUNNING);
    return ERR_OK;
}

static enum err_code thread_step(struct stream_thread *t, bool *in_out_more, struct err *e)
{
    int64_t since = clock_mono_ms(clock_system()) - t->last_commit_ms;
    int64_t left = t->commit_interval_ms - since;
    int64_t timeout = streams_config_number(t->config.config, "poll.ms");
    timeout = left < timeout ? left : timeout;
    timeout = timeout < 1 ? 1 : timeout;
    bool busy = *in_out_more || t->pending != NULL;
    enum err_code code = thread_poll(t, busy ? 0 : (int)timeout, e);
    if (code == ERR_OK && t->failure == ERR_OK) {
        code = t->pending != NULL ? thread_restore(t, e) : thread_process(t, in_out_more, e);
    }
    if (code == ERR_OK && t->failure == ERR_OK &&
        clock_mono_ms(clock_system()) - t->last_commit_ms >= t->commit_interval_ms) {
        code = thread_tasks_commit(t, e);
        if (code == ERR_OK && t->pending == NULL) {
            t->restart_pause_ms = THREAD_RESTART_PAUSE_MS;
            thread_purge_committed(t);
        }
    }
    if (code == ERR_OK && t->failure != ERR_OK) {
        *e = t->failure_text;
        code = t->failure;
    }
    return code;
}

static void thread_close_session(struct stream_thread *t, bool clean)
{
    t->dirty = t->dirty || !clean;
    if (t->dirty) {
        thread_tasks_close(t, false);
    }
    if (t->consumer != NULL) {
        (void)rd_kafka_consumer_close(t->consumer); /* revokes: clean tasks are committed there */
    }
    thread_tasks_close(t, !t->dirty);
    thread_purge_end(t);
    if (t->queue != NULL) {
        rd_kafka_queue_destroy(t->queue);
        t->queue = NULL;
    }
    if (t->consumer != NULL) {
        if (!client_close(t->consumer)) {
            logger_warn(t->config.logger, "consumer.left_behind", "client=%s", t->config.client_id);
        }
        t->consumer = NULL;
    }
    stream_producer_close(t->producer);
    t->producer = NULL;
}

/* From subscribing to leaving. ERR_OK: stopped, and all is committed. */
static enum err_code thread_run_session(struct stream_thread *t, struct err *e)
{
    t->failure = ERR_OK;
    t->dirty = false;
    thread_set_state(t, WEIR_STATE_REBALANCING);
    enum err_code code = thread_prepare_topics(t, e);
    if (code == ERR_OK) {
        code = thread_open_producer(t, e);
    }
    if (code == ERR_OK) {
        code = thread_open_consumer(t, e);
    }
    t->last_commit_ms = clock_mono_ms(clock_system());
    t->last_purge_ms = t->last_commit_ms;
    bool more = false;
    while (code == ERR_OK && !atomic_load(&t->stop)) {
        code = thread_step(t, &more, e);
    }
    if (code == ERR_OK && t->producer != NULL) {
        code = thread_tasks_commit(t, e);
    }
    code = thread_tasks_forget_corrupt(t, code, e);
    t->failure = code;
    thread_close_session(t, code == ERR_OK);
    if (code == ERR_OK && t->failure != ERR_OK) {
        *e = t->failure_text;
        code = t->failure;
    }
    return code;
}

static void *thread_main(void *arg)
{
    struct stream_thread *t = arg;
    struct err e = {0};
    (void)pthread_setname_np(pthread_self(), "weir-stream"); /* for top and perf */
    while (!atomic_load(&t->stop)) {
        enum err_code code = thread_run_session(t, &e);
        if (code == ERR_OK || code == ERR_CANCELLED) {
            continue;
        }
        bool again = err_code_retriable(code);
        if (again) {
            logger_warn(t->config.logger, "thread.restarting", "client=%s error=\"%s\"",
                        t->config.client_id, e.text);
            (void)thread_pause(t, t->restart_pause_ms);
            t->restart_pause_ms = t->restart_pause_ms < THREAD_RESTART_PAUSE_MAX_MS / 2
                                      ? t->restart_pause_ms * 2
                                      : THREAD_RESTART_PAUSE_MAX_MS;
            continue;
        }
        logger_error(t->config.logger, "thread.failed", "client=%s error=\"%s\"",
                     t->config.client_id, e.text);
        t->error = e;
        thread_set_state(t, WEIR_STATE_ERROR);
        return NULL;
    }
    thread_set_state(t, WEIR_STATE_NOT_RUNNING);
    return NULL;
}

static bool thread_wait_for_registry(void *wait_ctx, int attempt)
{
    struct stream_thread *t = wait_ctx;
    if (attempt == 1) {
        logger_warn(t->config.logger, "registry.waiting", "client=%s", t->config.client_id);
    }
    return (int64_t)attempt * THREAD_REGISTRY_PAUSE_MS < t->timeout_ms &&
           thread_pause(t, THREAD_REGISTRY_PAUSE_MS);
}

enum err_code stream_thread_create(const struct stream_thread_config *config,
                                   struct stream_thread **out_thread, struct err *e)
{
    struct stream_thread *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "stream thread");
    }
    t->config = *config;
    lock_init(&t->lock);
    cond_init(&t->stopped);
    int64_t threads = streams_config_number(config->config, "num.stream.threads");
    t->budget.limit_bytes =
        (size_t)(streams_config_number(config->config, "statestore.cache.max.bytes") / threads);
    t->commit_interval_ms = streams_config_number(config->config, "commit.interval.ms");
    t->purge_interval_ms = streams_config_number(config->config, "repartition.purge.interval.ms");
    t->timeout_ms = streams_config_number(config->config, "task.timeout.ms");
    t->restart_pause_ms = THREAD_RESTART_PAUSE_MS;
    t->retry_backoff_ms = (int)streams_config_number(config->config, "retry.backoff.ms");
    t->buffered_max =
        (size_t)streams_config_number(config->config, "buffered.records.per.partition");
    thread_set_state(t, WEIR_STATE_CREATED);
    thread_open_metrics(t, config->metrics);
    struct serde_registry_config registry = {
        .client = config->registry, .wait = thread_wait_for_registry, .wait_ctx = t};
    enum err_code code = serde_registry_create(&registry, &t->schemas, e);
    if (code != ERR_OK) {
        stream_thread_destroy(t);
        return code;
    }
    *out_thread = t;
    return ERR_OK;
}

enum err_code stream_thread_start(struct stream_thread *t, struct err *e)
{
    CHECK(!t->started);
    int failure = pthread_create(&t->pthread, NULL, thread_main, t);
    if (failure != 0) {
        return err_errno(e, failure, "start stream thread");
    }
    t->started = true;
    return ERR_OK;
}

void stream_thread_stop(struct stream_thread *t)
{
    lock_acquire(&t->lock);
    atomic_store(&t->stop, true);
    cond_broadcast(&t->stopped);
    lock_release(&t->lock);
}

void stream_thread_join(struct stream_thread *t)
{
    if (t->started) {
        (void)pthread_join(t->pthread, NULL); /* only our own handle: cannot fail */
        t->started = false;
    }
}

void stream_thread_destroy(struct stream_thread *t)
{
    if (t == NULL) {
        return;
    }
    stream_thread_stop(t);
    stream_thread_join(t);
    serde_registry_destroy(t->schemas);
    cond_deinit(&t->stopped);
    lock_deinit(&t->lock);
    mem_free((void *)t->tasks);
    mem_free(t);
}

enum weir_state stream_thread_state(const struct stream_thread *t)
{
    return (enum weir_state)atomic_load(&t->state);
}

const struct err *stream_thread_error(const struct stream_thread *t)
{
    return &t->error;
}

const struct task_counters *stream_thread_counters(const struct stream_thread *t)
{
    return &t->counters;
}
