/*
 * Key 0. Each partition's batch is checked and appended on the loop, straight from the request's
 * frame; with acks=-1 the answer then waits for the disk, while the connection's next request goes
 * on (request_proceed). The rules are Apache Kafka's.
 *
 * acks=0 gets no answer; an error of it closes the connection, which is all the client can see.
 */
#include <stdatomic.h>
#include <string.h>

#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "broker/storage/partition.h"
#include "common/check.h"
#include "common/clock.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/record_batch.h"
#include "protocol/record_iterator.h"

/* First versions with the rule. */
#define PRODUCE_MAGIC_2_VERSION 3
#define PRODUCE_ZSTD_VERSION 7

/* One partition that waits for the disk. */
struct produce_wait {
    struct partition_waiter waiter;
    struct partition *partition;
    struct kafka_produce_response_partition_response *result;
    struct produce *produce;
    int64_t end_offset;
    atomic_bool done;
};

struct produce {
    struct request *rq;
    struct controller_view *view;
    struct kafka_produce_response *response;
    struct produce_wait *waits;
    size_t wait_count;
    /* Waits that are not done, and one more for the loop while it registers them. Whoever takes the
     * last one posts. */
    atomic_size_t pending;
    struct buf scratch; /* for decompression, while checking */
    int64_t now_ms;
    bool failed; /* some partition has an error */
};

static void produce_on_flushed(struct partition_waiter *waiter, enum err_code status);

static void produce_release(struct request *rq)
{
    struct produce *p = rq->state;
    controller_view_release(p->view);
}

/* ---- checking ---- */

static int16_t produce_fail(struct produce *p,
                            struct kafka_produce_response_partition_response *result, int16_t error,
                            const char *text)
{
    p->failed = true;
    result->error_code = error;
    result->base_offset = -1;
    result->error_message = bytes_null();
    if (text != NULL) {
        char *copy = arena_strdup(&p->rq->arena, text);
        result->error_message = bytes_of_text(copy);
    }
    return error;
}

static void produce_add_record_error(struct produce *p,
                                     struct kafka_produce_response_partition_response *result,
                                     const struct record_batch_fault *fault)
{
    if (fault->record_index < 0) {
        return;
    }
    result->record_errors =
        message_alloc_array(&kafka_produce_response_record_error_schema, &p->rq->arena, 1);
    if (result->record_errors != NULL) {
        result->record_errors_count = 1;
        result->record_errors[0].batch_index = fault->record_index;
        result->record_errors[0].batch_index_error_message = bytes_of_text(fault->reason);
    }
}

/* Magic 0 and 1 are not converted. A client that may send them (v < 3) learns that the broker does
 * not support its format; from v3 on they are simply not allowed. */
static int16_t produce_batch_error(const struct produce *p, enum record_batch_status status)
{
    if (status == RECORD_BATCH_LEGACY || status == RECORD_BATCH_EMPTY) {
        return p->rq->version < PRODUCE_MAGIC_2_VERSION && status == RECORD_BATCH_LEGACY
                   ? KAFKA_ERROR_UNSUPPORTED_FOR_MESSAGE_FORMAT
                   : KAFKA_ERROR_INVALID_RECORD;
    }
    return record_batch_error(status);
}

/* CreateTime within message.timestamp.before.max.ms and after.max.ms; no time (-1) always passes.
 * The batch is valid, so its records can be walked; without limits, the default, they are not. */
static bool produce_times_in_range(struct produce *p, const struct partition_config *config,
                                   const struct record_batch *batch)
{
    if (config->log_append_time || (config->timestamp_before_max_ms == INT64_MAX &&
                                    config->timestamp_after_max_ms == INT64_MAX)) {
        return true;
    }
    int64_t earliest = config->timestamp_before_max_ms < p->now_ms
                           ? p->now_ms - config->timestamp_before_max_ms
                           : 0;
    int64_t latest = config->timestamp_after_max_ms < INT64_MAX - p->now_ms
                         ? p->now_ms + config->timestamp_after_max_ms
                         : INT64_MAX;
    struct record_iterator it;
    struct record record;
    enum record_batch_status status = record_iterator_init(&it, batch, &p->scratch);
    while (status == RECORD_BATCH_OK && record_iterator_next(&it, &record)) {
        if (record.timestamp != RECORD_BATCH_NO_TIMESTAMP &&
            (record.timestamp < earliest || record.timestamp > latest)) {
            return false;
        }
    }
    return status == RECORD_BATCH_OK && it.status == RECORD_BATCH_OK;
}

