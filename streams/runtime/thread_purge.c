/*
 * Repartition topics keep records for ever (retention.ms=-1), and nobody but this application reads
 * them: what its tasks have committed is deleted, every repartition.purge.interval.ms. Nothing
 * waits for the answer, and a failure is only noted: the next request asks for more.
 */
#include <inttypes.h>

#include "client/client_error.h"
#include "common/clock.h"
#include "common/logger.h"
#include "streams/runtime/stream_thread_internal.h"

/* Asks again for what was asked for before. */
static void purge_forget(struct stream_thread *t)
{
    for (size_t i = 0; i < t->task_count; i++) {
        for (size_t j = 0; j < task_input_count(t->tasks[i]->task); j++) {
            t->tasks[i]->inputs[j].purged = -1;
        }
    }
}

static rd_kafka_resp_err_t purge_error(rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    const rd_kafka_topic_partition_list_t *list =
        error == RD_KAFKA_RESP_ERR_NO_ERROR && result != NULL
            ? rd_kafka_DeleteRecords_result_offsets(result)
            : NULL;
    for (int i = 0; list != NULL && i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        error = list->elems[i].err;
    }
    return error;
}

/* True when no request is on its way. */
static bool purge_take_answer(struct stream_thread *t)
{
    rd_kafka_event_t *event = t->purging ? rd_kafka_queue_poll(t->purge_answers, 0) : NULL;
    if (event != NULL) {
        t->purging = false;
        rd_kafka_resp_err_t error = purge_error(event);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            logger_debug(t->config.logger, "purge.failed", "client=%s error=\"%s\"",
                         t->config.client_id, rd_kafka_err2str(error));
            purge_forget(t);
        }
        rd_kafka_event_destroy(event);
    }
    return !t->purging;
}

static void purge_list_task(struct thread_task *k, rd_kafka_topic_partition_list_t *list)
{
    for (size_t i = 0; i < task_input_count(k->task); i++) {
        struct thread_input *in = &k->inputs[i];
        if (task_input_is_internal(k->task, i) && in->committed > in->purged) {
            rd_kafka_topic_partition_list_add(list, task_input_topic(k->task, i),
                                              task_partition(k->task))
                ->offset = in->committed;
            in->purged = in->committed;
        }
    }
}

void thread_purge_committed(struct stream_thread *t)
{
    int64_t now_ms = clock_mono_ms(clock_system());
    if (now_ms - t->last_purge_ms < t->purge_interval_ms || !purge_take_answer(t)) {
        return;
    }
    t->last_purge_ms = now_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < t->task_count; i++) {
        purge_list_task(t->tasks[i], list);
    }
    if (list->cnt > 0) {
        if (t->purge_answers == NULL) {
            t->purge_answers = rd_kafka_queue_new(t->consumer);
        }
        rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
        rd_kafka_DeleteRecords(t->consumer, &request, 1, NULL, t->purge_answers);
        rd_kafka_DeleteRecords_destroy(request);
        t->purging = true;
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void thread_purge_end(struct stream_thread *t)
{
    if (t->purge_answers != NULL) {
        rd_kafka_queue_destroy(t->purge_answers);
        t->purge_answers = NULL;
    }
    t->purging = false;
}
