/* Tasks of a stream thread: made and closed as partitions come and go, committed in between. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/client_error.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "streams/runtime/checkpoint.h"
#include "streams/runtime/commit_metadata.h"
#include "streams/runtime/stream_thread_internal.h"
#include "streams/runtime/streams_config.h"

#define TASKS_COMMITTED_TIMEOUT_MS 10000
#define TASKS_FLUSH_SLICE_MS 200
/* A stop waits this long for a broker that is away. */
#define TASKS_STOP_FLUSH_MS 5000
/* Offsets by which a checkpoint may lag (reference 4.2). */
#define TASKS_CHECKPOINT_LAG 10000

static void tasks_release(void *owner)
{
    rd_kafka_message_destroy(owner);
}

static enum err_code tasks_open_kv(void *open_ctx, const struct topology_store *def,
                                   struct kv **out_kv, struct err *e)
{
    struct thread_task *k = open_ctx;
    if (!def->in_memory) {
        return rocks_open_kv(k->rocks, def->name, out_kv, e);
    }
    *out_kv = kv_memory_create();
    return *out_kv != NULL ? ERR_OK : err_nomem(e, "store in memory");
}

static void tasks_free(struct thread_task *k)
{
    if (k == NULL) {
        return;
    }
    task_destroy(k->task);
    rocks_close(k->rocks);
    mem_free(k->inputs);
    mem_free(k->restores);
    mem_free(k);
}

static enum err_code tasks_open_task(struct stream_thread *t, struct thread_task *k, int sub,
                                     int32_t partition, struct err *e)
{
    struct task_config c = {
        .topology = t->config.topology,
        .sub = sub,
        .partition = partition,
        .collector = stream_producer_collector(t->producer),
        .budget = &t->budget,
        .schemas = t->schemas,
        .counters = &t->counters,
        .logger = t->config.logger,
        .clock = clock_system(),
        .application_id = weir_config_get(t->config.config, "application.id"),
        .skip_poison =
            streams_config_contains(t->config.config, "deserialization.exception.handler",
                                    "LogAndContinueExceptionHandler"),
        .timestamps = streams_config_timestamps(t->config.config),
        .max_idle_ms = streams_config_number(t->config.config, "max.task.idle.ms"),
        .release = tasks_release,
        .open_kv = tasks_open_kv,
        .open_ctx = k};
    enum err_code code = rocks_open(k->dir, t->config.topology, sub, &k->rocks, e);
    return code != ERR_OK ? code : task_create(&c, &k->task, e);
}

static enum err_code tasks_wipe(struct stream_thread *t, struct thread_task *k, int sub,
                                int32_t partition, const char *why, struct err *e)
{
    logger_info(t->config.logger, "task.wiped", "task=%d_%" PRId32 " why=\"%s\"", sub, partition,
                why);
    task_destroy(k->task);
    k->task = NULL;
    rocks_close(k->rocks);
    k->rocks = NULL;
    enum err_code code = rocks_remove(k->dir, e);
    if (code == ERR_OK) {
        code = rocks_make_directories(k->dir, e);
    }
    return code != ERR_OK ? code : tasks_open_task(t, k, sub, partition, e);
}

/* Opens with what is on disk. Without a readable checkpoint that is worth nothing: what it lacks
 * cannot be known, so it is removed and restored from the start. */
static enum err_code tasks_open_stores(struct stream_thread *t, struct thread_task *k, int sub,
                                       int32_t partition, struct err *e)
{
    bool fresh = access(k->dir, F_OK) != 0;
    enum err_code code = tasks_open_task(t, k, sub, partition, e);
    if (code == ERR_OK && fresh) {
        return ERR_OK;
    }
    bool bad = false;
    if (code == ERR_OK) {
        code = checkpoint_read(k->checkpoint, k->task, &bad, e);
    }
    if (code != ERR_OK && code != ERR_CORRUPT) {
        return code;
    }
    char why[ERR_TEXT_MAX] = "no complete checkpoint";
    if (code == ERR_CORRUPT) {
        (void)snprintf(why, sizeof why, "%s", e->text);
    }
    bool whole = code == ERR_OK && !bad;
    for (size_t i = 0; whole && i < task_store_count(k->task); i++) {
        const struct store *s = task_store(k->task, i);
        whole = !s->logged || s->def->in_memory || s->restored_offset >= 0;
    }
    return whole ? ERR_OK : tasks_wipe(t, k, sub, partition, why, e);
}