static int16_t produce_check_batch(struct produce *p, struct partition *partition,
                                   struct bytes batches,
                                   struct kafka_produce_response_partition_response *result)
{
    struct partition_config config;
    partition_get_config(partition, &config);
    /* Before the bytes are looked at, as Kafka does: it is cheap, and Java splits and sends again.
     */
    if (config.max_message_bytes >= 0 && batches.len > (size_t)config.max_message_bytes) {
        return produce_fail(p, result, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                            "the batch is larger than max.message.bytes");
    }
    struct record_batch_rules rules = {
        .from_client = true,
        .require_keys = config.cleanup_compact,
        .scratch = &p->scratch,
    };
    struct record_batch batch;
    struct record_batch_fault fault = {.record_index = -1, .reason = NULL};
    enum record_batch_status status = record_batch_validate(batches, &rules, &batch, &fault);
    if (status != RECORD_BATCH_OK) {
        (void)produce_fail(p, result, produce_batch_error(p, status),
                           fault.reason != NULL ? fault.reason : record_batch_status_text(status));
        produce_add_record_error(p, result, &fault);
        return result->error_code;
    }
    if (!produce_times_in_range(p, &config, &batch)) {
        return produce_fail(p, result, KAFKA_ERROR_INVALID_TIMESTAMP,
                            "a record's timestamp is outside message.timestamp.before.max.ms or "
                            "message.timestamp.after.max.ms");
    }
    if (record_batch_is_log_append_time(&batch)) {
        return produce_fail(p, result, KAFKA_ERROR_INVALID_TIMESTAMP,
                            "a producer must not set the timestamp type LogAppendTime");
    }
    if (p->rq->version < PRODUCE_ZSTD_VERSION && record_batch_codec(&batch) == COMPRESSION_ZSTD) {
        return produce_fail(p, result, KAFKA_ERROR_UNSUPPORTED_COMPRESSION_TYPE,
                            "zstd needs Produce version 7 or newer");
    }
    if (record_batch_is_transactional(&batch)) {
        return produce_fail(p, result, KAFKA_ERROR_INVALID_TXN_STATE,
                            "transactions are not supported");
    }
    /* Look-ups by time, rolling and retention go by it. The frame is this request's own memory. */
    record_batch_set_max_timestamp((uint8_t *)(uintptr_t)batches.data, batches.len,
                                   batch.max_timestamp);
    return KAFKA_ERROR_NONE;
}

/* ---- appending ---- */

static bool produce_writes_internal(const struct produce *p, const struct topic *topic)
{
    /* Kafka's own tools may: kafka-consumer-groups and the like call themselves that. */
    return topic->internal && !bytes_equal(p->rq->client_id, bytes_of_text("__admin_client"));
}

static void produce_append(struct produce *p, const struct topic *topic,
                           const struct kafka_produce_request_partition_data *data,
                           struct kafka_produce_response_partition_response *result)
{
    struct partition *partition = NULL;
    result->index = data->index;
    int16_t error = partition_lookup(topic, data->index, &partition);
    if (error != KAFKA_ERROR_NONE) {
        (void)produce_fail(p, result, error, NULL);
        return;
    }
    if (produce_writes_internal(p, topic)) {
        (void)produce_fail(p, result, KAFKA_ERROR_INVALID_TOPIC_EXCEPTION,
                           "internal topics are written by the broker only");
        return;
    }
    if (produce_check_batch(p, partition, data->records.bytes, result) != KAFKA_ERROR_NONE) {
        return;
    }
    struct partition_append_options options = {
        .now_ms = p->now_ms,
        .leader_epoch = PARTITION_LOOKUP_LEADER_EPOCH,
        .from_client = true,
    };
    struct partition_append_result appended = {0};
    struct err e = {0};
    /* The frame is this request's own memory: the append writes the offset into it. */
    if (partition_append(partition, (uint8_t *)(uintptr_t)data->records.bytes.data,
                         data->records.bytes.len, &options, &appended, &e) != ERR_OK) {
        (void)produce_fail(p, result, appended.error_code, e.text);
        return;
    }
    result->base_offset = appended.base_offset;
    result->log_append_time_ms = appended.log_append_time_ms;
    result->log_start_offset = appended.log_start_offset;
    struct produce_wait *wait = &p->waits[p->wait_count++];
    wait->partition = partition;
    wait->result = result;
    wait->produce = p;
    wait->waiter.ctx = wait;
    wait->waiter.callback = produce_on_flushed;
    wait->end_offset = appended.last_offset + 1;
}

static bool produce_alloc(struct produce *p, const struct kafka_produce_request *body)
{
    struct arena *arena = &p->rq->arena;
    size_t partitions = 0;
    p->response = arena_alloc(arena, sizeof *p->response);
    if (p->response == NULL) {
        return false;
    }
    message_init(&kafka_produce_response_schema, p->response);
    p->response->responses =
        message_alloc_array(&kafka_produce_response_response_schema, arena, body->topic_data_count);
    if (p->response->responses == NULL) {
        return false;
    }
    p->response->responses_count = body->topic_data_count;
    for (int32_t i = 0; i < body->topic_data_count; i++) {
        const struct kafka_produce_request_topic_data *topic = &body->topic_data[i];
        struct kafka_produce_response_response *out = &p->response->responses[i];
        out->name = topic->name;
        out->partition_responses = message_alloc_array(
            &kafka_produce_response_partition_response_schema, arena, topic->partition_data_count);
        if (out->partition_responses == NULL) {
            return false;
        }
        out->partition_responses_count = topic->partition_data_count;
        partitions += (size_t)topic->partition_data_count;
    }
    p->waits = arena_alloc_array(arena, partitions, sizeof *p->waits);
    return p->waits != NULL;
}

