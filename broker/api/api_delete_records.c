/*
 * Key 21: moves log starts up. Nothing is rewritten; the answer waits until the new start would
 * survive a power cut. Streams empties its repartition topics with this.
 */
#include <stdatomic.h>

#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "broker/storage/partition.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

struct delete_records;

struct delete_records_wait {
    struct partition_waiter waiter;
    struct partition *partition;
    struct delete_records *op;
    struct kafka_delete_records_response_partition *result;
};

struct delete_records {
    struct request *rq;
    struct controller_view *view;
    struct kafka_delete_records_response response;
    struct delete_records_wait *waits;
    size_t wait_count;
    atomic_size_t pending; /* waits under way, and one for the loop while it registers them */
};

static void delete_records_release(struct request *rq)
{
    struct delete_records *op = rq->state;
    controller_view_release(op->view);
}

static void delete_records_one_done(struct delete_records *op)
{
    if (atomic_fetch_sub(&op->pending, 1) == 1) {
        request_respond(op->rq, &op->response);
    }
}

static void delete_records_on_synced(struct partition_waiter *waiter, enum err_code status)
{
    struct delete_records_wait *wait = waiter->ctx;
    if (status != ERR_OK) {
        wait->result->error_code = KAFKA_ERROR_KAFKA_STORAGE_ERROR;
        wait->result->low_watermark = -1;
    }
    delete_records_one_done(wait->op);
}

static void delete_records_apply(struct delete_records *op, const struct topic *topic,
                                 const struct kafka_delete_records_request_partition *asked,
                                 struct kafka_delete_records_response_partition *out)
{
    struct partition *p = NULL;
    out->partition_index = asked->partition_index;
    out->low_watermark = -1;
    out->error_code = partition_lookup(topic, asked->partition_index, &p);
    if (out->error_code != KAFKA_ERROR_NONE) {
        return;
    }
    struct partition_config config;
    partition_get_config(p, &config);
    if (topic->internal || !config.cleanup_delete) {
        out->error_code =
            topic->internal ? KAFKA_ERROR_INVALID_TOPIC_EXCEPTION : KAFKA_ERROR_POLICY_VIOLATION;
        return;
    }
    int64_t low_watermark = -1;
    if (partition_delete_records(p, asked->offset, &low_watermark, &out->error_code, NULL) !=
        ERR_OK) {
        return;
    }
    out->low_watermark = low_watermark;
    struct delete_records_wait *wait = &op->waits[op->wait_count++];
    wait->waiter.callback = delete_records_on_synced;
    wait->waiter.ctx = wait;
    wait->partition = p;
    wait->op = op;
    wait->result = out;
}

static bool delete_records_build(struct delete_records *op,
                                 const struct kafka_delete_records_request *body)
{
    struct arena *arena = &op->rq->arena;
    struct kafka_delete_records_response *response = &op->response;
    size_t partitions = 0;
    response->topics =
        message_alloc_array(&kafka_delete_records_response_topic_schema, arena, body->topics_count);
    if (response->topics == NULL) {
        return false;
    }
    response->topics_count = body->topics_count;
    for (int32_t i = 0; i < body->topics_count; i++) {
        struct kafka_delete_records_response_topic *out = &response->topics[i];
        out->name = body->topics[i].name;
        out->partitions = message_alloc_array(&kafka_delete_records_response_partition_schema,
                                              arena, body->topics[i].partitions_count);
        if (out->partitions == NULL) {
            return false;
        }
        out->partitions_count = body->topics[i].partitions_count;
        partitions += (size_t)out->partitions_count;
    }
    op->waits = arena_alloc_array(arena, partitions, sizeof *op->waits);
    return op->waits != NULL;
}

void api_delete_records(struct request *rq)
{
    const struct kafka_delete_records_request *body = rq->body;
    struct delete_records *op = request_alloc(rq, sizeof *op);
    if (op == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    op->rq = rq;
    message_init(&kafka_delete_records_response_schema, &op->response);
    if (!delete_records_build(op, body)) {
        request_close(rq, "out of memory");
        return;
    }
    op->view = controller_view_acquire(broker_controller(rq->broker));
    rq->state = op;
    rq->release = delete_records_release;
    for (int32_t i = 0; i < body->topics_count; i++) {
        const struct topic *topic = controller_view_topic(op->view, body->topics[i].name);
        for (int32_t j = 0; j < body->topics[i].partitions_count; j++) {
            delete_records_apply(op, topic, &body->topics[i].partitions[j],
                                 &op->response.topics[i].partitions[j]);
        }
    }
    atomic_store(&op->pending, op->wait_count + 1);
    for (size_t i = 0; i < op->wait_count; i++) {
        if (partition_wait_synced(op->waits[i].partition, &op->waits[i].waiter)) {
            (void)atomic_fetch_sub(&op->pending, 1);
        }
    }
    delete_records_one_done(op);
}
