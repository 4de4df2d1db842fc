/*
 * Restoring stores from their changelogs: a consumer of its own, without a group, reads from the
 * checkpoint to the end that the changelog had when the task was opened.
 */
#include <inttypes.h>
#include <string.h>

#include "client/client_close.h"
#include "client/client_config.h"
#include "client/client_error.h"
#include "common/check.h"
#include "common/logger.h"
#include "streams/runtime/stream_thread_internal.h"

#define RESTORE_BATCH 1000
#define RESTORE_POLL_MS 50
#define RESTORE_WATERMARK_TIMEOUT_MS 5000

bool thread_restore_is_needed(const struct stream_thread *t)
{
    for (size_t i = 0; i < t->task_count; i++) {
        if (t->tasks[i]->restoring) {
            return true;
        }
    }
    return false;
}

static enum err_code restore_open(struct stream_thread *t, struct err *e)
{
    static const char *const prefixes[] = {"consumer.", "restore.consumer.", NULL};
    struct client_config c = {0};
    enum err_code code = thread_client_config(t, prefixes, "-restore-consumer", &c, e);
    if (code == ERR_OK) {
        code = client_config_set(&c, "enable.partition.eof", "true", e);
    }
    if (code == ERR_OK) {
        code = client_config_set(&c, "auto.offset.reset", "error", e);
    }
    if (code == ERR_OK) {
        code = client_config_open(&c, CLIENT_CONFIG_CONSUMER, NULL, NULL, &t->restorer, e);
    }
    if (code == ERR_OK) {
        (void)rd_kafka_poll_set_consumer(t->restorer);
    }
    client_config_deinit(&c);
    return code;
}

/* How far one store is behind. *out_in_range becomes false when the checkpoint speaks of another
 * changelog than this, or of records that it has no more. */
static enum err_code restore_measure(struct stream_thread *t, struct thread_task *k, size_t index,
                                     bool *out_in_range, struct err *e)
{
    struct store *s = task_store(k->task, index);
    struct thread_restore *r = &k->restores[index];
    int64_t low = 0;
    int64_t high = 0;
    enum err_code code = ERR_OK;
    for (int attempt = 0; attempt < 60; attempt++) {
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
            t->restorer, s->changelog, s->partition, &low, &high, RESTORE_WATERMARK_TIMEOUT_MS);
        code = ERR_OK;
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        code =
            client_error_set(e, error, "end of changelog %s-%" PRId32, s->changelog, s->partition);
        if ((!err_code_retriable(code) && code != ERR_NOT_FOUND) || !thread_pause(t, 200)) {
            return code;
        }
    }
    if (code != ERR_OK) {
        return code;
    }
    r->next = s->restored_offset >= 0 ? s->restored_offset : low;
    r->end = high;
    if (r->next > high || r->next < low) {
        logger_warn(t->config.logger, "restore.out_of_range",
                    "changelog=%s partition=%" PRId32 " checkpoint=%" PRId64 " low=%" PRId64
                    " high=%" PRId64,
                    s->changelog, s->partition, r->next, low, high);
        *out_in_range = false;
        return ERR_OK;
    }
    k->restoring = k->restoring || r->next < r->end;
    return ERR_OK;
}

/* The changelogs that a task is behind of. */
static void restore_list(struct stream_thread *t, struct thread_task *k,
                         rd_kafka_topic_partition_list_t *list)
{
    for (size_t j = 0; j < task_store_count(k->task); j++) {
        const struct store *s = task_store(k->task, j);
        const struct thread_restore *r = &k->restores[j];
        if (!s->logged || r->next >= r->end) {
            continue;
        }
        rd_kafka_topic_partition_list_add(list, s->changelog, s->partition)->offset = r->next;
        logger_info(t->config.logger, "restore.started",
                    "changelog=%s partition=%" PRId32 " from=%" PRId64 " to=%" PRId64, s->changelog,
                    s->partition, r->next, r->end);
    }
}

static enum err_code restore_assign(struct stream_thread *t, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < t->task_count; i++) {
        restore_list(t, t->tasks[i], list);
    }
    rd_kafka_resp_err_t error = rd_kafka_assign(t->restorer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK
                                               : client_error_set(e, error, "read changelogs");
}