static void produce_append_all(struct produce *p, const struct kafka_produce_request *body)
{
    bool acks_valid = body->acks >= -1 && body->acks <= 1;
    for (int32_t i = 0; i < body->topic_data_count; i++) {
        const struct kafka_produce_request_topic_data *data = &body->topic_data[i];
        struct kafka_produce_response_response *out = &p->response->responses[i];
        const struct topic *topic = controller_view_topic(p->view, data->name);
        for (int32_t j = 0; j < data->partition_data_count; j++) {
            if (acks_valid) {
                produce_append(p, topic, &data->partition_data[j], &out->partition_responses[j]);
            } else {
                out->partition_responses[j].index = data->partition_data[j].index;
                (void)produce_fail(p, &out->partition_responses[j],
                                   KAFKA_ERROR_INVALID_REQUIRED_ACKS, NULL);
            }
        }
    }
}

/* ---- waiting for the disk ---- */

static void produce_finish(struct produce *p, int16_t acks)
{
    if (acks != 0) {
        request_respond(p->rq, p->response);
    } else if (p->failed) {
        request_close(p->rq, "produce with acks=0 failed");
    } else {
        request_respond_nothing(p->rq);
    }
}

static void produce_on_all_done(struct request *rq)
{
    struct produce *p = rq->state;
    produce_finish(p, -1);
}

static int16_t produce_flush_error(enum err_code status)
{
    return status == ERR_CLOSED ? KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER
                                : KAFKA_ERROR_KAFKA_STORAGE_ERROR;
}

/* No memory of the request is taken here: this may be a flusher thread. */
static struct bytes produce_wait_message(int16_t error)
{
    if (error == KAFKA_ERROR_KAFKA_STORAGE_ERROR) {
        return bytes_of_text("the disk failed, see the broker's log; the record may be there after "
                             "a restart");
    }
    return error == KAFKA_ERROR_REQUEST_TIMED_OUT
               ? bytes_of_text("not on disk within the request's timeout; it may get there still")
               : bytes_null();
}

static void produce_wait_done(struct produce_wait *wait, int16_t error)
{
    struct produce *p = wait->produce;
    if (error != KAFKA_ERROR_NONE) {
        wait->result->error_code = error;
        wait->result->error_message = produce_wait_message(error);
        wait->result->base_offset = -1;
    }
    atomic_store(&wait->done, true);
    if (atomic_fetch_sub(&p->pending, 1) == 1) {
        request_post(p->rq, produce_on_all_done);
    }
}

static void produce_on_flushed(struct partition_waiter *waiter, enum err_code status)
{
    struct produce_wait *wait = waiter->ctx;
    produce_wait_done(wait, status == ERR_OK ? KAFKA_ERROR_NONE : produce_flush_error(status));
}

/* The client's patience is over before the disk's answer. The records may still get there. */
static void produce_on_timeout(struct request *rq)
{
    struct produce *p = rq->state;
    for (size_t i = 0; i < p->wait_count; i++) {
        struct produce_wait *wait = &p->waits[i];
        if (!atomic_load(&wait->done) && partition_remove_waiter(wait->partition, &wait->waiter)) {
            produce_wait_done(wait, KAFKA_ERROR_REQUEST_TIMED_OUT);
        }
    }
}

/* True when nothing has to be waited for. */
static bool produce_wait(struct produce *p)
{
    atomic_store(&p->pending, p->wait_count + 1);
    for (size_t i = 0; i < p->wait_count; i++) {
        struct produce_wait *wait = &p->waits[i];
        if (partition_wait_flushed(wait->partition, wait->end_offset, &wait->waiter)) {
            atomic_store(&wait->done, true);
            (void)atomic_fetch_sub(&p->pending, 1);
        }
    }
    return atomic_fetch_sub(&p->pending, 1) == 1;
}

void api_produce(struct request *rq)
{
    const struct kafka_produce_request *body = rq->body;
    struct produce *p = request_alloc(rq, sizeof *p);
    if (p == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    p->rq = rq;
    if (!produce_alloc(p, body)) {
        request_close(rq, "out of memory");
        return;
    }
    p->now_ms = clock_wall_ms(clock_system());
    p->view = controller_view_acquire(broker_controller(rq->broker));
    rq->state = p;
    rq->release = produce_release;
    buf_init(&p->scratch, (size_t)broker_get_config(rq->broker)->request_max_bytes);
    produce_append_all(p, body);
    buf_deinit(&p->scratch);
    if (body->acks != -1 || produce_wait(p)) {
        produce_finish(p, body->acks);
        return;
    }
    request_start_timer(rq, body->timeout_ms, produce_on_timeout);
    request_proceed(rq);
}
