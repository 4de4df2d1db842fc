/*
 * How records come into a stream thread, and how many: a partition that has buffered.records.per.
 * partition records in its task's queue gets no more until the task has worked on it. While a task
 * waits for another partition's records, only the full partition is paused; otherwise the whole
 * consumer is left alone, but for one message a second, which also serves its callbacks.
 */
#include <inttypes.h>
#include <string.h>

#include "client/client_error.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "streams/runtime/stream_thread_internal.h"

#define POLL_FULL_MS 1000

/* Where a message belongs; the one before usually went there too. */
static bool poll_find_input(struct stream_thread *t, const rd_kafka_message_t *m)
{
    if (t->last_task < t->task_count) {
        const struct thread_task *k = t->tasks[t->last_task];
        if (k->inputs[t->last_input].rkt == m->rkt && task_partition(k->task) == m->partition) {
            return true;
        }
    }
    for (size_t i = 0; i < t->task_count; i++) {
        struct thread_task *k = t->tasks[i];
        if (task_partition(k->task) != m->partition) {
            continue;
        }
        int input = task_find_input(k->task, rd_kafka_topic_name(m->rkt));
        if (input >= 0) {
            k->inputs[input].rkt = m->rkt;
            t->last_task = i;
            t->last_input = (size_t)input;
            return true;
        }
    }
    return false;
}

static enum err_code poll_copy_headers(const rd_kafka_message_t *m, struct value_headers *out,
                                       struct err *e)
{
    rd_kafka_headers_t *headers = NULL;
    *out = (struct value_headers){0};
    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ERR_OK;
    }
    size_t count = rd_kafka_header_cnt(headers);
    struct value_header *items = mem_calloc(count + 1, sizeof *items);
    if (items == NULL) {
        return err_nomem(e, "headers");
    }
    for (size_t i = 0; i < count; i++) {
        const void *value = NULL;
        size_t len = 0;
        (void)rd_kafka_header_get_all(headers, i, &items[i].name, &value, &len);
        items[i].value = bytes_of(value, len);
    }
    *out = (struct value_headers){count, items};
    return ERR_OK;
}

/* An offset below the next one: a record that was seen before a pause, or the first of a log that
 * was begun anew (the topic was deleted and created again), on which the consumer was set back. */
static bool poll_is_new_log(struct stream_thread *t, const struct thread_input *in,
                            const rd_kafka_message_t *m)
{
    int64_t low = -1;
    int64_t high = -1;
    bool known =
        rd_kafka_get_watermark_offsets(t->consumer, rd_kafka_topic_name(m->rkt), m->partition, &low,
                                       &high) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return !in->resumed || (known && high >= 0 && high < in->next);
}

static enum err_code poll_take_record(struct stream_thread *t, rd_kafka_message_t *m, struct err *e)
{
    struct thread_input *in = &t->tasks[t->last_task]->inputs[t->last_input];
    if (m->offset < in->next) {
        if (!poll_is_new_log(t, in, m)) {
            rd_kafka_message_destroy(m);
            return ERR_OK;
        }
        logger_warn(t->config.logger, "input.begun_anew",
                    "topic=%s partition=%" PRId32 " offset=%" PRId64 " expected=%" PRId64,
                    rd_kafka_topic_name(m->rkt), m->partition, m->offset, in->next);
    }
    in->next = m->offset + 1;
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    struct task_record r = {.key = bytes_of(m->key, m->key_len),
                            .value = bytes_of(m->payload, m->len),
                            .timestamp_ms = rd_kafka_message_timestamp(m, &type),
                            .offset = m->offset,
                            .owner = m};
    enum err_code code = poll_copy_headers(m, &r.headers, e);
    if (code != ERR_OK) {
        rd_kafka_message_destroy(m);
        return code;
    }
    return task_push(t->tasks[t->last_task]->task, t->last_input, &r, e);
}

/* The end, as far as it may be read: transaction markers lie behind the last record, and under
 * read_committed also what a transaction has written that goes on. */
static void poll_take_end(struct stream_thread *t, struct thread_task *k, size_t input,
                          int64_t position)
{
    if (task_input_queued(k->task, input) == 0) {
        task_input_advance(k->task, input, position);
    }
    int64_t low = -1;
    k->inputs[input].open_end = -1;
    if (t->read_committed) {
        (void)rd_kafka_get_watermark_offsets(t->consumer, task_input_topic(k->task, input),
                                             task_partition(k->task), &low,
                                             &k->inputs[input].open_end);
    }
}