enum err_code thread_tasks_forget_corrupt(struct stream_thread *t, enum err_code code,
                                          struct err *e)
{
    bool found = false;
    for (size_t i = 0; code == ERR_CORRUPT && i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        for (size_t j = 0; j < task_store_count(k->task); j++) {
            if (task_store(k->task, j)->corrupt) {
                (void)unlink(
                    k->checkpoint); /* what cannot be removed fails again, and is tried again */
                found = true;
            }
        }
    }
    if (found) {
        e->code = ERR_UNAVAILABLE;
    }
    return found ? ERR_UNAVAILABLE : code;
}

static enum err_code tasks_add(struct stream_thread *t, int sub, int32_t partition,
                               struct thread_task **out_task, struct err *e)
{
    struct thread_task **grown = (struct thread_task **)mem_realloc(
        (void *)t->tasks, (t->task_count + 1) * sizeof *t->tasks);
    if (grown == NULL) {
        return err_nomem(e, "open task");
    }
    t->tasks = grown;
    struct thread_task *k = mem_calloc(1, sizeof *k);
    if (k == NULL) {
        return err_nomem(e, "open task");
    }
    (void)snprintf(k->dir, sizeof k->dir, "%s/%d_%" PRId32, t->config.state_dir, sub, partition);
    (void)snprintf(k->checkpoint, sizeof k->checkpoint, "%s/.checkpoint", k->dir);
    enum err_code code = tasks_open_stores(t, k, sub, partition, e);
    if (code == ERR_OK) {
        k->inputs = mem_calloc(task_input_count(k->task) + 1, sizeof *k->inputs);
        k->restores = mem_calloc(task_store_count(k->task) + 1, sizeof *k->restores);
        if (k->inputs == NULL || k->restores == NULL) {
            code = err_nomem(e, "open task");
        }
    }
    if (code != ERR_OK) {
        tasks_free(k);
        return code;
    }
    CHECK(k->inputs != NULL);
    for (size_t i = 0; i < task_input_count(k->task); i++) {
        k->inputs[i].committed = -1;
        k->inputs[i].purged = -1;
        k->inputs[i].next = -1;
        k->inputs[i].open_end = -1;
    }
    t->tasks[t->task_count++] = k;
    *out_task = k;
    return ERR_OK;
}

enum err_code thread_tasks_wipe(struct stream_thread *t, struct thread_task *k, const char *why,
                                struct err *e)
{
    size_t count = task_input_count(k->task);
    int64_t *times = mem_calloc(count + 1, sizeof *times);
    if (times == NULL) {
        return err_nomem(e, "open task");
    }
    for (size_t i = 0; i < count; i++) {
        times[i] = task_input_partition_time(k->task, i);
    }
    enum err_code code = tasks_wipe(t, k, task_sub(k->task), task_partition(k->task), why, e);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (k->inputs[i].assigned) {
            task_input_resume(k->task, i, k->inputs[i].next, times[i]);
        }
    }
    mem_free(times);
    return code;
}

/* The sub-topology that reads a topic, as the cluster names it. */
static int tasks_find_sub(const struct stream_thread *t, const char *topic)
{
    const char *application_id = weir_config_get(t->config.config, "application.id");
    size_t len = strlen(application_id);
    for (const struct topology_node *n = t->config.topology->first; n != NULL; n = n->next) {
        if (n->kind != TOPOLOGY_SOURCE) {
            continue;
        }
        for (size_t i = 0; i < n->topic_count; i++) {
            const char *name = topic;
            if (n->repartition) {
                if (strncmp(topic, application_id, len) != 0 || topic[len] != '-') {
                    continue;
                }
                name = topic + len + 1;
            }
            if (strcmp(n->topics[i], name) == 0) {
                return n->sub;
            }
        }
    }
    return -1;
}

static struct thread_task *tasks_find(const struct stream_thread *t, int sub, int32_t partition)
{
    for (size_t i = 0; i < t->task_count; i++) {
        if (task_sub(t->tasks[i]->task) == sub && task_partition(t->tasks[i]->task) == partition) {
            return t->tasks[i];
        }
    }
    return NULL;
}