static enum err_code restore_measure_task(struct stream_thread *t, struct thread_task *k,
                                          bool *out_in_range, struct err *e)
{
    k->restoring = false;
    *out_in_range = true;
    for (size_t j = 0; j < task_store_count(k->task) && *out_in_range; j++) {
        if (!task_store(k->task, j)->logged) {
            continue;
        }
        enum err_code code = t->restorer == NULL ? restore_open(t, e) : ERR_OK;
        if (code == ERR_OK) {
            code = restore_measure(t, k, j, out_in_range, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code thread_restore_begin(struct stream_thread *t, struct err *e)
{
    thread_restore_end(t);
    for (size_t i = 0; i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        bool in_range = true;
        enum err_code code = restore_measure_task(t, k, &in_range, e);
        if (code == ERR_OK && !in_range) {
            /* What the stores lack cannot be known (reference 4.4): from the start. */
            code = thread_tasks_wipe(t, k, "the checkpoint is out of the changelog's range", e);
            code = code == ERR_OK ? restore_measure_task(t, k, &in_range, e) : code;
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    if (thread_restore_is_needed(t)) {
        return restore_assign(t, e);
    }
    thread_restore_end(t);
    return ERR_OK;
}

void thread_restore_end(struct stream_thread *t)
{
    if (t->pending != NULL) {
        rd_kafka_topic_partition_list_destroy(t->pending);
        t->pending = NULL;
    }
    if (t->restorer != NULL) {
        (void)rd_kafka_consumer_close(t->restorer);
        (void)client_close(t->restorer);
        t->restorer = NULL;
    }
}

static struct store *restore_find(struct stream_thread *t, const char *topic, int32_t partition,
                                  struct thread_task **out_task,
                                  struct thread_restore **out_restore)
{
    for (size_t i = 0; i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        for (size_t j = 0; j < task_store_count(k->task); j++) {
            struct store *s = task_store(k->task, j);
            if (s->partition == partition && strcmp(s->changelog, topic) == 0) {
                *out_task = k;
                *out_restore = &k->restores[j];
                return s;
            }
        }
    }
    return NULL;
}

static struct bytes restore_bytes(const void *data, size_t len)
{
    return data != NULL ? bytes_of(data, len) : bytes_null();
}

/* observe: only looks at the key; all of a batch are looked at before any is applied. */
static enum err_code restore_apply(struct stream_thread *t, const rd_kafka_message_t *m,
                                   bool observe, struct err *e)
{
    struct thread_task *k = NULL;
    struct thread_restore *r = NULL;
    if (m->rkt == NULL) {
        enum err_code code = client_error_code(m->err);
        return err_code_retriable(code) || code == ERR_OK
                   ? ERR_OK
                   : client_error_set(e, m->err, "read changelogs");
    }
    struct store *s = restore_find(t, rd_kafka_topic_name(m->rkt), m->partition, &k, &r);
    if (s == NULL) {
        return ERR_OK;
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (!observe && m->offset > r->next) {
            r->next = m->offset;
        }
        return ERR_OK;
    }
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        enum err_code code = client_error_set(e, m->err, "read changelog %s", s->changelog);
        return err_code_retriable(code) ? ERR_OK : code;
    }
    struct bytes key = restore_bytes(m->key, m->key_len);
    if (observe) {
        store_observe(s, key);
        return ERR_OK;
    }
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(m, &type);
    enum err_code code = store_restore(s, key, restore_bytes(m->payload, m->len), timestamp_ms, e);
    if (code != ERR_OK) {
        return err_wrap(e, "restore from %s-%" PRId32 " offset %" PRId64, s->changelog,
                        s->partition, m->offset);
    }
    r->next = m->offset + 1;
    s->acked_offset = r->next > s->acked_offset ? r->next : s->acked_offset;
    k->restored = true;
    return ERR_OK;
}

static enum err_code restore_finish_tasks(struct stream_thread *t, struct err *e)
{
    for (size_t i = 0; i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        bool behind = false;
        for (size_t j = 0; j < task_store_count(k->task); j++) {
            behind = behind ||
                     (task_store(k->task, j)->logged && k->restores[j].next < k->restores[j].end);
        }
        if (k->restoring && !behind) {
            k->restoring = false;
            enum err_code code = thread_tasks_checkpoint(k, e);
            if (code != ERR_OK) {
                return code;
            }
            logger_info(t->config.logger, "restore.finished", "task=%d_%" PRId32, task_sub(k->task),
                        task_partition(k->task));
        }
    }
    return ERR_OK;
}

enum err_code thread_restore_step(struct stream_thread *t, bool *out_done, struct err *e)
{
    rd_kafka_message_t *batch[RESTORE_BATCH];
    size_t count = 0;
    enum err_code code = ERR_OK;
    while (count < RESTORE_BATCH) {
        batch[count] = rd_kafka_consumer_poll(t->restorer, count == 0 ? RESTORE_POLL_MS : 0);
        if (batch[count] == NULL) {
            break;
        }
        code = code == ERR_OK ? restore_apply(t, batch[count], true, e) : code;
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        code = code == ERR_OK ? restore_apply(t, batch[i], false, e) : code;
        rd_kafka_message_destroy(batch[i]);
    }
    if (code == ERR_OK) {
        code = restore_finish_tasks(t, e);
    }
    *out_done = !thread_restore_is_needed(t);
    return code;
}