void thread_poll_lags(struct stream_thread *t, struct thread_task *k)
{
    size_t count = task_input_count(k->task);
    for (size_t i = 0; count > 1 && i < count; i++) {
        if (task_input_queued(k->task, i) > 0 || !k->inputs[i].assigned) {
            continue;
        }
        int64_t low = -1;
        int64_t high = -1;
        int64_t position = task_input_position(k->task, i);
        bool known = rd_kafka_get_watermark_offsets(t->consumer, task_input_topic(k->task, i),
                                                    task_partition(k->task), &low,
                                                    &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
                     high >= 0 && position >= 0;
        bool ended = position >= high || high == k->inputs[i].open_end;
        task_set_lag(k->task, i, !known ? -1 : ended ? 0 : high - position);
    }
}

/* A consumer's event that is no record. Most heal by themselves. */
static enum err_code poll_take_event(struct stream_thread *t, const rd_kafka_message_t *m,
                                     struct err *e)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (poll_find_input(t, m)) {
            poll_take_end(t, t->tasks[t->last_task], t->last_input, m->offset);
        }
        return ERR_OK;
    }
    enum err_code code = client_error_set(e, m->err, "consume");
    if (code == ERR_AUTH || m->err == RD_KAFKA_RESP_ERR__FATAL) {
        return code;
    }
    /* The member goes on without the partitions of a topic that is gone, until it is there again.
     */
    bool gone = m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    LOGGER_AT(t->config.logger, gone ? LOGGER_WARN : LOGGER_DEBUG, "consumer.event",
              "client=%s error=\"%s%s%s\"", t->config.client_id, e->text, gone ? ": " : "",
              gone ? rd_kafka_message_errstr(m) : "");
    return ERR_OK;
}

/* A message that the consumer gave, which is taken. */
static enum err_code poll_take(struct stream_thread *t, rd_kafka_message_t *m, struct err *e)
{
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && poll_find_input(t, m)) {
        return poll_take_record(t, m, e);
    }
    enum err_code code = m->err != RD_KAFKA_RESP_ERR_NO_ERROR ? poll_take_event(t, m, e) : ERR_OK;
    rd_kafka_message_destroy(m);
    return code;
}

/* What is there already, many at a time: no system call for each, and one lock. The rebalance
 * callback may run in between: it notes how many messages the revoked tasks had been given
 * (batch_stale), and those are dropped: their offsets are not committed. */
static enum err_code poll_take_batch(struct stream_thread *t, struct err *e)
{
    memset((void *)t->batch, 0, sizeof t->batch);
    t->batch_stale = 0;
    ssize_t count = rd_kafka_consume_batch_queue(t->queue, 0, t->batch, THREAD_POLL_BATCH);
    enum err_code code = ERR_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (i < (ssize_t)t->batch_stale || code != ERR_OK || t->failure != ERR_OK) {
            rd_kafka_message_destroy(t->batch[i]);
        } else {
            code = poll_take(t, t->batch[i], e);
        }
    }
    memset((void *)t->batch, 0, sizeof t->batch);
    return code;
}

static void poll_set_paused(struct stream_thread *t, struct thread_task *k, size_t input,
                            bool paused)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, task_input_topic(k->task, input),
                                            task_partition(k->task));
    rd_kafka_resp_err_t error = paused ? rd_kafka_pause_partitions(t->consumer, list)
                                       : rd_kafka_resume_partitions(t->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        k->inputs[input].paused = paused;
        k->inputs[input].resumed = k->inputs[input].resumed || !paused;
    }
}

void thread_poll_resume(struct stream_thread *t, struct thread_task *k)
{
    for (size_t i = 0; t->consumer != NULL && k->task != NULL && i < task_input_count(k->task);
         i++) {
        if (k->inputs[i].paused) {
            poll_set_paused(t, k, i, false);
        }
    }
}

/* Pauses and resumes; false when the task has enough to do. */
static bool poll_has_room(struct stream_thread *t, struct thread_task *k)
{
    bool room = true;
    for (size_t i = 0; i < task_input_count(k->task); i++) {
        bool full = task_input_queued(k->task, i) >= t->buffered_max;
        if (full != k->inputs[i].paused && (!full || k->waiting)) {
            poll_set_paused(t, k, i, full);
        }
        room = room && (!full || k->inputs[i].paused);
    }
    return room;
}

enum err_code thread_poll(struct stream_thread *t, int timeout_ms, struct err *e)
{
    bool room = true;
    for (size_t i = 0; i < t->task_count; i++) {
        room = poll_has_room(t, t->tasks[i]) && room;
    }
    int64_t now_ms = clock_mono_ms(clock_system());
    if (!room && now_ms - t->last_poll_ms < POLL_FULL_MS) {
        return ERR_OK;
    }
    t->last_poll_ms = now_ms;
    /* Waiting is for one message: a batch would wait until it is full. */
    rd_kafka_message_t *m = rd_kafka_consumer_poll(t->consumer, room ? timeout_ms : 0);
    if (m == NULL) {
        return ERR_OK;
    }
    enum err_code code = poll_take(t, m, e);
    return code == ERR_OK && t->failure == ERR_OK && room ? poll_take_batch(t, e) : code;
}