static enum err_code tasks_assign_partition(struct stream_thread *t,
                                            const rd_kafka_topic_partition_t *p, struct err *e)
{
    int sub = tasks_find_sub(t, p->topic);
    if (sub < 0) {
        return err_set(e, ERR_INTERNAL, "topic %s was assigned, but nothing reads it", p->topic);
    }
    struct thread_task *k = tasks_find(t, sub, p->partition);
    if (k == NULL) {
        enum err_code code = tasks_add(t, sub, p->partition, &k, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    CHECK(k != NULL);
    int input = task_find_input(k->task, p->topic);
    CHECK(input >= 0);
    int64_t time_ms =
        p->metadata != NULL ? commit_metadata_decode(p->metadata, p->metadata_size) : -1;
    int64_t offset = p->offset >= 0 ? p->offset : -1;
    task_input_resume(k->task, (size_t)input, offset, time_ms);
    k->inputs[input].committed = offset;
    k->inputs[input].next = offset;
    k->inputs[input].paused = false;
    k->inputs[input].assigned = true;
    return ERR_OK;
}

static enum err_code tasks_committed(struct stream_thread *t,
                                     rd_kafka_topic_partition_list_t *partitions, struct err *e)
{
    enum err_code code = ERR_OK;
    for (int attempt = 0; attempt < 30; attempt++) {
        rd_kafka_resp_err_t error =
            rd_kafka_committed(t->consumer, partitions, TASKS_COMMITTED_TIMEOUT_MS);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return ERR_OK;
        }
        code = client_error_set(e, error, "committed offsets");
        if (!err_code_retriable(code) || !thread_pause(t, 200)) {
            break;
        }
    }
    return code;
}

static void tasks_assigned(struct stream_thread *t, rd_kafka_topic_partition_list_t *partitions)
{
    struct err e = {0};
    thread_set_state(t, WEIR_STATE_REBALANCING);
    enum err_code code = partitions->cnt > 0 ? tasks_committed(t, partitions, &e) : ERR_OK;
    for (int i = 0; code == ERR_OK && i < partitions->cnt; i++) {
        code = tasks_assign_partition(t, &partitions->elems[i], &e);
    }
    if (code == ERR_OK) {
        code = thread_restore_begin(t, &e);
    }
    logger_info(t->config.logger, "partitions.assigned", "client=%s partitions=%d tasks=%zu",
                t->config.client_id, partitions->cnt, t->task_count);
    if (code != ERR_OK) {
        thread_fail(t, code, &e);
        t->dirty = true;
        (void)rd_kafka_assign(t->consumer, NULL);
        return;
    }
    if (!thread_restore_is_needed(t)) {
        (void)rd_kafka_assign(t->consumer, partitions);
        thread_set_state(t, WEIR_STATE_RUNNING);
        return;
    }
    /* Nothing is fetched before all stores are whole. */
    t->pending = rd_kafka_topic_partition_list_copy(partitions);
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    (void)rd_kafka_assign(t->consumer, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void thread_tasks_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t why,
                            rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct stream_thread *t = opaque;
    /* What a batch holds so far was fetched for the assignment that ends here. */
    while (t->batch_stale < THREAD_POLL_BATCH && t->batch[t->batch_stale] != NULL) {
        t->batch_stale++;
    }
    if (why == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        tasks_assigned(t, partitions);
        return;
    }
    bool lost = rd_kafka_assignment_lost(rk) != 0;
    logger_info(t->config.logger, "partitions.revoked", "client=%s partitions=%d lost=%d",
                t->config.client_id, partitions->cnt, lost);
    thread_tasks_close(t, !lost && !t->dirty);
    (void)rd_kafka_assign(rk, NULL);
    if (!atomic_load(&t->stop)) {
        thread_set_state(t, WEIR_STATE_REBALANCING);
    }
}

static enum err_code tasks_flush_producer(struct stream_thread *t, struct err *e)
{
    const struct clock *clock = clock_system();
    int64_t started = clock_mono_ms(clock);
    for (;;) {
        enum err_code code = stream_producer_flush(t->producer, TASKS_FLUSH_SLICE_MS, e);
        if (code != ERR_TIMEOUT) {
            return code;
        }
        int64_t waited = clock_mono_ms(clock) - started;
        if (waited > t->timeout_ms || (atomic_load(&t->stop) && waited > TASKS_STOP_FLUSH_MS)) {
            return code;
        }
    }
}

/* Adds what the task has moved past since its last commit. */
static void tasks_collect_offsets(const struct thread_task *k,
                                  rd_kafka_topic_partition_list_t *list)
{
    for (size_t i = 0; i < task_input_count(k->task); i++) {
        int64_t position = task_input_position(k->task, i);
        if (position < 0 || position == k->inputs[i].committed) {
            continue;
        }
        rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(
            list, task_input_topic(k->task, i), task_partition(k->task));
        char metadata[COMMIT_METADATA_MAX];
        commit_metadata_encode(task_input_partition_time(k->task, i), metadata);
        p->offset = position;
        /* The list frees it with free(), which is what mem_free is. */
        p->metadata = mem_strdup(metadata);
        p->metadata_size = p->metadata != NULL ? strlen(metadata) : 0;
    }
}

/* What the last fetch of an assigned partition said of its end. */
static int64_t tasks_lag(const struct stream_thread *t, const struct thread_task *k, size_t input)
{
    int64_t low = -1;
    int64_t high = -1;
    int64_t position = task_input_position(k->task, input);
    rd_kafka_resp_err_t error = rd_kafka_get_watermark_offsets(
        t->consumer, task_input_topic(k->task, input), task_partition(k->task), &low, &high);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR && position >= 0 && high > position ? high - position
                                                                                   : 0;
}

static void tasks_note_committed(struct stream_thread *t)
{
    int64_t lag = 0;
    for (size_t i = 0; i < t->task_count; i++) {
        for (size_t j = 0; j < task_input_count(t->tasks[i]->task); j++) {
            t->tasks[i]->inputs[j].committed = task_input_position(t->tasks[i]->task, j);
            lag += tasks_lag(t, t->tasks[i], j);
        }
    }
    metric_set(t->metrics.lag, lag);
    metric_add(t->metrics.commits, 1);
}

static enum err_code tasks_commit_offsets(struct stream_thread *t, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < t->task_count; i++) {
        tasks_collect_offsets(t->tasks[i], list);
    }
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    const struct clock *clock = clock_system();
    int64_t started = clock_mono_ms(clock);
    while (list->cnt > 0) {
        error = rd_kafka_commit(t->consumer, list, 0);
        int64_t waited = clock_mono_ms(clock) - started;
        if (!err_code_retriable(client_error_code(error)) || waited > t->timeout_ms ||
            (atomic_load(&t->stop) && waited > TASKS_STOP_FLUSH_MS)) {
            break;
        }
        (void)thread_pause(t, t->retry_backoff_ms);
    }
    enum err_code code = ERR_OK;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        tasks_note_committed(t);
    } else if (error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS) {
        code = ERR_OK; /* the revocation that follows commits */
    } else {
        /* Another member may own the partitions by now: start over as a new one. */
        (void)client_error_set(e, error, "commit %d offsets", list->cnt);
        e->code = ERR_UNAVAILABLE;
        code = ERR_UNAVAILABLE;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static int64_t tasks_sum_offsets(struct thread_task *k)
{
    int64_t sum = 0;
    for (size_t i = 0; i < task_store_count(k->task); i++) {
        int64_t acked = task_store(k->task, i)->acked_offset;
        sum += acked > 0 ? acked : 0;
    }
    return sum;
}

enum err_code thread_tasks_checkpoint(struct thread_task *k, struct err *e)
{
    enum err_code code = task_sync(k->task, e);
    if (code == ERR_OK && task_store_count(k->task) > 0) {
        code = checkpoint_write(k->checkpoint, k->task, e);
    }
    k->checkpointed = tasks_sum_offsets(k);
    return code;
}

enum err_code thread_tasks_commit(struct stream_thread *t, struct err *e)
{
    t->last_commit_ms = clock_mono_ms(clock_system());
    if (t->pending != NULL) {
        return ERR_OK; /* restoring: nothing was read */
    }
    bool progressed = false;
    for (size_t i = 0; i < t->task_count; i++) {
        progressed = task_take_progress(t->tasks[i]->task) || progressed;
    }
    if (!progressed) {
        return ERR_OK;
    }
    for (size_t i = 0; i < t->task_count; i++) {
        enum err_code code = task_flush(t->tasks[i]->task, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    enum err_code code = tasks_flush_producer(t, e);
    if (code == ERR_OK) {
        code = tasks_commit_offsets(t, e);
    }
    for (size_t i = 0; code == ERR_OK && i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        if (tasks_sum_offsets(k) - k->checkpointed > TASKS_CHECKPOINT_LAG) {
            code = thread_tasks_checkpoint(k, e);
        }
    }
    return code;
}

void thread_tasks_close(struct stream_thread *t, bool clean)
{
    struct err e = {0};
    bool restoring = t->pending != NULL;
    enum err_code code = clean && !restoring ? thread_tasks_commit(t, &e) : ERR_OK;
    for (size_t i = 0; clean && !restoring && code == ERR_OK && i < t->task_count; i++) {
        code = thread_tasks_checkpoint(t->tasks[i], &e);
    }
    if (code != ERR_OK) {
        logger_warn(t->config.logger, "commit.failed", "client=%s error=\"%s\"",
                    t->config.client_id, e.text);
        thread_fail(t, code, &e);
    }
    if (!clean || code != ERR_OK) {
        /* Delivery reports point into the stores: no more of them once these are gone. */
        stream_producer_close(t->producer);
        t->producer = NULL;
        if (!t->dirty && code == ERR_OK) {
            (void)err_set(&e, ERR_UNAVAILABLE, "group membership lost");
            thread_fail(t, ERR_UNAVAILABLE, &e);
        }
        t->dirty = true;
    }
    thread_restore_end(t);
    for (size_t i = 0; i < t->task_count; i++) {
        thread_poll_resume(t, t->tasks[i]);
        tasks_free(t->tasks[i]);
    }
    t->task_count = 0;
    t->last_task = 0;
}
